"""Adding somebody to a site's board.toml, with a password."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cmvmon.board.board_file import PASSWORDS, read_board_file
from cmvmon.domain.errors import SiteError
from cmvmon.shell.boards import board_files

_NEW = '[identity]\nby = "passwords"\n'


def add_person(root: Path, login: str, *, role: str, wards: Sequence[str], shown: str | None, password: str) -> None:
    """Writes that person into board.toml, which is begun where there is none, and keeps the hash of the password.

    Raises SiteError for somebody who is there already or a password that is too short, ProtocolError for a role or wards that can't
    be; then nothing was changed.
    """
    text = board_files.board_text(root) if (root / board_files.BOARD).exists() else _NEW
    before = read_board_file(text)
    if before.identity != PASSWORDS:
        raise SiteError("board.toml says that a proxy names who asks; add the person there by hand, without a password")
    if login in before.people:
        raise SiteError("board.toml has somebody of that name; change the stanza there, or choose another name")
    lines = [f"role = {json.dumps(role)}"]
    if shown:
        lines.insert(0, f"name = {json.dumps(shown, ensure_ascii=False)}")
    if wards:
        lines.append(f"wards = {json.dumps(list(wards), ensure_ascii=False)}")
    stanza = f"[people.{json.dumps(login)}]\n" + "".join(f"{line}\n" for line in lines)
    after = text.rstrip("\n") + "\n\n" + stanza
    read_board_file(after)
    board_files.set_password(root, login, password)
    board_files.write_board_text(root, after)
