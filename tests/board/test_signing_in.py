"""How often a password may be tried: also at once, and with names that nobody has."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx2
import pytest

from cmvmon.board.sessions import _REMEMBERED, Tries
from cmvmon.shell.boards import board_files
from tests.board.boards import OWN, PASSWORD, Asked


def at_once(board: Asked, names: list[str]) -> Counter[int]:
    """Wrong passwords for these names, all sent before any is answered; how often each status came."""

    async def asked() -> list[int]:
        transport = httpx2.ASGITransport(board.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://board.test") as client:
            forms = [{"name": name, "password": f"wrong password {i}"} for i, name in enumerate(names)]
            answers = [client.post("/sign-in.en.html", data=form, headers=OWN) for form in forms]
            return [answer.status_code for answer in await asyncio.gather(*answers)]

    return Counter(asyncio.run(asyncio.wait_for(asked(), 120)))


@pytest.mark.parametrize("name", ["data", "nobody-here"])
def test_of_many_wrong_passwords_at_once_five_are_tried(name: str, board: Asked) -> None:
    assert at_once(board, [name] * 40) == {401: 5, 429: 35}
    assert Counter(row["because"] for row in board.audit()) == {"wrong_password": 5, "too_many_tries": 35}
    right = board.client().post("/sign-in.en.html", data={"name": name, "password": PASSWORD}, headers=OWN)
    assert right.status_code == 429


def test_many_people_who_mistype_at_once_may_all_try_again(board: Asked) -> None:
    assert at_once(board, ["data", "admin", "consultant", "viewer-a"] * 4) == {401: 16}
    assert board.signed_in("data").get("/method.en.html").status_code == 200


def test_what_is_no_name_is_refused_and_not_remembered(board: Asked) -> None:
    """A name of 10 kB, an empty one, one with a line in it: as wrong as any other, however often."""
    for name in ("x" * 10_000, "", "a\nb"):
        assert at_once(board, [name] * 7) == {401: 7}
    assert {row["because"] for row in board.audit()} == {"wrong_password"}


def test_a_flood_of_made_up_names_is_bounded_and_makes_nothing_forgotten_of_a_real_one() -> None:
    tries = Tries()
    assert [tries.take("ann", is_known=True) for _ in range(6)] == [True] * 5 + [False]
    for i in range(2 * _REMEMBERED):
        assert tries.take(f"made-up-{i}", is_known=False)
    assert len(tries._made_up) == _REMEMBERED
    assert not tries.take("ann", is_known=True)
    tries.forget("ann")
    assert tries.take("ann", is_known=True)


def test_a_password_that_is_changed_ends_the_sessions_of_that_name_and_of_no_other(board: Asked) -> None:
    hers, his = board.signed_in("data"), board.signed_in("admin")
    board_files.set_password(board.root, "data", PASSWORD + " anew")
    assert hers.get("/method.en.html").status_code == 303
    assert his.get("/method.en.html").status_code == 200
    form = {"name": "data", "password": PASSWORD + " anew"}
    assert hers.post("/sign-in.en.html", data=form, headers=OWN).status_code == 303
    assert hers.get("/method.en.html").status_code == 200


def test_a_password_that_is_taken_away_ends_the_sessions_of_that_name(board: Asked) -> None:
    hers = board.signed_in("data")
    path = board.root / board_files.PASSWORDS
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("data:")))
    assert hers.get("/method.en.html").status_code == 303
