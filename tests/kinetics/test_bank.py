"""`track`, the bank after every sample: kernel and plain reference, what must always hold, and input that can't be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.kinetics.bank.track import Track, track
from cmvmon.protocol import TrajectoryLine
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.random_series import Series, bank_series, concatenated, random_lines
from tests.oracles.bank import track_reference

SEEDS = st.integers(0, 10**6)
NUMBERS = [field.name for field in fields(Track) if field.name != "status"]
GROWTH = {"growth_log10_per_week": 0.25, "growth_sd_log10_per_week": 0.35}
PRUNED_BELOW = 1e-6  # lines of less weight may be left out (kinetics.md section 3)
INF = np.inf


def tracked(series: Sequence[Series], lines: Sequence[TrajectoryLine], *, target: float = 1.0) -> Track:
    return track(*concatenated(list(series)), lines=lines, target_log10_per_week=target, **GROWTH)


def referred(series: Series, lines: Sequence[TrajectoryLine], *, negligible: float = PRUNED_BELOW) -> Track:
    return track_reference(*series, lines=lines, target_log10_per_week=1.0, negligible_weight=negligible, **GROWTH)


def same_bits(one: Track, other: Track) -> bool:
    equal = all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in NUMBERS)
    return equal and one.status == other.status


def rows_of(whole: Track, rows: slice, status: tuple[str, ...]) -> Track:
    return replace(whole, **{name: getattr(whole, name)[rows] for name in NUMBERS}, status=status)


def several(seed: int, count: int, *, longest: int = 6) -> list[Series]:
    rng = np.random.default_rng(seed)
    return [bank_series(rng, longest=longest) for _ in range(count)]


# Kernel and reference ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bank", ["plasma", "bal", "random"])
def test_every_number_is_the_references_within_1e_9(bank, capsys):
    """All states of a result, rows before the anchor, late turns; relative above 1 (odds run to 1e12)."""
    banks = {
        name: [Protocol.shipped().trajectory_lines_of(name)] * 10 for name in ("plasma", "bal")
    } | {"random": [random_lines(np.random.default_rng(seed)) for seed in range(10)]}  # fmt: skip
    worst = dict.fromkeys(NUMBERS, 0.0)
    for seed, lines in enumerate(banks[bank]):
        series = several(100 + seed, 60)
        found, expected = tracked(series, lines), [referred(s, lines) for s in series]
        for name in NUMBERS:
            ours, theirs = getattr(found, name), np.concatenate([getattr(one, name) for one in expected])
            assert np.array_equal(np.isnan(ours), np.isnan(theirs)), name
            gap = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
            worst[name] = max(worst[name], float(np.nanmax(gap, initial=0.0)))
    with capsys.disabled():
        print(
            f"\n{bank}, 600 series: largest difference {max(worst.values()):.1e} ({max(worst, key=worst.__getitem__)})"
        )
    assert max(worst.values()) < 1e-9, worst


def test_leaving_out_lines_of_no_weight_moves_no_probability_by_more_than_3e_4():
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    series = several(7, 200)
    found = tracked(series, lines)
    for name in ("probability_above_target", "mean_probability_above_target", "probability_rebound"):
        whole = np.concatenate([getattr(referred(s, lines, negligible=0.0), name) for s in series])
        assert np.nanmax(np.abs(getattr(found, name) - whole)) < 3e-4, name


# What always holds ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, factor=st.floats(-3.0, 3.0))
def test_multiplying_every_load_and_limit_leaves_the_decline_unchanged(seed, factor):
    """log10 loads, limits and the prior's loads move together: no decline, probability or odds does."""
    rng = np.random.default_rng(seed)
    lines, series = random_lines(rng), [bank_series(rng) for _ in range(5)]
    shifted = [replace(line, mean=(line.mean[0] + factor, *line.mean[1:])) for line in lines]
    moved = [(t, lo + factor, hi + factor, sigma) for t, lo, hi, sigma in series]
    found, again = tracked(series, lines), tracked(moved, shifted)
    for name in NUMBERS:
        assert getattr(again, name) == pytest.approx(getattr(found, name), rel=1e-6, abs=1e-8, nan_ok=True), name


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_a_later_sample_and_other_series_change_no_bit_of_what_was_said(seed):
    """Every prefix, and every series on its own, gives the bits that it gives in the whole."""
    rng = np.random.default_rng(seed)
    lines, series = random_lines(rng), [bank_series(rng) for _ in range(6)]
    whole = tracked(series, lines)
    for i, (begin, end) in enumerate(pairwise(concatenated(series)[0])):
        t, lo, hi, sigma = series[i]
        for n in range(1, end - begin + 1):
            prefix = tracked([(t[:n], lo[:n], hi[:n], sigma[:n])], lines)
            assert same_bits(prefix, rows_of(whole, slice(begin, begin + n), (whole.status[i],)))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_order_of_the_series_and_their_partition_change_no_bit(seed):
    rng = np.random.default_rng(seed)
    lines, series = random_lines(rng), [bank_series(rng) for _ in range(9)]
    whole, order = tracked(series, lines), rng.permutation(9)
    offsets = concatenated(series)[0]
    for part in (order[:4], order[4:5], order[5:]):
        found = tracked([series[i] for i in part], lines)
        for name in NUMBERS:
            there = np.concatenate([getattr(whole, name)[offsets[i] : offsets[i + 1]] for i in part])
            assert np.array_equal(getattr(found, name), there, equal_nan=True), name


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_probabilities_fall_with_the_target_and_stay_in_range(seed):
    rng = np.random.default_rng(seed)
    lines, series = random_lines(rng), [bank_series(rng) for _ in range(5)]
    found = [tracked(series, lines, target=target) for target in (-2.0, 0.0, 0.7, 1.0, 1.3, 4.0)]
    for name in ("probability_above_target", "mean_probability_above_target", "probability_rebound"):
        values = np.array([getattr(one, name) for one in found])
        said = values[:, ~np.isnan(values[0])]
        assert ((said >= 0.0) & (said <= 1.0)).all()
        assert (np.diff(said, axis=0) <= 1e-15).all()
    odds = found[0].odds_non_responder[~np.isnan(found[0].odds_non_responder)]
    assert ((odds >= 1e-12) & (odds <= 1e12)).all()
    assert (found[0].decline_now_sd >= 0.0).all()


def test_odds_are_not_defined_without_a_responder_and_a_non_responder():
    lines = [replace(line, response="slow") for line in random_lines(np.random.default_rng(1))]
    assert np.isnan(tracked(several(1, 3), lines).odds_non_responder).all()


def test_a_rise_after_three_weeks_is_a_rebound_and_surer_than_a_plateau():
    """From 5.0 log10 to 3.0 in two weeks, then four samples at 3.0, or four that rise by half a log10 each.

    A plateau is not nothing: lines that change after the load had stopped falling have to rise to it again.
    """
    t = np.array([0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 4.5])
    fall, flat = np.array([5.0, 4.0, 3.0]), np.full(4, 3.0)
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    plateau, rise = np.append(fall, flat), np.append(fall, flat + 0.5 * np.arange(1, 5))
    found = [tracked([(t, y, y, np.full(7, 0.13))], lines).probability_rebound for y in (plateau, rise)]
    assert found[0][-1] < found[1][-1]
    assert found[1][-1] > 0.999
    assert (found[1][:3] < 0.05).all()


# Bad input -----------------------------------------------------------------------------------------------------------

GOOD: Series = (np.array([0.0, 1.0, 2.0]), np.array([5.0, 4.0, -INF]), np.array([5.0, 4.0, 3.0]), np.full(3, 0.2))


@pytest.mark.parametrize(
    ("column", "place", "value"),
    [
        pytest.param(0, 2, 0.5, id="times that go back"),
        pytest.param(0, 1, np.nan, id="a time that is no number"),
        pytest.param(0, 2, INF, id="an infinite time"),
        pytest.param(1, 0, np.nan, id="a lower limit that is no number"),
        pytest.param(2, 2, np.nan, id="an upper limit that is no number"),
        pytest.param(2, 0, 4.9, id="limits crossed"),
        pytest.param(2, 2, -INF, id="an upper limit of minus infinity"),
        pytest.param(3, 1, 0.0, id="noise of zero"),
        pytest.param(3, 1, -0.2, id="negative noise"),
        pytest.param(3, 1, np.nan, id="noise that is no number"),
        pytest.param(3, 1, INF, id="infinite noise"),
    ],
)
def test_a_series_with_a_row_that_cant_be_used_says_so_and_harms_no_other(column, place, value):
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    broken = tuple(column.copy() for column in GOOD)
    broken[column][place] = value
    found = tracked([GOOD, broken, GOOD], lines)
    alone = tracked([GOOD], lines)
    assert found.status == ("ok", "invalid_input", "ok")
    assert referred(broken, lines).status == ("invalid_input",)
    for name in NUMBERS:
        values = getattr(found, name)
        assert np.isnan(values[3:6]).all(), name
        assert np.array_equal(values[:3], getattr(alone, name), equal_nan=True)
        assert np.array_equal(values[6:], getattr(alone, name), equal_nan=True)


def test_a_lower_limit_of_plus_infinity_cant_be_used():
    t, lo, hi, sigma = (column.copy() for column in GOOD)
    lo[1], hi[1] = INF, INF
    assert tracked([(t, lo, hi, sigma)], Protocol.shipped().trajectory_lines_of("bal")).status == ("invalid_input",)


def test_equal_limits_are_a_value_one_sided_limits_are_limits_and_two_results_may_share_a_time():
    """A row of each kind, two of them at one moment, all usable; an interval that closes on a value nears it."""
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    t, sigma = np.array([0.0, 1.0, 1.0, 2.0]), np.full(4, 0.2)
    lo, hi = np.array([5.0, 3.9, -INF, 3.0]), np.array([5.0, 4.1, 4.2, INF])
    assert tracked([(t, lo, hi, sigma)], lines).status == ("ok",)
    ends = []
    for half in (0.0, 1e-9, 1e-5, 1e-3):
        lo[1], hi[1] = 4.0 - half, 4.0 + half
        ends.append(tracked([(t, lo, hi, sigma)], lines).decline_now[-1])
    assert ends[1:] == pytest.approx([ends[0]] * 3, abs=1e-5)
    assert np.isfinite(ends).all()


def test_a_row_with_both_limits_infinite_says_nothing():
    """Its own log score is 0, and what is said after the next row is the same to the bit without it."""
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    t, lo, hi, sigma = GOOD
    more = (np.insert(t, 1, 0.5), np.insert(lo, 1, -INF), np.insert(hi, 1, INF), np.insert(sigma, 1, 0.2))
    found, without = tracked([more], lines), tracked([GOOD], lines)
    assert found.status == ("ok",)
    assert found.log_score[1] == 0.0
    for name in NUMBERS:
        assert np.array_equal(getattr(found, name)[2:], getattr(without, name)[1:]), name


def test_a_series_without_a_row_and_no_series_at_all():
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    empty = np.empty(0)
    found = track([0, 0, 1], [0.0], [4.0], [4.0], 0.2, lines=lines, target_log10_per_week=1.0, **GROWTH)
    assert found.status == ("invalid_input", "ok")
    nothing = track([0], empty, empty, empty, 0.2, lines=lines, target_log10_per_week=1.0, **GROWTH)
    assert nothing.status == ()
    assert len(nothing.decline_now) == 0


@pytest.mark.parametrize(
    ("offsets", "n_sigma", "said"),
    [
        pytest.param([0, 2], 3, "series offsets must rise from 0 to the number of results, 3", id="too few"),
        pytest.param([1, 3], 3, "series offsets must rise", id="not from 0"),
        pytest.param([0, 2, 1, 3], 3, "series offsets must rise", id="going back"),
        pytest.param([], 3, "series offsets must rise", id="none"),
        pytest.param([0, 3], 2, "one time, lo, hi and sigma per result", id="noise of another length"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused_in_words(offsets, n_sigma, said):
    t, lo, hi, _ = GOOD
    with pytest.raises(ValueError, match=said):
        track(
            offsets,
            t,
            lo,
            hi,
            np.full(n_sigma, 0.2),
            lines=Protocol.shipped().trajectory_lines_of("plasma"),
            target_log10_per_week=1.0,
            **GROWTH,
        )


def test_a_hundred_thousand_samples_in_one_series():
    """Hourly for eleven years, flat with noise: the answer is flat, and nothing overflows or drifts."""
    n = 100_000
    rng = np.random.default_rng(3)
    t = np.arange(n) / 168.0
    y = 4.0 + 0.2 * rng.normal(size=n)
    found = tracked([(t, y, y, np.full(n, 0.2))], Protocol.shipped().trajectory_lines_of("plasma"))
    assert found.status == ("ok",)
    for name in NUMBERS:
        assert np.isfinite(getattr(found, name)[1:]).all(), name
    assert abs(found.mean_decline[-1]) < 1e-3
    assert found.mean_probability_above_target[-1] == pytest.approx(0.0, abs=1e-6)


def test_twenty_thousand_series_of_one_sample():
    n = 20_000
    y = np.random.default_rng(4).normal(4.0, 1.0, n)
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    found = track(np.arange(n + 1), np.zeros(n), y, y, 0.13, lines=lines, target_log10_per_week=1.0, **GROWTH)
    assert set(found.status) == {"ok"}
    assert np.isnan(found.mean_decline).all(), "no time has passed since the anchor"
    assert np.isfinite(found.decline_now).all()
    one = tracked([(np.zeros(1), y[7:8], y[7:8], np.full(1, 0.13))], lines)
    assert one.decline_now[0] == found.decline_now[7]


def test_results_that_contradict_each_other_still_give_numbers_in_range():
    """9 log10 between two that were not detected, with hardly any noise: absurd, and still an answer."""
    t = np.array([0.0, 1.0, 2.0])
    lines = Protocol.shipped().trajectory_lines_of("plasma")
    for sigma in (0.3, 0.02, 1e-4):
        series = (t, np.array([-INF, 9.0, -INF]), np.array([1.0, 9.0, 1.0]), np.full(3, sigma))
        found = tracked([series], lines)
        assert ((found.probability_above_target >= 0.0) & (found.probability_above_target <= 1.0)).all()
        assert ((found.probability_rebound >= 0.0) & (found.probability_rebound <= 1.0)).all()
        assert np.isfinite(found.log_score).all()
