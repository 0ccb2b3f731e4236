"""`weekly_decline` by the bank against the plain reference: week and mean, intervals, P, rebound, odds; every kind of week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from cmvmon.kinetics.inputs.limits import with_limits
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.test_weekly_properties import AS_OF, START, decline, ward
from tests.oracles.bank import (
    Belief,
    Mixture,
    belief_above,
    belief_after_gap,
    belief_before,
    belief_with,
    mean_decline,
    odds_non_responder,
    probability_rebound,
)

SERIES = ("patient_id", "compartment")
WEEK = timedelta(weeks=1)
TAILS = (0.025, 0.975)
PRUNED_BELOW = 1e-6
ESTIMATES = ("decline", "mean_decline")
PROBABILITIES = {"decline": "probability_above_target", "mean_decline": "mean_probability_above_target"}


def rows_by_series(results: pl.DataFrame, protocol: Protocol, as_of: datetime) -> dict[tuple[Any, ...], pl.DataFrame]:
    noise = default_sigma(protocol)
    known = results.filter(pl.col("collected_at") <= as_of).with_columns(sigma_log10=noise, is_conflicting=False)
    return with_limits(known).sort(*SERIES, "collected_at", "result_id").partition_by(SERIES, as_dict=True)


def belief_of(rows: pl.DataFrame, anchor: datetime, protocol: Protocol) -> tuple[Belief, datetime]:
    """What the bank holds after these rows, and from when it counts: the anchor, or the first row after a long gap."""
    lines = protocol.trajectory_lines_of(rows["compartment"][0])
    numbers, stanza = protocol.decline, rows.select("collected_at", "fit_lo", "fit_hi", "sigma_log10")
    longest = timedelta(days=numbers.new_segment_gap_days)
    belief, since, last = belief_before(lines), anchor, None
    wide = {"mean": numbers.window_intercept_mean_log10, "sd": numbers.window_intercept_sd_log10}
    if rows["detection"][0] == "above_uloq":
        belief = belief_above(lines, **wide)
    for at, lo, hi, sigma in stanza.iter_rows():
        if last is not None and at - last > longest:
            since = at
            belief = belief_after_gap(lines, **wide)
        belief = belief_with(
            belief,
            (at - since) / WEEK,
            lo,
            hi,
            sigma,
            growth=numbers.growth_before_anchor_log10_per_week,
            growth_sd=numbers.growth_before_anchor_sd_log10_per_week,
        )
        last = at
    return belief, since


def reference_of(week: dict[str, Any], rows: pl.DataFrame, protocol: Protocol, as_of: datetime) -> dict[str, Any]:
    """Mixtures of the week's own and the mean decline (None where no time has passed), rebound and odds of one week."""
    numbers, at = protocol.decline, pl.col("collected_at")
    after_gap = at - at.shift(1) > timedelta(days=numbers.new_segment_gap_days)
    for_its_end = (at <= week["week_end"] + timedelta(hours=numbers.week_end_within_h)) & ~after_gap.fill_null(False)
    known = ((at < week["week_end"]) | for_its_end).cast(pl.Int8).cum_min() == 1
    used = rows.filter(known).tail(week["n_results"])
    belief, since = belief_of(used, week["anchor_at"], protocol)
    until = (min(week["week_end"], as_of) - since) / WEEK
    begun = max((week["week_start"] - since) / WEEK, 0.0)
    own = until > 0.0 and as_of > week["week_start"]
    return {
        "mean_decline": mean_decline(belief, 0.0, until, negligible_weight=PRUNED_BELOW) if until > 0.0 else None,
        "decline": mean_decline(belief, begun, until, negligible_weight=PRUNED_BELOW) if own else None,
        "probability_rebound": probability_rebound(belief, max((used["collected_at"][-1] - since) / WEEK, 0.0)),
        "odds_non_responder": odds_non_responder(belief),
    }


def weeks(
    seeds: range, *, as_of: datetime = AS_OF, longer: float = 1.0
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each week of wards of synthetic patients by the kernel and by the reference; `longer` stretches the samples' days."""
    protocol = Protocol.shipped()
    for seed in seeds:
        results, courses = ward(seed)
        results = results.with_columns(collected_at=START + longer * (pl.col("collected_at") - START))
        series = rows_by_series(results, protocol, as_of)
        for week in decline(results, courses, as_of=as_of).filter(pl.col("n_results") > 0).iter_rows(named=True):
            yield week, reference_of(week, series[tuple(week[key] for key in SERIES)], protocol, as_of)


def gaps(week: dict[str, Any], name: str, expected: Mixture | None) -> Iterator[tuple[str, float]]:
    """Differences of one estimate: mean and P as they are, an end of the interval by the probability below it."""
    centre, above = week[f"{name}_log10_per_week"], week[PROBABILITIES[name]]
    assert (centre is None) == (expected is None)
    if expected is None:
        return
    yield "mean", abs(centre - expected.centre)
    yield "P", abs(above - expected.above(1.0))
    for end, p in zip(("low", "high"), TAILS, strict=True):
        yield "F", abs(1.0 - expected.above(week[f"{name}_{end}_log10_per_week"]) - p)


@pytest.mark.parametrize(
    ("seeds", "as_of", "longer"),
    [
        pytest.param(range(24), AS_OF, 1.0, id="after the courses"),
        pytest.param(range(30, 38), START + timedelta(days=17, hours=5), 1.0, id="in the middle of a week"),
        pytest.param(range(40, 52), START + timedelta(days=400), 6.0, id="with gaps of more than four weeks"),
    ],
)
def test_every_week_is_the_references(seeds, as_of, longer, capsys):
    """Means, P, rebound and odds within 1e-9; the probability below each end of an interval within 1e-7."""
    worst = dict.fromkeys(("mean", "P", "F", "rebound", "odds"), 0.0)
    count, segments = 0, 0
    for week, expected in weeks(seeds, as_of=as_of, longer=longer):
        count += 1
        segments += week["status"] == "new_segment"
        found = [pair for name in ESTIMATES for pair in gaps(week, name, expected[name])]
        found.append(("rebound", abs(week["probability_rebound"] - expected["probability_rebound"])))
        odds = expected["odds_non_responder"]
        found.append(("odds", abs(week["odds_non_responder"] - odds) / max(1.0, odds)))
        for name, gap in found:
            worst[name] = max(worst[name], gap)
    with capsys.disabled():
        print(f"\n{count} weeks, {segments} new segments: " + ", ".join(f"{k} {v:.1e}" for k, v in worst.items()))
    assert count > 50
    assert segments >= (10 if longer > 1.0 else 0)
    assert worst.pop("F") < 1.1e-7, "1e-7 by the table of Phi, which is itself within 1e-9"
    assert max(worst.values()) < 1e-9, worst


def test_after_a_long_gap_only_straight_lines_speak_and_the_load_before_it_says_nothing():
    """A rebound needs a change since the anchor; after the gap there is none. The weeks before it do not matter."""
    protocol = Protocol.shipped()
    late = [week for week, _ in weeks(range(40, 46), as_of=START + timedelta(days=400), longer=6.0)]
    after = [week for week in late if week["status"] == "new_segment"]
    assert after
    assert {week["probability_rebound"] for week in after} == {0.0}
    lines = protocol.trajectory_lines_of("plasma")
    belief = belief_after_gap(lines, mean=4.0, sd=2.0)
    assert all(line.is_straight for line in belief.lines)
    assert np.array_equal(belief.covariance[:, 0, 1:], np.zeros_like(belief.covariance[:, 0, 1:]))
