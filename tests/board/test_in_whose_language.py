"""In which language the board says that something is refused or not there: the page's, else the browser's, else the site's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.board.tongue import wanted
from cmvmon.text import codes, language
from tests.board.boards import OWN, Asked

NOT_HERE = {language(code).say("board.says.gone"): code for code in codes()}


@pytest.mark.parametrize(
    ("path", "accepts", "code"),
    [
        ("/nowhere", "en-GB,en;q=0.9,nl;q=0.8", "en"),
        ("/nowhere", "nl-NL,nl;q=0.9,en;q=0.8", "nl"),
        ("/nowhere", "fr, de;q=0.9", "nl"),  # the site's own
        ("/nowhere", "", "nl"),
        ("/nowhere.en.html", "nl", "en"),  # of a page that is called as one of ours
        ("/00000000000000000000.csv", "en", "en"),
        ("/00000000000000000000.en.html", "nl", "en"),
        ("/cmvmon-0123456789abcdef.js", "en", "en"),
    ],
)
def test_what_is_not_there_is_said_in_the_reader_s_language(path: str, accepts: str, code: str, board: Asked) -> None:
    text = board.signed_in("consultant").get(path, headers={"Accept-Language": accepts}).text
    assert [found for words, found in NOT_HERE.items() if words in text] == [code]
    assert f'<html lang="{code}">' in text


def test_so_is_a_form_that_is_refused_a_wrong_method_and_a_board_that_can_not_be_used(board: Asked) -> None:
    client = board.signed_in("data")
    english, dutch = {"Accept-Language": "en"}, {"Accept-Language": "nl"}
    for headers, code in ((english, "en"), (dutch, "nl")):
        page = f'<html lang="{code}">'
        assert page in client.get("/sign-out", headers=headers).text
        assert page in client.request("DELETE", "/favicon.ico", headers=headers).text
        assert page in client.get("/00000000000000000000.csv", headers=headers).text  # by its role
        assert page in client.post(f"/search.{code}.html", data={"q": "x"}, headers=OWN | dutch).text
    (board.root / "board.toml").write_text("nonsense = ", encoding="utf-8")
    assert '<html lang="en">' in client.get("/events", headers=english).text


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("en", "en"), ("EN-us", "en"), ("nl;q=0.2, en;q=0.7", "en"), ("en;q=0, nl;q=0.1", "nl"), ("fr", None), ("", None), ("*", None),
        ("en;q=x", None), ("nl;q=9", None), (";;,,", None), ("x," * 30 + "en", None),
    ],
)  # fmt: skip
def test_a_browser_s_wish_is_read_as_its_weights_say(header: str, code: str | None) -> None:
    assert wanted(header) == code


@given(st.text(max_size=300))
def test_no_wish_is_answered_in_a_language_that_is_not_spoken_here(header: str) -> None:
    assert wanted(header) in (*codes(), None)
