"""The files of the board in a site's folder: `board.toml`, the passwords of a trial and the secret of a proxy.

Passwords are kept as argon2id hashes, one `name:hash` a line, in a file that is this user's alone; no message holds any of it.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.shell.basis.files import read_text, write_atomically

BOARD, PASSWORDS = "board.toml", "board.passwords"
SHORTEST_PASSWORD = 12
State = tuple[tuple[int, int, int] | None, ...]
_LONGEST = 1024
_SECRET = re.compile(rb"[A-Za-z0-9._~+/=-]{32,512}")
_MAKE = "make one of chance with `(umask 077; openssl rand -hex 32 > FILE)`"


def board_text(root: Path) -> str:
    """The text of board.toml. Raises SiteError where there is none, ProtocolError where it is no UTF-8."""
    path = root / BOARD
    if not path.exists():
        raise SiteError(
            f"{root} has no {BOARD}, so that nobody may see anything on a board; `cmvmon board user add NAME --role ROLE` begins one, "
            "and docs/board.md says what else belongs in it"
        )
    return read_text(path, called=BOARD, fault=ProtocolError)


def state(root: Path, secret_file: str | None) -> State:
    """Times and sizes of the board's files: what changes when one of them is changed. Last: the proxy's secret, where one is named."""
    return tuple(_state(root / name) for name in (BOARD, PASSWORDS, secret_file) if name is not None)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        said = path.stat()
    except OSError:
        return None
    return said.st_mtime_ns, said.st_ino, said.st_size


def write_board_text(root: Path, text: str) -> None:
    """Writes board.toml, whole or not at all."""
    write_atomically(root / BOARD, text.encode())


def secret(root: Path, name: str) -> bytes:
    """The secret that a proxy shows. Raises SiteError, without any of it."""
    found = _private(root / name, name)
    if not _SECRET.fullmatch(found):
        raise SiteError(f"{name}: holds no secret of 32 to 512 letters, digits and - . _ ~ + / =; {_MAKE}")
    return found


def password_hashes(root: Path) -> dict[str, str]:
    """The hash of each name's password. Raises SiteError where the file can't be used."""
    if not (root / PASSWORDS).exists():
        return {}
    lines = _private(root / PASSWORDS, PASSWORDS, at_most=1 << 20).decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def set_password(root: Path, login: str, password: str) -> None:
    """Keeps the hash of a password, in place of an earlier one. Raises SiteError for one that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST:
        raise SiteError(f"the password must have {SHORTEST_PASSWORD} to {_LONGEST} characters; nothing was changed")
    from argon2 import PasswordHasher

    hashes = password_hashes(root) | {login: PasswordHasher().hash(password)}
    text = "".join(f"{name}:{found}\n" for name, found in sorted(hashes.items()))
    write_atomically(root / PASSWORDS, text.encode(), mode=0o600)


def is_password(hashes: dict[str, str], login: str, password: str) -> bool:
    """Whether that is the password of that name; of a name that is not known it takes as long to say no."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > _LONGEST:
        return False
    kept = hashes.get(login)
    try:
        return PasswordHasher().verify(_NOBODYS if kept is None else kept, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


# The hash of a password that nobody knows: chance that was thrown away.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$HgCvEbO5UMYDcxB/CNfdZw$z+4VKlDa7fzJjso60A1L5gqPun/sRakA/jdvYI7C8Xg"


def _private(path: Path, called: str, *, at_most: int = 4096) -> bytes:
    """What a file holds that only this user may read. Raises SiteError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SiteError(f"{called}: can't be read ({error.strerror}); {_MAKE}") from None
    with os.fdopen(handle, "rb") as file:
        said = os.fstat(file.fileno())
        if not stat.S_ISREG(said.st_mode) or said.st_uid != os.geteuid() or said.st_mode & 0o077:
            raise SiteError(
                f"{called}: others than the user of the board may read or change it, or it is no file; make that user its owner, and "
                "`chmod 600` it"
            )
        return file.read(at_most).strip()
