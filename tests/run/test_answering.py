"""What persons say of alerts on a site: one wins, the other is told; a snooze ends; a restart loses and re-fires nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.episodes import CLOSED, NONE, RESOLVED, STATES
from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import open_site
from cmvmon.text import codes
from cmvmon.text.set_aside import override_reason, reasons
from tests import sites
from tests.shell.test_alert_store import record, verdict
from tests.sites import day, result

NIGHT, NEXT = day(8), day(9)
EVIDENCE = json.dumps({"grounds": ["rise"], "result_ids": ["r1"], "latest_at_least_iu_per_ml": 1000.0})


def judge(root: Path, at: datetime, said: str = "alert", evidence: str = EVIDENCE) -> Any:
    with open_site(root) as opened:
        return record(opened, [verdict("SYNTHETIC-1", said, at, evidence)], at)


@pytest.fixture
def alerted(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with one alert of the night of day 8; its clock stands two hours later."""
    judge(site, NIGHT)
    monkeypatch.setattr(session, "now", lambda: NIGHT + timedelta(hours=2))
    return site


def the_alert(root: Path) -> dict[str, Any]:
    (alert,) = queries.listed_alerts(root, every=True, lang="en")
    return alert


def answered(root: Path, answer: str, **other: Any) -> Any:
    alert_id = the_alert(root)["alert_id"]
    if answer == "acknowledged":
        return answering.acknowledge(root, alert_id, reason="dealt_with", note=None, actor=other.get("actor", "dr. A"))
    if answer == "snoozed":
        until = other.get("until", NIGHT + timedelta(hours=20))
        return answering.snooze(root, alert_id, until=until, reason="awaiting", note=None, actor="dr. A")
    if answer == "seen":
        return answering.see(root, alert_id, actor="dr. A")
    if answer == "notified":
        with open_site(root) as opened, opened.writing() as connection:
            return alert_store.record_notified(connection, [alert_id], at=NIGHT + timedelta(hours=1))
    return None


def test_of_two_who_acknowledge_at_once_one_wins_and_the_other_is_told_who_did(alerted: Path) -> None:
    def ack(name: str) -> str | None:
        try:
            answered(alerted, "acknowledged", actor=name)
        except SiteError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(ack, ("dr. A", "dr. B")))
    assert told.count(None) == 1
    winner = ("dr. A", "dr. B")[told.index(None)]
    assert f"{winner} acknowledged that alert before you" in next(text for text in told if text)
    events = queries.history(alerted, alert_id=None, patient=None, since=None, lang="en")
    assert [(e["event"], e["actor"]) for e in events] == [("opened", "system"), ("acknowledged", winner)]


KILLED = """
import sys, time
from pathlib import Path
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import held, open_site
from cmvmon.shell.folder.site import Site
from tests.run.test_answering import EVIDENCE, NEXT
from tests.shell.test_alert_store import ends, stamp, verdict

root = Path(sys.argv[1])
with held(Site(root)), open_site(root) as opened, opened.writing() as connection:
    rows = [verdict("SYNTHETIC-1", "clear", NEXT, EVIDENCE), verdict("SYNTHETIC-2", "alert", NEXT, EVIDENCE)]
    alert_store.record(connection, rows, stamp=stamp(NEXT), scope="all", patients=None, ends=ends())
    print("in the midst of it", flush=True)
    time.sleep(120)
"""


def put_into(root: Path, state: str) -> list[dict[str, Any]]:
    """What is judged of a patient whose alert stands so, from then on."""
    if state == RESOLVED:
        judge(root, NIGHT + timedelta(hours=1), "clear")
    elif state == CLOSED:
        with open_site(root) as opened:
            record(opened, [], NIGHT + timedelta(hours=1))
    else:
        answered(root, state)
    said = {RESOLVED: ["clear"], CLOSED: []}.get(state, ["alert"])
    return [verdict("SYNTHETIC-1", each, NIGHT, EVIDENCE) for each in said]


@pytest.mark.parametrize(
    ("new_site", "state"),
    [*(("sqlite", state) for state in STATES if state != NONE), ("postgresql", STATES[-1])],
    indirect=["new_site"],
)
def test_a_night_that_is_killed_in_its_midst_loses_no_alert_and_fires_none_again(alerted: Path, state: str) -> None:
    """A process of its own writes half a night and is killed; the next one finds every alert as it stood, whatever its state."""
    rows = put_into(alerted, state)
    before = the_alert(alerted)
    assert state in (before["standing"], before["state"])
    command = [sys.executable, "-c", KILLED, str(alerted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as night:
        assert night.stdout is not None
        assert night.stdout.readline() == "in the midst of it\n"
        night.kill()
        night.wait(timeout=60)
    assert the_alert(alerted) == before
    for hours in (2, 3):
        at = NIGHT + timedelta(hours=hours)
        with open_site(alerted) as opened:
            changes = record(opened, [row | {"as_of": at} for row in rows], at)
        assert (changes.opened, changes.reopened, changes.updated) == (0, 0, 0)
        assert the_alert(alerted) == before


@pytest.mark.parametrize("state", ["new", "notified", "seen", "acknowledged", "snoozed"])
def test_a_restart_in_every_state_loses_no_alert_and_fires_none_again(alerted: Path, state: str) -> None:
    answered(alerted, state)
    before = the_alert(alerted)
    assert before["standing"] == state
    for at in (NIGHT, NIGHT + timedelta(hours=3), NIGHT + timedelta(hours=4)):  # the same moment, and later ones
        changes = judge(alerted, at)
        assert (changes.opened, changes.reopened, changes.updated) == (0, 0, 0)
    assert the_alert(alerted) == before
    assert judge(alerted, NEXT, "clear").resolved == 1


@pytest.mark.parametrize("state", ["new", "notified", "seen", "acknowledged", "snoozed"])
def test_telling_somebody_twice_is_once_and_takes_no_answer_away(alerted: Path, state: str) -> None:
    answered(alerted, state)
    told = answered(alerted, "notified")
    assert told == (1 if state == "new" else 0)
    assert answered(alerted, "notified") == 0
    assert the_alert(alerted)["standing"] == ("notified" if state == "new" else state)


def test_a_snooze_ends_by_itself_and_the_alert_stands_anew(alerted: Path) -> None:
    answered(alerted, "snoozed")
    assert judge(alerted, NIGHT + timedelta(hours=19)).reopened == 0
    assert judge(alerted, NIGHT + timedelta(hours=20)).reopened == 1
    alert = the_alert(alerted)
    assert (alert["standing"], alert["until"], alert["cause"]) == ("new", None, "snooze_over")
    assert judge(alerted, NIGHT + timedelta(hours=21)).reopened == 0


def test_a_snooze_of_whom_nobody_judges_ends_too(alerted: Path) -> None:
    answered(alerted, "snoozed")
    with open_site(alerted) as opened, opened.writing() as connection:
        assert alert_store.end_snoozes(connection, at=NIGHT + timedelta(hours=19)) == []
        assert len(alert_store.end_snoozes(connection, at=NIGHT + timedelta(hours=20))) == 1
        assert alert_store.end_snoozes(connection, at=NIGHT + timedelta(hours=21)) == []


@pytest.mark.parametrize("answer", ["acknowledged", "snoozed"])
def test_worse_after_an_answer_reopens_it_and_says_whose_answer_it_was(alerted: Path, answer: str) -> None:
    answered(alerted, answer)
    higher = EVIDENCE.replace("1000.0", "50000.0")
    assert judge(alerted, NIGHT + timedelta(hours=3), evidence=higher).reopened == 1, "1.7 log10 more, in BAL"
    alert = the_alert(alerted)
    assert (alert["standing"], alert["cause"], alert["tells"]) == ("new", "worse", "dr. A")


def sampled(root: Path, at: float) -> None:
    sites.drop(root, "viral_load_results", [result("SYNTHETIC-1", at, 1000)])


@pytest.mark.parametrize(
    ("taken", "longest"),
    [
        (7.0, day(14)),  # seven days after the newest sample
        (1.5, day(8.5)),
        (1.0, NIGHT + timedelta(hours=26)),  # expected since day 8: overdue, so a day from now
        (-20.0, NIGHT + timedelta(hours=26)),
        (None, NIGHT + timedelta(hours=26)),  # no sample of that compartment is known
    ],
)
def test_a_snooze_lasts_until_the_next_expected_sample_at_most(
    alerted: Path, taken: float | None, longest: datetime
) -> None:
    if taken is not None:
        from cmvmon.run.deliveries.intake import take_in_drop
        from cmvmon.shell.folder.drop_folder import look_through

        sampled(alerted, taken)
        with open_site(alerted) as opened:
            take_in_drop(opened, received_at=NIGHT, found=look_through(opened.site.drop, settles_s=0))
    for late in (timedelta(seconds=1), timedelta(days=30)):
        with pytest.raises(SiteError, match="too late: the next sample is expected"):
            answered(alerted, "snoozed", until=longest + late)
    with pytest.raises(SiteError, match="has passed"):
        answered(alerted, "snoozed", until=NIGHT)
    assert answered(alerted, "snoozed", until=None)["until"] == longest


def test_a_critical_result_is_read_back_or_its_recipient_not_reached(alerted: Path) -> None:
    alert_id = the_alert(alerted)["alert_id"][:8]
    back = {"note": None, "actor": "microbiologist"}
    answering.read_back(alerted, alert_id, recipient="ICU, nurse B", is_confirmed=False, **back)
    assert the_alert(alerted)["standing"] == "new", "nobody has seen it"
    answering.read_back(alerted, alert_id, recipient="ICU, dr. A", is_confirmed=True, **back)
    assert the_alert(alerted)["standing"] == "seen"
    shown = queries.shown_alert(alerted, alert_id, lang="en")
    told = [(event["event"], event["recipient"], event["actor"]) for event in shown["events"]]
    assert told == [
        ("opened", None, "system"),
        ("not_reached", "ICU, nurse B", "microbiologist"),
        ("read_back", "ICU, dr. A", "microbiologist"),
    ]
    with pytest.raises(SiteError, match="say who was called"):
        answering.read_back(alerted, alert_id, recipient=" ", is_confirmed=True, **back)


def test_an_answer_can_be_taken_back_with_a_reason(alerted: Path) -> None:
    answered(alerted, "acknowledged")
    alert_id = the_alert(alerted)["alert_id"]
    with pytest.raises(SiteError, match="why is empty"):
        answering.reopen(alerted, alert_id, why=" ", actor="dr. B")
    answering.reopen(alerted, alert_id, why="the wrong patient", actor="dr. B")
    alert = the_alert(alerted)
    assert (alert["standing"], alert["answered_by"], alert["cause"], alert["note"]) == (
        "new", None, "by_person", "the wrong patient",
    )  # fmt: skip


def test_the_reason_is_told_in_words_and_as_cds_hooks_writes_it(alerted: Path) -> None:
    alert_id = the_alert(alerted)["alert_id"]
    with pytest.raises(SiteError, match=r"no reason 'because'; the reasons are: dealt_with \(dealt with\)"):
        answering.acknowledge(alerted, alert_id, reason="because", note=None, actor="dr. A")
    answering.acknowledge(alerted, alert_id, reason="ordered", note="genotype sent", actor="dr. A")
    alert = the_alert(alerted)
    assert alert["reason_in_words"] == "sample, level or test already ordered"
    assert alert["override_reason"] == {
        "reason": {
            "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
            "code": "indication-order-exists",
            "display": "Patient has indication/order for intended action",
        },
        "userComment": "genotype sent",
    }


def test_every_reason_has_its_words_and_a_code_of_the_vocabulary_of_its_own() -> None:
    assert all(set(one.words) == set(codes()) and all(one.words.values()) for one in reasons().values())
    coded = [
        one.coded for one in reasons().values() if one.only is None
    ]  # an alert about the work is no card of a patient
    assert len(set(coded)) == len(coded)
    assert "userComment" not in override_reason("doubted", None)
