"""What must hold of `weekly_decline` for any ward, by either method: order, company, later samples, stricter targets."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain import words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.errors import ProtocolError
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.protocol import read_trajectory_priors, trajectory_priors_text
from cmvmon.shell.folder.protocol_files import Protocol

START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=60)
SEEDS = st.integers(0, 10**6)
METHODS = st.sampled_from(words.METHOD)


def ward(seed: int, patients: int = 4) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(results, courses) of a few synthetic patients in plasma and BAL, with every detection state and odd times."""
    rng = np.random.default_rng(seed)
    results, courses = [], []
    for p in range(patients):
        name = f"synthetic-{p}"
        begin = START + timedelta(hours=float(rng.uniform(0, 48)))
        stop = begin + timedelta(days=float(rng.uniform(10, 40)))
        courses.append((name, "ganciclovir", "treatment", begin, stop if rng.random() < 0.5 else None))
        if rng.random() < 0.5:
            courses.append((name, "foscarnet", "treatment", begin + timedelta(days=float(rng.uniform(3, 20))), None))
        for compartment, lloq in (("plasma", 35.0), ("bal", 200.0)):
            level, slope = rng.normal(4, 1), rng.normal(0.9, 0.9)
            for i in range(int(rng.integers(0, 9))):
                day = float(rng.choice([rng.uniform(-8, 45), float(rng.integers(-3, 45))]))
                load = 10.0 ** (level - slope * max(day, 0.0) / 7.0 + 0.2 * rng.normal())
                state = "quantified" if load >= lloq else ("below_lloq" if rng.random() < 0.5 else "not_detected")
                state = "above_uloq" if load > 1e6 else state
                value = load if state == "quantified" else None
                results.append(
                    (f"{name}-{compartment}-{i}", name, compartment, begin + timedelta(days=day), state, value, lloq)
                )
    names = [
        "result_id",
        "patient_id",
        "compartment",
        "collected_at",
        "detection",
        "viral_load_iu_per_ml",
        "lloq_iu_per_ml",
    ]
    moment = pl.Datetime("us", "UTC")
    types = [pl.String(), pl.String(), pl.String(), moment, pl.String(), pl.Float64(), pl.Float64()]
    frame = pl.DataFrame(results, schema=dict(zip(names, types, strict=True)), orient="row").with_columns(
        laboratory=pl.lit("synthetic"),
        assay=pl.lit("synthetic"),
        lod_iu_per_ml=pl.col("lloq_iu_per_ml") / 2,
        uloq_iu_per_ml=pl.lit(1e6),
    )
    kinds = {
        "patient_id": pl.String(),
        "drug": pl.String(),
        "indication": pl.String(),
        "started_at": moment,
        "stopped_at": moment,
    }
    return frame, pl.DataFrame(courses, schema=kinds, orient="row")


def decline(
    results: pl.DataFrame,
    courses: pl.DataFrame,
    *,
    target: float = 1.0,
    as_of: datetime = AS_OF,
    method: str = "bank",
    protocol: Protocol | None = None,
) -> pl.DataFrame:
    protocol = protocol or Protocol.shipped()
    protocol = replace(protocol, decline=replace(protocol.decline, target_log10_per_week=target))
    clocks = treatment_courses(courses, protocol=protocol, as_of=as_of)
    return weekly_decline(results, clocks, protocol=protocol, as_of=as_of, method=method)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, method=METHODS)
def test_row_order_and_company_change_no_bit_and_every_promise_is_kept(seed, method):
    results, courses = ward(seed)
    whole = decline(results, courses, method=method)
    assert split_by_promises(whole, WEEKLY_DECLINE)[1].is_empty()
    assert whole.select(WEEKLY_DECLINE.key).is_duplicated().sum() == 0
    assert whole.equals(whole.sort(WEEKLY_DECLINE.key))
    shuffled = results.sample(fraction=1.0, shuffle=True, seed=seed)
    assert decline(shuffled, courses.reverse(), method=method).equals(whole)
    mine = {name: pl.col("patient_id") == name for name in sorted(set(courses["patient_id"]))}
    apart = [decline(results.filter(one), courses.filter(one), method=method) for one in mine.values()]
    assert pl.concat(apart).equals(whole)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, method=METHODS, parts=st.integers(2, 5))
def test_splitting_the_patients_into_partitions_changes_no_bit(seed, method, parts):
    """By hash of the patient, as `analyze --partitions` does; a partition may hold nobody."""
    results, courses = ward(seed, patients=7)
    whole = decline(results, courses, method=method)
    part = pl.col("patient_id").hash(seed) % parts
    split = [decline(results.filter(part == i), courses.filter(part == i), method=method) for i in range(parts)]
    assert pl.concat(split).sort(WEEKLY_DECLINE.key).equals(whole)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, day=st.integers(7, 40), method=METHODS)
def test_a_later_sample_never_changes_a_week_that_had_ended(seed, day, method):
    """Weeks whose end, and what may stand for it, lies before a moment are the same with later results in the table or not."""
    results, courses = ward(seed)
    until = START + timedelta(days=day)
    ended = pl.col("week_end") + pl.duration(hours=Protocol.shipped().decline.week_end_within_h) < until
    whole = decline(results, courses, method=method).filter(ended)
    before = decline(results.filter(pl.col("collected_at") < until), courses, method=method).filter(ended)
    assert whole.join(before, on=WEEKLY_DECLINE.key, how="semi").equals(before)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, day=st.integers(7, 40), method=METHODS)
def test_results_after_as_of_change_no_bit(seed, day, method):
    results, courses = ward(seed)
    as_of = START + timedelta(days=day, hours=7)
    known = results.filter(pl.col("collected_at") <= as_of)
    found = [decline(given, courses, as_of=as_of, method=method) for given in (results, known)]
    assert found[0].equals(found[1])


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, target=st.floats(0.0, 2.0), more=st.floats(0.0, 2.0), method=METHODS)
def test_a_higher_target_never_turns_not_met_into_met(seed, target, more, method):
    """And no probability of being above it rises."""
    results, courses = ward(seed)
    low, high = (decline(results, courses, target=t, method=method) for t in (target, target + more))
    calls = pl.DataFrame({"low": low["call"], "high": high["call"]})
    assert calls.filter((pl.col("low") == "not_met") & (pl.col("high") == "met")).is_empty()
    for name in ("probability_above_target", "mean_probability_above_target"):
        assert ((high[name] - low[name]) <= 1e-12).all(), name


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, factor=st.floats(-2.0, 2.0), method=METHODS)
def test_multiplying_every_load_and_limit_leaves_the_decline_unchanged(seed, factor, method):
    """Loads, limits and the prior's loads move together; what is told of the decline does not."""
    results, courses = ward(seed)
    loads = [name for name in results.columns if name.endswith("_iu_per_ml")]
    moved = results.with_columns(pl.col(name) * 10.0**factor for name in loads)
    found = decline(results, courses, method=method)
    again = decline(moved, courses, method=method, protocol=with_loads_moved(Protocol.shipped(), factor))
    assert again.select(WEEKLY_DECLINE.key).equals(found.select(WEEKLY_DECLINE.key))
    for name in SAID_OF_THE_DECLINE:
        gaps = (again[name] - found[name]).abs() / found[name].abs().clip(1.0)
        assert again[name].is_null().equals(found[name].is_null()), name
        assert (gaps.drop_nulls() < 1e-3).all(), name  # the quadrature of three limits: docs/decisions/0018


SAID_OF_THE_DECLINE = [
    name
    for name in WEEKLY_DECLINE.empty().columns
    if name.endswith("_per_week") or "probability" in name or name == "odds_non_responder"
]


def with_loads_moved(protocol: Protocol, by: float) -> Protocol:
    """The protocol whose priors expect loads `by` log10 higher."""
    priors = protocol.trajectory_priors
    assert priors is not None
    lines = {
        key: tuple(replace(line, mean=(line.mean[0] + by, *line.mean[1:])) for line in lines)
        for key, lines in priors.lines.items()
    }
    decline = protocol.decline
    moved_line = {
        key: replace(one, intercept_mean_log10=one.intercept_mean_log10 + by) for key, one in protocol.priors.items()
    }
    return replace(
        protocol,
        decline=replace(decline, window_intercept_mean_log10=decline.window_intercept_mean_log10 + by),
        priors=moved_line,
        trajectory_priors=replace(priors, lines=lines),
    )


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, method=METHODS)
def test_probabilities_odds_and_intervals_are_in_range(seed, method):
    found = decline(*ward(seed), method=method)
    for name in ("probability_above_target", "mean_probability_above_target", "probability_rebound"):
        assert found[name].drop_nulls().is_between(0.0, 1.0).all(), name
    assert found["odds_non_responder"].drop_nulls().is_between(1e-12, 1e12).all()
    for name in ("decline", "mean_decline"):
        low, centre, high = (found[f"{name}_{part}log10_per_week"] for part in ("low_", "", "high_"))
        assert ((low <= centre) & (centre <= high)).drop_nulls().all(), name
    assert (found["method"] == method).all()


def test_weights_of_a_priors_file_count_by_their_proportions_alone():
    """Every weight of the file moved by what rounding may move it, and the same numbers."""
    protocol = Protocol.shipped()
    priors = protocol.trajectory_priors
    assert priors is not None
    written = trajectory_priors_text(priors)
    rounded = re.sub(
        r"^weight = (.+)$", lambda found: f"weight = {float(found[1]) * 1.005!r}", written, flags=re.MULTILINE
    )
    one, other = (
        replace(protocol, trajectory_priors=read_trajectory_priors(text, name="x.toml")) for text in (written, rounded)
    )
    results, courses = ward(5)
    found, again = decline(results, courses, protocol=one), decline(results, courses, protocol=other)
    for name in SAID_OF_THE_DECLINE:
        assert (again[name] - found[name]).abs().drop_nulls().max() < 1e-6, name
    assert again["call"].equals(found["call"])


def test_a_method_that_is_none_and_priors_that_were_not_read_are_refused_in_words():
    results, courses = ward(1)
    with pytest.raises(ValueError, match="the method is 'guess'; known are line, bank"):
        decline(results, courses, method="guess")
    unread = replace(Protocol.shipped(), trajectory_priors=None)
    with pytest.raises(ProtocolError, match="which were not read"):
        decline(results, courses, protocol=unread)
    assert decline(results, courses, protocol=unread, method="line").height > 0


@pytest.mark.parametrize("method", words.METHOD)
def test_results_without_a_patient_on_treatment_and_an_empty_ward_give_the_empty_table(method):
    results, courses = ward(1)
    for some_results, some_courses in ((results.clear(), courses), (results, courses.clear())):
        found = decline(some_results, some_courses, method=method)
        assert found.is_empty()
        assert found.schema == WEEKLY_DECLINE.empty().schema


def test_importing_the_package_imports_no_compiler():
    code = "import sys, cmvmon.kinetics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
