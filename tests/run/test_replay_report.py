"""What a replay counts: rates, repeats, ends, two policies, and alerts held against the truth. Alerts written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cmvmon.answers import Worse
from cmvmon.domain.errors import SiteError
from cmvmon.protocol import Protocol
from cmvmon.run.replay.replay_ledger import Ledger, Told
from cmvmon.run.replay.replay_report import ended, only_under, per_week, rates, repeats
from cmvmon.run.replay.replay_truth import Course, Series, against_truth, read_truth
from cmvmon.run.replay.replaying import Replayed, Side
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.folder import protocol_files
from cmvmon.shell.rows.stamp import Stamp
from tests.spec.reading import cells

DAY_0 = datetime(2026, 3, 1, 5, tzinfo=UTC)
OWN: Protocol = protocol_files.Protocol.shipped()


def at(day: float) -> datetime:
    return DAY_0 + timedelta(days=day)


def told(text: str) -> list[Told]:
    """Alerts of a table `rule | patient | opened | ended | why | tier`; `-` = not, `before` = open when the replay began."""
    found = []
    for row in cells(text):
        is_before = row["opened"] == "before"
        opened, ended_at = at(0 if is_before else float(row["opened"])), _number(row["ended"])
        found.append(
            Told(
                rule=row["rule"],
                subject_kind="series",
                patient_id=row["patient"],
                compartment="plasma",
                subject=row["patient"],
                tier=int(row["tier"]),
                opened_at=opened,
                listed_at=None if is_before or row["tier"] == "3" else opened,
                ended_at=None if ended_at is None else at(ended_at),
                end=None if ended_at is None else "closed" if row["why"] != "-" else "resolved",
                cause=None if row["why"] == "-" else row["why"],
                stood_before=is_before,
            )
        )
    return found


def _number(text: str) -> float | None:
    return None if text == "-" else float(text)


ALERTS = """
    rule     | patient | opened | ended | why        | tier
    rebound  | A       | before | 2     | -          | 2
    rebound  | A       | 16     | 17    | -          | 2
    rebound  | A       | 31.1   | -     | -          | 1
    response | A       | 3      | 4     | -          | 2
    rebound  | B       | 3      | 5     | stay_ended | 3
"""


@pytest.mark.parametrize(
    ("days", "again"), [(14, [16.0]), (13.9, []), (14.1, [16.0, 31.1]), (0, [])], ids=["14", "13.9", "14.1", "none"]
)
def test_a_repeat_is_the_same_rule_and_subject_opened_again_within_the_stated_days(
    days: float, again: list[float]
) -> None:
    assert [one.opened_at for one in repeats(told(ALERTS), days)] == [at(day) for day in again]


def test_what_stood_before_is_counted_as_no_alert_of_the_replay() -> None:
    opened = [one for one in told(ALERTS) if not one.stood_before]
    found = {row["of"]: row["alerts"] for row in rates(opened, {"A": 28, "B": 7})}
    assert found == {"all": 4, "tier 1": 1, "tier 2": 2, "tier 3": 1, "rebound": 3, "response": 1}


def test_a_rate_is_per_week_that_a_patient_was_there_and_alerts_of_one_patient_widen_it() -> None:
    days = {f"{n}": 7 for n in range(10)}
    spread = [_one(f"{n}") for n in range(10)]
    of_one = [_one("0") for _ in range(10)]
    even, uneven = per_week(spread, days), per_week(of_one, days)
    assert even["per_patient_week"] == uneven["per_patient_week"] == 1.0
    assert even["low"] == pytest.approx(0.479, abs=0.001)
    assert uneven["low"] < even["low"] < 1.0 < even["high"] < uneven["high"]  # type: ignore[operator]
    assert per_week([], {})["per_patient_week"] is None


def _one(patient: str) -> Told:
    return Told("rebound", "series", patient, "plasma", patient, 2, at(1), at(1))


def test_ends_are_counted_by_rule_and_cause() -> None:
    found = [(row["rule"], row["end"], row["cause"], row["alerts"]) for row in ended(told(ALERTS))]
    assert found == [
        ("rebound", "closed", "stay_ended", 1),
        ("rebound", "resolved", "judged clear", 2),
        ("response", "resolved", "judged clear", 1),
    ]


def test_only_under_one_policy_is_a_rule_and_subject_that_the_other_never_alerted() -> None:
    one, other = Side(OWN, tuple(told(ALERTS))), Side(OWN, tuple(told(ALERTS)[:3]))
    assert [(row["rule"], row["patient_id"]) for row in only_under(one, other)] == [("response", "A"), ("rebound", "B")]
    assert only_under(other, one) == []


# --- the ledger --------------------------------------------------------------------------------------------------------


def verdict(what: str, tier: int | None = 2) -> dict[str, Any]:
    about = {"rule": "rebound", "subject_kind": "series", "patient_id": "A", "compartment": "plasma", "subject": "{}"}
    return about | {"verdict": what, "tier": tier, "evidence": "{}"}


def said(*verdicts: tuple[float, dict[str, Any]], ledger: Ledger | None = None) -> Ledger:
    ledger = ledger or Ledger()
    for day, row in verdicts:
        ends = Ends(lambda _: "no_series", lambda _: {}, (), Worse(0.5, 1.0), {})
        ledger.say([row], ends, stamp=Stamp(at(day), "bank", OWN.version, OWN.sha256))
    return ledger


def test_an_alert_is_counted_once_under_its_gravest_tier_and_is_on_the_list_from_when_it_had_it() -> None:
    (one,) = said(
        (0, verdict("alert", 3)), (1, verdict("alert", 2)), (2, verdict("alert", 3)), (3, verdict("clear"))
    ).told
    assert (one.tier, one.opened_at, one.listed_at, one.ended_at) == (2, at(0), at(1), at(3))


def test_an_alert_that_ends_and_comes_back_is_two() -> None:
    ledger = said((0, verdict("alert")), (1, verdict("clear")), (2, verdict("not_assessable")), (3, verdict("alert")))
    assert [(one.opened_at, one.ended_at) for one in ledger.told] == [(at(0), at(1)), (at(3), None)]


@pytest.mark.parametrize(("other_alert", "n"), [(False, 2), (True, 1)])
def test_what_a_person_ended_is_taken_over_of_that_alert_only(other_alert: bool, n: int) -> None:
    """Set aside by a person on day 1, it opens anew on day 2; said of an alert that is not there, it changes nothing."""
    ledger = Ledger()
    ends = Ends(lambda _: "no_series", lambda _: {}, (), Worse(0.5, 1.0), {})
    stamp = Stamp(at(0), "bank", OWN.version, OWN.sha256)
    (event,) = ledger.say([verdict("alert")], ends, stamp=stamp)
    by_hand = event | {"state": "closed", "event": "closed", "actor": "a doctor", "changed_at": at(1), "cause": "aside"}
    ledger.take_over(by_hand | ({"alert_id": "another"} if other_alert else {}))
    assert len(said((2, verdict("alert")), ledger=ledger).told) == n


# --- the truth ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "onset", "stopped", "days", "n_false", "delay"),
    [
        ("responder", None, None, [5, 9], 2, None),
        ("responder", None, None, [-1], 0, None),  # untreated: not judged
        ("responder", None, 6, [5, 9], 1, None),  # after the drug was stopped: not judged
        ("non_responder", 0, None, [-1, 12], 0, 12.0),
        ("rebound", 10, None, [4, 12], 1, 2.0),
        ("rebound", 10, None, [4], 1, None),
        ("rebound", 10, None, [10], 0, 0.0),
        ("responder, rises later", 10, None, [11.5], 0, 1.5),
        ("slow", None, None, [4, 12], 0, 4.0),  # shown, and judged neither way
    ],
)
def test_alerts_are_held_against_what_the_load_did(
    name: str, onset: float | None, stopped: float | None, days: list[float], n_false: int, delay: float | None
) -> None:
    until = None if stopped is None else at(stopped)
    course = Course("A", "plasma", name, at(0), None if onset is None else at(onset), until)
    series = Series(course, tuple((at(day), _one("A")) for day in days))
    assert (len(series.false_alarms), series.delay_days) == (n_false, delay)


def truth(**row: Any) -> pl.DataFrame:
    """One row of truth.parquet."""
    given = {
        "patient_id": "A",
        "compartment": "plasma",
        "class": "responder",
        "anchor_at": at(0),
        "late_from_days": None,
        "late_decline_log10_per_week": None,
        "drug_change": None,
        "drug_changed_days": None,
        "decline_after_change_log10_per_week": None,
    }
    return pl.DataFrame([given | row])


@pytest.mark.parametrize(
    ("row", "name", "onset"),
    [
        ({}, "responder", None),
        ({"class": "non_responder"}, "non_responder", 0),
        ({"class": "rebound", "late_from_days": 9.0, "late_decline_log10_per_week": -1.0}, "rebound", 9),
        ({"late_from_days": 9.0, "late_decline_log10_per_week": 0.2}, "responder", None),
        (
            {"drug_change": "stopped", "drug_changed_days": 8.0, "decline_after_change_log10_per_week": -0.5},
            "responder, rises later",
            8,
        ),
        (
            {"drug_change": "switched", "drug_changed_days": 8.0, "decline_after_change_log10_per_week": -0.5},
            "responder",
            None,
        ),
    ],
)
def test_the_onset_is_when_the_load_truly_turned(
    tmp_path: Path, row: dict[str, Any], name: str, onset: float | None
) -> None:
    truth(**row).write_parquet(tmp_path / "truth.parquet")
    (course,) = read_truth(tmp_path / "truth.parquet")
    assert (course.name, course.onset) == (name, None if onset is None else at(onset))


def test_a_file_that_is_no_truth_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    truth().drop("class").write_parquet(tmp_path / "other.parquet")
    with pytest.raises(SiteError, match="lacks class"):
        read_truth(tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(SiteError, match="can't be read as Parquet"):
        read_truth(tmp_path / "text.parquet")


def test_a_series_counts_whose_patient_was_still_there_when_it_turned() -> None:
    courses = [Course(name, "plasma", "rebound", at(0), at(9), None) for name in ("A", "B", "C")]
    alerts = """
        rule    | patient | opened | ended | why | tier
        rebound | A       | 12     | -     | -   | 2
        rebound | A       | 4      | 5     | -   | 2
        rebound | A       | 11     | -     | -   | 3
    """
    found = against_truth(Side(OWN, tuple(told(alerts))), courses, _replayed({"A": 20, "B": 9, "C": 8}))
    (row,) = found["by_course"]
    assert (row["series"], row["alerted"]["n"], row["median_delay_days"], row["false_alarms"]) == (2, 1, 3.0, 1)
    assert (found["n_judged"], found["n_false"]) == (2, 1)


def _replayed(last: dict[str, int]) -> Replayed:
    """A replay of 21 days, of patients who were there until that day."""
    since = DAY_0.date()
    return Replayed(
        since=since,
        until=since + timedelta(days=20),
        nights=21,
        refreshes=0,
        patient_days={name: day + 1 for name, day in last.items()},
        last_days={name: since + timedelta(days=day) for name, day in last.items()},
        days=21,
        mornings=True,
        judged_otherwise=0,
        history_since=0,
        sides=(),
    )
