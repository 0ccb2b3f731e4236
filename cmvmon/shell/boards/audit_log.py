"""The audit log: every view and action of the board, one row each, in a chain of hashes whose head is kept in a second place too.

Rules of this file:
- A row is only ever added: the store refuses to change or remove one, as of every table of what was said.
- A row holds the hash of the one before it: a row that was changed, removed, put in or moved is found by whoever reads the chain.
- Rows that were cut off at the end leave a whole chain. So the number and hash of the last one stand in `audit.head` in the site's
  folder too, and nothing is added to a log that lacks what the head knows: the next row would hide it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import AuditBroken
from cmvmon.shell.basis.files import read_bytes, write_atomically
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.rows.schema import AUDIT_LOG
from cmvmon.shell.store.session import Session

HEAD = "audit.head"
_LOCK = ".audit.lock"
_WAIT_S = 30.0
_BEFORE_THE_FIRST = "0" * 64
_CHUNK = 1000
DONE, REFUSED, FAILED = OUTCOMES = ("done", "refused", "failed")
_SAID = ("sequence", "at", "event", "outcome", "actor", "role", "source", "object", "patients", "because", "previous")


@dataclass(frozen=True)
class Entry:
    """One view or action.

    Attributes:
        at: when, to the microsecond.
        event: what was done, as a code: `view_ward`, `acknowledge`, `sign_in` and the like.
        outcome: done, refused (it was not allowed) or failed (it was, and did not come about).
        actor, role: who did it and by what right; None = not known, as of somebody who did not sign in.
        source: the address that it came from, as far as it is known.
        object: what it was about: a page, an alert, a file.
        patients: the numbers of everybody who was shown, or about whom it was.
        because: why it was refused or failed, or the coded reason of an answer.
    """

    at: datetime
    event: str
    outcome: str = DONE
    actor: str | None = None
    role: str | None = None
    source: str | None = None
    object: str | None = None
    patients: tuple[str, ...] = ()
    because: str | None = None


@dataclass(frozen=True)
class Head:
    """Number and hash of the last row."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Verified:
    """What was found in the chain. `faults`: code and the number of the row; none: it is whole as far as the head knows.

    `n_after_head`: rows that the head does not know yet, as after a program that was killed between the two.
    """

    n_rows: int
    faults: tuple[tuple[str, int], ...]
    head: Head | None
    n_after_head: int = 0


def append(store: Session, root: Path, entries: Sequence[Entry]) -> Head:
    """Adds these rows, all or none, and returns when they and the head are on the disk.

    Raises AuditBroken where the log lacks what its head knows, StoreError or SiteError where it can't be written.
    """
    with _alone(root):
        with store.writing() as connection:
            last = _last(connection)
            _refuse_what_lacks_rows(connection, last, stored_head(root))
            head = _add(connection, last, entries)
        _keep_head(root, head)
    return head


def go_on(store: Session, root: Path, *, actor: str, why: str, at: datetime) -> Head:
    """Lets a log go on that lacks what its head knows, as after a backup was put back: one row says so, and what the head had been."""
    with _alone(root):
        known = _head_as_text(root)
        with store.writing() as connection:
            entry = Entry(at, "go_on", actor=actor, object=f"head {known}", because=why)
            head = _add(connection, _last(connection), [entry])
        _keep_head(root, head)
    return head


def stored_head(root: Path) -> Head | None:
    """What `audit.head` says; None where there is none. Raises AuditBroken where it can't be read."""
    path = root / HEAD
    if not path.exists():
        return None
    try:
        found = json.loads(read_bytes(path))
        return Head(int(found["sequence"]), str(found["hash"]))
    except (ValueError, KeyError, TypeError):
        raise AuditBroken(
            f"{HEAD} can't be read as what it was written: `cmvmon audit verify` says how the log stands"
        ) from None


def verify(connection: sa.Connection, root: Path) -> Verified:
    """Reads the whole chain, and holds it against the head."""
    faults: list[tuple[str, int]] = []
    try:
        head = stored_head(root)
    except AuditBroken:
        head = None
        faults.append(("head_unreadable", 0))
    n, previous, at_head = 0, _BEFORE_THE_FIRST, None
    for row in _rows(connection):
        n += 1
        if row["sequence"] != n:
            faults.append(("row_missing", n))
            n = row["sequence"]
        if row["previous"] != previous:
            faults.append(("chain_broken", n))
        if row["hash"] != _hash(row):
            faults.append(("row_changed", n))
        previous = row["hash"]
        if head is not None and n == head.sequence:
            at_head = row["hash"]
    if head is None and n and not faults:
        faults.append(("head_missing", n))
    if head is not None and n < head.sequence:
        faults.append(("rows_cut_off", head.sequence))
    elif head is not None and at_head != head.hash:
        faults.append(("head_differs", head.sequence))
    return Verified(n, tuple(faults), head, max(0, n - head.sequence) if head else 0)


def rows_of(connection: sa.Connection, patients: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every row in which one of these numbers stands, in order."""
    wanted = set(patients)
    for row in _rows(connection):
        named = json.loads(row["patients"])
        if wanted & set(named):
            yield {**row, "patients": named}


def was_kept(connection: sa.Connection) -> bool:
    """Whether anything was ever shown or done on a board here."""
    return connection.execute(sa.select(AUDIT_LOG.c.sequence).limit(1)).first() is not None


def viewers(connection: sa.Connection, patient: str, after: datetime, until: datetime) -> frozenset[str]:
    """Who was shown something of that number in that time, by name; a moment is in it that is `until`."""
    c = AUDIT_LOG.c
    query = sa.select(c.actor, c.patients).where(c.at > after, c.at <= until, c.outcome == DONE, c.actor.is_not(None))
    named = query.where(c.patients.contains(json.dumps(patient, ensure_ascii=False), autoescape=True))
    return frozenset(row.actor for row in connection.execute(named) if patient in json.loads(row.patients))


def _refuse_what_lacks_rows(connection: sa.Connection, last: Head | None, head: Head | None) -> None:
    if head is None:
        if last is not None:
            raise AuditBroken(f"{HEAD} is gone, so that nobody can tell whether the audit log is whole; {_WHAT_TO_DO}")
        return
    c = AUDIT_LOG.c
    found = connection.execute(sa.select(c.hash).where(c.sequence == head.sequence)).scalar()
    if found != head.hash:
        raise AuditBroken(f"the audit log lacks rows that {HEAD} knows, or they were changed; {_WHAT_TO_DO}")


_WHAT_TO_DO = (
    "nothing was shown or written. `cmvmon audit verify` says where it breaks; where that is explained, as after a backup was put "
    "back, `cmvmon audit go-on --why ...` lets it go on and says so in it"
)


def _add(connection: sa.Connection, last: Head | None, entries: Sequence[Entry]) -> Head:
    sequence, previous = (0, _BEFORE_THE_FIRST) if last is None else (last.sequence, last.hash)
    rows = []
    for entry in entries:
        sequence += 1
        row = {
            **{name: getattr(entry, name) for name in _SAID if hasattr(entry, name)},
            "sequence": sequence,
            "at": entry.at.astimezone(UTC),
            "patients": json.dumps(sorted(set(entry.patients)), ensure_ascii=False),
            "previous": previous,
        }
        row["hash"] = previous = _hash(row)
        rows.append(row)
    if rows:
        connection.execute(sa.insert(AUDIT_LOG), rows)
    return Head(sequence, previous)


def _hash(row: Mapping[str, Any]) -> str:
    said = [row[name].isoformat() if name == "at" else row[name] for name in _SAID]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _last(connection: sa.Connection) -> Head | None:
    c = AUDIT_LOG.c
    row = connection.execute(sa.select(c.sequence, c.hash).order_by(c.sequence.desc()).limit(1)).first()
    return None if row is None else Head(row[0], row[1])


def _rows(connection: sa.Connection) -> Iterator[Mapping[str, Any]]:
    """Every row in order, of which only so many are in memory at once: the log grows for years."""
    query = sa.select(AUDIT_LOG).order_by(AUDIT_LOG.c.sequence).execution_options(yield_per=_CHUNK)
    for chunk in connection.execute(query).mappings().partitions():
        for row in chunk:
            yield {**row, "at": row["at"].astimezone(UTC)}


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """The log is written by one program at a time, so that its head never falls behind another one's."""
    with only_run(root / _LOCK, wait_s=_WAIT_S):
        yield


def _keep_head(root: Path, head: Head) -> None:
    text = json.dumps({"sequence": head.sequence, "hash": head.hash}, sort_keys=True)
    write_atomically(root / HEAD, text.encode(), mode=0o600)


def _head_as_text(root: Path) -> str:
    try:
        head = stored_head(root)
    except AuditBroken:
        return "unreadable"
    return "none" if head is None else f"{head.sequence} {head.hash}"
