"""P and quantiles of a mixture of normal distributions, against its distribution function by scipy; and its table of Phi."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from tests.oracles.bank import Mixture

TAIL = 0.025
Z = -NormalDist().inv_cdf(TAIL)
UNTOLD = (math.nan, math.nan)


def summary(given: Mixture, *, target: float = 1.0, guess: tuple[float, float] = UNTOLD) -> tuple[float, ...]:
    from cmvmon.kinetics.numerics import mixture

    return mixture.summary(target, TAIL, Z, *guess, given.weight, given.mean, given.sd, len(given.weight))


def cdf(given: Mixture, x: float) -> float:
    return float(given.weight @ ndtr((x - given.mean) / given.sd))


def place_of(given: Mixture, p: float) -> float:
    low, high = float((given.mean - 40 * given.sd).min()), float((given.mean + 40 * given.sd).max())
    return float(brentq(lambda x: cdf(given, x) - p, low, high, xtol=1e-13))


def random_mixture(rng: np.random.Generator, *, wildness: float = 1.0) -> Mixture:
    """1 to 12 components; spreads differ by up to 10^(4 x wildness) within one mixture."""
    n = int(rng.integers(1, 13))
    weight = rng.dirichlet(np.full(n, rng.choice([0.1, 1.0, 10.0])))
    return Mixture(weight / weight.sum(), rng.normal(0.8, 1.5, n), 10.0 ** rng.uniform(-2.0 * wildness, 0.5, n))


def test_phi_from_the_table_is_scipys_within_1e_9_and_its_slope_within_1e_7():
    from cmvmon.kinetics.numerics.mixture import phi_and_density

    z = np.concatenate([np.linspace(-10.0, 10.0, 40_001), [-1e100, 1e100, -9.0, 9.0, 0.0]])
    found = np.array([phi_and_density(float(x)) for x in z])
    assert np.abs(found[:, 0] - ndtr(z)).max() < 1e-9
    assert np.abs(found[:, 1] - np.exp(-0.5 * np.minimum(z * z, 1e3)) / math.sqrt(2.0 * math.pi)).max() < 1e-7


def by_branches(z: float) -> tuple[float, float]:
    """`phi_and_density` as one would write it for a single z."""
    from cmvmon.kinetics.numerics.mixture import PHI, STEPS_PER_UNIT, TO

    if z >= TO:
        return 1.0, 0.0
    if z <= -TO:
        return 0.0, 0.0
    i = int((z + TO) * STEPS_PER_UNIT + 0.5)
    near = i / STEPS_PER_UNIT - TO
    u = z - near
    density, q = float(PHI[i, 1]), near * near - 1.0
    value = float(PHI[i, 0]) + density * u * (1.0 - u * (0.5 * near - u * q * (1.0 / 6.0)))
    return value, density * (1.0 - u * (near - u * (0.5 * q - u * near * (q - 2.0) * (1.0 / 6.0))))


def ends_and_a_dense_grid() -> np.ndarray:
    ends = [limit for end in (-9.0, 9.0) for limit in (np.nextafter(end, -math.inf), end, np.nextafter(end, math.inf))]
    halves = (np.arange(-576, 576) + 0.5) / 64.0  # where the nearest entry changes
    return np.concatenate(
        [np.linspace(-9.5, 9.5, 200_003), halves, ends, [-math.inf, math.inf, -1e300, 1e300, 0.0, -0.0, 5e-324]]
    )


def test_phi_without_branches_is_to_the_bit_what_branches_say():
    from cmvmon.kinetics.numerics.mixture import phi_and_density

    z = ends_and_a_dense_grid()
    assert np.array_equal([phi_and_density(float(x)) for x in z], [by_branches(float(x)) for x in z])
    assert np.isnan(phi_and_density(math.nan)).all()


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40])
def test_components_side_by_side_are_to_the_bit_those_one_after_the_other(n):
    """The terms of every z of the grid, n components at once; and their sums, in the order of the components."""
    from cmvmon.kinetics.numerics import lanes, mixture

    rng = np.random.default_rng(n)
    room = np.full(lanes.room_for(n), math.nan)
    z = ends_and_a_dense_grid()
    z = rng.permutation(z[np.abs(z) < 1e100])
    w, sd = rng.uniform(0.1, 1.0, n), rng.uniform(0.05, 3.0, n)
    for begin in range(0, min(len(z) - n, 4_000 * n), n):
        mean = z[begin : begin + n] * sd
        mixture.lay_out(w, mean, sd, n, room)
        for turn, side in ((1.0, lanes.LOW), (1.0, lanes.HIGH), (-1.0, lanes.LOW)):
            mixture.terms_at(0.0, turn, side, n, room)
            sums = [0.0, 0.0, 0.0, 0.0]
            for k in range(n):
                r = turn * (1.0 / sd[k])
                at = (0.0 - mean[k]) * r
                value, slope = by_branches(at)
                slope *= w[k] * r
                terms = [w[k] * value, slope, -(slope * r * at), slope * r * r * (at * at - 1.0)]
                sums = [total + term for total, term in zip(sums, terms, strict=True)]
            assert mixture.sums_of(side, n, room) == tuple(sums)


def test_mean_p_and_quantiles_are_those_of_the_distribution_function(capsys):
    """P and the probability below each quantile within 1e-7; the quantiles' places, where the density is not nought."""
    rng = np.random.default_rng(11)
    worst_p, worst_below, worst_place = 0.0, 0.0, 0.0
    for _ in range(1_500):
        given = random_mixture(rng)
        target = float(rng.normal(1.0, 1.0))
        centre, low, high, above = summary(given, target=target)
        assert centre == pytest.approx(float(given.weight @ given.mean), abs=1e-12)
        worst_p = max(worst_p, abs(above - (1.0 - cdf(given, target))))
        for p, x in ((TAIL, low), (1.0 - TAIL, high)):
            worst_below = max(worst_below, abs(cdf(given, x) - p))
            exact = place_of(given, p)
            density = float(given.weight @ (np.exp(-0.5 * ((exact - given.mean) / given.sd) ** 2) / given.sd)) / 2.5066
            worst_place = max(worst_place, abs(x - exact) * min(density, 1.0))
    with capsys.disabled():
        print(f"\n1500 mixtures: P {worst_p:.1e}, F at the quantiles {worst_below:.1e}, their place {worst_place:.1e}")
    assert worst_p < 1e-7
    assert worst_below < 2e-7
    assert worst_place < 1e-5


@pytest.mark.parametrize("wildness", [0.6, 1.0, 3.0])
def test_whatever_the_guess_the_quantile_is_found(wildness):
    """Spreads from 0.06, 0.01 and 1e-6 to 3 side by side, and a guess that may lie far outside.

    10,000 quantiles of each: Halley's steps alone creep along a tail in one of a thousand, and stop nowhere near.
    """
    for seed in range(5_000):
        rng = np.random.default_rng(seed)
        given = random_mixture(rng, wildness=wildness)
        guess = float(rng.uniform(-50.0, 50.0)) if seed % 2 else float(rng.normal(1.0, 2.0))
        _, low, high, _ = summary(given, guess=(guess, guess))
        for p, x in ((TAIL, low), (1.0 - TAIL, high)):
            step = 1e-9 * float(given.sd.min()) + 1e-11  # where the density is a spike, F climbs past p within a step
            assert cdf(given, x - step) - 2e-7 <= p <= cdf(given, x + step) + 2e-7


def test_one_component_has_the_quantiles_of_a_normal_distribution():
    given = Mixture(np.ones(1), np.array([0.7]), np.array([0.3]))
    centre, low, high, above = summary(given, target=1.0)
    assert (low, high) == pytest.approx((0.7 - Z * 0.3, 0.7 + Z * 0.3), abs=1e-6)
    assert above == pytest.approx(NormalDist().cdf(-1.0), abs=1e-9)
    assert centre == 0.7


def test_two_far_components_have_the_middle_of_their_gap_as_a_quantile_that_any_point_of_it_satisfies():
    """2.5 % at -5 and 97.5 % at +5: F is 0.025 all through the gap, and the answer lies in it."""
    given = Mixture(np.array([TAIL, 1.0 - TAIL]), np.array([-5.0, 5.0]), np.array([0.01, 0.01]))
    _, low, _, _ = summary(given)
    assert -5.0 < low < 5.0
    assert abs(cdf(given, low) - TAIL) < 2e-7


def test_the_plain_mixture_agrees_with_scipy():
    """The reference of `test_bank_weeks`: bisection with math.erfc."""
    rng = np.random.default_rng(13)
    for _ in range(50):
        given = random_mixture(rng)
        assert given.above(1.0) == pytest.approx(1.0 - cdf(given, 1.0), abs=1e-13)
        for p in (TAIL, 0.5, 1.0 - TAIL):
            assert cdf(given, given.quantile(p)) == pytest.approx(p, abs=1e-9)
