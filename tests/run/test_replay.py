"""A replay says what the nights said: the same events, from what was known then; and nothing is written. All made up."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon import episodes
from cmvmon.domain.errors import SiteError
from cmvmon.episodes import Word
from cmvmon.run.asking.protocol_query import read_for
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.judging.assessing import assess_site
from cmvmon.run.nightly.night import take_in_step
from cmvmon.run.replay.replay_report import report
from cmvmon.run.replay.replaying import Replayed, replay
from cmvmon.shell.alerts import alert_store, rule_switches
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, land, result, stay, text

ONE, TWO = "SYNTHETIC-1", "SYNTHETIC-2"
FIRST_DAY, LAST_DAY = sites.ANCHOR.date(), sites.ANCHOR.date() + timedelta(days=40)
Event = tuple[str, str, str, str, str | None]


def plasma(patient: str, at: float, load: object, **other: str) -> str:
    return result(patient, at, load, specimen="plasma", accession=f"{patient}-{at}", **other)


def night(root: Path, at: float) -> None:
    """A night without its pages, which a replay does not make; its promises judged by polars alone."""
    take_in_step(root, as_of=day(at))
    with open_site(root) as opened:
        assess_site(opened, as_of=day(at), is_live=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients over eight nights: a flat load, corrected late; a rise that came by day; a course that ended; a discharge."""
    root = tmp_path_factory.mktemp("site")
    drop(root, "icu_stays", [stay(ONE, affected="plasma"), stay(TWO, affected="plasma", bed="S-02")])
    drop(root, "antiviral_courses", [course(ONE, start=0.1)])
    drop(root, "viral_load_results", [plasma(p, 0, 50000) for p in (ONE, TWO)], name="0.csv")
    night(root, 0.5)
    drop(root, "viral_load_results", [plasma(ONE, 7, 50000), plasma(TWO, 7, 900)], name="7.csv")
    night(root, 7.5)
    drop(root, "viral_load_results", [plasma(ONE, 14, 50000)], name="14.csv")
    night(root, 14.5)
    lab_feed(root, land(root, "viral_load_results", [plasma(TWO, 15, 90000)], at=day(15.6)), as_of=day(15.6))
    night(root, 16)
    corrected = plasma(ONE, 14, 40, status="C", reported=text(day(16.2)))
    drop(root, "viral_load_results", [corrected], name="corrected.csv")
    night(root, 17)
    drop(root, "antiviral_courses", [course(TWO, start=17.2)], name="two.csv")
    night(root, 18)
    drop(root, "viral_load_results", [plasma(ONE, 21, 60000), plasma(ONE, 22, 70000)], name="21.csv")
    night(root, 22.5)
    drop(root, "antiviral_courses", [course(ONE, start=0.1, stop=22.6)], name="over.csv")
    night(root, 26)
    drop(root, "icu_stays", [stay(ONE, affected="plasma", end=27)], name="gone.csv")
    night(root, 28)
    return root


def stored(root: Path, since: str = "") -> list[Event]:
    """The events of the store: rule, subject, moment, event, cause."""
    query = "SELECT rule, subject, changed_at, event, cause FROM alert_events WHERE patient_id IS NOT NULL"
    return sorted(row for row in sites.rows(root, query) if row[2] >= since)  # type: ignore[type-var]


def replayed(root: Path, **asked: Any) -> tuple[Replayed, list[Event]]:
    """The same of a replay, moments as the store writes them."""
    events: list[Event] = []

    def hear(_: object, heard: list[dict[str, Any]]) -> None:
        names = ("rule", "subject", "changed_at", "event", "cause")
        events.extend(tuple(_plain(event[name]) for name in names) for event in heard)  # type: ignore[misc]

    done = replay(root, **({"since": FIRST_DAY, "until": LAST_DAY} | asked), heard=hear)
    return done, sorted(events)  # type: ignore[type-var]


def _plain(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "strftime") else value


def test_the_sites_own_protocol_gives_exactly_the_events_that_the_nights_stored(site: Path) -> None:
    done, events = replayed(site)
    assert events == stored(site)
    assert {event[3] for event in events} >= {"opened", "updated", "resolved", "closed"}
    assert {event[4] for event in events} >= {"facts_corrected", "course_over"}
    assert (done.nights, done.refreshes, done.judged_otherwise, done.history_since) == (9, 1, 0, 0)


def test_a_replay_that_begins_later_begins_with_what_stood_then(site: Path) -> None:
    since = date.fromisoformat(text(day(16))[:10])
    done, events = replayed(site, since=since)
    assert events == stored(site, text(day(16)))
    assert [one.rule for one in done.sides[0].told if one.stood_before] != []


def test_a_snooze_that_ended_and_a_rule_that_was_switched_off_are_replayed_as_they_were(tmp_path: Path) -> None:
    drop(tmp_path, "icu_stays", [stay(ONE, affected="plasma")])
    drop(tmp_path, "antiviral_courses", [course(ONE, start=0.1)])
    drop(tmp_path, "viral_load_results", [plasma(ONE, at, 50_000) for at in (0, 7, 14)])
    night(tmp_path, 14.5)
    with open_site(tmp_path) as opened, opened.writing() as connection:
        (alert,) = (one for one in alert_store.alerts(connection, states={"open"}) if one["rule"] == "response")
        snoozed = Word(episodes.SNOOZE, day(14.6), actor="dr. A", reason="awaiting", until=day(15.4))
        assert alert_store.answer(connection, alert["alert_id"], snoozed) is not None
    night(tmp_path, 15.5)
    with open_site(tmp_path) as opened, opened.writing() as connection:
        said = {
            "rule": "response",
            "is_disabled": True,
            "changed_at": day(15.6),
            "actor": "dr. A",
            "why": "under review",
        }
        rule_switches.record(connection, said)
    night(tmp_path, 16.5)
    query = "SELECT event, cause FROM alert_events WHERE rule = 'response' AND actor = 'system' ORDER BY sequence"
    assert sites.rows(tmp_path, query) == [("opened", None), ("reopened", "snooze_over"), ("closed", "rule_disabled")]
    _, events = replayed(tmp_path)
    assert events == [event for event in stored(tmp_path) if event[3] != "snoozed"], "what a person said is taken over"


def test_nothing_is_written(site: Path) -> None:
    before, files = sites.everything(site), _files(site)
    replayed(site)
    assert sites.everything(site) == before
    assert _files(site) == files


def _files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and "sqlite-" not in path.name}


# --- another policy, and each morning --------------------------------------------------------------------------------


PACKAGED = Path(__file__).parents[2] / "cmvmon" / "protocol" / "icu_cmv_2024.toml"


def other_policy(folder: Path, **changed: tuple[str, str]) -> Path:
    """The shipped protocol with the value of these keys changed."""
    text = PACKAGED.read_text(encoding="utf-8")
    for key, (old, new) in changed.items():
        assert text.count(f"{key} = {old}") == 1
        text = text.replace(f"{key} = {old}", f"{key} = {new}")
    path = folder / "other.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_another_policy_is_held_against_the_own_one_on_the_same_nights(site: Path, tmp_path: Path) -> None:
    other = other_policy(tmp_path, high_iu_per_ml=("10000.0", "1e6"), rising_iu_per_ml=("1000.0", "1e6"))
    done, _ = replayed(site, other=read_for(Site(site), other))
    found = report(done)
    own, changed = found["policies"]
    assert own["protocol"] != changed["protocol"]
    rates = [{row["of"]: row["alerts"] for row in one["rates"]} for one in found["policies"]]
    assert rates[0].pop("untreated_rise") == 3
    assert {rule: n for rule, n in rates[1].items() if not rule.startswith(("all", "tier"))} == {
        rule: n for rule, n in rates[0].items() if not rule.startswith(("all", "tier"))
    }
    assert {(row["stanza"], row["key"]) for row in found["changes"]} == {
        ("rules.untreated_rise", "high_iu_per_ml"),
        ("rules.untreated_rise", "rising_iu_per_ml"),
    }
    assert sorted((row["under"], row["rule"], row["patient_id"]) for row in found["only_under_one"]) == [
        (own["protocol"], "untreated_rise", one) for one in (ONE, TWO)
    ]


def test_the_own_policy_beside_another_one_still_says_what_the_nights_said(site: Path, tmp_path: Path) -> None:
    other = other_policy(tmp_path, overdue_after_days=("9.0", "8.0"))
    alone, _ = replayed(site)
    beside, _ = replayed(site, other=read_for(Site(site), other))
    assert beside.sides[0] == alone.sides[0]


def test_each_morning_of_old_results_is_judged_on_what_was_known_then(tmp_path: Path) -> None:
    """A site that took in old results and had no night: the rise of day 14 is told on the morning after its report."""
    lines = [plasma(ONE, at, load) for at, load in ((0, 500), (7, 5000), (14, 60000))]
    told = {
        "viral_load_results": lines,
        "icu_stays": [stay(ONE, affected="plasma")],
        "antiviral_courses": [course(TWO)],
    }
    for table, rows in told.items():
        file = drop(tmp_path, table, rows)
        list(take_in_by_hand(tmp_path, [file], feed="synthetic", table=table, is_history=True))
    with pytest.raises(SiteError, match="no night is recorded"):
        replayed(tmp_path)
    done, events = replayed(tmp_path, mornings=True, until=FIRST_DAY + timedelta(days=16))
    assert done.nights == done.days == 17
    mine = [event for event in events if event[0] == "untreated_rise"]
    assert [(event[2][:10], event[3]) for event in mine] == [
        (text(day(8))[:10], "opened"),
        (text(day(15))[:10], "updated"),
    ]


def test_days_in_the_wrong_order_and_days_to_come_are_refused(site: Path) -> None:
    with pytest.raises(SiteError, match="lies before"):
        replayed(site, until=FIRST_DAY - timedelta(days=1))
    with pytest.raises(SiteError, match="no such morning has been yet"):
        replayed(site, since=date(2200, 1, 1), until=date(2200, 1, 2), mornings=True)
