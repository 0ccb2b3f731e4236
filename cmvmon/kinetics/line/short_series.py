"""The decline where few limits or little doubt of the intercept are left: the intercept is summed in closed form.

Kernel module (imports numba). Everything Gaussian is one normal distribution `gauss`, as in `quadrature`. Given the
decline d, the intercept is normal with one variance v for every d, so a limit of noise s holds with the probability that
a normal value of variance s^2 + v lies within it. Two limits: a normal distribution of two dimensions with one
correlation for every d (Drezner and Wesolowsky 1990). More: Gauss-Hermite nodes in the intercept, where v is not large
beside s^2. The density of d then costs nanoseconds, and a plain grid of it and its derivative is enough.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.line.quadrature import Gauss, Limits, log_limit
from cmvmon.kinetics.numerics.compiling import compiled
from cmvmon.kinetics.numerics.mixture import phi_and_density
from cmvmon.kinetics.numerics.phi_table import row_slope

LEAST_LOG_CHANCE = math.log(1e-4)  # of several limits at the best decline: below it the tables' 1e-10 is not small
NEGLIGIBLE = 13.0  # in log units below the mode: what lies beyond holds less than 1e-6
STEP = 0.5  # of the grid, in units of the narrowest feature
MOST_STEPS = 80
FAR = 6.0  # a limit this many sd away from the line that the rest allows says nothing
NEAR = 0.8  # correlation of two limits from which on the arc to 1 is the smoother one
MOST_CORRELATION = 0.9999
LITTLE_DOUBT = 0.35  # v / s^2 with more than two limits: up to it FEW nodes in the intercept do
MOST_DOUBT = 1.0  # and up to it MANY
# The Gaussian part, the limits, their correlation, and its arc; of more than two limits the nodes of the intercept.
Case = tuple[Gauss, Limits, float, np.ndarray]
_x, _w = np.polynomial.legendre.leggauss(10)
ARC, ARC_WEIGHTS = (_x + 1.0) / 2.0, _w / (4.0 * math.pi)
FEW, MANY = (
    np.column_stack([x, w / math.sqrt(2.0 * math.pi)]) for x, w in map(np.polynomial.hermite_e.hermegauss, (8, 14))
)
for _part in (ARC, ARC_WEIGHTS, FEW, MANY):
    _part.setflags(write=False)


@compiled
def within(low: float, high: float) -> tuple[float, float]:
    """(P(low < z < high), the density at high less that at low) of a standard normal z; the ends may be infinite."""
    above, at_high = phi_and_density(high)
    below, at_low = phi_and_density(low)
    return above - below, at_high - at_low


@compiled
def corner(x: float, y: float, correlation: float, arc: np.ndarray) -> float:
    """P(z1 < x, z2 < y) less the product of both. `arc`: sine, 1 / 2 cos^2 and weight of its nodes, as `arc_of` says."""
    if not (abs(x) < 9.0 and abs(y) < 9.0):
        return 0.0
    total, squares, product = 0.0, x * x + y * y, 2.0 * x * y
    if correlation > NEAR:
        total = phi_and_density(min(x, y))[0] - phi_and_density(x)[0] * phi_and_density(y)[0]
    for j in range(len(ARC)):
        total += arc[j, 2] * math.exp(-(squares - product * arc[j, 0]) * arc[j, 1])
    return total


@compiled
def arc_of(correlation: float) -> np.ndarray:
    """Nodes on the arc from no correlation to this one, or, where it is NEAR 1, with weights below 0 from this one to 1."""
    arc = np.empty((len(ARC) if correlation > 0.0 else 0, 3))
    begin, length = 0.0, math.asin(correlation)
    if correlation > NEAR:
        begin, length = length, length - 0.5 * math.pi
    for j in range(len(arc)):
        angle = begin + abs(length) * ARC[j]
        cosine = math.cos(angle)
        arc[j, 0], arc[j, 1], arc[j, 2] = math.sin(angle), 0.5 / (cosine * cosine), length * ARC_WEIGHTS[j]
    return arc


@compiled
def side(z: float, low: float, high: float, correlation: float, rest: float) -> float:
    """Density of z1 at z times P(low < z2 < high) given it; 0 at an infinite z."""
    if not abs(z) < 9.0:
        return 0.0
    return phi_and_density(z)[1] * within((low - correlation * z) * rest, (high - correlation * z) * rest)[0]


@compiled
def both(a1: float, b1: float, a2: float, b2: float, correlation: float, arc: np.ndarray) -> tuple[float, float, float]:
    """(P(a1 < z1 < b1, a2 < z2 < b2), and its derivatives by a shift of z1 and of z2) of that correlation > 0."""
    rest = 1.0 / math.sqrt(1.0 - correlation * correlation)
    chance = within(a1, b1)[0] * within(a2, b2)[0]
    chance += corner(b1, b2, correlation, arc) - corner(a1, b2, correlation, arc)
    chance += corner(a1, a2, correlation, arc) - corner(b1, a2, correlation, arc)
    by_1 = side(a1, a2, b2, correlation, rest) - side(b1, a2, b2, correlation, rest)
    by_2 = side(a2, a1, b1, correlation, rest) - side(b2, a1, b1, correlation, rest)
    return chance, by_1, by_2


@compiled
def all_of(d: float, a: float, turn: float, spread: float, limits: Limits, nodes: np.ndarray) -> tuple[float, float]:
    """(chance, its derivative by d) of any number of limits: the intercept is `a` +- spread, `turn` its change with d."""
    t, lo, hi, s, n = limits
    total = slope = 0.0
    for j in range(len(nodes)):
        product, growth = nodes[j, 1], 0.0
        for i in range(n):
            m = a + spread * nodes[j, 0] - d * t[i]
            chance, edge = within((lo[i] - m) / s[i], (hi[i] - m) / s[i])
            growth = growth * chance - product * edge * (turn - t[i]) / s[i]
            product *= chance
        total += product
        slope += growth
    return total, slope


@compiled
def log_density(d: float, case: Case) -> tuple[float, float]:
    """(log density of the decline up to a constant, derivative); -inf where the tables see no chance left."""
    gauss, limits, correlation, arc = case
    m_a, m_d, p_aa, p_ad, _ = gauss
    t, lo, hi, s, n = limits
    turn, q, v = -p_ad / p_aa, bend(gauss), 1.0 / p_aa
    u = d - m_d
    a = m_a + turn * u
    m1, s1 = a - d * t[0], math.sqrt(s[0] * s[0] + v)
    if n == 1:
        slope = row_slope(lo[0], hi[0], m1, s1)[0] * (turn - t[0])
        return log_limit(lo[0], hi[0], m1, s1) - 0.5 * q * u * u, slope - q * u
    if n == 2:
        m2, s2 = a - d * t[1], math.sqrt(s[1] * s[1] + v)
        a1, b1, a2, b2 = (lo[0] - m1) / s1, (hi[0] - m1) / s1, (lo[1] - m2) / s2, (hi[1] - m2) / s2
        chance, by_1, by_2 = both(a1, b1, a2, b2, correlation, arc)
        slope = by_1 * (turn - t[0]) / s1 + by_2 * (turn - t[1]) / s2
    else:
        chance, slope = all_of(d, a, turn, math.sqrt(v), limits, arc)
    if not chance > 0.0:
        return -math.inf, 0.0
    return math.log(chance) - 0.5 * q * u * u, slope / chance - q * u


@compiled
def bend(gauss: Gauss) -> float:
    """Precision of the decline in the Gaussian part: the least that the logarithm of the density bends anywhere."""
    return gauss[4] - gauss[3] * gauss[3] / gauss[2]


@compiled
def drop_sure(t: np.ndarray, lo: np.ndarray, hi: np.ndarray, s: np.ndarray, k: int, gauss: Gauss) -> int:
    """How many limits the Gaussian part leaves open, FAR sd or less away; they are moved to the front, none is lost."""
    m_a, m_d, p_aa, p_ad, p_dd = gauss
    determinant = p_aa * p_dd - p_ad * p_ad
    kept = 0
    for i in range(k):
        m = m_a - m_d * t[i]
        variance = (p_dd + 2.0 * p_ad * t[i] + p_aa * t[i] * t[i]) / determinant + s[i] * s[i]
        gap = min(hi[i] - m, m - lo[i])
        if not (gap > 0.0 and gap * gap > FAR * FAR * variance):
            t[kept], t[i] = t[i], t[kept]
            lo[kept], lo[i] = lo[i], lo[kept]
            hi[kept], hi[i] = hi[i], hi[kept]
            s[kept], s[i] = s[i], s[kept]
            kept += 1
    return kept


@compiled
def best_near(case: Case) -> tuple[float, float, float]:
    """(a decline within about half an sd of the most likely one, its log density, an sd); sd 0: not found."""
    q, m_d = bend(case[0]), case[0][1]
    x, curve = m_d, q
    value, g = log_density(x, case)
    for _ in range(20):
        if not value > -math.inf:
            break
        if g * g < 0.25 * curve:
            chance = value + 0.5 * q * (x - m_d) * (x - m_d)
            sure = case[1][4] == 1 or chance > LEAST_LOG_CHANCE
            return x, value, 1.0 / math.sqrt(curve) if sure else 0.0
        step = g / curve
        value, g_new = log_density(x + step, case)
        curve = max((g - g_new) / step, q)
        x, g = x + step, g_new
    return x, value, 0.0


@compiled
def edge_of(x: float, top: float, sign: float, sd: float, case: Case) -> float:
    """How far from x the density, `top` there, becomes negligible: no farther than a tangent and the least bend allow."""
    q = bend(case[0])
    at, fall, slope = 0.0, 0.0, 0.0
    for i in range(2, 5, 2):
        value, g = log_density(x + sign * sd * i, case)
        if not top - value < NEGLIGIBLE:
            return sd * i
        at, fall, slope = sd * i, max(top - value, 0.0), max(-sign * g, 0.0)
        if slope > 0.0:
            break
    return at + (math.sqrt(slope * slope + 2.0 * q * (NEGLIGIBLE - fall)) - slope) / q


@compiled
def narrowest(case: Case) -> float:
    """What the density of the decline changes over, at the least."""
    gauss, limits, _, _ = case
    t, _, _, s, n = limits
    turn, v = -gauss[3] / gauss[2], 1.0 / gauss[2]
    bent = bend(gauss)
    for i in range(n):
        bent += (turn - t[i]) ** 2 / (s[i] * s[i] + v)
    return 1.0 / math.sqrt(bent)


@compiled
def part_of_cell(u: float, h: float, p0: float, g0: float, p1: float, g1: float) -> float:
    """Area from a cell's start to its share u, under the cubic with those values and derivatives at both ends."""
    u2 = u * u
    u3, u4 = u2 * u, u2 * u2
    values = p0 * (u - u3 + 0.5 * u4) + p1 * (u3 - 0.5 * u4)
    return h * (values + h * (g0 * (0.5 * u2 - 2.0 * u3 / 3.0 + 0.25 * u4) - g1 * (u3 / 3.0 - 0.25 * u4)))


@compiled
def place_of(area: float, h: float, n: int, p: np.ndarray, g: np.ndarray, below: np.ndarray) -> float:
    """How many steps from the grid's start the density has gathered that area."""
    j = min(max(int(np.searchsorted(below[: n + 1], area)) - 1, 0), n - 1)
    rest, whole = area - below[j], below[j + 1] - below[j]
    u = rest / whole if whole > 0.0 else 0.5
    for _ in range(6):
        here = p[j] + u * u * (3.0 - 2.0 * u) * (p[j + 1] - p[j])
        here += h * u * (1.0 - u) * ((1.0 - u) * g[j] - u * g[j + 1])
        gap = part_of_cell(u, h, p[j], g[j], p[j + 1], g[j + 1]) - rest
        if not here > 0.0:
            break
        moved = min(max(u - gap / (here * h), 0.0), 1.0)
        if abs(moved - u) < 1e-7:
            u = moved
            break
        u = moved
    return j + u


@compiled
def summed(
    start: float, h: float, n: int, top: float, case: Case, target: float, tail: float
) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) from the density on n steps of h."""
    room = np.empty((3, n + 1))
    p, g, below = room[0], room[1], room[2]
    below[0] = total = first = 0.0
    for j in range(n + 1):
        value, slope = log_density(start + j * h, case)
        p[j] = math.exp(value - top)
        g[j] = p[j] * slope
        total += p[j]
        first += p[j] * j
        if j > 0:
            below[j] = below[j - 1] + h * (0.5 * (p[j - 1] + p[j]) + h / 12.0 * (g[j - 1] - g[j]))
    whole = below[n]
    where = (target - start) / h
    if where <= 0.0:
        share = 0.0
    elif where >= n:
        share = whole
    else:
        i = int(where)
        share = below[i] + part_of_cell(where - i, h, p[i], g[i], p[i + 1], g[i + 1])
    low, high = place_of(tail * whole, h, n, p, g, below), place_of((1.0 - tail) * whole, h, n, p, g, below)
    return start + h * first / total, start + h * low, start + h * high, min(max(1.0 - share / whole, 0.0), 1.0)


@compiled
def short_posterior(
    gauss: Gauss, limits: Limits, target: float, tail: float
) -> tuple[bool, float, float, float, float]:
    """(whether this way can be gone, mean, low, high, P(> target)) of the decline; the limits are those left open."""
    s, n = limits[3], limits[4]
    v, correlation = 1.0 / gauss[2], 0.0
    nothing = (False, math.nan, math.nan, math.nan, math.nan)
    if n == 2:
        correlation = v / math.sqrt((s[0] * s[0] + v) * (s[1] * s[1] + v))
        if correlation > MOST_CORRELATION:
            return nothing
    doubt = 0.0
    for i in range(n if n > 2 else 0):
        doubt = max(doubt, v / (s[i] * s[i]))
    if doubt > MOST_DOUBT:
        return nothing
    arc = arc_of(correlation) if n <= 2 else (FEW.copy() if doubt <= LITTLE_DOUBT else MANY.copy())
    case = (gauss, limits, correlation, arc)
    d, top, sd = best_near(case)
    if not sd > 0.0:
        return nothing
    begin, end = d - edge_of(d, top, -1.0, sd, case), d + edge_of(d, top, 1.0, sd, case)
    steps = (end - begin) / (STEP * narrowest(case))
    if not steps < MOST_STEPS:
        return nothing
    count = max(int(steps) + 1, 16)
    mean, low, high, above = summed(begin, (end - begin) / count, count, top, case, target, tail)
    return True, mean, low, high, above
