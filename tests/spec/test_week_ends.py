"""Where a treatment week begins and ends in what was sampled: weekly samples, above range at the start, suppressed."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.shell.folder.protocol_files import Protocol
from tests.spec.reading import moment
from tests.spec.test_weeks import weeks_of

LOW, HIGH = "observed_decline_low_log10_per_week", "observed_decline_high_log10_per_week"
PAIR = ("observed_from_log10", "observed_to_log10")


def with_tolerance(hours: float) -> Protocol:
    protocol = Protocol.shipped()
    return replace(protocol, decline=replace(protocol.decline, week_end_within_h=hours))


def pairs(weeks: pl.DataFrame) -> list[tuple[float | None, ...]]:
    return [tuple(None if x is None else round(x, 3) for x in row) for row in weeks.select(PAIR).iter_rows()]


@pytest.mark.parametrize("method", words.METHOD)
@pytest.mark.parametrize("late", [-36, -1, 0, 1, 36])
def test_a_ward_that_samples_every_seven_days_has_a_pair_for_every_week(late, method):
    """Days 0, 7 and 14, each so many hours late; both weeks fall by 1 log10 in what was seen."""
    given = f"day | reported\n 0 | 100000\n 7{late:+d}h | 10000\n 14{late:+d}h | 1000"
    found = weeks_of(given, method=method).filter(pl.col("treatment_week") <= 2)
    assert pairs(found) == [(5.0, 4.0), (4.0, 3.0)]
    assert found[LOW][1] == found[HIGH][1] == pytest.approx(1.0)
    assert found[LOW][0] == pytest.approx(1.0 / (1 + late / 168)), "over the time that really lay between"
    assert found["n_results"].to_list() == [2, 3]
    assert found["status"].to_list() == ["ok", "ok"]


@pytest.mark.parametrize("method", words.METHOD)
def test_a_result_more_than_36_hours_after_an_end_stands_for_none(method):
    """Day 8 and 13 hours lies 37 hours after the end of week 1, which has the baseline alone."""
    found = weeks_of("day | reported\n 0 | 100000\n 7+37h | 10000\n 14 | 1000", method=method)
    assert pairs(found)[0] == (None, None)
    assert found["status"][0] == "prior_only"
    assert pairs(found)[1] == (5.0, 3.0), "week 2 begins at the last result before it"
    assert found["last_result_id"].to_list()[:2] == ["r000", "r002"]


def test_a_result_more_than_36_hours_before_a_start_begins_the_week_only_where_none_is_nearer():
    early = weeks_of("day | reported\n 0 | 100000\n 7-37h | 10000\n 14 | 1000")
    assert pairs(early)[:2] == [(5.0, 4.0), (4.0, 3.0)]
    nearer = weeks_of("day | reported\n 0 | 100000\n 7-37h | 10000\n 7+30h | 8000\n 14 | 1000")
    assert pairs(nearer)[1] == (3.903, 3.0)
    tie = weeks_of("day | reported\n 0 | 100000\n 7-10h | 10000\n 7+10h | 8000\n 14 | 1000")
    assert pairs(tie)[:2] == [(5.0, 4.0), (4.0, 3.0)], "on a tie the earlier"


def test_the_tolerance_is_the_protocols():
    given = "day | reported\n 0 | 100000\n 7+5h | 10000\n 14+5h | 1000"
    assert pairs(weeks_of(given, protocol=with_tolerance(5)))[:2] == [(5.0, 4.0), (4.0, 3.0)]
    assert pairs(weeks_of(given, protocol=with_tolerance(4.9)))[:2] == [(None, None), (5.0, 4.0)]


@pytest.mark.parametrize("hours", [-1.0, 84.0])
def test_a_tolerance_that_reaches_the_other_end_is_refused(hours):
    assert any("half a week" in misfit for misfit in with_tolerance(hours).decline.misfits())
    assert not list(with_tolerance(83.9).decline.misfits())


def test_a_result_not_yet_taken_stands_for_no_end():
    """Judged at the end of week 1, an hour before the sample."""
    given = "day | reported\n 0 | 100000\n 7+1h | 10000"
    assert pairs(weeks_of(given, as_of="7")) == [(None, None)]
    assert pairs(weeks_of(given, as_of="7+1h"))[0] == (5.0, 4.0)


def test_a_result_after_a_long_gap_ends_no_week_before_it():
    """Week 5 ends on day 35; the result an hour later begins anew, five weeks after the one before it."""
    found = weeks_of("day | reported\n 0 | 100000\n 35+1h | 10000\n 42+1h | 1000")
    fifth, sixth = found.row(4, named=True), found.row(5, named=True)
    assert (fifth["n_results"], fifth["observed_to_log10"]) == (1, None)
    assert sixth["status"] == "new_segment"
    assert (sixth["observed_from_log10"], sixth["observed_to_log10"]) == pytest.approx((4.0, 3.0))


ABOVE = "day | reported\n -0.1 | >{limit}\n 6.9 | {second}\n 13.9 | {third}"


@pytest.mark.parametrize("method", words.METHOD)
@pytest.mark.parametrize(
    ("limit", "second", "third"),
    [
        pytest.param("1000000", ">1000000", "79600", id="twice above range"),
        pytest.param("1000000", ">1000000", "500000", id="a small fall seen"),
        pytest.param("10000000", ">10000000", "900000", id="a higher limit"),
    ],
)
def test_a_fall_from_above_range_is_never_not_met_out_of_the_prior(method, limit, second, third):
    """Where it began is not known: the results allow any fall, and the interval reaches past the target."""
    last = weeks_of(ABOVE.format(limit=limit, second=second, third=third), as_of="14", method=method).row(1, named=True)
    assert (last["status"], last["call"]) == ("baseline_above_uloq", None)
    assert last[HIGH] is None
    assert last[LOW] > 0.0
    assert last["mean_probability_above_target"] > 0.1


@pytest.mark.parametrize("method", words.METHOD)
def test_a_fall_from_above_range_that_was_seen_to_be_fast_enough_is_met(method):
    last = weeks_of("day | reported\n 0 | >1000000\n 13.9 | 5000", as_of="14", method=method).row(1, named=True)
    assert (last["status"], last["call"]) == ("baseline_above_uloq", "met")


def test_a_load_that_stays_once_it_can_be_read_is_called_by_what_was_read():
    """Two quantified results far enough apart tell the decline; closer together they do not."""
    apart = weeks_of("day | reported\n 0 | >1000000\n 7 | 900000\n 13.9 | 900000\n 20 | 900000", as_of="20.5")
    assert (apart["status"][-1], apart["call"][-1]) == ("ok", "not_met")
    close = weeks_of("day | reported\n 0 | >1000000\n 12 | 900000\n 13.9 | 900000", as_of="14")
    assert (close["status"][-1], close["call"][-1]) == ("baseline_above_uloq", None)


SUPPRESSED = [
    pytest.param("0 | 50000\n 7 | 1200\n 14 | <35\n 21 | <35\n 28 | <35", id="three below the limit"),
    pytest.param("0 | 50000\n 7 | <35\n 14 | <35\n 21 | nd<35", id="below, detected, not detected"),
    pytest.param("0 | 500000\n 4 | 1200\n 8 | nd<35\n 15 | <35\n 22 | <35", id="detected again"),
]


@pytest.mark.parametrize("given", SUPPRESSED)
def test_no_rebound_is_suspected_and_nothing_undecided_while_the_last_two_lie_below_the_limit(given):
    """Even under an alarm that is always active."""
    protocol = Protocol.shipped()
    alarms = {name: replace(alarm, probability_rebound=0.0) for name, alarm in protocol.alarms.items()}
    for one in (protocol, replace(protocol, alarms=alarms)):
        found = weeks_of(f"day | reported\n {given}", as_of="29", protocol=one, lod=17.5)
        below = found.filter(pl.col("status") == "suppressed")
        assert below.height >= 1
        assert set(below["call"]) <= {"met", None}
        assert not below["reason"].fill_null("").str.contains("rebound_suspected").any()


def test_moments_of_these_tables_are_read_as_meant():
    assert moment("7-37h") < moment("7-36h") < moment("7")
