"""A form that is refused, on a real socket: what was typed is still there, the field says what is wrong with it, and nobody else sees it."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest

from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import held
from cmvmon.text import codes, language
from tests.board import boards
from tests.board.boards import ALSO_ON_A, ON_A, ON_B, OWN, Served, alert_of, audit_rows, judged, token
from tests.servers import free_port

MARK = "zebra-4711"  # what nobody else types
TYPED = f'{MARK} <b>"level" & sample</b> é'


class Fields(HTMLParser):
    """The fields of a page with what stands in them, by form and name; and what is said of those that are at fault."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], str] = {}
        self.described: list[tuple[str, str, str]] = []
        self.focused: list[str] = []
        self.texts: dict[str, str] = {}
        self._form = self._select = self._in = ""
        self.feed(page)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        told = dict(given)
        name = told.get("name") or ""
        if tag == "form":
            self._form = told.get("id") or (told.get("action") or "").split(".")[0]
        if tag == "select":
            self._select = name
            self.values[self._form, name] = ""
        if tag == "option" and "selected" in told:
            self.values[self._form, self._select] = told.get("value") or ""
        if tag == "input" and (told.get("type") != "radio" or "checked" in told):
            self.values[self._form, name] = told.get("value") or ""
        if told.get("aria-invalid") == "true":
            self.described.append((self._form, name, told.get("aria-describedby") or ""))
        if "autofocus" in told:
            self.focused.append(name or tag)
        if told.get("id") and tag == "p":
            self._in = told["id"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._in = "" if tag == "p" else self._in
        self._form = "" if tag == "form" else self._form

    def handle_data(self, data: str) -> None:
        if self._in:
            self.texts[self._in] = self.texts.get(self._in, "") + data


@pytest.fixture(scope="module")
def served(judged_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    root = tmp_path_factory.mktemp("refused") / "site"
    shutil.copytree(judged_site, root)
    boards.board_toml(root, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    with sqlite3.connect(root / "cmvmon.sqlite") as connection:  # as of a critical result: such are told by phone
        connection.execute("DROP TRIGGER no_update_of_alert_events")
        connection.execute("UPDATE alert_events SET tier = 1 WHERE patient_id = ?", [ON_A])
    with boards.served(root) as found:
        yield found, root


@pytest.fixture(scope="module")
def consultant(served: tuple[Served, Path]) -> httpx2.Client:
    return served[0].signed_in("consultant")


def sent(client: httpx2.Client, what: str, alert: str, code: str, form: Mapping[str, str]) -> httpx2.Response:
    """Opens an alert's page, and sends one of its forms."""
    page = client.get(f"/alert-{alert}.{code}.html").text
    told = {"token": token(page), "judged": judged(page)} | form
    return client.post(f"/{what}-{alert}.{code}.html", data=told, headers=OWN)


def events(root: Path, alert: str) -> list[str]:
    return [e["event"] for e in queries.history(root, alert_id=alert, patient=None, since=None, lang="en")]


# What is sent, which field is at fault, and as which refusal.
LONG = f"{TYPED} {'x' * 300}"
REFUSED: dict[str, tuple[str, dict[str, str], str, str]] = {
    "no reason": ("acknowledge", {"reason": "", "note": TYPED}, "reason", "no_reason"),
    "no such reason": ("acknowledge", {"reason": MARK, "note": TYPED}, "reason", "no_reason"),
    "a note that is too long": ("acknowledge", {"reason": "ordered", "note": LONG}, "note", "too_long"),
    "no reason to set aside": ("snooze", {"reason": "", "until": "2099-01-01T10:00", "note": TYPED}, "reason", "no_reason"),
    "too late": ("snooze", {"reason": "awaiting", "until": "2099-01-01T10:00", "note": TYPED}, "until", "until_too_late"),
    "passed": ("snooze", {"reason": "awaiting", "until": "2001-01-01T10:00", "note": TYPED}, "until", "until_passed"),
    "no moment": ("snooze", {"reason": "awaiting", "until": TYPED[:40], "note": TYPED}, "until", "no_moment"),
    "an hour that the clocks leave out": ("snooze", {"reason": "awaiting", "until": "2027-03-28T02:30", "note": ""}, "until", "no_moment"),
    "a moment that is too long": ("snooze", {"reason": "awaiting", "until": LONG, "note": TYPED}, "until", "too_long"),
    "nobody called": ("readback", {"to": " ", "how": "not_reached", "note": TYPED}, "to", "no_recipient"),
    "a name that is too long": ("readback", {"to": LONG, "how": "confirmed", "note": TYPED}, "to", "too_long"),
    "a patient's number": ("acknowledge", {"reason": "ordered", "note": f"{TYPED} {ON_A}"}, "note", "names_patient"),
    "another's, in small letters": ("snooze", {"reason": "awaiting", "until": "", "note": f"{TYPED} {ON_B.lower()}"}, "note", "names_patient"),
    "a number told": ("readback", {"to": TYPED, "how": "confirmed", "note": f"({ON_A}) {TYPED}"}, "note", "names_patient"),
    "a number called": ("readback", {"to": f"{TYPED} {ON_A}", "how": "confirmed", "note": ""}, "to", "names_patient"),
    "reached or not": ("readback", {"to": TYPED, "how": "", "note": TYPED}, "how", "no_reason"),
    "reached in another way": ("readback", {"to": TYPED, "how": MARK, "note": TYPED}, "how", "no_reason"),
}  # fmt: skip


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("which", REFUSED)
def test_what_was_typed_is_kept_and_the_field_that_is_at_fault_says_why(
    which: str, code: str, consultant: httpx2.Client, served: tuple[Served, Path]
) -> None:
    what, form, field, because = REFUSED[which]
    root = served[1]
    alert = alert_of(root, ON_A)
    before = events(root, alert)
    done = sent(consultant, what, alert, code, form)
    assert done.status_code == 409
    page = Fields(done.text)
    for name, value in form.items():
        is_choice = name in ("reason", "how")
        kept = "" if is_choice and value == MARK else value  # what can't be chosen is not
        assert page.values.get((what, name), "") == kept, name
    others = [
        value for (where, name), value in page.values.items() if where != what and name not in ("token", "judged")
    ]
    assert not any(others), "no other form has anything of it"
    assert page.described == [(what, field, "wrong")]
    assert page.focused == [field]
    spoken = language(code)
    words = spoken.say(f"board.refused.{because}", most="300" if field != "to" else "100", at="")
    if field == "until" and because == "too_long":
        words = spoken.say("board.refused.too_long", most="40")
    assert page.texts["wrong"].startswith(words.split(".")[0])
    assert events(root, alert) == before
    row = audit_rows(root)[-1]
    assert (row["event"], row["outcome"], row["because"]) == (
        {"readback": "read_back"}.get(what, what), "failed", because,
    )  # fmt: skip


@pytest.mark.parametrize("why", ["", f"{TYPED}, and it was {ON_B}", LONG], ids=["nothing", "a patient", "too long"])
def test_a_reopening_that_is_refused_keeps_its_words(
    why: str, consultant: httpx2.Client, served: tuple[Served, Path]
) -> None:
    root = served[1]
    alert = alert_of(root, ALSO_ON_A)
    answering.acknowledge(root, alert, reason="ordered", note=None, actor="test")
    done = sent(consultant, "reopen", alert, "nl", {"why": why})
    assert done.status_code == 409
    page = Fields(done.text)
    assert page.values["reopen", "why"] == why
    assert (page.described, page.focused) == ([("reopen", "why", "wrong")], ["why"])
    assert events(root, alert)[-1] == "acknowledged"
    answering.reopen(root, alert, why="for the next test", actor="test")


@pytest.mark.parametrize("code", codes())
def test_what_was_typed_is_kept_where_somebody_else_was_first_and_the_form_is_gone(
    code: str, consultant: httpx2.Client, served: tuple[Served, Path]
) -> None:
    root, spoken = served[1], language(code)
    alert = alert_of(root, ALSO_ON_A)
    opened = consultant.get(f"/alert-{alert}.{code}.html").text
    answering.acknowledge(root, alert, reason="ordered", note=None, actor="dr. Elsewhere")
    told = {"token": token(opened), "judged": judged(opened), "reason": "dealt_with", "note": TYPED}
    done = consultant.post(f"/acknowledge-{alert}.{code}.html", data=told, headers=OWN)
    assert done.status_code == 409
    assert "dr. Elsewhere" in done.text
    left = re.sub(r"<[^>]+>", "|", done.text.partition('<section class="left">')[2].partition("</section>")[0])
    assert spoken.say("board.refused.left") in left
    assert "zebra-4711 &lt;b&gt;&#34;level&#34; &amp; sample&lt;/b&gt; é" in left
    assert Fields(done.text).focused == ["p"]
    answering.reopen(root, alert, why="for the next test", actor="test")


@pytest.mark.parametrize("code", codes())
def test_what_was_typed_is_kept_where_the_alert_says_something_else_by_now_and_can_be_sent_again(
    code: str, consultant: httpx2.Client, served: tuple[Served, Path]
) -> None:
    root, alert = served[1], alert_of(served[1], ALSO_ON_A)
    form = {"reason": "dealt_with", "note": f"{TYPED} {code}"}
    done = sent(consultant, "acknowledge", alert, code, form | {"judged": "2020-01-01T10:00:00+00:00"})
    assert done.status_code == 409
    page = Fields(done.text)
    assert language(code).say("board.refused.says_otherwise") in done.text
    assert language(code).say("board.refused.kept") in done.text
    assert (page.values["acknowledge", "note"], page.described, page.focused) == (form["note"], [], ["p"])
    again = {name: value for (where, name), value in page.values.items() if where == "acknowledge"} | {"note": "again"}
    assert consultant.post(f"/acknowledge-{alert}.{code}.html", data=again, headers=OWN).status_code == 303
    assert events(root, alert)[-1] == "acknowledged"
    answering.reopen(root, alert, why="for the next test", actor="test")


def test_what_was_typed_is_kept_while_the_site_is_judged(
    consultant: httpx2.Client, served: tuple[Served, Path]
) -> None:
    root = served[1]
    with held(Site(root)):
        done = sent(consultant, "acknowledge", alert_of(root, ON_A), "nl", {"reason": "ordered", "note": TYPED})
    assert done.status_code == 409
    assert Fields(done.text).values["acknowledge", "note"] == TYPED


def test_a_form_whose_session_has_ended_is_not_done_but_keeps_what_was_typed_and_is_sent_again_with_one_press(
    served: tuple[Served, Path],
) -> None:
    board, root = served
    alert, older, newer = alert_of(root, ON_A), board.signed_in("consultant"), board.signed_in("consultant")
    before = events(root, alert)
    form = {"token": token(older.get("/ward.nl.html").text), "reason": "ordered", "note": TYPED}
    form["judged"] = judged(newer.get(f"/alert-{alert}.nl.html").text)
    done = newer.post(f"/acknowledge-{alert}.nl.html", data=form, headers=OWN)
    assert done.status_code == 403
    assert language("nl").say("board.refused.too_old") in done.text
    page = Fields(done.text)
    assert (page.values["acknowledge", "reason"], page.values["acknowledge", "note"]) == ("ordered", TYPED)
    assert events(root, alert) == before
    row = audit_rows(root)[-1]
    assert (row["event"], row["outcome"], row["because"]) == ("acknowledge", "refused", "no_token")
    again = {name: value for (where, name), value in page.values.items() if where == "acknowledge"} | {"note": "again"}
    assert newer.post(f"/acknowledge-{alert}.nl.html", data=again, headers=OWN).status_code == 303
    answering.reopen(root, alert, why="for the next test", actor="test")


def test_what_another_site_sends_is_not_shown_again(consultant: httpx2.Client, served: tuple[Served, Path]) -> None:
    alert = alert_of(served[1], ON_A)
    page = consultant.get(f"/alert-{alert}.en.html").text
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {}):
        for key in (token(page), "0" * 64):
            told = {"token": key, "judged": judged(page), "reason": "", "note": TYPED}
            done = consultant.post(f"/acknowledge-{alert}.en.html", data=told, headers=headers)
            assert (done.status_code, MARK in done.text) == (403, False)


@pytest.mark.parametrize("code", codes())
def test_a_wrong_password_keeps_the_name_and_never_the_password(code: str, served: tuple[Served, Path]) -> None:
    client = httpx2.Client(base_url=served[0].address, timeout=60)
    form = {"name": f"nobody {MARK}", "password": "wrong horse"}
    done = client.post(f"/sign-in.{code}.html", data=form, headers=OWN)
    assert (done.status_code, "wrong horse" in done.text) == (401, False)
    page = Fields(done.text)
    assert page.texts["wrong"] == language(code).say("board.sign_in.wrong")
    assert [value for (_, name), value in page.values.items() if name == "name"] == [form["name"]]
    assert 'aria-describedby="wrong" autofocus' in done.text
    assert page.focused == ["password"]
    assert MARK not in client.get(f"/sign-in.{code}.html").text


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("asked", ["", " z ", MARK])
def test_a_search_keeps_what_was_looked_for_and_one_that_is_too_short_says_so_beside_it(
    asked: str, code: str, consultant: httpx2.Client
) -> None:
    form = {"token": token(consultant.get(f"/ward.{code}.html").text), "q": asked}
    done = consultant.post(f"/search.{code}.html", data=form, headers=OWN)
    page = Fields(done.text)
    is_short = len(asked.strip()) < 2
    assert done.status_code == (422 if is_short else 200)
    assert page.values["search", "q"] == asked
    assert page.texts.get("wrong") == (language(code).say("board.search.short") if is_short else None)
    assert page.described == ([("search", "q", "wrong")] if is_short else [])
    assert page.focused == (["q"] if is_short else [])


def test_nothing_that_was_typed_and_refused_stands_in_another_page_in_the_log_or_on_the_disk(
    site_with_board: Path,
) -> None:
    """Also not by a field that its form does not have, in an answer that is recorded."""
    root = site_with_board
    boards.board_toml(root, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    alert, hers = alert_of(root, ON_A), boards.PageNames(Site(root).page_key()).of_patient(ON_A)
    with boards.served(root) as board:
        mine, second = board.signed_in("consultant"), board.signed_in("consultant-2")
        for what, form, *_ in REFUSED.values():
            assert MARK in sent(mine, what, alert, "en", {**form, "x": TYPED}).text or MARK not in str(form)
        for asked in (MARK, f"{MARK} " * 9):
            mine.post("/search.en.html", data={"token": token(mine.get("/ward.en.html").text), "q": asked}, headers=OWN)
        mine.post("/sign-in.en.html", data={"name": MARK, "password": MARK}, headers=OWN)
        odd = {"to": "ward doctor", "how": "confirmed", "reason": MARK, "why": MARK, "until": MARK}
        assert sent(mine, "readback", alert, "en", odd).status_code == 303
        for client in (second, mine):
            for name in (f"alert-{alert}", "ward", "worklist", "data", hers):
                text = client.get(f"/{name}.en.html").text
                assert ("<h1" in text, MARK in text) == (True, False), name
        board.process.send_signal(signal.SIGTERM)
        said = "".join(board.process.communicate(timeout=30))
    assert '"route": "readback"' in said
    assert MARK not in said
    assert [path for path in root.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()] == []
    assert [row["because"] for row in audit_rows(root) if row["event"] == "read_back"][-1] == "confirmed"
