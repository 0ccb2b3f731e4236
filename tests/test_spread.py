"""Tests are spread by file or group, and the lists that say so name files that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import JUDGED_AS_EVERY_NIGHT, KINDS, NIGHTS_ON_THE_WAY
from tests.spread import BEGUN_FIRST, TOGETHER, ByGroup, group_of, turn

TESTS = Path(__file__).parent


def test_the_tests_of_a_file_or_of_files_that_share_go_to_one_process(request: pytest.FixtureRequest) -> None:
    spread = ByGroup.__new__(ByGroup)
    mine = request.node.nodeid
    assert spread._split_scope(mine) == spread._split_scope(f"{mine}[another/one::of@it]") == "test_spread.py"
    assert all(spread._split_scope(f"tests/{place}::test_x[a: b/c]") == group for place, group in TOGETHER.items())
    assert len(set(TOGETHER.values())) < len(TOGETHER)
    assert group_of("tests/run/test_night.py::test_x") != group_of("tests/run/test_nights.py::test_x")


def test_what_takes_longest_is_begun_first() -> None:
    assert [turn(group) for group in BEGUN_FIRST] == list(range(len(BEGUN_FIRST)))
    assert turn("run/test_night.py") == len(BEGUN_FIRST)
    assert not set(BEGUN_FIRST) & set(TOGETHER), "a file of a group is begun with its group"


def test_every_file_and_folder_that_is_named_exists() -> None:
    kinds = [place for places in KINDS.values() for place in places]
    named = {*kinds, *NIGHTS_ON_THE_WAY, *JUDGED_AS_EVERY_NIGHT, *BEGUN_FIRST} - set(TOGETHER.values())
    assert sorted(place for place in named if not (TESTS / place).exists()) == []
