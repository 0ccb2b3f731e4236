"""A whole site tells people: a night, a refresh of the watch, faults of the work; and nothing of a patient is in any message."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from cmvmon.cli import app
from cmvmon.domain.errors import ProtocolError
from cmvmon.run.daytime.watching import Look, keep_watch
from cmvmon.run.health import nights
from cmvmon.run.messages.telling import tell, told_after
from cmvmon.run.messages.telling_state import listed_messages, try_channels
from cmvmon.run.nightly.night import nightly, take_in_step
from cmvmon.shell.alerts import alert_store
from tests import sites
from tests.run.test_telling import subjects, told_in_file
from tests.servers import mail_server, webhook
from tests.sites import day, drop, falling, result, rows, stay
from tests.telling.telling_site import a_ward, notify, says

NOW = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)  # noon on the ward
REBOUND = [
    result("SYNTHETIC-NEW", d, load) for d, load in ((0, 1_000_000), (7, 20_000), (14, 900_000), (21, 5_000_000))
]


@pytest.fixture
def tier_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts that belong on today's list are recorded as tier 1, so that these tests rest on no rule's tier."""
    real = alert_store.record

    def record(connection: Any, verdicts: Any, **named: Any) -> Any:
        return real(connection, [row | {"tier": 1} if row["tier"] == 2 else row for row in verdicts], **named)

    monkeypatch.setattr("cmvmon.run.judging.assessing.alert_store.record", record)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with one night behind it, of which nobody was told."""
    sites.ward_of_three(tmp_path)
    nightly(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("tier_1")
def test_a_tier_1_is_told_within_the_refresh_that_raised_it(site: Path) -> None:
    with mail_server() as box:
        notify(site, port=box.port)
        tell(site)
        drop(site, "antiviral_courses", [sites.course("SYNTHETIC-NEW")], name="new.csv")
        drop(site, "icu_stays", [stay("SYNTHETIC-NEW", ward="ICU-A")], name="new.csv")
        drop(site, "viral_load_results", REBOUND, name="new.csv")
        before, stop = len(box.letters), Event()
        for found in keep_watch(site, stop=stop):
            assert isinstance(found, Look)
            assert len(box.letters) == before + 1, "told before the next look"
            stop.set()
    assert re.fullmatch(r"cmvmon: \d new alerts?, now \(ward ICU-A\)", subjects(box)[-1])


def test_a_delivery_that_is_refused_is_told_to_whom_the_work_is_told(site: Path) -> None:
    notify(site)
    path = drop(site, "viral_load_results", [], name="bad.csv")
    path.write_text("\x00\x00", encoding="utf-8")
    sites.lain_still(path)
    with told_after(site):
        nightly(site)
    assert told_in_file(site) == ["cmvmon, the work: delivery refused, damaged file"]
    assert "Feed: synthetic." in (site / "told.ndjson").read_text(encoding="utf-8")


@pytest.mark.usefixtures("tier_1")
def test_nothing_of_a_patient_is_in_any_message(tmp_path: Path) -> None:
    """Numbers, sample numbers, loads and the names of folders, in every channel and in what the outbox keeps; hostile wards too."""
    sites.ward_of_three(tmp_path)
    drop(tmp_path, "viral_load_results", REBOUND, name="new.csv")
    drop(tmp_path, "antiviral_courses", [sites.course("SYNTHETIC-NEW")], name="new.csv")
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-NEW", ward="SYNTHETIC-SLOW", bed="SYNTHETIC-NEW")], name="new.csv")
    stray = tmp_path / "drop" / "SYNTHETIC-FAST" / "results" / "SYNTHETIC-ONE.csv"
    stray.parent.mkdir(parents=True)
    stray.write_text("x\n", encoding="utf-8")
    sites.lain_still(stray)
    with mail_server() as box, webhook() as hook:
        wards = 'names_bed = true\ndigest_to = ["team", "chat", "data"]\ndigest_at = "07:00"\nquarantine_from = 1\n'
        notify(
            tmp_path,
            port=box.port,
            hook=hook.url,
            more=wards,
            routes='[[routes]]\ntier = 1\nto = ["team", "chat", "data"]',
        )
        path = tmp_path / "notify.toml"
        path.write_text(path.read_text(encoding="utf-8").replace('"ICU-A"', '"SYNTHETIC-ICU"'), encoding="utf-8")
        nightly(tmp_path, as_of=day(21.5))
        for hours in (0, 5, 24):
            tell(tmp_path, at=day(21.5) + timedelta(hours=hours))
        assert try_channels(tmp_path) == [("team", None), ("head", None), ("data", None), ("chat", None)]
        texts = [
            box.text,
            *(body.decode() for body in hook.bodies),
            (tmp_path / "told.ndjson").read_text(encoding="utf-8"),
        ]
    kinds = {kind for (kind,) in rows(tmp_path, "SELECT kind FROM outbox_messages")}
    assert kinds == {"alert", "escalation", "work", "digest"}
    assert rows(tmp_path, "SELECT * FROM outbox_waiting") == []
    kept = [
        str(rows(tmp_path, f"SELECT * FROM {name}")) for name in ("outbox_messages", "outbox_about", "outbox_events")
    ]
    said = re.sub(r"[0-9a-f]{16,}", "", "\n".join((*texts, *kept)))
    assert "ward SYNTHETIC-ICU" in said
    assert "a ward that notify.toml does not name" in said
    assert re.search("Beds?: S-0", said)
    of_patients = {
        str(value)
        for row in rows(tmp_path, "SELECT patient_id, accession_number, result_id FROM viral_load_results")
        for value in row
    }
    loads = {
        f"{load:.0f}"
        for (load,) in rows(
            tmp_path, "SELECT viral_load_iu_per_ml FROM viral_load_results WHERE viral_load_iu_per_ml > 0"
        )
    }
    assert len(of_patients) > 12
    assert [name for name in of_patients if name in said] == []
    digits = set(re.findall(r"\d+", re.sub(r"(?<=\d)[.,](?=\d{3})", "", said)))
    assert digits & loads == set()


def test_a_silent_feed_is_told_once_and_waits_for_the_day(tmp_path: Path) -> None:
    a_ward(tmp_path)
    (tmp_path / "tables").mkdir(exist_ok=True)
    (tmp_path / "tables" / "synthetic.toml").write_text(
        'feed = "synthetic"\ndescription = "Invented"\n[icu_stays]\n[icu_stays.delivered_every]\nhours = 26\n',
        encoding="utf-8",
    )
    notify(tmp_path)
    moments = {
        "silent, by night": NOW + timedelta(hours=12),
        "by day": NOW + timedelta(hours=22),
        "still": NOW + timedelta(hours=30),
    }
    told = {name: (tell(tmp_path, at=moment), told_in_file(tmp_path))[1] for name, moment in moments.items()}
    assert told == {
        "silent, by night": [],
        "by day": ["cmvmon, the work: a feed is silent"],
        "still": ["cmvmon, the work: a feed is silent"],
    }


def test_records_that_are_set_apart_are_told_from_a_number_on_and_again_when_they_have_doubled(tmp_path: Path) -> None:
    bad = [result("SYNTHETIC-1", d, "ca. 500") for d in range(5)]
    a_ward(tmp_path)
    told = []
    for n in (1, 2, 3, 4):
        drop(
            tmp_path,
            "viral_load_results",
            [*(result("SYNTHETIC-2", d, 500) for d in range(9)), *bad[:n]],
            name=f"{n}.csv",
        )
        take_in_step(tmp_path, as_of=NOW + timedelta(minutes=n))
        notify(tmp_path, more="quarantine_from = 2")
        tell(tmp_path, at=NOW + timedelta(minutes=n))
        told.append(len(told_in_file(tmp_path)))
    assert told == [0, 1, 1, 2]
    assert "Delivered records set apart, not used: 4." in (tmp_path / "told.ndjson").read_text(encoding="utf-8")


def test_a_night_that_did_not_run_is_told_by_whoever_looks(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notify(site)
    later = datetime.now(UTC) + timedelta(hours=40)
    monkeypatch.setattr(nights, "now", lambda: later)
    tell(site, at=later)
    assert told_in_file(site) == ["cmvmon, the work: the nightly work did not run"]


@pytest.mark.parametrize("error", ["protocol", "other"])
def test_a_night_that_stops_is_told_whether_or_not_an_alert_says_so(
    site: Path, error: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notify(site)
    if error == "protocol":
        (site / "protocol" / "own.toml").write_text("x = 1\n", encoding="utf-8")
    else:
        monkeypatch.setattr("cmvmon.run.nightly.night.take_in_drop", lambda *_, **__: 1 / 0)
    for _ in range(2):
        with pytest.raises((ProtocolError, ZeroDivisionError)):
            app(["nightly", "--site", str(site)])
    assert told_in_file(site) == ["cmvmon, the work: the nightly work stopped before its end"]
    capsys.readouterr()


def ended(*words: str, site: Path, code: int) -> None:
    with pytest.raises(SystemExit) as stopped:
        app([*words, "--site", str(site)])
    assert stopped.value.code == code, words


def test_the_commands_send_try_and_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (a_ward(tmp_path) / "settings.toml").write_text('language = "nl"\n', encoding="utf-8")
    says(tmp_path, "SYNTHETIC-A", "alert", NOW)
    notify(tmp_path)
    ended("notify", "send", site=tmp_path, code=0)
    assert capsys.readouterr().out == "1 new, 0 delivered, 1 not delivered\n"
    ended("notify", "list", site=tmp_path, code=0)
    assert "failing  1" in (said := capsys.readouterr().out), said
    assert "nothing listens at that address" in said
    ended("notify", "list", "--json", site=tmp_path, code=0)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["channel"], row["kind"], row["state"], row["tried"]) == ("team", "alert", "failing", 1)
    ended("notify", "test", "--channel", "data", site=tmp_path, code=0)
    assert capsys.readouterr().out == "data: delivered\n"
    ended("notify", "test", site=tmp_path, code=2)
    assert "team: NOT DELIVERED: nothing listens at that address" in capsys.readouterr().out
    with mail_server() as box:
        notify(tmp_path, port=box.port)
        tell(tmp_path, at=datetime.now(UTC) + timedelta(minutes=2))
    assert listed_messages(tmp_path) == []
    assert [one["state"] for one in listed_messages(tmp_path, every=True)] == ["delivered"]


SAYS: dict[str, tuple[str | None, int, str, str, str]] = {
    # what notify.toml holds, the code of `status`, what it says, what `doctor` says and calls it
    "none": (None, 0, "nobody is told: this site has no notify.toml", "note", "nobody is told"),
    "a fault": ("x = 1\n", 3, "NOBODY IS TOLD: notify.toml: 4 fault(s)", "broken", "notify.toml: 4 fault(s)"),
    "good": (
        'tier_1_to = ["a"]\nwork_to = ["a"]\n[channels.a]\nkind = "file"\npath = "a"\n',
        0,
        "0 wait, 0 of them could not be delivered so far",
        "ok",
        "channels a; `cmvmon notify test` tries them",
    ),
    "a missing secret": (
        'tier_1_to = ["a"]\nwork_to = ["a"]\n[channels.a]\nkind = "webhook"\nform = "json"\nurl_env = "CMVMON_NOT_SET"\n',
        0,
        "0 wait",
        "broken",
        "[channels.a]: its password or address is missing",
    ),
}


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    drop(root, "viral_load_results", falling("SYNTHETIC-SLOW", 2))
    nightly(root)
    return root


@pytest.mark.parametrize("case", SAYS)
def test_status_and_doctor_say_whether_people_are_told(
    case: str, one_night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cmvmon.run.checks.checkup import checkup

    text, code, status, state, doctor = SAYS[case]
    path = one_night / "notify.toml"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    ended("status", site=one_night, code=code)
    assert status in capsys.readouterr().out
    found = [finding for finding in checkup(one_night, example=lambda: ()) if finding.what == "notify"]
    assert any(one.state == state and doctor in one.words for one in found), found


def test_a_message_that_was_given_up_is_told_by_status_and_doctor(
    one_night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notify(one_night)
    at = datetime.now(UTC) - timedelta(days=4)
    says(one_night, "SYNTHETIC-A", "alert", at)
    for days in (0, 3.5):
        tell(one_night, at=at + timedelta(days=days))
    ended("status", site=one_night, code=3)
    assert "1 GIVEN UP (`cmvmon notify list`)" in capsys.readouterr().out
    (row,) = (row for row in listed_messages(one_night) if row["state"] == "given_up")
    assert (row["kind"], row["why"]) == ("alert", "nothing listens at that address")


def test_what_sends_is_loaded_when_something_is_sent(one_night: Path) -> None:
    """Neither `cmvmon status` nor a watch that has nothing to send loads mail or apprise."""
    script = """
import sys
from pathlib import Path
from cmvmon.run.checks.status import status
status(Path(sys.argv[1]))
print(sorted({"apprise", "smtplib", "requests"} & set(sys.modules)))
from cmvmon.run.daytime import watching
from cmvmon.run.messages.telling import tell
told = tell(Path(sys.argv[1]))
print(told.queued + told.delivered + told.failed, sorted({"apprise", "smtplib"} & set(sys.modules)))
"""
    (one_night / "notify.toml").write_text(SAYS["good"][0] or "", encoding="utf-8")
    tell(one_night)
    done = subprocess.run(
        [sys.executable, "-c", script, str(one_night)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines() == ["[]", "0 []"]
