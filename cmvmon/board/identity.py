"""Who asks: somebody whom a trusted proxy names, or who signed in with a password.

Rules of this file:
- A header that names somebody counts only from the proxy: by the board's Unix socket, or from a listed address with the shared secret.
  From anywhere else, or twice in one request, it is refused and logged, whatever else the request holds.
- Rights are those of board.toml as it is now: whoever was taken out of it is known no more.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from threading import Lock

from starlette.requests import Request

from cmvmon.board.board_file import PROXY, BoardFile, Person, member, read_board_file
from cmvmon.board.scope import Reader
from cmvmon.board.sessions import COOKIE, Session, Sessions
from cmvmon.shell.boards import board_files

SECRET_HEADER = "X-Cmvmon-Secret"
# What proxies of many kinds use to name somebody and his groups: none of these is ever believed by itself.
_NAMING = (
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Preferred-Username",
    "X-Remote-User",
    "Remote-User",
    "X-Auth-Request-User",
    "X-WebAuth-User",
    "X-Forwarded-Groups",
    "X-Auth-Request-Groups",
    "X-Remote-Groups",
    "Remote-Groups",
)


@dataclass(frozen=True)
class Asker:
    """Who asks. `refused`: why nobody is known, as a code; `login`: the name that a proxy gave, known here or not."""

    reader: Reader | None
    session: Session | None
    source: str | None
    refused: str | None = None
    login: str | None = None


class Files:
    """The board's files as they are now, read again when one has changed. `listens`: as they were when the board started."""

    def __init__(self, root: Path) -> None:
        """Raises SiteError or ProtocolError where they can't be used."""
        self._root, self._lock = root, Lock()
        self._state: board_files.State | None = None
        self._file: BoardFile = read_board_file(board_files.board_text(root))
        self.listens = self.now()

    def now(self) -> BoardFile:
        """What board.toml says now. Raises as the first reading does: while it is broken nobody is known."""
        with self._lock:
            if self._state is None or self._state != board_files.state(self._root, self._file.secret_file):
                self._state = None
                before = board_files.state(self._root, None)
                self._file = read_board_file(board_files.board_text(self._root))
                self._hashes = board_files.password_hashes(self._root)
                name = self._file.secret_file
                of_secret = board_files.state(self._root, name)[len(before) :]
                self._secret = None if name is None else board_files.secret(self._root, name)
                self._state = (*before, *of_secret)
            return self._file

    def is_password(self, login: str, password: str) -> bool:
        """Whether that is the password of that name."""
        self.now()
        return board_files.is_password(self._hashes, login, password)

    def mark_of(self, login: str) -> str:
        """What changes with the password of that name, and gives nothing of it away; empty where it has none."""
        self.now()
        kept = self._hashes.get(login)
        return "" if kept is None else hashlib.sha256(kept.encode()).hexdigest()[:32]

    def is_secret(self, shown: str) -> bool:
        """Whether that is the secret of the proxy."""
        kept = self._secret
        return kept is not None and hmac.compare_digest(kept, shown.encode("utf-8", "replace"))


def who_asks(request: Request, files: Files, sessions: Sessions) -> Asker:
    """Who asks. Raises what reading board.toml raises."""
    file, source = files.now(), _address(request)
    is_proxy = file.identity == PROXY and _is_proxy(request, file, files)
    named = {name: request.headers.getlist(name) for name in {*_NAMING, file.user_header, file.groups.header}}
    session = sessions.read(request.cookies.get(COOKIE))
    if not is_proxy and (any(named.values()) or SECRET_HEADER in request.headers):
        return Asker(None, None, source, "forged_header")
    if file.identity == PROXY:
        if not is_proxy:
            return Asker(None, None, source, "not_by_proxy")
        source = _last_forwarded(request) or source
        names = named[file.user_header]
        if len(names) != 1 or not names[0].strip():
            return Asker(None, None, source, "several_names" if names else "no_name")
        login = names[0].strip()
        person, refused = _named(file, login, named[file.groups.header])
        if person is None:
            return Asker(None, None, source, refused, login[:80])
        return Asker(Reader.of(person), sessions.of(session, login), source, None, login)
    if session is None:
        return Asker(None, None, source, "not_signed_in")
    person = file.people.get(session.login)
    if person is None:
        return Asker(None, None, source, "unknown_person", session.login)
    if not session.by or not hmac.compare_digest(session.by, files.mark_of(session.login)):
        return Asker(None, None, source, "not_signed_in")  # the password is another one by now
    return Asker(Reader.of(person), session, source, None, session.login)


def _named(file: BoardFile, login: str, said: list[str]) -> tuple[Person | None, str]:
    """Whom a proxy names, or why nobody is known: of whoever stands in the file that counts, and no group. `said`: the headers."""
    if login in file.people or not file.groups.rights:
        return file.people.get(login), "unknown_person"
    if len(said) > 1:
        return None, "several_groups"
    return member(file, login, said[0] if said else ""), "unknown_group"


def asked_by(request: Request) -> Asker:
    """Who asks, as far as it was found out before the request failed."""
    found = getattr(request.state, "asker", None)
    return found if isinstance(found, Asker) else Asker(None, None, _address(request))


def _is_proxy(request: Request, file: BoardFile, files: Files) -> bool:
    address = _address(request)
    if file.socket is not None and address is None:
        return True
    shown = request.headers.getlist(SECRET_HEADER)
    return address in file.proxies and len(shown) == 1 and files.is_secret(shown[0])


def _address(request: Request) -> str | None:
    """The peer's address; None by a Unix socket."""
    return request.client.host if request.client is not None and request.client.host else None


def _last_forwarded(request: Request) -> str | None:
    """Whom the proxy speaks for: the last address in its list, which it wrote itself."""
    last = request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()
    try:
        return str(ip_address(last))
    except ValueError:
        return None


def signed_in(asker: Asker) -> tuple[Reader, Session]:
    """Who asks, and the session; for routes that nobody reaches without one."""
    if asker.reader is None or asker.session is None:
        raise RuntimeError("asked for by nobody")
    return asker.reader, asker.session
