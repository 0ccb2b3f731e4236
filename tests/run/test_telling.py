"""People are told: at once, in the digest, after hours, once each though a server was dead for a day; by real servers on loopback."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cmvmon import episodes
from cmvmon.domain.errors import StoreError
from cmvmon.run.messages import telling
from cmvmon.run.messages.sending_waiting import Told
from cmvmon.run.messages.telling import tell, told_after
from cmvmon.run.nightly.night import take_in_step
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing import sending
from cmvmon.shell.work.opening import held, open_site
from tests.patients import stay_line, stays
from tests.servers import Mailbox, free_port, mail_server, webhook
from tests.sites import drop, rows, stay
from tests.telling.telling_site import a_ward, acknowledged, notify, says

ZONE = ZoneInfo("Europe/Amsterdam")


def at(clock: str, day: int = 10) -> datetime:
    """A moment of March 2026 by the ward's clock."""
    return datetime.fromisoformat(f"2026-03-{day:02} {clock}").replace(tzinfo=ZONE).astimezone(UTC)


def subjects(box: Mailbox) -> list[str]:
    return [str(letter["Subject"]) for letter in box.letters]


def text_of(letter: EmailMessage, form: str = "plain") -> str:
    part = letter.get_body((form,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def told_in_file(root: Path) -> list[str]:
    path = root / "told.ndjson"
    return (
        [json.loads(line)["subject"] for line in path.read_text(encoding="utf-8").splitlines()]
        if path.is_file()
        else []
    )


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    return a_ward(tmp_path)


def test_a_tier_1_is_told_at_once_and_once(site: Path) -> None:
    a_ward(site)
    says(site, "SYNTHETIC-A", "alert", at("23:10"))
    with mail_server() as box:
        notify(site, port=box.port, more="names_bed = true")
        assert tell(site, at=at("23:10")) == Told(queued=1, delivered=1)
        assert tell(site, at=at("23:11")) == Told()
    (letter,) = box.letters
    assert letter["Subject"] == "cmvmon: 1 new alert, now (ward ICU-A)"
    assert text_of(letter).splitlines() == [
        "1 new alert of tier 1 (now), ward ICU-A, 10 Mar 2026 23:10.",
        "Bed: S-01.",
        "",
        "The list: https://cmv.example/pages/ward.en.html",
        "",
        f"Message {box.ids[0][1:33]}. It holds no patient's name or number, and no result.",
    ]


def test_several_on_one_ward_are_one_message_and_a_ward_that_is_not_listed_is_not_named(ward: Path) -> None:
    for patient in ("SYNTHETIC-A", "SYNTHETIC-B", "SYNTHETIC-C"):
        says(ward, patient, "alert", at("12:00"))
    with mail_server() as box:
        notify(ward, port=box.port)
        tell(ward, at=at("12:00"))
    assert sorted(subjects(box)) == [
        "cmvmon: 1 new alert, now (a ward that notify.toml does not name)",
        "cmvmon: 2 new alerts, now (ward ICU-A)",
    ]


def test_an_alert_that_comes_back_or_becomes_more_urgent_is_told_again(ward: Path) -> None:
    with mail_server() as box, webhook() as hook:
        notify(ward, port=box.port, hook=hook.url)
        for clock, said, tier in (
            ("12:00", "alert", 2),
            ("13:00", "alert", 1),
            ("14:00", "clear", 1),
            ("15:00", "alert", 1),
        ):
            says(ward, "SYNTHETIC-A", said, at(clock), tier=tier)
            tell(ward, at=at(clock))
    assert (len(hook.bodies), len(box.letters), len(set(box.ids))) == (1, 2, 2)


def test_quiet_hours_hold_tier_2_until_they_end(ward: Path) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("23:00"), tier=2)
    with webhook() as hook:
        notify(ward, hook=hook.url)
        told = [tell(ward, at=moment) for moment in (at("23:00"), at("06:59", 11), at("07:00", 11), at("07:01", 11))]
    assert told == [Told(queued=1), Told(), Told(delivered=1), Told()]
    (body,) = hook.bodies
    assert json.loads(body)["text"].startswith("1 new alert of tier 2 (today), ward ICU-A, 10 Mar 2026 23:00.")
    assert re.fullmatch("[0-9a-f]{32}", json.loads(body)["message_id"])


def test_what_nobody_acknowledges_is_told_to_somebody_else_after_the_protocols_time(ward: Path) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    says(ward, "SYNTHETIC-C", "alert", at("12:00"))
    with mail_server() as box:
        notify(ward, port=box.port)
        tell(ward, at=at("12:00"))
        acknowledged(ward, "SYNTHETIC-C", at("13:00"))
        for clock in ("15:59", "16:00", "16:01", "23:00"):
            tell(ward, at=at(clock))
    to_head = [letter for letter in box.letters if letter["To"] == "head@hospital.example"]
    (letter,) = to_head
    assert letter["Subject"] == "cmvmon: 1 alert without an answer, now (ward ICU-A)"
    assert "since 10 Mar 2026 12:00. Not acknowledged so far." in text_of(letter)


def test_after_a_day_of_a_dead_server_each_message_comes_once(ward: Path) -> None:
    """Three alerts; one is acknowledged and one is over before the server is back. The others come once, and then nothing.
    The digest of the second day stands in the place of the first's (test_digest.py)."""
    port, digest = free_port(), 'digest_to = ["team"]\ndigest_at = "07:30"'
    notify(ward, port=port, more=digest)
    happens = {
        2: lambda moment: says(ward, "SYNTHETIC-A", "alert", moment),
        4: lambda moment: says(ward, "SYNTHETIC-B", "alert", moment),
        6: lambda moment: says(ward, "SYNTHETIC-C", "alert", moment),
        10: lambda moment: acknowledged(ward, "SYNTHETIC-B", moment),
        12: lambda moment: says(ward, "SYNTHETIC-C", "clear", moment),
    }
    for step in range(48):  # every half hour
        moment = at("08:00") + timedelta(minutes=30 * step)
        happens.get(step, lambda _: None)(moment)
        told = tell(ward, at=moment)
        assert told is not None
        assert (told.delivered, told.given_up, told.trouble) == (0, 0, None)
    tries = rows(ward, "SELECT message_id, count(*) FROM outbox_events WHERE event = 'attempted' GROUP BY message_id")
    assert all(n <= 48 for _, n in tries)
    with mail_server(port=port) as box:
        told = [tell(ward, at=at("08:31", 11) + timedelta(minutes=10 * step)) for step in range(6)]
    assert sorted(subjects(box)) == [
        "cmvmon 11 Mar: 2 now, 0 today, DATA INCOMPLETE",
        "cmvmon: 1 alert without an answer, now (ward ICU-A)",
        "cmvmon: 1 new alert, now (ward ICU-A)",
    ]
    queued = {name for (name,) in rows(ward, "SELECT message_id FROM outbox_messages")}
    assert sorted(box.ids) == sorted({f"<{name}@hospital.example>" for name in queued} & set(box.ids))
    ends = dict(rows(ward, "SELECT message_id, event FROM outbox_events WHERE event IN ('delivered', 'dropped')"))
    assert ends.keys() == queued
    assert list(ends.values()).count("delivered") == 3
    assert rows(ward, "SELECT * FROM outbox_waiting") == []


def test_a_server_that_never_comes_back_is_given_up_after_three_days(ward: Path) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    notify(ward, port=free_port())
    for hours in range(0, 90, 8):
        told = tell(ward, at=at("12:00") + timedelta(hours=hours))
    assert told is not None
    assert dict(rows(ward, "SELECT event, cause FROM outbox_events WHERE event = 'given_up'")) == {
        "given_up": "refused"
    }


def test_a_program_that_stops_between_sending_and_noting_it_sends_again_under_the_same_id(
    ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    real = sending.send

    def stopped(*given: object, **named: object) -> None:
        assert real(*given, **named) is None  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with mail_server() as box:
        notify(ward, port=box.port)
        with monkeypatch.context() as broken:
            broken.setattr(sending, "send", stopped)
            with pytest.raises(KeyboardInterrupt):
                tell(ward, at=at("12:00"))
        assert tell(ward, at=at("12:00")) == Told()  # a minute is waited for
        assert tell(ward, at=at("12:01")) == Told(delivered=1)
        assert tell(ward, at=at("12:30")) == Told()
    assert (len(box.ids), len(set(box.ids))) == (2, 1)


def test_while_it_sends_neither_the_site_nor_its_store_is_held(ward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    notify(ward)
    seen: list[str] = []

    def send(*_: object, **__: object) -> str:
        with held(Site(ward), wait_s=0), open_site(ward) as opened, opened.writing():
            seen.append("free")
        says(ward, "SYNTHETIC-B", "alert", at("12:00"))
        return sending.TIMED_OUT

    monkeypatch.setattr(sending, "send", send)
    assert tell(ward, at=at("12:00")) == Told(queued=1, failed=1)
    assert seen == ["free"]


def test_programs_that_tell_at_once_say_nothing_twice(ward: Path) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    says(ward, "SYNTHETIC-C", "alert", at("12:00"))
    with mail_server() as box, ThreadPoolExecutor(4) as pool:
        notify(ward, port=box.port)
        told = list(pool.map(lambda _: tell(ward, at=at("12:00")), range(4)))
    assert sum(one.delivered for one in told if one is not None) == len(box.ids) == len(set(box.ids)) == 2


def test_a_channel_that_is_dead_is_tried_once_at_a_look_and_the_others_go_on(ward: Path) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    says(ward, "SYNTHETIC-B", "alert", at("12:00"), tier=2)
    says(ward, "SYNTHETIC-C", "alert", at("12:00"))
    with webhook() as hook:
        notify(ward, hook=hook.url, port=free_port())
        assert tell(ward, at=at("12:00")) == Told(queued=3, failed=1, delivered=1)


def test_a_channel_that_was_removed_drops_what_waits_for_it(ward: Path) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    notify(ward, port=free_port())
    tell(ward, at=at("12:00"))
    (ward / "notify.toml").write_text(
        'tier_1_to = ["data"]\nwork_to = ["data"]\n[channels.data]\nkind = "file"\npath = "told.ndjson"\n',
        encoding="utf-8",
    )
    assert tell(ward, at=at("12:10")) == Told(dropped=1)


def test_a_site_without_the_file_tells_nobody_and_one_with_a_fault_says_so(ward: Path) -> None:
    assert tell(ward) is None
    with told_after(ward) as told:
        pass
    assert told == []
    (ward / "notify.toml").write_text("tier_1_to = 3\n", encoding="utf-8")
    with told_after(ward) as told:
        pass
    assert "tier_1_to: is a whole number; give a list of texts" in str(told[0].trouble)


def test_whatever_goes_wrong_with_telling_the_work_is_done(ward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notify(ward)
    monkeypatch.setattr(telling, "_queue", lambda *_, **__: 1 / 0)
    with told_after(ward) as told:
        pass
    assert str(told[0].trouble).startswith("unexpected ZeroDivisionError in test_telling.py")
    with pytest.raises(ValueError, match="of the night"), told_after(ward):
        raise ValueError("of the night")


def test_a_night_whose_database_is_lost_is_told_without_it(ward: Path) -> None:
    notify(ward)
    with pytest.raises(StoreError), told_after(ward):
        raise StoreError("damaged")
    assert told_in_file(ward) == ["cmvmon, the work: the night stopped, and the database can't be used"]


@pytest.mark.parametrize("tier", [1, 2])
def test_who_takes_over_is_told_once_at_the_discharge_and_not_of_what_was_acknowledged(ward: Path, tier: int) -> None:
    for patient in ("SYNTHETIC-A", "SYNTHETIC-B", "SYNTHETIC-C"):
        says(ward, patient, "alert", at("12:00"), tier=tier)
    acknowledged(ward, "SYNTHETIC-B", at("12:30"))
    notify(ward, more='left_to = ["data"]', port=free_port())
    tell(ward, at=at("13:00"))
    assert told_in_file(ward) == []
    gone = [stay(patient, ward="ICU-A", end=8.6) for patient in ("SYNTHETIC-A", "SYNTHETIC-B")]
    drop(ward, "icu_stays", gone, name="gone.csv")
    take_in_step(ward, as_of=at("15:30"))
    for clock in ("15:31", "15:32"):
        tell(ward, at=at(clock))
    word = "now" if tier == 1 else "today"
    assert told_in_file(ward) == [f"cmvmon: 1 alert about a patient who has left the ICU, {word} (ward ICU-A)"]


# One alert of tier 2 of day 10 (March 2026), noon. A row: the moment of a look by who tells, what became known just before it, and how
# often who takes over was told until then.
LEAVINGS = {
    "she leaves, comes back and leaves again": """
    10 13:00 | -                                    | 0
    10 15:00 | stays d-5-d8.6                       | 1
    10 15:01 | -                                    | 1
    11 12:00 | stays d-5-d8.6 / d9.5-               | 1
    12 12:00 | stays d-5-d8.6 / d9.5-d10.7          | 2
    12 12:01 | -                                    | 2
    13 12:00 | -                                    | 2
    """,
    "she had come back and left before anybody looked": """
    10 13:00 | -                                    | 0
    12 12:00 | stays d-5-d8.6 / d9.5-d10.7          | 1
    12 12:01 | -                                    | 1
    """,
    "when she left is corrected, twice": """
    10 15:00 | stays d-5-d8.6                       | 1
    11 12:00 | stays d-5-d8.55                      | 1
    11 12:01 | stays d-5-d8.65                      | 1
    """,
    "she had not left yet, and leaves days later": """
    10 15:00 | stays d-5-d8.6                       | 1
    11 12:00 | stays d-5-                           | 1
    14 12:00 | stays d-5-d12.5                      | 2
    14 12:01 | -                                    | 2
    """,
    "she went to another bed of the unit": """
    11 12:00 | stays d-5-d8.6 / d8.6-               | 0
    14 12:00 | stays d-5-d8.6 / d8.6-d12.5          | 1
    """,
    "it was set aside before she left": """
    10 13:00 | snoozed                              | 0
    10 15:00 | stays d-5-d8.6                       | 1
    10 15:01 | -                                    | 1
    11 12:00 | stays d-5-d8.6 / d9.5-               | 1
    12 12:00 | stays d-5-d8.6 / d9.5-d10.7          | 2
    """,
    "it is set aside after she left": """
    10 15:00 | stays d-5-d8.6                       | 1
    10 16:00 | snoozed                              | 1
    11 12:00 | -                                    | 1
    """,
    "it was acknowledged between": """
    10 15:00 | stays d-5-d8.6                       | 1
    10 16:00 | acknowledged                         | 1
    12 12:00 | stays d-5-d8.6 / d9.5-d10.7          | 1
    """,
    "who takes over can't be reached while she is set aside": """
    10 13:00 | snoozed, unreachable                 | 0
    10 15:00 | stays d-5-d8.6                       | 0
    10 16:00 | reachable                            | 1
    10 16:01 | -                                    | 1
    """,
}


@pytest.mark.parametrize("story", LEAVINGS)
def test_who_takes_over_is_told_once_each_time_that_the_patient_leaves(ward: Path, story: str) -> None:
    says(ward, "SYNTHETIC-A", "alert", at("12:00"), tier=2)
    notify(ward, more='left_to = ["data"]', port=free_port())
    found, expected = [], []
    for line in LEAVINGS[story].strip().splitlines():
        look, before, times = (cell.strip() for cell in line.split("|"))
        day_of, clock = look.split()
        moment = at(clock, int(day_of))
        for word in before.split(", "):
            _becomes_known(ward, word, moment)
        tell(ward, at=moment)
        found.append((look, len(told_in_file(ward))))
        expected.append((look, int(times)))
    assert found == expected


def _becomes_known(ward: Path, word: str, moment: datetime) -> None:
    if word == "acknowledged":
        acknowledged(ward, "SYNTHETIC-A", moment)
    elif word == "snoozed":
        acknowledged(ward, "SYNTHETIC-A", moment, says=episodes.SNOOZE)
    elif word == "unreachable":
        (ward / "told.ndjson").mkdir()
    elif word == "reachable":
        (ward / "told.ndjson").rmdir()
    elif word.startswith("stays"):
        given = stays(word.removeprefix("stays "))
        drop(
            ward,
            "icu_stays",
            [stay_line("SYNTHETIC-A", one, ward="ICU-A") for one in given],
            name=f"{moment:%d%H%M}.csv",
        )
        take_in_step(ward, as_of=moment)
