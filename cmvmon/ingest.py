"""Ingest: the bytes of one delivery as accepted rows, quarantined records and counts that add up; it stores nothing.

    received = accepted + quarantined + ignored, for each table that the delivery fills

Duplicates and conflicts are told by the store, which knows what came before. A delivery that can't be used, or the part
of it that fills one table, is returned as refused, with each of its records in quarantine; no content makes `ingest`
raise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain import delivered
from cmvmon.domain.delivered import WHOLE_DELIVERY, WITHDRAWS_UNKNOWN
from cmvmon.domain.errors import DeliveryError, NoLaboratoryFile, SiteError
from cmvmon.domain.identity import Named
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.feeds.formats import FORMATS, ONE_TABLE, Format
from cmvmon.feeds.judged import PLACE, REJECTED, Arrival, Judged
from cmvmon.feeds.judging import Declared, expected_of, judge, patient_header, patient_named, writing_of
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.part import Part, as_rows, delivered_text, joined, only, remedies
from cmvmon.feeds.records import Records, refusal
from cmvmon.feeds.table_file import TableFile
from cmvmon.feeds.two_scales import is_log10_of

SHARE_JUDGED_FROM = 20  # records; in fewer, one bad morning is no reason to refuse the rest
REFUSED = "delivery_refused"
TOO_MANY = "too_many_quarantined"
_NOTHING = Records((), ())


@dataclass(frozen=True)
class Intake:
    """What one delivery brought: a part for each table that it fills, at least one."""

    parts: tuple[Part, ...]

    @property
    def received(self) -> int:
        return sum(part.received for part in self.parts)


@dataclass
class _Found:
    """What was found of one table so far: its parts, the reasons for which records are set apart, how many records came, and
    why they can't be that table. `refused`: the parts as they are where the table is refused."""

    parts: list[Part] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    received: int = 0
    error: DeliveryError | None = None
    refused: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class _Call:
    """What is the same for every part of a delivery."""

    feed: str
    form: Format
    declared: Declared
    arrival: Arrival
    only: frozenset[int] | None
    is_of_inbox: bool


def ingest(
    data: bytes,
    *,
    feed: str,
    table: str | None,
    laboratory: Laboratory | None,
    delivery_id: str,
    received_at: datetime,
    landed_at: datetime,
    form: str = ONE_TABLE,
    history: bool = False,
    only_records: Collection[int] | None = None,
    zone: ZoneInfo | None = None,
    table_file: TableFile | None = None,
    is_of_inbox: bool = False,
    confirmed: Collection[int] = (),
) -> Intake:
    """Accepted rows, quarantined records and counts of one delivery, by the words of its feed's files.

    Args:
        table: the delivered table that the file holds; None where the format names its tables.
        laboratory: the feed's laboratory file; results can't be read without it.
        received_at: when cmvmon learned of it; `landed_at`: when its bytes were landed. Both with a zone.
        form: how it is written, a name in `cmvmon.feeds.formats`.
        history: rows are taken as known since they say (`Delivered.known_since`).
        only_records: judge the whole delivery again, and return these record numbers only.
        zone: of times without an offset in the other tables, where the table file says none; None = such a record is set
            apart.
        table_file: how the feed writes the other tables; None = in exchange form.
        confirmed: numbers of the records of which a person confirmed what is asked of a person (`ASKS_A_PERSON`).
        is_of_inbox: messages that happened to come at about one time: none is refused for the share of others that can't be used.

    Raises:
        SiteError: the call itself can't be carried out (unknown table, no laboratory file); never for content.
    """
    _check_call(feed, table, form, laboratory)
    arrival = Arrival(delivery_id, received_at, landed_at, history, frozenset(confirmed))
    only = None if only_records is None else frozenset(only_records)
    declared = Declared(laboratory, table_file, zone)
    call = _Call(feed, FORMATS[form], declared, arrival, only, is_of_inbox)
    name = table or WHOLE_DELIVERY
    writing = writing_of(delivered.BY_NAME.get(name), declared)
    found: dict[str, _Found] = defaultdict(_Found)
    try:
        for each, records in call.form.read(data, name, writing):
            _judge(each, records, call, found[each])
    except DeliveryError as error:
        return Intake((_refused(name, _NOTHING, None, error, call),))
    refused = {each: _refusal_of(each, of_table, call) for each, of_table in found.items()}
    if any(refused.values()):  # read once more: each of their records is set apart
        for each, records in call.form.read(data, name, writing):
            why = refused[each]
            if why is not None:
                found[each].refused.append(_refused_part(each, records, why, call))
    order = (*delivered.NAMES, WHOLE_DELIVERY)
    parts = [joined(found[each].refused or found[each].parts) for each in order if each in found]
    return Intake(tuple(parts) or (_judged(WHOLE_DELIVERY, _NOTHING, _unjudged(_NOTHING), call),))


def _check_call(feed: str, table: str | None, form: str, laboratory: Laboratory | None) -> None:
    if FORMATS[form].names_tables:
        if table is not None:
            raise SiteError(f"{feed}: the records of a {form} file name their tables; leave the table out")
        return
    if table not in delivered.NAMES:
        raise SiteError(f"{feed}: no table {table!r} is taken in; use {', '.join(delivered.NAMES)}")
    if table in delivered.BY_LABORATORY and laboratory is None:
        raise NoLaboratoryFile(f"{feed}: {table} needs a laboratory file; add labs/{feed}.toml")


def _judge(name: str, records: Records, call: _Call, found: _Found) -> None:
    """Adds what some records of one table come to, or why they can't be that table."""
    if found.error is not None:
        return
    try:
        fitted, judged = _as_table(name, records, call)
    except DeliveryError as error:
        found.error = error
        return
    found.reasons.update(judged.rejected["reason"])
    found.received += judged.accepted.height + judged.rejected.height + len(judged.ignored)
    found.parts.append(_judged(name, fitted, judged, call))


def _as_table(name: str, records: Records, call: _Call) -> tuple[Records, Judged]:
    """The records with every column of their table, and what was judged of them. Raises DeliveryError."""
    table = delivered.BY_NAME.get(name)
    if table is None:
        return records, _unjudged(records)
    if table.by_laboratory and call.declared.laboratory is None:
        if not records.readable:  # what can't be read needs no laboratory's words: each record has its own fault
            return records, replace(_unjudged(records), accepted=pl.DataFrame(schema=table.rows.schema | PLACE))
        raise refusal("laboratory_file", f"{len(records.records)} record(s) were found")
    if call.form.names_tables and call.declared.sends(table) == delivered.WHOLE_SNAPSHOT:
        raise refusal("snapshot_of_messages", f"{len(records.records)} record(s) were found")
    fitted = call.form.fitted(records, expected_of(table, call.declared), writing_of(table, call.declared))
    return fitted, judge(fitted, table, call.declared, call.arrival)


def _refusal_of(name: str, found: _Found, call: _Call) -> DeliveryError | None:
    """Why the records of a table are refused whole; None where they are not."""
    table = delivered.BY_NAME.get(name)
    if found.error is not None or table is None:
        return found.error
    if call.is_of_inbox:
        return None
    return _too_many(found, call.declared.max_quarantined_share(table))


def _refused_part(name: str, records: Records, error: DeliveryError, call: _Call) -> Part:
    """Some records of a table that is refused, each with its own reason where it can be judged."""
    try:
        fitted, judged = _as_table(name, records, call)
    except DeliveryError:
        return _refused(name, records, None, error, call)
    return _refused(name, fitted, judged if error.code == TOO_MANY else None, error, call)


def _unjudged(records: Records) -> Judged:
    """Records of no known table: none can be judged, each has its fault or is ignored."""
    rejected = pl.DataFrame(records.unreadable(), schema=REJECTED, orient="row")
    return Judged(pl.DataFrame(schema=PLACE), rejected, tuple(sorted(records.ignored)))


def _too_many(found: _Found, limit: float) -> DeliveryError | None:
    """A refusal, where so many records are set apart that the delivery or the feed's file must be wrong."""
    counts = Counter(
        {reason: n for reason, n in found.reasons.items() if reason != WITHDRAWS_UNKNOWN}
    )  # the store tells those
    if found.received < SHARE_JUDGED_FROM or counts.total() <= limit * found.received:
        return None
    reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    said = f"{counts.total()} of {found.received} records can't be used, more than {limit:.0%} ({reasons})"
    return refusal(TOO_MANY, said)


def _refused(name: str, records: Records, judged: Judged | None, error: DeliveryError, call: _Call) -> Part:
    """Every record set apart as `delivery_refused`; an unreadable file is one record on line 1."""
    places = [(record.number, record.line) for record in records.records] or [(1, 1)]
    rejected = pl.DataFrame(places, schema=PLACE, orient="row").with_columns(
        reason=pl.lit(REFUSED), column=pl.lit(None, pl.String)
    )
    if judged is not None:  # the own reason of a record stays to be read, in its remedy
        own = judged.rejected.select("record_number", own="reason", own_column="column")
        rejected = rejected.join(own, on="record_number", how="left", maintain_order="left")
    table = delivered.BY_NAME.get(name)
    of_table = "" if table is None else f", {name}"
    none = pl.DataFrame(schema=PLACE if table is None else table.rows.schema | PLACE)
    refused = DeliveryError(error.code, f"{call.feed}{of_table}: {error}")
    named = {} if judged is None or table is None else dict(judged.named)
    if judged is not None and table is not None:
        named |= {row["record_number"]: Named.of(row, table.rows) for row in judged.accepted.to_dicts()}
    return _judged(name, records, Judged(none, rejected, named=named), call, refused)


def _judged(name: str, records: Records, judged: Judged, call: _Call, refused: DeliveryError | None = None) -> Part:
    if call.only is not None:
        judged = only(judged, call.only)
    table = delivered.BY_NAME.get(name)
    rejected = judged.rejected
    by_number = {record.number: record for record in records.records}
    header = "patient_id" if table is None else patient_header(table, call.declared)
    named = [records.cell(by_number[n], header) if n in by_number else "" for n in rejected["record_number"]]
    quarantined = QUARANTINED_RECORDS.conform(
        rejected.with_columns(
            delivery_id=pl.lit(call.arrival.delivery_id),
            feed=pl.lit(call.feed),
            table_name=pl.lit(name),
            attempt=pl.lit(0),
            remedy=remedies(rejected, call.feed, name, refused, call.form.place),
            patient_id=pl.Series(
                [
                    (patient or None) if table is None else patient_named(patient, table, call.declared)
                    for patient in named
                ],
                dtype=pl.String,
            ),
            delivered_text=delivered_text(rejected, records),
        )
    )
    accepted = as_rows(judged.accepted, table, records)
    received = accepted.height + quarantined.height + len(judged.ignored)
    withdrawals = None if judged.withdrawals is None else as_rows(judged.withdrawals, table, records)
    scales = None
    laboratory = None if table is None else call.declared.words_of(table)
    if laboratory is not None:
        scales = partial(is_log10_of, grammar=laboratory.grammar)
    n_ignored, noticed = len(judged.ignored), judged.noticed
    return Part(name, accepted, quarantined, judged.named, withdrawals, n_ignored, received, refused, scales, noticed)
