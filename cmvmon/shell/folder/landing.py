"""The landing: raw bytes of every delivery, durable before anything reads them, never changed.

landing/<delivery_id>/raw                   the bytes
landing/<delivery_id>/<feed>.<table>.json   how they came: file name, when, as history or not, and in which format
landing/<delivery_id>/<feed>.<format>.json  the same, for a format whose records name their tables
landing/<delivery_id>/<feed>.<format>.parts it could not be judged whole: its parts have landed as deliveries of their own

Durable means: the bytes, and the name of every new folder, are synced to the disk before the note is written, and the note
before anything is judged. The bytes are hashed whenever they are read: what is not what landed is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.formats import FORMATS, ONE_TABLE
from cmvmon.shell.basis.files import read_bytes, write_atomically

_NOTE, _PARTS = ".json", ".parts"


@dataclass(frozen=True)
class Landed:
    """One delivery as it landed: the same bytes for another feed, table or format are another one.

    `table` is None where the format names its tables. `is_at_hand`: whoever delivered it still has the file (the drop
    folder, a command), and is told of what keeps it from being judged. `is_of_inbox`: messages that came by a socket at about one
    time, and are one delivery for no other reason.
    """

    delivery_id: str
    feed: str
    table: str | None
    form: str
    file_name: str
    landed_at: datetime
    is_history: bool
    is_at_hand: bool = False
    is_of_inbox: bool = False

    @property
    def kept_as(self) -> str:
        """What tells it from the same bytes of the same feed: its table, or its format."""
        return self.table or self.form


def land(
    landing: Path,
    data: bytes,
    *,
    feed: str,
    table: str | None,
    form: str,
    file_name: str,
    landed_at: datetime,
    is_history: bool,
    is_at_hand: bool = False,
    is_of_inbox: bool = False,
) -> Landed:
    """The delivery, once its bytes are durable. Landing the same again gives the first one back."""
    delivery_id = id_of(data)
    folder = landing / delivery_id
    note = note_of(landing, delivery_id, feed, table or form)
    write_atomically(folder / "raw", data)
    if not note.exists():
        facts = {
            "file_name": file_name,
            "format": form,
            "landed_at": landed_at.isoformat(),
            "is_history": is_history,
            "is_at_hand": is_at_hand,
        }
        facts |= {"is_of_inbox": True} if is_of_inbox else {}
        write_atomically(note, json.dumps(facts, sort_keys=True).encode())
    return landed_by(note)


def id_of(data: bytes) -> str:
    """The id of a delivery of these bytes: their SHA-256."""
    return hashlib.sha256(data).hexdigest()


def has_landed(landing: Path, data: bytes, feed: str, kept_as: str) -> bool:
    """Whether these bytes have landed for that feed, table or format before."""
    return note_of(landing, id_of(data), feed, kept_as).exists()


def note_of(landing: Path, delivery_id: str, feed: str, kept_as: str) -> Path:
    """Where the note of such a delivery stands."""
    return landing / delivery_id / (f"{feed}.{kept_as}{_NOTE}" if feed else kept_as)


def landed(landing: Path, delivery_id: str) -> list[Landed]:
    """Every way in which the bytes of that id landed. Raises SiteError when none did."""
    notes = sorted((landing / delivery_id).glob("*.json")) if _is_id(delivery_id) else []
    if not notes:
        raise SiteError("no delivery of that id has landed; `cmvmon ingest` prints the id of what it takes in")
    return [landed_by(note) for note in notes]


def ids(landing: Path) -> frozenset[str]:
    """The ids of everything that has landed."""
    return frozenset(filter(_is_id, os.listdir(landing))) if landing.is_dir() else frozenset()


def notes_besides(landing: Path, judged: Collection[tuple[str, str, str]]) -> list[Path]:
    """The notes of every way in which a delivery has landed, but for those of this id, feed and `kept_as`, and for what was parted."""
    found = []
    for delivery_id in sorted(ids(landing)):  # of all that ever landed: names, and no path of what is judged
        names = _names(f"{landing}/{delivery_id}")
        for name in sorted(name for name in names if name.endswith(_NOTE)):
            if (delivery_id, *named(name)) not in judged and name.removesuffix(_NOTE) + _PARTS not in names:
                found.append(landing / delivery_id / name)
    return found


def without_note(landing: Path) -> list[str]:
    """The ids of what has landed without a note of how: nobody can judge it."""
    return [one for one in sorted(ids(landing)) if not any(name.endswith(_NOTE) for name in _names(f"{landing}/{one}"))]


def _names(folder: str) -> frozenset[str]:
    """What stands in it; nothing where it is no folder, or can't be listed."""
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def note_parts(landing: Path, landed: Landed, parts: Collection[str]) -> None:
    """Says that the parts of a delivery stand for it: they have landed, and nobody judges the whole any more."""
    write_atomically(_parts_of(landing, landed), json.dumps(sorted(parts)).encode())


def is_parted(landing: Path, landed: Landed) -> bool:
    """Whether its parts stand for it."""
    return _parts_of(landing, landed).exists()


def _parts_of(landing: Path, landed: Landed) -> Path:
    return landing / landed.delivery_id / f"{landed.feed}.{landed.kept_as}{_PARTS}"


def raw(landing: Path, delivery_id: str) -> bytes:
    """The delivery's bytes. Raises SiteError when they are gone, or are not those that landed."""
    data = read_bytes(landing / delivery_id / "raw")
    if id_of(data) != delivery_id:
        raise SiteError(f"landing/{delivery_id[:12]}.../raw is not what landed; restore it from a backup")
    return data


def _is_id(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)


def named(name: str) -> tuple[str, str]:
    """Feed and `kept_as` of a note's name; a name of no such form is a `kept_as` of its own, without a feed."""
    feed, kept_as, _ = name.rsplit(".", 2) if name.count(".") > 1 else ("", name, "")
    return feed, kept_as


def landed_by(note: Path) -> Landed:
    """The way in which a delivery has landed, from its note. Raises SiteError when the note can't be read."""
    feed, kept_as = named(note.name)
    try:
        return _landed(note, feed, kept_as, json.loads(read_bytes(note)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SiteError(
            f"landing/{note.parent.name[:12]}.../{note.name} can't be read as the note of a delivery; restore it from a backup"
        ) from None


def _landed(note: Path, feed: str, kept_as: str, facts: dict[str, object]) -> Landed:
    form = str(facts.get("format", ONE_TABLE))  # a note of before there were formats says none
    return Landed(
        note.parent.name,
        feed,
        None if FORMATS[form].names_tables else kept_as,
        form,
        str(facts["file_name"]),
        datetime.fromisoformat(str(facts["landed_at"])),
        bool(facts["is_history"]),
        bool(facts.get("is_at_hand", False)),
        bool(facts.get("is_of_inbox", False)),
    )
