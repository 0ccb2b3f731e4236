"""Pages that are made once and kept: none outlives what it says, and none is missed while another thread throws it away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from cmvmon.board import pages
from cmvmon.run.answers import answering
from cmvmon.shell.store import session
from tests.board.boards import ALSO_ON_A, JUDGED, ON_A, Asked, alert_of


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
