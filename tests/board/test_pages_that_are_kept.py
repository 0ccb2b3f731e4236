"""Pages that are made once and kept: none outlives what it says, and none is missed while another thread throws it away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from cmvmon.board import pages
from cmvmon.board.board_file import read_board_file
from cmvmon.board.scope import Reader
from cmvmon.run.answers import answering
from cmvmon.run.pages import stored_pages, ward_rows, whole_ward
from cmvmon.shell.store import session
from cmvmon.text import codes
from tests.board import boards
from tests.board.boards import ALSO_ON_A, JUDGED, ON_A, ON_B, Asked, alert_of


@pytest.fixture(autouse=True)
def two_hours_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "now", lambda: JUDGED + timedelta(hours=2))


@pytest.mark.parametrize("page", ["ward", "patient"])
def test_a_page_that_was_begun_before_an_answer_is_not_kept_as_one_after_it(
    page: str, board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, alert = board.signed_in("consultant"), alert_of(board.root, ON_A)
    path = "/ward.en.html" if page == "ward" else f"/{board.page_of(ON_A)}.en.html"
    scope_of, n_asked = pages.scope_of, iter(range(1000))

    def answered_meanwhile(*told: Any) -> Any:
        """The first time somebody else answers just now, and a third one's page already knows it."""
        if next(n_asked) == 0:
            answering.acknowledge(board.root, alert, reason="ordered", note=None, actor="dr. Meanwhile")
            board.pages.stored()
        return scope_of(*told)

    monkeypatch.setattr(pages, "scope_of", answered_meanwhile)
    assert client.get(path).status_code == 200
    assert "dr. Meanwhile" in client.get(path).text


def test_a_page_is_shown_also_where_none_can_be_kept(board: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_KEPT", 0)
    client = board.signed_in("consultant")
    for path in ("/ward.en.html", "/worklist.nl.html", f"/{board.page_of(ON_A)}.en.html"):
        assert client.get(path).status_code == 200, path


def test_many_who_ask_while_alerts_are_answered_all_get_their_page(
    board: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_KEPT", 1)
    clients = [board.signed_in("consultant") for _ in range(4)]
    paths = ["/ward.en.html", "/ward.nl.html", f"/{board.page_of(ON_A)}.en.html", "/worklist.en.html"]

    def asks(i: int) -> int:
        return clients[i % 4].get(paths[i // 4 % 4]).status_code

    with ThreadPoolExecutor(4) as pool:
        answered = pool.map(asks, range(48))
        for patient in (ON_A, ALSO_ON_A):
            answering.acknowledge(
                board.root, alert_of(board.root, patient), reason="ordered", note=None, actor="dr. Meanwhile"
            )
        assert set(answered) == {200}
    assert "dr. Meanwhile" in clients[0].get("/ward.en.html").text


@pytest.mark.parametrize("name", ["consultant", "viewer-a", "data"])
def test_after_each_answer_a_page_is_to_the_byte_what_it_would_be_made_anew(name: str, board: Asked) -> None:
    """What no alert changes is taken over from the page before: the list, its results, numbers and samples, and the feeds."""
    reader = Reader.of(read_board_file(boards.BY_PASSWORD.replace("port = 1", "port = 8741")).people[name])
    alert, other = alert_of(board.root, ON_A), alert_of(board.root, ALSO_ON_A)
    told: dict[str, Any] = {"actor": "dr. Meanwhile"}
    steps = (
        lambda: answering.acknowledge(board.root, alert, reason="ordered", note="level <tomorrow>", **told),
        lambda: answering.snooze(board.root, other, until=None, reason="awaiting", note=None, **told),
        lambda: answering.reopen(board.root, alert, why="the result is in", **told),
        lambda: answering.see(board.root, alert_of(board.root, ON_B), actor="dr. Meanwhile"),
    )
    pages_of = ("worklist",) if name == "data" else ("ward", "worklist")
    before = {board.pages.page(pages.Asked(one, "nl"), reader).text for one in pages_of}
    for step in steps:
        step()
        for one in pages_of:
            for code in codes():
                made = board.pages.page(pages.Asked(one, code), reader).text
                anew = pages.Pages(board.root, board.pages.store)
                for mark in ("user_mark", "token_mark", "_live_mark"):
                    setattr(anew, mark, getattr(board.pages, mark))
                assert made == anew.page(pages.Asked(one, code), reader).text
    assert name == "data" or board.pages.page(pages.Asked("ward", "nl"), reader).text not in before


def test_an_answer_looks_up_nothing_again_that_no_alert_changes(board: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    client, alert = board.signed_in("consultant"), alert_of(board.root, ON_A)
    client.get("/ward.en.html")

    def looked_up(*_: Any, **__: Any) -> Any:
        raise AssertionError("looked up again")

    for module, name in (
        (whole_ward.patient_numbers, "on_the_ward"),
        (whole_ward, "due_today"),
        (ward_rows, "_latest"),
        (stored_pages, "around"),
        (stored_pages.ward_list, "stored_list"),
    ):
        monkeypatch.setattr(module, name, looked_up)
    answering.acknowledge(board.root, alert, reason="ordered", note=None, actor="dr. Meanwhile")
    assert "dr. Meanwhile" in client.get("/ward.en.html").text


def test_an_alert_of_another_compartment_brings_that_compartment_first_and_no_other_row_is_made_anew(
    board: Asked,
) -> None:
    stored = board.pages.stored()
    listed, alerts, protocol = stored.listed, stored.around.alerts, stored.opened.protocol
    asked = {"protocol": protocol, "as_of": stored.as_of}
    rows = ward_rows.ward_rows(listed, alerts, **asked)
    moved = alerts.with_columns(
        compartment=pl.when(pl.col("patient_id") == ON_A).then(pl.lit("bal")).otherwise("compartment")
    )
    for now in (moved, alerts.filter(pl.col("patient_id") != ON_A), alerts.clear(), alerts):
        anew = ward_rows.ward_rows(listed, now, **asked)
        assert ward_rows.ward_rows(listed, now, **asked, before=rows) == anew
