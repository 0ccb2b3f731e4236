"""What a person says of records that wait in quarantine, and what was said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.conflicts import CONFLICTS
from cmvmon.domain.errors import SiteError
from cmvmon.feeds.result_cells import ASKS_A_PERSON
from cmvmon.run.answers.free_text import refuse_patients
from cmvmon.run.answers.who_says import who_says
from cmvmon.run.asking import quarantine_names
from cmvmon.run.deliveries.faults import note_feed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.rows.schema import QUARANTINE, VERSIONS
from cmvmon.shell.store.session import open_store
from cmvmon.shell.taken_in import journal, unjudged
from cmvmon.shell.waiting import feed_state, quarantine_answers
from cmvmon.shell.waiting.quarantine import list_anew, open_quarantine
from cmvmon.shell.work.clock import moment_of_a_word
from cmvmon.shell.work.opening import OpenSite, held, open_site

_REJECTS_NOTHING = (
    "it stands beside another record under the same number, and neither is used: which of them holds is for the laboratory to say, "
    "by a correction. `cmvmon quarantine close` says that it was dealt with. Nothing was done"
)


def answer_quarantine(root: Path, record: str, *, answer: str, why: str, actor: str | None) -> int:
    """Records that this record, or every record of this delivery, is closed, ignored, rejected or released, and returns how many.

    Args:
        record: a name that the list prints, how it begins, or the delivery in it (its first 12 characters).
        answer: `closed` (what landed until now), `ignored` (also what comes later with the same text) or `rejected` (the same,
            and it is not used even when a mended laboratory file could read it) or `released` (a person confirms what is asked of a
            person: it is right as it stands).
        why: in words; they are shown again with the answer, so no patient belongs in them.
        actor: who says so; None = the user of this machine.

    Raises SiteError when none of that name waits, several begin so, somebody answered it already, no reason is given, or
    the answer would not do what it says: nothing is rejected of which another record stands in the way, and nothing released of
    which nothing is asked of a person.
    """
    _refuse_without_a_reason(why)
    site = Site(root).require()
    with held(site), open_site(root) as opened:
        return answer_opened(opened, record, answer=answer, why=why, actor=actor)


def answer_opened(opened: OpenSite, record: str, *, answer: str, why: str, actor: str | None) -> int:
    """The same as `answer_quarantine` for whoever holds the site and does more under the same hold."""
    with _answering(opened, why, actor) as (connection, said):
        rows = quarantine_names.meant(connection, open_quarantine(connection).to_dicts(), record)
        refused = {row["feed"] for row in rows if feed_state.newest_refused(connection, row["feed"]) is not None}
        if answer == quarantine_answers.REJECTED:
            _refuse_what_rejects_nothing(rows)
        if answer == quarantine_answers.RELEASED:
            _refuse_what_asks_nobody(rows)
        written = quarantine_answers.record(connection, rows, answer=answer, **said)
        journal.note_answers(opened.site.landing, written)
    with (
        opened.writing() as connection
    ):  # what waits is listed anew: a refused file of which nothing waits alerts no more
        for feed in sorted(refused):
            if feed_state.newest_refused(connection, feed) is None:
                note_feed(opened, connection, feed, said["answered_at"])
    return len({quarantine_answers.mark(row) for row in rows})


def answered(root: Path) -> list[dict[str, Any]]:
    """What is closed, ignored, rejected or released, by whom, when and why; `record` = the name under which it can be reopened; and
    which deliveries are dismissed (`cmvmon.run.answers.dismissing`)."""
    site = Site(root).require()
    with open_store(site.database) as store, store.reading() as connection:
        rows = quarantine_answers.standing(connection)
        dismissed = unjudged.standing(connection)
    told = [{"record": _answer_name(row), **{k: row[k] for k in ("feed", "table_name")}} | _said(row) for row in rows]
    for row in dismissed:
        name = quarantine_names.way_name(row["delivery_id"], row["feed"], row["kept_as"])
        told.append({"record": name, "feed": row["feed"], "table_name": row["kept_as"]} | _said(row))
    return told


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: row[name] for name in ("answer", "why", "actor")}
    return said | {"answered_at": row["answered_at"].isoformat(timespec="seconds")}


def reopen(root: Path, record: str, *, why: str, actor: str | None) -> None:
    """Takes an answer back: what it was about waits again.

    Raises SiteError when no such answer stands, or what it released is in use.
    """
    _refuse_without_a_reason(why)
    site = Site(root).require()
    with held(site), open_site(root) as opened, _answering(opened, why, actor) as (connection, said):
        rows = [row for row in quarantine_answers.standing(connection) if _answer_name(row) == record]
        if not rows:
            raise SiteError("no answer of that name stands; `cmvmon quarantine list --answered` prints the names")
        if rows[0]["answer"] == quarantine_answers.RELEASED and _is_in_use(connection, rows[0]):
            raise SiteError(
                "that record was released, and is in use since: nothing stored is taken out again. Ask the laboratory to withdraw or "
                "to correct it"
            )
        journal.note_answers(site.landing, quarantine_answers.take_back(connection, rows[0], **said))


def _is_in_use(connection: sa.Connection, answer: Mapping[str, Any]) -> bool:
    """Whether what a person released is stored: it waits no longer, or one of the deliveries that brought it has a version of it."""
    waiting = open_quarantine(connection).to_dicts()
    if not any(row["feed"] == answer["feed"] and quarantine_answers.mark(row) == answer["mark"] for row in waiting):
        return True
    q, v = QUARANTINE.c, VERSIONS[answer["table_name"]].c
    query = sa.select(QUARANTINE).where(q.feed == answer["feed"], q.table_name == answer["table_name"])
    rows = [dict(row) for row in connection.execute(query).mappings()]
    brought = {(row["delivery_id"], row["named_key"]) for row in rows if quarantine_answers.mark(row) == answer["mark"]}
    keys = sorted({key for _, key in brought if key is not None})
    stored = connection.execute(
        sa.select(v.delivery_id, v.record_key).where(v.feed == answer["feed"], v.record_key.in_(keys))
    )
    return any(tuple(row) in brought for row in stored)


def _refuse_without_a_reason(why: str) -> None:
    if not why.strip():
        raise SiteError("--why is empty; say in a few words why, without a patient's name or number")


@contextmanager
def _answering(opened: OpenSite, why: str, actor: str | None) -> Iterator[tuple[sa.Connection, dict[str, Any]]]:
    """The store, to write one answer into, with who says it, when and why; then what waits is listed anew.

    The moment is not before the last one recorded: an answer is about what has landed. Raises SiteError without a reason, and
    where a patient's number stands in it.
    """
    _refuse_without_a_reason(why)
    at = moment_of_a_word(opened)
    with opened.writing() as connection:
        refuse_patients(connection, why, option="--why", as_of=at)
        yield connection, {"why": why.strip(), "actor": who_says(actor), "answered_at": at}
        list_anew(connection)


def _refuse_what_rejects_nothing(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if row["reason"] in CONFLICTS:
            raise SiteError(f"{quarantine_names.name(row)} can't be rejected: {_REJECTS_NOTHING}")


def _refuse_what_asks_nobody(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if row["reason"] not in ASKS_A_PERSON:
            raise SiteError(
                f"{quarantine_names.name(row)} can't be released: {row['reason']} is no question that a person answers by "
                f"confirming, for the record would have to be guessed at. {row['remedy']} Nothing was done. Only these can be "
                f"released: {', '.join(sorted(ASKS_A_PERSON))}"
            )


def _answer_name(row: Mapping[str, Any]) -> str:
    return f"{row['feed']}-{row['mark'][: quarantine_names.DELIVERY]}"
