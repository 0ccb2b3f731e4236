"""The density of a decline when results are limits: the posterior summed over the intercept.

Kernel module (imports numba). Everything Gaussian (prior and quantified results) is one normal distribution `gauss` =
(mean_a, mean_d, P_aa, P_ad, P_dd); each limit multiplies it by a probability. The product is log-concave, so for each
decline it has one mode in the intercept and falls off on both sides; panels end where it has become negligible and
where a limit cuts in, and carry Gauss-Legendre nodes. With one limit the sum has a closed form.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.numerics.compiling import compiled
from cmvmon.kinetics.numerics.phi_table import log_interval, log_phi, row_slope

NEGLIGIBLE = 15.0  # in log units below the mode: what lies beyond holds less than 1e-6
PANEL_NODES = 8  # Gauss-Legendre nodes in each panel of the intercept
CUT = 3.0  # a limit begins to cut this many sd before it is reached
WIDE = 8.0  # a side of fewer sd than this shows no separate cut
_x, _w = np.polynomial.legendre.leggauss(PANEL_NODES)
NODES = (_x + 1.0) / 2.0
WEIGHTS = _w / 2.0
NODES.setflags(write=False)
WEIGHTS.setflags(write=False)

Gauss = tuple[float, float, float, float, float]
Limits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]  # t, lo, hi, s and how many there are


@compiled
def log_limit(lo: float, hi: float, m: float, s: float) -> float:
    """Log probability of a result within (lo, hi) around m."""
    if lo == -math.inf:
        return log_phi((hi - m) / s)
    if hi == math.inf:
        return log_phi((m - lo) / s)
    return log_interval((lo - m) / s, (hi - m) / s)


@compiled
def log_density(a: float, d: float, gauss: Gauss, limits: Limits) -> float:
    """Log posterior density of one line, up to a constant."""
    m_a, m_d, p_aa, p_ad, p_dd = gauss
    t, lo, hi, s, n = limits
    u, v = a - m_a, d - m_d
    value = -0.5 * (p_aa * u * u + 2.0 * p_ad * u * v + p_dd * v * v)
    for i in range(n):
        value += log_limit(lo[i], hi[i], a - d * t[i], s[i])
    return value


@compiled
def conditional_mode(a: float, d: float, gauss: Gauss, limits: Limits) -> tuple[float, float]:
    """(intercept of highest density at this decline, curvature there), near enough to lay panels around."""
    m_a, m_d, p_aa, p_ad, _ = gauss
    t, lo, hi, s, n = limits
    low, high = -math.inf, math.inf  # the mode lies between: the gradient falls with a
    curvature = p_aa
    for _ in range(30):
        gradient = -p_aa * (a - m_a) - p_ad * (d - m_d)
        curvature = p_aa
        for i in range(n):
            g, h = row_slope(lo[i], hi[i], a - d * t[i], s[i])
            gradient += g
            curvature += h
        if gradient > 0.0:
            low = a
        else:
            high = a
        step = gradient / curvature
        if step * step * curvature < 0.02:
            return a + step, curvature
        a += step
        if not low < a < high:
            a = 0.5 * (low + high)
    return a, curvature


@compiled
def next_width(fall: float, near: float, far: float, width: float) -> tuple[float, float, float]:
    """(near, far, width) after a fall was seen at `width`: what is negligible begins between near and far."""
    if fall < NEGLIGIBLE:
        near = width
        guess = width * min(2.5, math.sqrt(1.2 * NEGLIGIBLE / max(fall, 1e-3)))
    else:
        far = width
        guess = width * max(0.1, math.sqrt(1.2 * NEGLIGIBLE / fall))
    if near < guess < far:
        return near, far, guess
    return near, far, 0.5 * (near + far)


@compiled
def side_width(a: float, d: float, sign: float, width: float, top: float, gauss: Gauss, limits: Limits) -> float:
    """How far from the mode `a`, on one side, the density becomes negligible; `width` is a first guess."""
    near, far = 0.0, math.inf
    for _ in range(40):
        fall = top - log_density(a + sign * width, d, gauss, limits)
        if 0.75 * NEGLIGIBLE <= fall <= 2.2 * NEGLIGIBLE:
            break
        near, far, width = next_width(fall, near, far, width)
    return width


@compiled
def panel(begin: float, end: float, d: float, top: float, gauss: Gauss, limits: Limits) -> float:
    """Density relative to exp(top), summed over intercepts from begin to end."""
    total = 0.0
    for j in range(PANEL_NODES):
        total += WEIGHTS[j] * math.exp(log_density(begin + (end - begin) * NODES[j], d, gauss, limits) - top)
    return total * (end - begin)


@compiled
def log_marginal(d: float, state: np.ndarray, gauss: Gauss, limits: Limits) -> float:
    """Log of the density of this decline, up to a constant.

    `state` = (intercept, width below, width above) of a neighbouring decline, 0 = not known; it becomes this one's.
    """
    m_a, m_d, p_aa, p_ad, p_dd = gauss
    t, lo, hi, s, n = limits
    if n == 1:
        v = d - m_d
        m = m_a - p_ad / p_aa * v - d * t[0]
        spread = math.sqrt(s[0] * s[0] + 1.0 / p_aa)
        return -0.5 * (p_dd - p_ad * p_ad / p_aa) * v * v + log_limit(lo[0], hi[0], m, spread)
    a, curvature = conditional_mode(state[0], d, gauss, limits)
    top = log_density(a, d, gauss, limits)
    guess = math.sqrt(2.0 * NEGLIGIBLE / curvature)
    below = side_width(a, d, -1.0, state[1] if state[1] > 0.0 else guess, top, gauss, limits)
    above = side_width(a, d, 1.0, state[2] if state[2] > 0.0 else guess, top, gauss, limits)
    state[0], state[1], state[2] = a, below, above
    cut_above, cut_below, finest = math.inf, -math.inf, math.inf
    for i in range(n):
        cut_above = min(cut_above, hi[i] + d * t[i] - CUT * s[i])
        cut_below = max(cut_below, lo[i] + d * t[i] + CUT * s[i])
        finest = min(finest, s[i])
    if below + above < WIDE * finest:
        cut_above, cut_below = math.inf, -math.inf
    total = 0.0
    begin = a - below
    last = a + above
    while begin < last:
        end = last
        for edge in (a, cut_above, cut_below):
            if begin < edge < end:
                end = edge
        total += panel(begin, end, d, top, gauss, limits)
        begin = end
    return top + math.log(total)
