"""The files of the listener in a site's folder: `listen.toml`, and `senders/<name>.toml`, read again when one has changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cmvmon.domain.errors import CmvmonError, ProtocolError, SiteError
from cmvmon.feeds.senders import Listening, Sender, read_listening, read_sender
from cmvmon.shell.files import read_bytes

LISTEN, SENDERS = "listen.toml", "senders"


@dataclass(frozen=True)
class Senders:
    """The senders of a site, and by name of a file why it can't be used: that sender is not known until it is mended."""

    known: tuple[Sender, ...]
    faults: Mapping[str, str] = field(default_factory=dict)


def listening(root: Path) -> Listening:
    """What the site's listen.toml says. Raises SiteError where there is none, ProtocolError where it can't be used."""
    path = root / LISTEN
    if not path.exists():
        raise SiteError(
            f"{root} has no {LISTEN}, so that nothing is listened to; write one with a line such as `port = 2575` (docs/feeds.md), "
            "or name another site with --site"
        )
    return read_listening(_text(path, LISTEN))


def senders(root: Path, *, before: Collection[str] = ()) -> Senders:
    """Every sender whose file can be used. Two that can't be told apart are both set aside.

    `before`: names of files that were there before. One that is gone counts as broken: it may be on its way from one name to another.
    """
    found: list[Sender] = []
    faults: dict[str, str] = {}
    for path in sorted((root / SENDERS).glob("*.toml")):
        try:
            found.append(read_sender(_text(path, f"{SENDERS}/{path.name}"), name=path.stem))
        except CmvmonError as error:
            faults[path.name] = str(error)
    for name in sorted(set(before) - {path.name for path in (root / SENDERS).glob("*.toml")}):
        faults[name] = (
            f"{SENDERS}/{name}: is gone; put it back, or start `cmvmon listen` again if that sender sends no more. Until then an "
            "unknown sender is told to send again, for it may be that one"
        )
    for one in found:
        like = [
            o.name for o in found if o is not one and (o.application, o.facility) == (one.application, one.facility)
        ]
        if like:
            faults[f"{one.name}.toml"] = (
                f"{SENDERS}/{one.name}.toml: sending_application and sending_facility are those of {SENDERS}/{like[0]}.toml too; "
                "a message must tell which of them sent it"
            )
    return Senders(tuple(one for one in found if f"{one.name}.toml" not in faults), faults)


def state(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of the senders' files: what changes when one is mended."""
    found = []
    for path in sorted((root / SENDERS).glob("*.toml")):
        try:
            said = path.stat()
        except OSError:
            continue
        found.append((path.name, said.st_mtime_ns, said.st_size))
    return tuple(found)


def _text(path: Path, called: str) -> str:
    try:
        return read_bytes(path, called=called).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{called}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
