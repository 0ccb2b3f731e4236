"""Mail that does not get through: the ward page says so until it does, doctor names an address that is refused, somebody else is told."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

from cmvmon.run.checks.telling_checkup import of_notify
from cmvmon.run.messages.telling import tell
from cmvmon.run.messages.telling_state import state
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.stored_pages import stored_pages
from cmvmon.shell.boards.revision import revision
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language
from tests import sites
from tests.run.test_telling import at, subjects
from tests.servers import Mailbox, free_port, mail_server, webhook
from tests.sites import day
from tests.telling.telling_site import a_ward, acknowledged, notify, says

TO_TEAM = '[[routes]]\ntier = 2\nto = ["team"]'
FIRST = day(21.5)
SAID = {
    "nl": r"(?P<n>\d+) bericht(en zijn| is) sinds (?P<since>[^:]+:\d\d) niet aangekomen: wie (het|ze) moest krijgen, weet het nog niet",
    "en": r"(?P<n>\d+) messages? to people ha\w+ not got through since (?P<since>[^:]+:\d\d): who is told by (it|them) does not know yet",
}
LOST = {
    "nl": r"(?P<n>\d+) bericht(en)? van de laatste 7 dagen (is|zijn) opgegeven en nooit aangekomen",
    "en": r"(?P<n>\d+) messages? to people of the last 7 days (was|were) given up and never arrived",
}


def feeds(root: Path, code: str) -> str:
    """What the ward page says beside the state of the feeds."""
    page = (root / "pages" / f"ward.{code}.html").read_text("utf-8")
    return unescape(re.sub(r"<[^>]+>", "", page.partition('id="feeds"')[2].partition("</section>")[0]))


def test_the_ward_page_says_how_many_messages_wait_and_since_when_until_they_arrive(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    port = free_port()
    with webhook() as hook:
        notify(tmp_path, port=port, hook=hook.url, routes=TO_TEAM)
        nightly(tmp_path, as_of=FIRST)
        for code in SAID:
            assert re.search(SAID[code], feeds(tmp_path, code)) is None  # nothing was tried so far
        for hours in range(0, 24, 8):
            tell(tmp_path, at=FIRST + timedelta(hours=hours))
        nightly(tmp_path, as_of=FIRST + timedelta(days=1))
        n = state(tmp_path, at=FIRST + timedelta(days=1)).n_failing
        assert n > 0
        for code in SAID:
            told = re.search(SAID[code], feeds(tmp_path, code))
            assert told is not None, feeds(tmp_path, code)
            assert (int(told["n"]), told["since"]) == (n, language(code).moment(FIRST, "Europe/Amsterdam"))
            assert 'class="feeds troubled"' in (tmp_path / "pages" / f"ward.{code}.html").read_text("utf-8")
        with mail_server(port=port) as box:
            tell(tmp_path, at=FIRST + timedelta(days=1, hours=1))
        assert len(box.letters) >= n
        nightly(tmp_path, as_of=FIRST + timedelta(days=2))
    for code in SAID:
        assert not re.search(f"{SAID[code]}|{LOST[code].replace('?P<n>', '')}", feeds(tmp_path, code))


def test_what_was_given_up_is_told_for_a_week_and_a_site_that_tells_nobody_says_nothing(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=FIRST)
    notify(tmp_path, port=free_port(), routes=TO_TEAM)
    for hours in range(0, 90, 6):
        tell(tmp_path, at=FIRST + timedelta(hours=hours))
    lost = state(tmp_path, at=FIRST + timedelta(hours=90)).n_given_up
    assert lost > 0
    for days, is_told in ((4, True), (12, False)):
        nightly(tmp_path, as_of=FIRST + timedelta(days=days))
        for code in LOST:
            told = re.search(LOST[code], feeds(tmp_path, code))
            assert (told is not None) == is_told
            assert told is None or int(told["n"]) == lost


def test_the_board_s_ward_page_knows_it_as_soon_as_a_try_has_failed(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    notify(tmp_path, port=free_port(), routes=TO_TEAM)
    nightly(tmp_path, as_of=FIRST)
    with open_store(Site(tmp_path).database) as store, open_site(tmp_path) as opened:
        before = stored_pages(opened)
        with store.reading() as connection:
            first = revision(connection, tmp_path)
        tell(tmp_path, at=FIRST + timedelta(minutes=1))
        with store.reading() as connection:
            now = revision(connection, tmp_path)
        after = stored_pages(opened, before=before)
    assert (now.data, now.events > first.events) == (first.data, True)
    assert before is not None
    assert after is not None
    assert (before.whole.undelivered.n_failing, after.whole.undelivered.n_failing > 0) == (0, True)


def test_an_address_that_is_refused_for_good_is_doctor_s_finding_and_the_second_contact_is_told(tmp_path: Path) -> None:
    ward = a_ward(tmp_path)
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    says(ward, "SYNTHETIC-C", "alert", at("12:00"))
    with mail_server(Mailbox(refuses={"team@hospital.example"})) as box:
        notify(ward, port=box.port)
        tell(ward, at=at("12:00"))
        found = list(of_notify(Site(ward)))
        assert [words for kind, words in found if kind == "broken"] == [
            "[channels.team]: the server refuses its address, so nobody is reached by it: mend it in notify.toml"
        ]
        assert state(ward, at=at("12:01")).needs_somebody
        acknowledged(ward, "SYNTHETIC-C", at("13:00"))
        for clock in ("15:59", "16:01"):
            tell(ward, at=at(clock))
        assert [letter["To"] for letter in box.letters] == ["head@hospital.example"]
        assert subjects(box) == ["cmvmon: 1 alert without an answer, now (ward ICU-A)"]
        box.refuses = set()  # the address was mended
        tell(ward, at=at("17:00"))
        assert "team@hospital.example" in {letter["To"] for letter in box.letters}
    assert [words for kind, words in of_notify(Site(ward)) if kind == "broken"] == []


def test_an_address_that_is_refused_for_now_is_none_to_mend(tmp_path: Path) -> None:
    ward = a_ward(tmp_path)
    says(ward, "SYNTHETIC-A", "alert", at("12:00"))
    with mail_server(Mailbox(refuses={"team@hospital.example"}, refusal="451 try again later")) as box:
        notify(ward, port=box.port)
        tell(ward, at=at("12:00"))
    assert [words for kind, words in of_notify(Site(ward)) if kind == "broken"] == []
    assert state(ward, at=at("12:01")).n_failing == 1
