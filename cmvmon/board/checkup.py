"""What `cmvmon doctor` says of the board: whether board.toml and the files beside it can be used, and whom nobody can be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cmvmon.board.board_file import PASSWORDS
from cmvmon.board.identity import Files
from cmvmon.board.people import unknown_wards
from cmvmon.shell.boards import board_files


def of_board(root: Path) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words; nothing of a site without board.toml, which has no board.

    Raises ProtocolError for a board.toml that can't be used, SiteError for a file that it names.
    """
    if not (root / board_files.BOARD).exists():
        return
    file = Files(root).now()
    where = f"socket {file.socket}" if file.socket else f"{file.address}:{file.port}"
    of_groups = f" and {len(file.groups.rights)} groups" if file.groups.rights else ""
    yield "ok", f"{len(file.people)} people{of_groups}, by {file.identity}, at {where}"
    for name in (file.certificate, file.key):
        if name is not None and not (root / name).is_file():
            yield "broken", f"board.toml names {name}, and the site has no such file"
    if file.identity == PASSWORDS and (without := set(file.people) - set(board_files.password_hashes(root))):
        yield (
            "note",
            f"{len(without)} people have no password, and can't sign in: take each out of board.toml, then `cmvmon board user add`",
        )
    seen = [one.wards for one in file.people.values()] + [one.wards for one in file.groups.rights.values()]
    wards = {ward for some in seen for ward in some or ()}
    yield from (("note", words) for words in unknown_wards(root, sorted(wards)))
