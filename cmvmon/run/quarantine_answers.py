"""Records that wait in quarantine, as one line each, and what a person says of them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.shell import journal, quarantine_answers
from cmvmon.shell.clock import last_recorded
from cmvmon.shell.quarantine import list_anew, open_quarantine
from cmvmon.shell.session import held, now, open_site, open_store
from cmvmon.shell.site import Site

_NOT_LISTED = ("delivered_text", "patient_id", "record_number", "attempt")  # who it is of is shown with the record
_DELIVERY = 12  # so many characters of a delivery's id name it


def listed_quarantine(root: Path) -> list[dict[str, Any]]:
    """The records that wait, each once however often it was delivered, with the name under which `show` finds it and how
    many deliveries brought it; no delivered text, no patient."""
    found: dict[str, dict[str, Any]] = {}
    for row in _waiting(root):
        first = found.setdefault(
            quarantine_answers.mark(row),
            {"record": _name(row), **{k: v for k, v in row.items() if k not in _NOT_LISTED}, "times": 0},
        )
        first["times"] += 1
    return list(found.values())


def quarantined_record(root: Path, record: str) -> dict[str, Any]:
    """One record with its delivered text. Raises SiteError when none of that name waits."""
    for row in _waiting(root):
        if _name(row) == record:
            return row | {"delivered_text": json.loads(row["delivered_text"])}
    raise _none_of_that_name()


def answer_quarantine(root: Path, record: str, *, answer: str, why: str, actor: str | None) -> int:
    """Records that this record, or every record of this delivery, is closed or ignored, and returns how many that are.

    Args:
        record: a name that the list prints, or the delivery in it (its first 12 characters).
        answer: `closed` (what landed until now) or `ignored` (also what comes later with the same text).
        why: in words; they are shown again with the answer, so no patient belongs in them.
        actor: who says so; None = the user of this machine.

    Raises SiteError when none of that name waits, or no reason is given.
    """
    with _answering(root, why, actor) as (connection, said):
        rows = [row for row in open_quarantine(connection).to_dicts() if _is_meant(row, record)]
        if not rows:
            raise _none_of_that_name()
        written = quarantine_answers.record(connection, rows, answer=answer, **said)
        journal.note_answers(Site(root).landing, written)
    return len({quarantine_answers.mark(row) for row in rows})


def answered(root: Path) -> list[dict[str, Any]]:
    """What is closed or ignored, by whom, when and why; `record` = the name under which it can be reopened."""
    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        rows = quarantine_answers.standing(connection)
    return [
        {"record": _answer_name(row), **{k: row[k] for k in ("feed", "table_name", "answer", "why", "actor")}}
        | {"answered_at": row["answered_at"].isoformat(timespec="seconds")}
        for row in rows
    ]


def reopen(root: Path, record: str, *, why: str, actor: str | None) -> None:
    """Takes an answer back: what it was about waits again. Raises SiteError when no such answer stands."""
    with _answering(root, why, actor) as (connection, said):
        rows = [row for row in quarantine_answers.standing(connection) if _answer_name(row) == record]
        if not rows:
            raise SiteError("no answer of that name stands; `cmvmon quarantine list --answered` prints the names")
        journal.note_answers(Site(root).landing, quarantine_answers.take_back(connection, rows[0], **said))


@contextmanager
def _answering(root: Path, why: str, actor: str | None) -> Iterator[tuple[sa.Connection, dict[str, Any]]]:
    """The store, to write one answer into, with who says it, when and why; then what waits is listed anew.

    The moment is not before the last one recorded: an answer is about what has landed. Raises SiteError without a reason.
    """
    if not why.strip():
        raise SiteError("--why is empty; say in a few words why, without a patient's name or number")
    site = Site(root).require()
    with held(site), open_site(root) as opened:
        clock, last = now(), last_recorded(opened)
        at = clock if last is None else max(clock, last)
        with opened.writing() as connection:
            yield connection, {"why": why.strip(), "actor": actor or getpass.getuser(), "answered_at": at}
            list_anew(connection)


def _waiting(root: Path) -> Sequence[dict[str, Any]]:
    from cmvmon.shell import known

    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        names = known.file_names(connection)
        rows = open_quarantine(connection).to_dicts()
    return [row | {"file_name": names[row["delivery_id"], row["feed"], row["table_name"]]} for row in rows]


def _is_meant(row: Mapping[str, Any], record: str) -> bool:
    return record in (_name(row), row["delivery_id"][:_DELIVERY], row["delivery_id"])


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['delivery_id'][:_DELIVERY]}-{row['feed']}-{row['table_name']}-{row['record_number']}"


def _answer_name(row: Mapping[str, Any]) -> str:
    return f"{row['feed']}-{row['mark'][:_DELIVERY]}"


def _none_of_that_name() -> SiteError:
    return SiteError("no record of that name waits in quarantine; `cmvmon quarantine list` prints the names")
