"""The page about the laboratory file has an example and a meaning for every key that the reader asks for, and no other."""

from __future__ import annotations

import tomllib

from tests.docs.laboratory_file_page import EXAMPLE, MEANINGS, keys


def test_every_key_that_the_reader_asks_for_has_its_meaning_and_no_other_has_one() -> None:
    assert set(keys()) == set(MEANINGS)


def test_the_example_holds_every_key() -> None:
    def holds(data: object, path: list[str]) -> bool:
        if not path:
            return True
        if isinstance(data, list):
            return any(holds(item, path) for item in data)
        name = path[0]
        if not isinstance(data, dict):
            return False
        if name == "<text>":
            return any(holds(item, path[1:]) for item in data.values())
        return name in data and holds(data[name], path[1:])

    read = tomllib.loads(EXAMPLE)
    assert [key for key in MEANINGS if not holds(read, key.replace("[]", "").split("."))] == []
