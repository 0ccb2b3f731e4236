"""One site that is judged once; each test has a copy of it, so that none sees another's answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.board import boards
from tests.board.boards import Asked


@pytest.fixture(scope="session")
def judged_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cmvmon.data_contracts import gate

    with (
        pytest.MonkeyPatch.context() as patched
    ):  # of a session's fixture: made before the file's own (tests/conftest.py)
        patched.setattr(gate, "gate", gate.live_gate)
        return boards.ward_of_two(tmp_path_factory.mktemp("board") / "site")


@pytest.fixture
def site_with_board(judged_site: Path, tmp_path: Path) -> Path:
    """A copy of it, with everybody of `boards.PEOPLE`."""
    root = tmp_path / "site"
    shutil.copytree(judged_site, root)
    boards.board_toml(root)
    return root


@pytest.fixture
def board(site_with_board: Path) -> Iterator[Asked]:
    """Its board, in this process."""
    with boards.asked(site_with_board) as found:
        yield found
