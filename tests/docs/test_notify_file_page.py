"""The page about notify.toml has an example and a meaning for every key that the reader asks for, and no other."""

from __future__ import annotations

import tomllib

from tests.docs.notify_file_page import EXAMPLE, MEANINGS, keys


def test_every_key_that_the_reader_asks_for_has_its_meaning_and_no_other_has_one() -> None:
    assert set(keys()) == set(MEANINGS)


def test_the_example_holds_every_key() -> None:
    read = tomllib.loads(EXAMPLE)
    there = {f"channels.<name>.{key}" for channel in read["channels"].values() for key in channel}
    there |= {f"routes[].{key}" for route in read["routes"] for key in route}
    there |= read.keys() - {"channels", "routes"}
    assert there == set(MEANINGS)
