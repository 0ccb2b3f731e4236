"""Adding somebody to a site's board.toml, with a password; and wards of whom nothing was ever told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cmvmon.board.board_file import PASSWORDS, read_board_file
from cmvmon.domain.errors import SiteError
from cmvmon.shell.as_known.wards_in_store import every_ward
from cmvmon.shell.boards import board_files
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import open_store

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


def unknown_wards(root: Path, wards: Sequence[str]) -> list[str]:
    """For each of these wards that no delivery ever named, that nobody is seen there, and which wards were named."""
    site = Site(root).require()
    known = frozenset[str]()
    if database.exists(site.database):
        with open_store(site.database) as store, store.reading() as connection:
            known = every_ward(connection)
    listed = f"the wards that are known are {', '.join(map(repr, sorted(known)))}" if known else "no ward is known yet"
    return [
        f"no delivery ever named a ward {ward!r}, so that nobody is seen there; {listed}. Capitals and blanks count"
        for ward in wards
        if ward not in known
    ]
