"""What is known of a decline: its posterior mean, interval and P(decline > target).

Kernel module (imports numba). Without a limit among the results the posterior is normal and exact. With one, its
marginal density is evaluated where it matters: cells are halved until a cubic through its logarithm, which is almost
piecewise quadratic, foretells the middle. MAP and standard error are never used for an interval: against the whole
posterior they change 3 to 5 % of the calls (kinetics.md section 2).
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.line.newton import climb
from cmvmon.kinetics.line.quadrature import NEGLIGIBLE, Gauss, Limits, log_marginal, next_width
from cmvmon.kinetics.line.short_series import drop_sure, short_posterior
from cmvmon.kinetics.numerics.compiling import compiled
from cmvmon.kinetics.numerics.normal import SQRT_HALF

FIRST_NODES = 5  # on each side of the mode
MOST_NODES = 160
FORETOLD = 5e-4  # a cell is halved while the cubic misses its middle by more than this share of the whole
BENT = 0.02  # or by more than this in the logarithm: a bend that the middle may show only by chance
FINE = 8  # steps of the fine sum in each cell
FAR = 6.0  # a limit this many sd away from the line that the rest allows says nothing


@compiled
def slopes_of(x: np.ndarray, y: np.ndarray, n: int, out: np.ndarray) -> None:
    """Slope at each of n points from the parabola through it and its neighbours."""
    for j in range(n):
        k = min(max(j, 1), n - 2)
        left, right = x[k] - x[k - 1], x[k + 1] - x[k]
        s_l, s_r = (y[k] - y[k - 1]) / left, (y[k + 1] - y[k]) / right
        out[j] = s_l + (s_r - s_l) / (left + right) * (2.0 * x[j] - x[k - 1] - x[k])


@compiled
def edge_of(d: float, sign: float, width: float, top: float, home: np.ndarray, gauss: Gauss, limits: Limits) -> float:
    """How far from d, on one side, the density of the decline becomes negligible."""
    state = home.copy()
    near, far = 0.0, math.inf
    for _ in range(40):
        fall = top - log_marginal(d + sign * width, state, gauss, limits)
        if 0.7 * NEGLIGIBLE <= fall <= 2.0 * NEGLIGIBLE:
            break
        near, far, width = next_width(fall, near, far, width)
    return width


@compiled
def first_nodes(
    a: float, d: float, sd: float, gauss: Gauss, limits: Limits, x: np.ndarray, y: np.ndarray, states: np.ndarray
) -> int:
    """Fill the first declines, rising, their log densities and states; the number of them."""
    home = np.zeros(3)
    home[0] = a
    top = log_marginal(d, home, gauss, limits)
    x[FIRST_NODES], y[FIRST_NODES] = d, top
    states[FIRST_NODES] = home
    for side in range(2):
        sign = 2 * side - 1
        width = edge_of(d, sign, math.sqrt(2.0 * NEGLIGIBLE) * sd, top, home, gauss, limits)
        state = home.copy()
        for j in range(1, FIRST_NODES + 1):
            place = FIRST_NODES + sign * j
            x[place] = d + sign * width * (j / FIRST_NODES) ** 1.5
            y[place] = log_marginal(x[place], state, gauss, limits)
            states[place] = state
    return 2 * FIRST_NODES + 1


@compiled
def refine(
    n: int, gauss: Gauss, limits: Limits, x: np.ndarray, y: np.ndarray, states: np.ndarray, slopes: np.ndarray
) -> int:
    """Halve the cells whose middle is not foretold; x, y, states and slopes are refilled, their number returned."""
    ready = np.zeros(MOST_NODES, dtype=np.bool_)  # the cell to the right of this node
    new_x, new_y = np.empty(MOST_NODES), np.empty(MOST_NODES)
    new_states, new_ready = np.empty((MOST_NODES, 3)), np.empty(MOST_NODES, dtype=np.bool_)
    for _ in range(12):
        slopes_of(x, y, n, slopes)
        top = y[:n].max()
        whole = 0.0
        for j in range(n - 1):
            whole += 0.5 * (math.exp(y[j] - top) + math.exp(y[j + 1] - top)) * (x[j + 1] - x[j])
        m = 0
        halved = False
        for j in range(n):
            new_x[m], new_y[m], new_ready[m] = x[j], y[j], ready[j]
            new_states[m] = states[j]
            m += 1
            if j == n - 1 or ready[j] or m + n - j >= MOST_NODES:
                continue
            h = x[j + 1] - x[j]
            guess = 0.5 * (y[j] + y[j + 1]) + 0.125 * h * (slopes[j] - slopes[j + 1])
            new_ready[m - 1] = True
            if h * math.exp(max(y[j], y[j + 1], guess) - top) < FORETOLD * whole:
                continue
            new_states[m] = states[j]
            new_x[m] = x[j] + 0.5 * h
            new_y[m] = log_marginal(new_x[m], new_states[m], gauss, limits)
            missed = h * abs(math.exp(new_y[m] - top) - math.exp(guess - top))
            bent = abs(new_y[m] - guess)
            new_ready[m - 1] = new_ready[m] = missed < FORETOLD * whole and bent < BENT
            halved = halved or not new_ready[m]
            m += 1
        n = m
        x[:n], y[:n], ready[:n] = new_x[:n], new_y[:n], new_ready[:n]
        states[:n] = new_states[:n]
        if not halved:
            break
    slopes_of(x, y, n, slopes)
    return n


@compiled
def summary(
    nodes: np.ndarray, values: np.ndarray, slopes: np.ndarray, count: int, target: float, tail: float
) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) of the density whose logarithm passes through `values` at `nodes`."""
    top = values[:count].max()
    cells = (count - 1) * FINE
    x, p, below = np.empty(cells + 1), np.empty(cells + 1), np.empty(cells + 1)
    for j in range(count - 1):
        h = nodes[j + 1] - nodes[j]
        for i in range(FINE):
            u = i / FINE
            v = 1.0 - u
            x[j * FINE + i] = nodes[j] + u * h
            p[j * FINE + i] = math.exp(
                v * v * (1.0 + 2.0 * u) * values[j]
                + u * u * (3.0 - 2.0 * u) * values[j + 1]
                + h * u * v * (v * slopes[j] - u * slopes[j + 1])
                - top
            )
    x[cells], p[cells] = nodes[count - 1], math.exp(values[count - 1] - top)
    below[0] = first = 0.0
    for i in range(cells):
        step = x[i + 1] - x[i]
        below[i + 1] = below[i] + 0.5 * (p[i] + p[i + 1]) * step
        first += 0.5 * (p[i] * x[i] + p[i + 1] * x[i + 1]) * step
    total = below[cells]
    above = 1.0 - share_below(x, p, below, target) / total
    low, high = place_of(x, p, below, tail * total), place_of(x, p, below, (1.0 - tail) * total)
    return first / total, low, high, min(max(above, 0.0), 1.0)


@compiled
def share_below(x: np.ndarray, p: np.ndarray, below: np.ndarray, point: float) -> float:
    """Area of the piecewise linear density left of `point`."""
    if point <= x[0]:
        return 0.0
    if point >= x[-1]:
        return float(below[-1])
    i = np.searchsorted(x, point) - 1
    u = point - x[i]
    return float(below[i] + u * (p[i] + 0.5 * u * (p[i + 1] - p[i]) / (x[i + 1] - x[i])))


@compiled
def place_of(x: np.ndarray, p: np.ndarray, below: np.ndarray, area: float) -> float:
    """The point left of which the piecewise linear density holds `area`."""
    i = int(np.searchsorted(below, area)) - 1
    i = min(max(i, 0), len(x) - 2)
    rest = area - below[i]
    bend = (p[i + 1] - p[i]) / (x[i + 1] - x[i])
    root = math.sqrt(max(p[i] * p[i] + 2.0 * bend * rest, 0.0))
    return float(x[i] + 2.0 * rest / (p[i] + root)) if p[i] + root > 0.0 else float(x[i])


@compiled
def normal_summary(mean: float, sd: float, target: float, z: float) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) of a normal distribution."""
    return mean, mean - z * sd, mean + z * sd, 0.5 * math.erfc((target - mean) / sd * SQRT_HALF)


@compiled
def gaussian_part(
    t: np.ndarray, lo: np.ndarray, hi: np.ndarray, s: np.ndarray, n: int, prior: np.ndarray
) -> tuple[Gauss, int]:
    """(prior and quantified results as one normal distribution, number of limits); limits move to the front."""
    p_aa, p_ad, p_dd = prior[2], prior[3], prior[4]
    e_a = e_d = 0.0  # around the prior's line, so that a prior alone comes back to the bit
    k = 0
    for i in range(n):
        if lo[i] == hi[i]:
            w = 1.0 / (s[i] * s[i])
            rest = w * (lo[i] - prior[0] + prior[1] * t[i])
            p_aa += w
            p_ad -= w * t[i]
            p_dd += w * t[i] * t[i]
            e_a += rest
            e_d -= rest * t[i]
        else:
            t[k], lo[k], hi[k], s[k] = t[i], lo[i], hi[i], s[i]
            k += 1
    determinant = p_aa * p_dd - p_ad * p_ad
    m_a = prior[0] + (p_dd * e_a - p_ad * e_d) / determinant
    m_d = prior[1] + (p_aa * e_d - p_ad * e_a) / determinant
    return (m_a, m_d, p_aa, p_ad, p_dd), k


@compiled
def drop_idle(
    t: np.ndarray, lo: np.ndarray, hi: np.ndarray, s: np.ndarray, k: int, a: float, d: float, gauss: Gauss
) -> int:
    """Keep the limits that can matter, in front; their number.

    The posterior is nowhere wider than its Gaussian part (Brascamp and Lieb 1976), so a limit that lies FAR sd of both
    that part and its own noise beyond the best line is certain to hold.
    """
    _, _, p_aa, p_ad, p_dd = gauss
    determinant = p_aa * p_dd - p_ad * p_ad
    kept = 0
    for i in range(k):
        m = a - d * t[i]
        variance = (p_dd + 2.0 * p_ad * t[i] + p_aa * t[i] * t[i]) / determinant + s[i] * s[i]
        gap = min(hi[i] - m, m - lo[i])
        if not (gap > 0.0 and gap * gap > FAR * FAR * variance):
            t[kept], lo[kept], hi[kept], s[kept] = t[i], lo[i], hi[i], s[i]
            kept += 1
    return kept


@compiled
def posterior(
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    n: int,
    prior: np.ndarray,
    target: float,
    tail: float,
    z: float,
) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) of the decline after n results (t, lo, hi, s) and a prior.

    prior = (mean_a, mean_d, P_aa, P_ad, P_dd), a distribution; tail = share of each tail outside the interval; z = the
    normal quantile of that tail. The arrays are reordered.
    """
    at_zero = prior[3] == 0.0
    for i in range(n):
        at_zero = at_zero and t[i] == 0.0
    if at_zero:  # nothing was seen to fall, and the intercept says nothing of the decline
        return normal_summary(prior[1], math.sqrt(1.0 / prior[4]), target, z)
    gauss, k = gaussian_part(t, lo, hi, s, n, prior)
    m_a, m_d, p_aa, p_ad, p_dd = gauss
    a, d, k_aa, k_ad, k_dd = m_a, m_d, p_aa, p_ad, p_dd
    if k > 0:
        left = drop_sure(t, lo, hi, s, k, gauss)
        if left == 0:
            k = 0
        else:
            done, mean, low, high, above = short_posterior(gauss, (t, lo, hi, s, left), target, tail)
            if done:
                return mean, low, high, above
    if k > 0:
        eta = (p_aa * m_a + p_ad * m_d, p_ad * m_a + p_dd * m_d)
        a, d, k_aa, k_ad, k_dd, _ = climb(a, d, (p_aa, p_ad, p_dd), eta, t, lo, hi, s, 0, k)
        k = drop_idle(t, lo, hi, s, k, a, d, gauss)
    if k == 0:
        return normal_summary(m_d, math.sqrt(p_aa / (p_aa * p_dd - p_ad * p_ad)), target, z)
    sd = math.sqrt(k_aa / (k_aa * k_dd - k_ad * k_ad))
    x, y, slopes, states = np.empty(MOST_NODES), np.empty(MOST_NODES), np.empty(MOST_NODES), np.empty((MOST_NODES, 3))
    limits = (t, lo, hi, s, k)
    count = first_nodes(a, d, sd, gauss, limits, x, y, states)
    count = refine(count, gauss, limits, x, y, states, slopes)
    return summary(x, y, slopes, count, target, tail)


@compiled
def posterior_many(
    offsets: np.ndarray,
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    prior: np.ndarray,
    target: float,
    tail: float,
    z: float,
) -> np.ndarray:
    """`posterior` of series i in row i; it holds the rows offsets[i] .. offsets[i + 1]. The inputs are not changed."""
    out = np.empty((len(offsets) - 1, 4))
    for i in range(len(offsets) - 1):
        b, e = offsets[i], offsets[i + 1]
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = posterior(
            t[b:e].copy(), lo[b:e].copy(), hi[b:e].copy(), s[b:e].copy(), e - b, prior, target, tail, z
        )
    return out
