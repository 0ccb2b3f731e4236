"""The file that the board makes its Unix socket under: nothing of the site is ever removed for it."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Event

import pytest

from cmvmon.board.serving import serve
from cmvmon.domain.errors import SiteError
from tests.board import boards
from tests.board.boards import PEOPLE


def listens_at(root: Path, name: str) -> None:
    boards.board_toml(root, f'[listen]\nsocket = "{name}"\n\n[identity]\nby = "proxy"\n{PEOPLE}')


@pytest.mark.parametrize("name", ["notes.txt", "board.toml", "leads-elsewhere", "protocol"])
def test_what_is_no_socket_is_not_removed_for_one(name: str, site_with_board: Path) -> None:
    """A file, one of the site's own, a link to it, a folder."""
    (site_with_board / "notes.txt").write_text("kept")
    (site_with_board / "leads-elsewhere").symlink_to("notes.txt")
    listens_at(site_with_board, name)
    path = site_with_board / name
    before = path.read_bytes() if path.is_file() else sorted(path.iterdir())
    stop = Event()
    stop.set()
    with pytest.raises(SiteError, match="is no socket; nothing was removed"):
        serve(site_with_board, stop=stop, say=lambda _: None)
    assert (path.read_bytes() if path.is_file() else sorted(path.iterdir())) == before


def test_the_socket_of_a_board_that_was_killed_is_replaced(site_with_board: Path) -> None:
    listens_at(site_with_board, "b.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(site_with_board / "b.sock"))
    said, stop = list[dict[str, object]](), Event()
    stop.set()
    serve(site_with_board, stop=stop, say=said.append)
    assert said[0]["event"] == "listening"
    assert not (site_with_board / "b.sock").exists()
