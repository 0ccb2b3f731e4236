"""Until when the certificates of a laboratory's line hold: the listener's own, the authority's, and those that senders show.

The listener notes of each sender until when the certificate holds that it showed last, in `.sender_certificates.json`; nothing else
knows it. Names of files and moments, no certificate.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cmvmon.domain.errors import CmvmonError, UnreadableFile
from cmvmon.feeds.senders import Listening
from cmvmon.shell.basis.files import read_bytes, write_atomically
from cmvmon.shell.incoming.sender_files import LISTEN, listening, senders

SEEN = ".sender_certificates.json"


@dataclass(frozen=True)
class Certificate:
    """Whose it is: `listener`, `authority`, or a sender, with its feed. `ends_at`: None = it can't be read."""

    of: str
    feed: str | None
    ends_at: datetime | None


def certificates(root: Path) -> tuple[Certificate, ...]:
    """Those of the site's line, none where it does not listen or listens in plain. What can't be read is one without an end."""
    if not (root / LISTEN).exists():
        return ()
    try:
        settings = listening(root)
    except CmvmonError:  # told by whoever looks at that file
        return ()
    return (*_own(root, settings), *_of_senders(root))


def note_sender(root: Path, sender: str, ends_at: datetime) -> None:
    """Notes until when the certificate holds that the sender shows now. Raises SiteError when it can't be written."""
    seen = _seen(root)
    said = ends_at.astimezone(UTC).isoformat()
    if seen.get(sender) != said:
        write_atomically(root / SEEN, json.dumps(seen | {sender: said}, sort_keys=True).encode())


def _own(root: Path, settings: Listening) -> list[Certificate]:
    if settings.is_plain:
        return []
    files = {"listener": settings.certificate, "authority": settings.authority}
    return [Certificate(name, None, _ends_at(root / str(file))) for name, file in files.items()]


def _of_senders(root: Path) -> list[Certificate]:
    found = senders(root)
    feeds = {one.name: one.feed for one in (*found.known, *found.posters)}
    return [Certificate(name, feeds[name], _moment(said)) for name, said in _seen(root).items() if name in feeds]


def _moment(said: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _seen(root: Path) -> dict[str, object]:
    path = root / SEEN
    try:
        found = json.loads(read_bytes(path)) if path.exists() else {}
    except (ValueError, UnreadableFile):
        return {}
    return found if isinstance(found, dict) else {}


def _ends_at(path: Path) -> datetime | None:
    """The first end among the certificates of a PEM file."""
    from cryptography import x509  # slow to load, and only a site with TLS asks

    try:
        return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(read_bytes(path)))
    except (ValueError, UnreadableFile):
        return None
