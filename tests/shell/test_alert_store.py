"""Alerts and what was said, in the store: late words, other subjects, tombstones; on each kind of database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.answers import Worse
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import subject_text
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.alerts.alert_store import Changes
from cmvmon.shell.rows.stamp import Stamp
from cmvmon.shell.work.opening import OpenSite, open_site
from tests import sites
from tests.sites import day


def stamp(moment: datetime, **other: str) -> Stamp:
    return Stamp(
        moment, **({"method": "bank", "protocol_version": "p", "protocol_hash": "h", "code_version": "c"} | other)
    )


def verdict(patient: str, said: str, moment: datetime, evidence: str = "{}") -> dict[str, Any]:
    series = {"patient_id": patient, "compartment": "bal", "laboratory": "lab", "assay": "pcr"}
    return dict.fromkeys(VERDICTS.schema) | {
        "subject_kind": "series",
        "subject": subject_text("series", series),
        "patient_id": patient,
        "compartment": "bal",
        "rule": "made_up",
        "verdict": said,
        "tier": 2 if said == "alert" else None,
        "evidence": evidence,
        "as_of": moment,
        "protocol_version": "p",
    }


def ends() -> Ends:
    """Nothing befell a result, and nobody has left."""
    return Ends(
        cause_of=lambda _: "no_longer_known",
        became_of=lambda _: {},
        left=(),
        worse=Worse(0.5, 1.0),
        goes_on_within={},
    )


def record(
    opened: OpenSite, rows: list[dict[str, Any]], moment: datetime, *, patients: list[str] | None = None, **other: str
) -> Changes:
    under = stamp(moment, **other)
    with opened.writing() as connection:
        changes, late = alert_store.record(
            connection,
            rows,
            stamp=under,
            scope="all" if patients is None else f"delivery of {moment.isoformat()}",
            patients=patients,
            ends=ends(),
        )
        if not changes.is_replay:
            frame = pl.DataFrame(rows, schema=VERDICTS.schema)
            stored_results.record(connection, VERDICTS, frame, stamp=under, patients=patients, late=late)
    return changes


def open_alerts(opened: OpenSite) -> list[str]:
    with opened.reading() as connection:
        return sorted(row["patient_id"] for row in alert_store.alerts(connection, states={"open"}))


def said(opened: OpenSite, moment: datetime) -> list[Mapping[str, Any]]:
    with opened.reading() as connection:
        return stored_results.stored(connection, VERDICTS, as_of=moment).to_dicts()


def test_two_deliveries_that_are_recorded_in_the_other_order_both_open_their_alert(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("B", "alert", day(1.0001))], day(1.0001), patients=["B"])
        changes = record(opened, [verdict("A", "alert", day(1))], day(1), patients=["A"])
        assert (changes.opened, changes.is_replay) == (1, False)
        assert open_alerts(opened) == ["A", "B"]


def test_a_late_delivery_of_the_same_patient_opens_an_alert_and_ends_none(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "clear", day(2))], day(2), patients=["A"])
        record(opened, [verdict("A", "alert", day(1))], day(1), patients=["A"])
        assert open_alerts(opened) == ["A"]
        record(opened, [verdict("A", "alert", day(4))], day(4), patients=["A"])
        record(opened, [verdict("A", "clear", day(3))], day(3), patients=["A"])
        assert open_alerts(opened) == ["A"]


def test_a_night_of_an_earlier_moment_leaves_a_patient_whom_a_delivery_touched_since_and_judges_the_others(
    site: Path,
) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "alert", day(2))], day(2), patients=["A"])
        changes = record(opened, [verdict("A", "clear", day(1)), verdict("B", "alert", day(1))], day(1))
        assert (changes.opened, changes.resolved, changes.is_replay) == (1, 0, False)
        assert open_alerts(opened) == ["A", "B"]
        assert record(opened, [verdict("A", "clear", day(1))], day(0.5)).is_replay


def test_a_night_is_not_moved_by_the_alerts_of_those_whom_it_does_not_cover(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "alert", day(1)), verdict("B", "alert", day(1))], day(1))
        changes = record(opened, [], day(2), patients=["A"])
        assert changes.closed == 1
        assert open_alerts(opened) == ["B"]


def test_every_event_says_what_it_is_and_who_brought_it_about(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "alert", day(1))], day(1))
        record(opened, [verdict("A", "alert", day(2), '{"n": 1}')], day(2))
        record(opened, [verdict("A", "clear", day(3))], day(3))
    query = "SELECT sequence, event, state, actor FROM alert_events ORDER BY sequence"
    assert sites.rows(site, query) == [
        (1, "opened", "open", "system"),
        (2, "updated", "open", "system"),
        (3, "resolved", "resolved", "system"),
    ]


def test_what_was_said_on_tuesday_is_a_query_and_only_what_changes_is_stored(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "clear", day(1)), verdict("B", "clear", day(1))], day(1))
        record(opened, [verdict("A", "alert", day(2)), verdict("B", "clear", day(2))], day(2))
        record(opened, [verdict("A", "alert", day(3))], day(3))  # B is no longer judged
        record(opened, [verdict("A", "alert", day(4)), verdict("B", "clear", day(4))], day(4))
        told = {n: [(r["patient_id"], r["verdict"], r["as_of"]) for r in said(opened, day(n))] for n in (0, 1, 2, 3, 4)}
    assert told == {
        0: [],
        1: [("A", "clear", day(1)), ("B", "clear", day(1))],
        2: [("A", "alert", day(2)), ("B", "clear", day(1))],
        3: [("A", "alert", day(2))],
        4: [("A", "alert", day(2)), ("B", "clear", day(4))],
    }
    assert sites.rows(site, "SELECT count(*) FROM verdicts") == [(5,)]


def test_a_verdict_of_another_policy_of_the_same_name_or_another_method_is_stored_anew(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "clear", day(1))], day(1))
        record(opened, [verdict("A", "clear", day(2))], day(2), protocol_hash="other")
        record(opened, [verdict("A", "clear", day(3))], day(3), protocol_hash="other", method="line")
        (row,) = said(opened, day(3))
        with opened.reading() as connection:
            assert stored_results.last_method(connection) == "line"
    assert (row["protocol_hash"], row["method"], row["as_of"]) == ("other", "line", day(3))
    assert sites.rows(site, "SELECT count(*) FROM verdicts") == [(3,)]


def test_a_late_word_leaves_what_was_said_of_that_patient_as_it_stands(site: Path) -> None:
    with open_site(site) as opened:
        record(opened, [verdict("A", "clear", day(2))], day(2), patients=["A"])
        record(opened, [verdict("A", "alert", day(1))], day(1), patients=["A"])
        assert [row["verdict"] for row in said(opened, day(3))] == ["clear"]
        assert said(opened, day(1)) == []
