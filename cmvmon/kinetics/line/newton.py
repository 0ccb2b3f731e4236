"""The best line through results of which some are limits: Newton's method on (intercept, decline).

Kernel module (imports numba). y = a - d t; quantified results enter once, as sums around their centre; the others in
every step. The log likelihood is concave, so a step that is halved until it climbs always arrives.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.numerics.compiling import compiled
from cmvmon.kinetics.numerics.normal import LOG_SQRT_2PI, row_terms

OK, ONE_TIME, ALL_CENSORED, INVALID_INPUT = 0, 1, 2, 3
TOLERANCE = 1e-13  # on the Newton decrement: the gain that a full step still promises
MOST_STEPS = 200
MOST_HALVINGS = 60
SINGULAR = 1e-12  # 1 - correlation^2 of the curvature below which two parameters are not told apart
FIELDS = 10  # of one fit: a, d, var_a, cov_ad, var_d, log likelihood, n, n_censored, converged, status


@compiled
def is_determined(t: np.ndarray, lo: np.ndarray, hi: np.ndarray, start: int, stop: int) -> bool:
    """Whether the likelihood alone has one finite best line.

    It has none when some line could be turned or moved for ever without making any result less likely: a change
    u - v t that is 0 at every result with two finite limits, <= 0 at upper limits and >= 0 at lower limits.
    """
    first = math.nan  # time of the results with two finite limits, while there is one such time
    up_min, up_max = math.inf, -math.inf  # times of results with an upper limit only
    low_min, low_max = math.inf, -math.inf  # and of those with a lower limit only
    for i in range(start, stop):
        if lo[i] > -math.inf and hi[i] < math.inf:
            if not math.isnan(first) and t[i] != first:
                return True
            first = t[i]
        elif hi[i] < math.inf:
            up_min, up_max = min(up_min, t[i]), max(up_max, t[i])
        elif lo[i] > -math.inf:
            low_min, low_max = min(low_min, t[i]), max(low_max, t[i])
    if math.isnan(first):
        if up_max == -math.inf or low_max == -math.inf:
            return False
        return not (up_max <= low_min or low_max <= up_min)
    turns_down = up_min >= first and low_max <= first
    turns_up = up_max <= first and low_min >= first
    return not (turns_down or turns_up)


@compiled
def censored_part(
    a: float, d: float, t: np.ndarray, lo: np.ndarray, hi: np.ndarray, s: np.ndarray, start: int, stop: int
) -> tuple[float, float, float, float, float, float]:
    """(l, l_a, l_d, h_aa, h_ad, h_dd) of the results that are not quantified."""
    value = g_a = g_d = h_aa = h_ad = h_dd = 0.0
    for i in range(start, stop):
        if lo[i] != hi[i]:
            part, g, h = row_terms(lo[i], hi[i], a - d * t[i], s[i])
            value += part
            g_a += g
            g_d -= g * t[i]
            h_aa += h
            h_ad -= h * t[i]
            h_dd += h * t[i] * t[i]
    return value, g_a, g_d, h_aa, h_ad, h_dd


@compiled
def climb(
    a: float,
    d: float,
    precision: tuple[float, float, float],
    eta: tuple[float, float],
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    start: int,
    stop: int,
) -> tuple[float, float, float, float, float, bool]:
    """(a, d, h_aa, h_ad, h_dd, converged) at the maximum of eta'x - x'Px/2 + log likelihood of censored results.

    `precision` (P_aa, P_ad, P_dd) and `eta` hold everything that is Gaussian: quantified results and the prior.
    """
    p_aa, p_ad, p_dd = precision
    e_a, e_d = eta
    part, g_a, g_d, h_aa, h_ad, h_dd = censored_part(a, d, t, lo, hi, s, start, stop)
    best = part + e_a * a + e_d * d - 0.5 * (p_aa * a * a + 2.0 * p_ad * a * d + p_dd * d * d)
    damping = 0.0
    for _ in range(MOST_STEPS):
        f_a = g_a + e_a - p_aa * a - p_ad * d
        f_d = g_d + e_d - p_ad * a - p_dd * d
        k_aa, k_ad, k_dd = h_aa + p_aa, h_ad + p_ad, h_dd + p_dd
        determinant = k_aa * k_dd - k_ad * k_ad
        damping = 0.0
        if not determinant > SINGULAR * k_aa * k_dd:
            damping = 1e-3 * (k_aa + k_dd) + 1e-9
            determinant = (k_aa + damping) * (k_dd + damping) - k_ad * k_ad
        step_a = ((k_dd + damping) * f_a - k_ad * f_d) / determinant
        step_d = ((k_aa + damping) * f_d - k_ad * f_a) / determinant
        decrement = step_a * f_a + step_d * f_d
        if not decrement > TOLERANCE:
            if damping == 0.0:  # the last, tiny step still sharpens the result
                a, d = a + step_a, d + step_d
                part, g_a, g_d, h_aa, h_ad, h_dd = censored_part(a, d, t, lo, hi, s, start, stop)
            return a, d, h_aa + p_aa, h_ad + p_ad, h_dd + p_dd, damping == 0.0
        size = 1.0
        climbed = False
        for _ in range(MOST_HALVINGS):
            new_a, new_d = a + size * step_a, d + size * step_d
            part, g_a, g_d, h_aa, h_ad, h_dd = censored_part(new_a, new_d, t, lo, hi, s, start, stop)
            here = (
                part
                + e_a * new_a
                + e_d * new_d
                - 0.5 * (p_aa * new_a * new_a + 2.0 * p_ad * new_a * new_d + p_dd * new_d * new_d)
            )
            if here > best:
                climbed = True
                break
            size *= 0.5
        if not climbed:  # rounding hides the gain: this near the top, Newton's own step is the better guide
            near = damping == 0.0 and decrement < 1e-6
            if near:
                a, d = a + step_a, d + step_d
            part, g_a, g_d, h_aa, h_ad, h_dd = censored_part(a, d, t, lo, hi, s, start, stop)
            return a, d, h_aa + p_aa, h_ad + p_ad, h_dd + p_dd, near
        a, d, best = new_a, new_d, here
    return a, d, h_aa + p_aa, h_ad + p_ad, h_dd + p_dd, False


@compiled
def fit_rows(
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    start: int,
    stop: int,
    prior: np.ndarray,
    room: np.ndarray,
    out: np.ndarray,
) -> None:
    """One line through rows start..stop, written to `out` (FIELDS numbers). `room`: three rows for as many results.

    prior = (mean_a, mean_d, P_aa, P_ad, P_dd); all precisions 0 = no prior, which gives maximum likelihood.
    """
    out[:6] = math.nan
    out[6], out[7], out[8], out[9] = stop - start, 0.0, 0.0, INVALID_INPUT
    weight = sum_t = sum_y = 0.0
    n_limits = 0
    one_time = True
    for i in range(start, stop):
        finite = math.isfinite(t[i]) and math.isfinite(s[i]) and s[i] > 0.0
        if not (finite and lo[i] <= hi[i] and lo[i] < math.inf and hi[i] > -math.inf):
            return
        one_time = one_time and t[i] == t[start]
        out[7] += lo[i] != hi[i]
        w = 1.0 / (s[i] * s[i])
        if lo[i] == hi[i]:
            guess = lo[i]
        elif lo[i] == -math.inf:
            guess = hi[i]
        elif hi[i] == math.inf:
            guess = lo[i]
        else:
            guess = 0.5 * (lo[i] + hi[i])
        if math.isfinite(guess):
            weight += w
            sum_t += w * t[i]
            sum_y += w * guess
            n_limits += 1
    if stop <= start:
        return
    status = ONE_TIME if one_time else (ALL_CENSORED if out[7] == stop - start else OK)
    out[9] = status
    has_prior = prior[2] > 0.0 and prior[4] > 0.0
    if not has_prior and not is_determined(t, lo, hi, start, stop):
        out[9] = ONE_TIME if status == OK else status
        return
    # Around the centre of the rows: the sums stay small, so nothing cancels.
    t_c = sum_t / weight if weight > 0.0 else 0.0
    y_c = sum_y / weight if weight > 0.0 else prior[0]
    centred_t, centred_lo, centred_hi = room[0], room[1], room[2]
    mean_a = prior[0] - prior[1] * t_c - y_c
    p_aa = prior[2]
    p_ad = prior[3] + t_c * prior[2]
    p_dd = prior[4] + 2.0 * t_c * prior[3] + t_c * t_c * prior[2]
    e_a = p_aa * mean_a + p_ad * prior[1]
    e_d = p_ad * mean_a + p_dd * prior[1]
    rough_tt = rough_ty = constant = 0.0
    for j in range(stop - start):
        i = start + j
        centred_t[j], centred_lo[j], centred_hi[j] = t[i] - t_c, lo[i] - y_c, hi[i] - y_c
        w = 1.0 / (s[i] * s[i])
        if lo[i] == hi[i]:
            p_aa += w
            p_ad -= w * centred_t[j]
            p_dd += w * centred_t[j] * centred_t[j]
            e_a += w * centred_lo[j]
            e_d -= w * centred_lo[j] * centred_t[j]
            constant -= LOG_SQRT_2PI + math.log(s[i])
        guess = centred_lo[j] if math.isfinite(centred_lo[j]) else centred_hi[j]
        if math.isfinite(guess):
            rough_tt += w * centred_t[j] * centred_t[j]
            rough_ty += w * centred_t[j] * guess
    d = -rough_ty / rough_tt if rough_tt > 0.0 else prior[1]
    a, d, k_aa, k_ad, k_dd, converged = climb(
        0.0, d, (p_aa, p_ad, p_dd), (e_a, e_d), centred_t, centred_lo, centred_hi, s[start:stop], 0, stop - start
    )
    determinant = k_aa * k_dd - k_ad * k_ad
    if not converged or not determinant > SINGULAR * k_aa * k_dd:
        out[9] = ONE_TIME if status == OK else status
        return
    value = constant
    for j in range(stop - start):
        m = a - d * centred_t[j]
        if centred_lo[j] == centred_hi[j]:  # its constant part is in `constant`
            z = (centred_lo[j] - m) / s[start + j]
            value -= 0.5 * z * z
        else:
            value += row_terms(centred_lo[j], centred_hi[j], m, s[start + j])[0]
    var_a, cov_ad, var_d = k_dd / determinant, -k_ad / determinant, k_aa / determinant
    out[0] = a + y_c + d * t_c
    out[1] = d
    out[2] = var_a + 2.0 * t_c * cov_ad + t_c * t_c * var_d
    out[3] = cov_ad + t_c * var_d
    out[4] = var_d
    out[5] = value
    out[8] = 1.0


@compiled
def fit_many(
    offsets: np.ndarray, t: np.ndarray, lo: np.ndarray, hi: np.ndarray, s: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """One row of FIELDS numbers for each series; series i holds rows offsets[i] .. offsets[i + 1]."""
    out = np.empty((len(offsets) - 1, FIELDS))
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    room = np.empty((3, longest))
    for i in range(len(offsets) - 1):
        fit_rows(t, lo, hi, s, offsets[i], offsets[i + 1], prior, room, out[i])
    return out
