"""The board of a live demo: made-up people with one password of this demo alone, on a free port of this machine, while it plays."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cmvmon.run.live_demo.live_line import ADDRESS, Program, program
from cmvmon.shell.boards import board_files
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store

# By which name each signs in; nobody of them exists.
PEOPLE = ("consult", "data", "admin")
_TEXT = f"""# Of a live demo: made-up people, on this machine alone, with a password that is made anew each time.
[listen]
address = "{ADDRESS}"
port = 0

[identity]
by = "passwords"

[people.consult]
name = "C. Example (synthetic)"
role = "consultant"

[people.data]
name = "D. Example (synthetic)"
role = "data"

[people.admin]
name = "A. Example (synthetic)"
role = "admin"
"""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another


@dataclass(frozen=True)
class LiveBoard:
    """A board at work. `password`: of each of PEOPLE."""

    running: Program
    password: str

    @property
    def address(self) -> str:
        """Where a browser opens it."""
        return f"http://{ADDRESS}:{self.running.port}/"


@contextmanager
def live_board(root: Path) -> Iterator[LiveBoard]:
    """`cmvmon board` on that site until the block ends, however it does. Raises ProgramEnded where it can't be started."""
    with open_store(Site(root).database):  # a board is of a site that has its database
        password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    board_files.write_board_text(root, _TEXT)
    for name in PEOPLE:
        board_files.set_password(root, name, password)
    with program(root, "board", called="board") as running:
        yield LiveBoard(running, password)
