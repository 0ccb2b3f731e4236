"""What `weekly_decline` says of a series, as tables: weeks, baseline, observed pair, status and call.

Treatment with ganciclovir starts on day 0 and runs, unless a table says otherwise. Loads in IU/mL; plasma, sigma 0.13.
Each table holds for both methods, the bank of lines and the one line, unless it names one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.shell.folder.protocol_files import Protocol
from tests.spec.reading import cells, courses, moment, results

GANCICLOVIR = """
    drug        | from | to
    ganciclovir | 0    |
"""


def weeks_of(
    given: str,
    *,
    drugs: str = GANCICLOVIR,
    as_of: str = "90",
    lod: float | None = None,
    method: str = "bank",
    protocol: Protocol | None = None,
) -> pl.DataFrame:
    protocol, at = protocol or Protocol.shipped(), moment(as_of)
    clocks = treatment_courses(courses(drugs), protocol=protocol, as_of=at)
    found = weekly_decline(results(given, lod=lod), clocks, protocol=protocol, as_of=at, method=method)
    assert set(found["method"]) <= {method}
    assert split_by_promises(found, WEEKLY_DECLINE)[1].is_empty()
    return found


def shown(weeks: pl.DataFrame) -> list[dict[str, str]]:
    """week, status, call and reason of each row, as a table writes them."""
    columns = {"week": "treatment_week", "status": "status", "call": "call", "reason": "reason"}
    return [
        {k: str(row[c]) if row[c] is not None else "" for k, c in columns.items()}
        for row in weeks.iter_rows(named=True)
    ]


CASES = {
    "a fall of 2 log10 a week is met, one of none is not": (
        "day | reported\n -1 | 1000000\n 6 | 10000\n 13 | 100",
        "week | status | call | reason\n 1 | ok | met |\n 2 | ok | met |",
    ),
    "a load that stays is not_met": (
        "day | reported\n -1 | 10000\n 6 | 10000\n 13 | 10000",
        "week | status | call | reason\n 1 | ok | not_met |\n 2 | ok | not_met |",
    ),
    "a fall at the target is indeterminate": (
        "day | reported\n 0 | 100000\n 7 | 10000\n 13 | 1400",
        "week | status | call | reason\n 1 | ok | indeterminate |\n 2 | ok | indeterminate |",
    ),
    "one result, or two at one time, tell nothing beyond the prior": (
        "day | reported\n 1 | 10000\n 1 | 9000",
        "week | status | call | reason\n 1 | prior_only | | too_close",
    ),
    "never quantified": (
        "day | reported\n 0 | <100\n 6 | nd<100",
        "week | status | call | reason\n 1 | all_censored | |",
    ),
    "a week without a result is shown, with no call": (
        "day | reported\n 0 | 10000\n 6 | 1000\n 20 | 100",
        "week | status | call | reason\n 1 | ok | indeterminate |\n 2 | no_new_result | |\n 3 | ok | not_met |",
    ),
    "the last two below the LLOQ are suppressed, and met when the fall until the first was fast enough": (
        "day | reported\n 0 | 1000000\n 6 | <35\n 13 | <35",
        "week | status | call | reason\n 1 | ok | met |\n 2 | suppressed | met |",
    ),
    "a baseline near the LLOQ can't show that a fall is too slow": (
        "day | reported\n 0 | 200\n 6 | 150\n 13 | <100",
        "week | status | call | reason\n 1 | ok | not_met |\n 2 | baseline_near_lloq | |",
    ),
    "a pair within 5 days is marked": (
        "day | reported\n 0 | 100000\n 4 | 10000\n 10 | 100",
        "week | status | call | reason\n 1 | too_close | met | too_close\n 2 | ok | met |",
    ),
    "above range at the start: how fast it fell at least, and never not_met of that alone": (
        "day | reported\n -1 | >1000000\n 6 | >1000000\n 13 | 79600",
        """week | status | call | reason
            1 | all_censored | |
            2 | baseline_above_uloq | |""",
    ),
    "with no result near the start there is no baseline and no call": (
        "day | reported\n 4 | 100000\n 11 | 1000",
        "week | status | call | reason\n 1 | no_baseline | |\n 2 | no_baseline | |",
    ),
    "a gap of more than 28 days begins a new segment; only the week that holds its first result says so": (
        "day | reported\n 0 | 100000\n 6 | 10000\n 34+1h | 10000\n 48 | 100",
        """week | status | call | reason
            1 | ok | indeterminate |
            2 | no_new_result | |
            3 | no_new_result | |
            4 | no_new_result | |
            5 | new_segment | |
            6 | prior_only | |
            7 | ok | indeterminate |""",
    ),
    "two corrected values under one result": (
        "day | reported | conflicting\n 0 | 10000 |\n 6 | 1000 |\n 13 | 100 | yes",
        "week | status | call | reason\n 1 | ok | indeterminate |\n 2 | invalid_input | | conflicting_values",
    ),
    "a compartment whose noise is not known": (
        "day | reported | compartment\n 0 | 10000 | urine\n 6 | 1000 | urine",
        "week | status | call | reason\n 1 | invalid_input | | sigma_unknown",
    ),
    "the same with the laboratory's own noise": (
        "day | reported | compartment | sigma\n 0 | 10000 | csf | 0.13\n 6 | 10000 | csf | 0.13",
        "week | status | call | reason\n 1 | ok | not_met |",
    ),
    "noise that is no positive number": (
        "day | reported | sigma\n 0 | 10000 | 0\n 6 | 1000 | 0",
        "week | status | call | reason\n 1 | invalid_input | | sigma_invalid",
    ),
    "a limit that the row needs and lacks": (
        "day | reported\n 0 | 10000\n 6 | <",
        "week | status | call | reason\n 1 | invalid_input | | limit_missing",
    ),
}


def written(expected: str) -> list[dict[str, str]]:
    return cells(expected)


@pytest.mark.parametrize("method", words.METHOD)
@pytest.mark.parametrize("case", CASES)
def test_each_week_has_its_status_call_and_reason(case, method):
    given, expected = CASES[case]
    assert shown(weeks_of(given, method=method)) == written(expected)


def test_the_tables_show_every_status_but_the_interrupted_one_which_has_its_own():
    """Fails when a status is added without a table."""
    said = {row["status"] for _, expected in CASES.values() for row in written(expected)}
    assert said | {"interrupted"} == set(words.STATUS)


REBOUND = """
    day | reported
    0   | 1000000000
    3   | 80000000
    7   | 1000000
    10  | 60000
    13  | 3000
    17  | 5000
    20  | 15000
"""


def test_a_fall_that_turned_into_a_rise_is_no_longer_met():
    """Five log10 in two weeks, then a rise: the mean since the start is still above target, and says too much."""
    bank, line = (weeks_of(REBOUND, method=method) for method in ("bank", "line"))
    assert shown(bank)[1:] == written("""
        week | status | call          | reason
        2    | ok     | met           |
        3    | ok     | indeterminate | rebound_suspected
    """)
    assert bank["mean_probability_above_target"][2] > 0.9
    assert bank["probability_rebound"][2] > 0.4, "one result stands above the fall: possible, not certain"
    assert bank["decline_log10_per_week"][2] < 0.0, "the week's own decline: it rises"
    assert "rebound_suspected" not in line["reason"].to_list(), "one line knows no rebound"


def test_the_rebound_alarm_is_active_at_its_threshold_and_not_below_it():
    """The alarm of the series' compartment, set to the very P(rebound) of week 3, and to the next number above it."""
    protocol = Protocol.shipped()
    probability = weeks_of(REBOUND)["probability_rebound"][2]

    def with_alarm(threshold: float, compartment: str = "plasma") -> list[str]:
        alarms = dict(protocol.alarms)
        alarms[compartment] = replace(alarms[compartment], probability_rebound=threshold)
        never = {name: replace(alarm, probability_rebound=1.1) for name, alarm in alarms.items() if name != compartment}
        return shown(weeks_of(REBOUND, protocol=replace(protocol, alarms=alarms | never)))[2]

    assert with_alarm(probability)["reason"] == "rebound_suspected"
    assert with_alarm(math.nextafter(probability, 2.0))["call"] == "met"
    assert with_alarm(0.0, compartment="bal")["call"] == "met", "another compartment's alarm is not this one's"


def test_a_met_call_is_all_that_a_suspected_rebound_takes_away():
    """With an alarm that is always active, calls that are not met keep their word and get no reason."""
    protocol = Protocol.shipped()
    alarms = {name: replace(alarm, probability_rebound=0.0) for name, alarm in protocol.alarms.items()}
    for given, _ in CASES.values():
        before, after = weeks_of(given), weeks_of(given, protocol=replace(protocol, alarms=alarms))
        pairs = zip(shown(before), shown(after), strict=True)
        for one, other in pairs:
            if one["call"] == "met" and one["status"] != "suppressed":
                assert (other["call"], "rebound_suspected" in other["reason"]) == ("indeterminate", True)
            else:
                assert other == one


def test_rebound_and_odds_are_told_by_the_bank_alone_and_change_with_the_course():
    """A load that stays speaks for a non-responder, one that falls by 2 log10 a week for a responder."""
    stays = "day | reported\n 0 | 100000\n 6 | 100000\n 13 | 100000\n 20 | 100000"
    falls = "day | reported\n 0 | 10000000\n 6 | 200000\n 13 | 2000\n 20 | 20"
    odds = {name: weeks_of(given)["odds_non_responder"][-1] for name, given in (("stays", stays), ("falls", falls))}
    assert odds["stays"] > 1.0 > odds["falls"]
    line = weeks_of(stays, method="line")
    assert line["odds_non_responder"].null_count() == line["probability_rebound"].null_count() == line.height


@pytest.mark.parametrize(
    ("days", "baseline", "reason"),
    [
        pytest.param(("-73h", "-72h"), "-72h", None, id="72 hours before the anchor still counts"),
        pytest.param(("-20h", "19h"), "19h", None, id="the nearest"),
        pytest.param(("-20h", "20h"), "-20h", None, id="on a tie the earlier"),
        pytest.param(("-168h", "-72.5h"), "-72.5h", "baseline_early", id="else the latest of the week before"),
        pytest.param(("-169h", "-168h"), "-168h", "baseline_early", id="seven days before the anchor still counts"),
        pytest.param(("24h", "30h"), "24h", None, id="24 hours after the anchor still counts"),
        pytest.param(("25h", "30h"), "25h", "baseline_late;too_close", id="else the earliest until day 3"),
        pytest.param(("72h", "80h"), "72h", "baseline_late;too_close", id="72 hours after the anchor still counts"),
    ],
)
def test_the_baseline_is_the_nearest_result_else_an_earlier_else_a_later_one(days, baseline, reason):
    """The first of the pair has 10^5, the second 10^4; day 6 has 10^3. The observed pair starts at the baseline."""
    found = weeks_of(f"day | reported\n {days[0]} | 100000\n {days[1]} | 10000\n 6 | 1000")
    week = found.row(0, named=True)
    assert week["observed_from_log10"] == (5.0 if baseline == days[0] else 4.0)
    assert week["n_results"] == (3 if baseline == days[0] else 2)
    assert week["reason"] == reason


def test_the_observed_pair_gives_the_bounds_that_the_reported_limits_leave():
    """From 4.0 log10 to "<100 IU/mL" in one week is a decline of at least 2.0; from above 10^6 to 4.0 at least 2.0."""
    week = weeks_of("day | reported\n 0 | 10000\n 7 | <100").row(1, named=True)
    assert week["observed_decline_low_log10_per_week"] is None, "the pair of week 2 is one result"
    falls = weeks_of("day | reported\n 0 | 10000\n 3.5 | 10000\n 10.5 | <100").row(1, named=True)
    assert falls["observed_decline_low_log10_per_week"] == pytest.approx(2.0)
    assert falls["observed_decline_high_log10_per_week"] is None
    assert (falls["observed_from_log10"], falls["observed_to_log10"]) == (4.0, 2.0)
    above = weeks_of("day | reported\n -1 | >1000000\n 6 | 10000").row(0, named=True)
    assert above["observed_decline_low_log10_per_week"] == pytest.approx(2.0)
    assert above["observed_decline_high_log10_per_week"] is None


def test_a_week_that_has_not_ended_is_provisional():
    given = "day | reported\n 0 | 10000\n 6 | 1000\n 8 | 500"
    assert weeks_of(given, as_of="7")["reason"].to_list() == [None]
    assert weeks_of(given, as_of="6+23h")["reason"].to_list() == ["provisional"]
    assert weeks_of(given, as_of="8")["reason"].to_list() == [None, "provisional;too_close"]


def test_a_week_of_no_length_has_no_estimate_of_its_own():
    """as_of is the first instant of week 2, which holds the result of that instant."""
    week = weeks_of("day | reported\n 0 | 10000\n 7 | 1000", as_of="7").row(1, named=True)
    assert (week["decline_log10_per_week"], week["reason"]) == (None, "provisional")
    assert week["mean_decline_log10_per_week"] == pytest.approx(1.0, abs=0.1)


def test_a_gap_of_exactly_28_days_begins_no_new_segment():
    assert "new_segment" not in weeks_of("day | reported\n 0 | 10000\n 28 | 1000")["status"].to_list()
    assert "new_segment" in weeks_of("day | reported\n 0 | 10000\n 28+0.001h | 1000")["status"].to_list()


def test_another_drug_restarts_the_weeks_and_ends_those_of_the_first():
    found = weeks_of(
        "day | reported\n 0 | 100000\n 6 | 90000\n 13 | 80000\n 20 | 800",
        drugs="drug | from | to\n ganciclovir | 0 | 14\n foscarnet | 14 | ",
    )
    assert found.select("treatment_week", "status", "call").rows() == [
        (1, "ok", "not_met"),
        (2, "ok", "not_met"),
        (1, "ok", "met"),
    ]


def test_weeks_that_touch_an_interruption_get_no_call():
    """Nothing ran from day 5 to day 9: weeks 1 and 2 touch it, week 3 does not."""
    found = weeks_of(
        "day | reported\n 0 | 100000\n 6 | 10000\n 13 | 1000\n 20 | 100",
        drugs="drug | from | to\n ganciclovir | 0 | 5\n ganciclovir | 9 | ",
    )
    assert found.select("status", "call").rows() == [
        ("interrupted", None),
        ("interrupted", None),
        ("ok", "indeterminate"),
    ]


def test_a_course_that_ended_begins_no_further_week():
    """Last dose on day 14: week 3 would begin at it, and there is none."""
    given = "day | reported\n 0 | 100000\n 6 | 10000\n 20 | 1000"
    assert weeks_of(given, drugs="drug | from | to\n ganciclovir | 0 | 14")["treatment_week"].to_list() == [1]
    assert weeks_of(given, drugs="drug | from | to\n ganciclovir | 0 | 14+1h")["treatment_week"].to_list() == [1, 2, 3]


def test_a_series_without_treatment_or_without_a_result_in_any_week_has_no_row():
    assert weeks_of("day | reported\n -1 | 10000").is_empty()
    assert weeks_of("day | reported | patient\n 6 | 10000 | synthetic-b").is_empty()


def test_laboratories_are_never_mixed():
    found = weeks_of("day | reported | lab\n 0 | 100000 | one\n 6 | 1000 | two")
    assert found.select("laboratory", "status").rows() == [("one", "prior_only"), ("two", "no_baseline")]


def test_a_known_limit_of_detection_narrows_what_below_the_lloq_means():
    """Detected below 100 lies between the LOD's cut and 100; without a LOD it may lie anywhere below."""
    given = "day | reported\n 0 | 10000\n 6 | <100"
    free, bound = (weeks_of(given, lod=lod).row(0, named=True) for lod in (None, 50.0))
    assert bound["decline_high_log10_per_week"] < free["decline_high_log10_per_week"]
    assert bound["observed_decline_high_log10_per_week"] is None, "the reported limits know no cut"


def test_a_bal_that_falls_slowly_is_not_met_and_one_that_falls_fast_is_met():
    """BAL from 10^6 IU/mL, LLOQ 200, weekly: 0.3 log10 a week is not_met from week 3 on, 2 log10 a week is met."""
    slow = weeks_of(
        "day | reported | compartment\n 0 | 1000000 | bal\n 7 | 501187 | bal\n 14 | 251189 | bal\n 21 | 125893 | bal"
    )
    assert slow["call"].to_list()[-2:] == ["not_met", "not_met"]
    fast = weeks_of(
        "day | reported | compartment\n 0 | 1000000 | bal\n 7 | 10000 | bal\n 14 | <200 | bal\n 21 | <200 | bal"
    )
    assert fast.select("status", "call").rows()[-1] == ("suppressed", "met")
    assert fast["call"].to_list()[-2:] == ["met", "met"]
