"""The day's digest: each day, complete or not, in the recipient's language, once though the server was dead; by a real mail server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmvmon.run.health import nights
from cmvmon.run.messages.telling import Told, tell
from tests.run.test_telling import at, subjects, text_of
from tests.servers import free_port, mail_server
from tests.sites import rows
from tests.telling.telling_site import a_ward, acknowledged, judged, notify, says

DIGEST = 'digest_to = ["team"]\ndigest_at = "07:30"'


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ward on which everybody was judged in the night of 10 March; its nights are counted by the clock of the tests."""
    a_ward(tmp_path)
    judged(tmp_path, at("05:30"))
    return tmp_path


def test_it_comes_each_day_also_when_nothing_is_wrong(ward: Path) -> None:
    with mail_server() as box:
        notify(ward, port=box.port, more=f'{DIGEST}\ncontact = "extension 1"')
        for moment in (at("07:29"), at("07:30"), at("12:00")):
            tell(ward, at=moment)
        says(ward, "SYNTHETIC-A", "alert", at("13:00"))
        says(ward, "SYNTHETIC-B", "alert", at("13:00"), tier=3)
        for patient in ("SYNTHETIC-A", "SYNTHETIC-B"):
            acknowledged(ward, patient, at("14:00"))
        says(ward, "SYNTHETIC-C", "alert", at("13:00"), tier=2, rule="no_follow_up")
        notify(ward, port=box.port, more=f"{DIGEST}\nquarantine_from = 1")
        tell(ward, at=at("08:00", 11))
    first, second = (letter for letter in box.letters if " today, " in letter["Subject"])
    assert first.get_content_type() == "multipart/alternative"
    assert first["Subject"] == "cmvmon 10 Mar: 0 now, 0 today, data complete"
    assert text_of(first).splitlines() == [
        "Open alerts, 10 Mar 2026 07:30:",
        "No open alert of now or today.",
        "",
        "There is no earlier night to compare with.",
        "No recent sample: no patient.",
        "Data complete.",
        "",
        "The list: https://cmv.example/pages/ward.en.html",
        "Questions: extension 1",
        "",
        f"Message {box.ids[0][1:33]}. It holds no patient's name or number, and no result.",
    ]
    assert second["Subject"].startswith("cmvmon 11 Mar: 1 now, 1 today, ")
    lines = text_of(second).splitlines()
    assert {"ward ICU-A: 1 now, 0 today", "a ward that notify.toml does not name: 0 now, 1 today"} < set(lines)
    assert "Since 10 Mar 2026 05:30: 2 new, 0 more urgent, 0 reopened, 0 resolved, 0 closed." in lines
    assert "No recent sample: 1 patient." in lines
    assert "Of these, 1 acknowledged or set aside." in lines, "that of tier 3 is not counted above, and so not here"
    assert ">ward ICU-A</th><td" in text_of(second, "html")


def test_a_server_that_is_dead_for_a_day_gets_it_once_and_under_the_id_that_it_was_queued_with(ward: Path) -> None:
    port = free_port()
    notify(ward, port=port, more=DIGEST)
    for step in range(141):  # every ten minutes, until shortly before that of the next day
        told = tell(ward, at=at("07:30") + timedelta(minutes=10 * step))
        assert told is not None
        assert (told.delivered, told.given_up, told.dropped, told.trouble) == (0, 0, 0, None)
    queued = [name for (name,) in rows(ward, "SELECT message_id FROM outbox_messages WHERE kind = 'digest'")]
    with mail_server(port=port) as box:
        for minutes in range(35):
            tell(ward, at=at("06:51", 11) + timedelta(minutes=minutes))
    assert box.ids == [f"<{name}@hospital.example>" for name in queued]
    assert subjects(box) == ["cmvmon 10 Mar: 0 now, 0 today, data complete"]
    assert rows(ward, "SELECT * FROM outbox_waiting") == []


def test_after_days_of_a_dead_server_one_comes_that_names_the_days_and_counts_all_that_changed(ward: Path) -> None:
    port = free_port()
    notify(ward, port=port, more=DIGEST)
    tell(ward, at=at("08:00"))
    says(ward, "SYNTHETIC-A", "alert", at("13:00"), tier=2)
    judged(ward, at("05:30", 11))
    tell(ward, at=at("08:00", 11))
    judged(ward, at("05:30", 12))
    with mail_server(port=port) as box:
        tell(ward, at=at("08:00", 12))
    (letter,) = [letter for letter in box.letters if " today, " in letter["Subject"]]
    assert letter["Subject"] == "cmvmon 12 Mar: 0 now, 1 today, data complete"
    lines = text_of(letter).splitlines()
    assert "The digests of 10 Mar to 11 Mar could not be delivered; this one stands in their place." in lines
    assert "Since 10 Mar 2026 08:00: 1 new, 0 more urgent, 0 reopened, 0 resolved, 0 closed." in lines
    ends = rows(ward, "SELECT event, cause FROM outbox_events WHERE event IN ('delivered', 'dropped') ORDER BY event")
    assert ends == [("delivered", None)] + [("dropped", "in_a_later_digest")] * 2


def test_a_server_that_never_comes_back_is_told_as_given_up_though_each_day_has_a_new_one(ward: Path) -> None:
    notify(ward, port=free_port(), more=DIGEST)
    given_up = 0
    for days in range(6):
        judged(ward, at("05:30") + timedelta(days=days))
        for clock in ("08:00", "12:00"):
            told = tell(ward, at=at(clock) + timedelta(days=days))
            assert told is not None
            given_up += told.given_up
    assert given_up == 2
    assert len(rows(ward, "SELECT * FROM outbox_waiting")) == 1


def test_each_recipient_has_it_in_his_own_language(ward: Path) -> None:
    with mail_server() as box:
        notify(ward, port=box.port, more='digest_to = ["team", "head", "data"]\ndigest_at = "07:30"')
        path = ward / "notify.toml"
        text = path.read_text(encoding="utf-8").replace('to = "head@', 'language = "nl"\nto = "head@')
        path.write_text(text, encoding="utf-8")
        assert tell(ward, at=at("07:30")) == Told(queued=3, delivered=3)
    by_name = {str(letter["To"]).split("@")[0]: letter for letter in box.letters}
    assert by_name["team"]["Subject"] == "cmvmon 10 Mar: 0 now, 0 today, data complete"
    assert by_name["head"]["Subject"] == "cmvmon 10 mrt: 0 nu, 0 vandaag, gegevens compleet"
    assert "https://cmv.example/pages/ward.nl.html" in text_of(by_name["head"])
    assert '<html lang="nl">' in text_of(by_name["head"], "html")


def test_a_ward_that_nobody_judged_is_not_called_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_ward(tmp_path)
    with mail_server() as box:
        notify(tmp_path, port=box.port, more=DIGEST)
        tell(tmp_path, at=at("08:00"))
        judged(tmp_path, at("05:30", 11))
        later = datetime(2026, 3, 13, 8, tzinfo=UTC)
        monkeypatch.setattr(nights, "now", lambda: later)
        tell(tmp_path, at=later)
    first, last = (letter for letter in box.letters if " today, " in letter["Subject"])
    assert first["Subject"] == "cmvmon 10 Mar: 0 now, 0 today, DATA INCOMPLETE"
    assert text_of(first).startswith("DATA INCOMPLETE: nobody has been judged yet.\n\n")
    assert "<strong>DATA INCOMPLETE: nobody has been judged yet.</strong>" in text_of(first, "html")
    assert text_of(last).startswith("DATA INCOMPLETE: the last night is missing.\n\n")
