"""The files of the listener in a site's folder: `listen.toml`, `senders/<name>.toml` and the tokens beside them, read again when one
has changed.

A token is a password: its file is this user's alone, only its hash is kept, and no message holds any of it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cmvmon.domain.errors import CmvmonError, ProtocolError, SiteError
from cmvmon.feeds.senders import AnySender, Listening, Poster, Sender, read_listening, read_sender
from cmvmon.shell.basis.files import read_text

LISTEN, SENDERS = "listen.toml", "senders"
_TOKEN = re.compile(
    rb"[A-Za-z0-9._~+/-]{32,512}=*"
)  # what a header can carry (RFC 6750), and long enough not to be tried
_NAMED_BY = "sending_application and sending_facility are"
_MAKE = "make one of chance with `(umask 077; openssl rand -hex 32 > FILE)`"


@dataclass(frozen=True)
class Senders:
    """The senders of a site, and by name of a file why it can't be used: that sender is not known until it is mended.

    `posters`: the senders of resources. `tokens`: the SHA-256 of the token of each, by its name.
    """

    known: tuple[Sender, ...]
    faults: Mapping[str, str] = field(default_factory=dict)
    posters: tuple[Poster, ...] = ()
    tokens: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def all(self) -> tuple[AnySender, ...]:
        """Those of messages and those of resources."""
        return (*self.known, *self.posters)

    def poster(self, token: bytes) -> Poster | None:
        """The sender of resources that has that token; every one is compared, each in constant time."""
        shown, found = hashlib.sha256(token).digest(), None
        for one in self.posters:
            if hmac.compare_digest(shown, self.tokens[one.name]):
                found = one
        return found


def listening(root: Path) -> Listening:
    """What the site's listen.toml says. Raises SiteError where there is none, ProtocolError where it can't be used."""
    path = root / LISTEN
    if not path.exists():
        raise SiteError(
            f"{root} has no {LISTEN}, so that nothing is listened to; write one with a line such as `port = 2575` (docs/feeds.md), "
            "or name another site with --site"
        )
    return read_listening(read_text(path, called=LISTEN, fault=ProtocolError))


def senders(root: Path, *, before: Collection[str] = ()) -> Senders:
    """Every sender whose file can be used. Two that can't be told apart are both set aside.

    `before`: names of files that were there before. One that is gone counts as broken: it may be on its way from one name to another.
    """
    found: list[AnySender] = []
    tokens: dict[str, bytes] = {}
    faults: dict[str, str] = {}
    files = [path for path in _files(root) if path.suffix == ".toml"]
    for path in files:
        try:
            one = read_sender(read_text(path, called=f"{SENDERS}/{path.name}", fault=ProtocolError), name=path.stem)
            if isinstance(one, Poster):
                tokens[one.name] = _token(root / SENDERS / one.token_file, f"{SENDERS}/{one.token_file}")
            found.append(one)
        except CmvmonError as error:
            faults[path.name] = str(error)
    for name in sorted(set(before) - {path.name for path in files}):
        faults[name] = (
            f"{SENDERS}/{name}: is gone; put it back, or start `cmvmon listen` again if that sender sends no more. Until then an "
            "unknown sender is told to send again, for it may be that one"
        )
    for one in found:
        if like := [other for other in found if other is not one and _is_like(one, other, tokens)]:
            key, of = ("its token is", "that") if isinstance(one, Poster) else (_NAMED_BY, "those")
            faults[f"{one.name}.toml"] = (
                f"{SENDERS}/{one.name}.toml: {key} {of} of {SENDERS}/{like[0].name}.toml too; a message must tell which of them "
                "sent it"
            )
    usable = [one for one in found if f"{one.name}.toml" not in faults]
    return Senders(
        tuple(one for one in usable if isinstance(one, Sender)),
        faults,
        tuple(one for one in usable if isinstance(one, Poster)),
        tokens,
    )


def _is_like(one: AnySender, other: AnySender, tokens: Mapping[str, bytes]) -> bool:
    """Whether nothing tells what the two send apart."""
    if isinstance(one, Sender) and isinstance(other, Sender):
        return (one.application, one.facility) == (other.application, other.facility)
    return isinstance(one, Poster) and isinstance(other, Poster) and tokens[one.name] == tokens[other.name]


def _token(path: Path, called: str) -> bytes:
    """The SHA-256 of the token in that file. Raises SiteError, without any of it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SiteError(f"{called}: can't be read ({error.strerror}); {_MAKE}") from None
    with os.fdopen(handle, "rb") as file:
        said = os.fstat(file.fileno())
        if not stat.S_ISREG(said.st_mode):
            raise SiteError(f"{called}: is no file; {_MAKE}")
        if said.st_uid != os.geteuid() or said.st_mode & 0o077:
            raise SiteError(
                f"{called}: others than the user who listens may read or change it; make that user its owner, and `chmod 600` it. "
                "Who may have read it can send as this sender: give it another token"
            )
        token = file.read(4096).strip()
    if not _TOKEN.fullmatch(token):
        raise SiteError(f"{called}: holds no token of 32 to 512 letters, digits and - . _ ~ + /; {_MAKE}")
    return hashlib.sha256(token).digest()


def _files(root: Path) -> list[Path]:
    """What the folder of the senders holds; nothing where there is none. Raises OSError where it can't be listed: `Path.glob` then
    says, from Python 3.12 on, that it is empty."""
    try:
        return sorted(root / SENDERS / name for name in os.listdir(root / SENDERS))
    except (FileNotFoundError, NotADirectoryError):
        return []


def state(root: Path) -> tuple[tuple[str, int, int, int], ...] | None:
    """Names, times and sizes of the senders' files and tokens: what changes when one is mended, or its rights are.

    None where their folder can't be listed just now, as where no file descriptor is left.
    """
    found = []
    try:
        paths = _files(root)
    except OSError:
        return None
    for path in paths:
        try:
            said = path.stat()
        except OSError:
            continue
        if path.suffix in (".toml", ".token"):
            found.append((path.name, said.st_mtime_ns, said.st_ctime_ns, said.st_size))
    return tuple(found)
