"""Addresses that are guessed: the board keeps nothing of them, and they cost it little."""

from __future__ import annotations

import sqlalchemy as sa

from tests.board.boards import ALSO_ON_A, ON_A, ON_B, WARD_A, WARD_B, Asked


def test_of_wards_and_patients_that_are_guessed_nothing_is_kept(board: Asked) -> None:
    client = board.signed_in("viewer-a")
    addresses = [f"/ward.en.html?ward=guess-{i}" for i in range(5)] + [f"/p{i:032x}.en.html" for i in range(5)]
    addresses += [f"/{board.page_of(ON_B)}.en.html", f"/ward.en.html?ward={WARD_B}"]
    for address in addresses:
        assert client.get(address).status_code == 404, address
    assert (len(board.pages._locks), len(board.pages._made)) == (0, 0)
    for address in (f"/ward.en.html?ward={WARD_A}", f"/{board.page_of(ON_A)}.en.html"):
        assert client.get(address).status_code == 200
    assert (len(board.pages._locks), len(board.pages._made)) == (0, 2)


def test_a_patients_name_that_is_guessed_again_and_again_reads_the_numbers_of_the_store_once(board: Asked) -> None:
    client, asked = board.signed_in("consultant"), list[str]()
    client.get("/ward.en.html")
    # The key of the names is of chance: what is guessed must never be the real one.
    real = board.page_of(ON_A)
    names = [name for i in range(10, 21) if (name := f"{real[:-2]}{i:02x}") != real][:10]

    @sa.event.listens_for(board.pages.store.engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "DISTINCT" in statement and "patient_id" in statement:
            asked.append(statement)

    def n_asked(name: str) -> int:
        before = len(asked)
        client.get(f"/{name}.en.html")
        return len(asked) - before

    first, *others = [n_asked(name) for name in names]
    assert first > 0
    assert others == [0] * len(others)
    assert client.get(f"/{board.page_of(ALSO_ON_A)}.en.html").status_code == 200
