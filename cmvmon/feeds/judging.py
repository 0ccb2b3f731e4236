"""The records of one table judged, whatever they were written in: in a feed's own words, or as they are exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain.delivered import ROWS, WITHDRAWS_UNKNOWN, Delivered
from cmvmon.domain.identity import Named
from cmvmon.feeds.judged import PLACE, Arrival, Judged
from cmvmon.feeds.judged_tables import judge_table
from cmvmon.feeds.laboratory import MAX_QUARANTINED_SHARE, Laboratory
from cmvmon.feeds.laboratory_results import judge_results
from cmvmon.feeds.only_listed import only_listed
from cmvmon.feeds.patient_ids import placeholders
from cmvmon.feeds.patient_numbers import NumberForm, in_one_form
from cmvmon.feeds.records import EXCHANGE, Expected, Records, Writing
from cmvmon.feeds.standard_table import expected_columns
from cmvmon.feeds.table_cells import InOurWords, in_our_words
from cmvmon.feeds.table_file import NOTHING_SAID, ROW_ID, STATUS, TableFile, moments
from cmvmon.feeds.times import ISO8601


@dataclass(frozen=True)
class Declared:
    """What is declared of a feed: its laboratory file, its table file (None = it has none), and the zone that the site
    states for times without an offset (None = it states none)."""

    laboratory: Laboratory | None = None
    table_file: TableFile | None = None
    site_zone: ZoneInfo | None = None

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone of times without an offset in an exchanged table."""
        own = None if self.table_file is None else self.table_file.time_zone
        return own or self.site_zone

    def words_of(self, table: Delivered) -> Laboratory | None:
        """The laboratory file, where the table comes in a laboratory's words."""
        return self.laboratory if table.by_laboratory else None

    def sends(self, table: Delivered) -> str:
        """What one delivery of that table is (`cmvmon.domain.delivered.SENDS`)."""
        file = None if table.by_laboratory else self.table_file
        return ROWS if file is None else file.form(table).sends

    def numbers_of(self, table: Delivered) -> NumberForm | None:
        """How patients' numbers are written in that table: as its own file says, else as the laboratory's does. Who gives
        them, the one says for both."""
        own = None if table.by_laboratory or self.table_file is None else self.table_file.patient_numbers
        laboratorys = None if self.laboratory is None else self.laboratory.patient_numbers
        if own is None or laboratorys is None or own.authority:
            return own or laboratorys
        return replace(own, authority=laboratorys.authority, is_sites_own=laboratorys.is_sites_own)

    def nobody(self, table: Delivered) -> frozenset[str]:
        """The patient ids in that table that name nobody, folded."""
        files = (self.laboratory, None if table.by_laboratory else self.table_file)
        return placeholders().union(*(file.placeholder_patient_ids for file in files if file is not None))

    def max_quarantined_share(self, table: Delivered) -> float:
        """The share of records set apart above which a delivery is refused whole."""
        file = self.words_of(table) or (None if table.by_laboratory else self.table_file) or self.laboratory
        return MAX_QUARANTINED_SHARE if file is None else file.max_quarantined_share


def writing_of(table: Delivered | None, declared: Declared) -> Writing:
    """How the sender writes that table, or messages (None); exchange form where nothing is declared."""
    if table is None:
        return _of_messages(declared)
    file = declared.laboratory if table.by_laboratory else declared.table_file
    return EXCHANGE if file is None else file.writing


def _of_messages(declared: Declared) -> Writing:
    """How a sender of messages writes: as its laboratory file says, else its table file; the latter says which tables beside
    results are read out of them."""
    laboratory, file = declared.laboratory, declared.table_file
    own = laboratory or file
    writing = EXCHANGE if own is None else own.writing
    if file is None:
        return replace(writing, messages=replace(writing.messages, holds_results=laboratory is not None))
    tables = {
        name: dict(form.columns) | ({"": form.only_column} if form.only_column else {})
        for name, form in file.tables.items()
    }
    ignored = tuple(dict.fromkeys((*writing.messages.ignored, *file.messages.ignored)))
    words = {name: form.words for name, form in file.tables.items()}
    holds_results = laboratory is not None
    return replace(
        writing,
        messages=replace(writing.messages, ignored=ignored, tables=tables, words=words, holds_results=holds_results),
    )


def expected_of(table: Delivered, declared: Declared) -> Expected:
    """The delivered columns that the table is read from."""
    laboratory = declared.words_of(table)
    if laboratory is not None:
        headers = tuple(laboratory.columns.values())
        return Expected(headers, headers)
    ours = replace(expected_columns(table.rows), moments=frozenset(moments(table.rows)))
    if declared.table_file is None:
        return ours
    form = declared.table_file.form(table)
    only = (form.only_column,) if form.only_column else ()
    every = (*(form.header(name) for name in ours.columns), *form.columns.values(), *only)
    # A column that is declared must be there: under a header that is not, what it says would be lost in silence.
    needed = (*(form.header(name) for name in ours.required), *form.columns.values(), *only)
    is_iso = declared.table_file.time_formats == (ISO8601,)  # other forms are read as they are declared
    own = frozenset(form.header(name) for name in ours.moments) if is_iso else frozenset[str]()
    return Expected(tuple(dict.fromkeys(every)), tuple(dict.fromkeys(needed)), own)


def patient_header(table: Delivered, declared: Declared) -> str:
    """The delivered column that names the patient."""
    laboratory = declared.words_of(table)
    if laboratory is not None:
        return laboratory.columns["patient_id"]
    return "patient_id" if declared.table_file is None else declared.table_file.form(table).header("patient_id")


def judge(records: Records, table: Delivered, declared: Declared, arrival: Arrival) -> Judged:
    """Rows of the table, and the records that give none. Of a delivery of history a row dates itself."""
    laboratory = declared.words_of(table)
    judged = (
        _judge_exchanged(records, table, declared)
        if laboratory is None
        else judge_results(records, laboratory, arrival)
    )
    since = table.known_from() if arrival.history else pl.lit(arrival.received_at)
    accepted = judged.accepted.with_columns(
        received_at=since.cast(pl.Datetime("us", "UTC")), delivery_id=pl.lit(arrival.delivery_id)
    )
    withdrawals = judged.withdrawals
    if withdrawals is not None:
        # One of history that does not say when it was reported is taken as known since it was received.
        withdrawals = withdrawals.with_columns(
            received_at=pl.coalesce(since, pl.lit(arrival.received_at)).cast(pl.Datetime("us", "UTC")),
            delivery_id=pl.lit(arrival.delivery_id),
        )
    return replace(judged, accepted=accepted, withdrawals=withdrawals)


def patient_named(delivered: str, table: Delivered, declared: Declared) -> str | None:
    """The patient whom a cell names, in the form that everybody uses; None where it is empty or does not fit."""
    form = declared.numbers_of(table)
    return (delivered if form is None else form.of(delivered, declared.nobody(table))) or None


def _judge_exchanged(records: Records, table: Delivered, declared: Declared) -> Judged:
    """The records of a table in our columns and words, or in those that the feed's table file makes ours."""
    file, numbers, nobody = declared.table_file, declared.numbers_of(table), declared.nobody(table)
    form = NOTHING_SAID if file is None else file.form(table)
    records, others = only_listed(records, table.rows, form)
    told = InOurWords(records) if file is None else in_our_words(records, table.rows, form, file)
    faults = dict(told.faults)
    if numbers is not None:
        in_form, unfit = in_one_form(told.records, table.patients, numbers, nobody)
        told, faults = InOurWords(in_form), dict(unfit) | faults
    judged = judge_table(
        told.records,
        table.rows,
        placeholder_patient_ids=nobody,
        zone=declared.zone,
        faults=faults,
        patients=table.patients,
    )
    judged = replace(_with_numbers(judged, told, table), ignored=tuple(sorted(others)))
    if file is None:
        return judged
    blamed = pl.col("column").replace_strict(
        {name: form.header(name) for name in (*table.rows.exchanged, ROW_ID, STATUS)},
        default=pl.col("column"),
        return_dtype=pl.String,
    )
    return replace(judged, rejected=judged.rejected.with_columns(blamed))


def _with_numbers(judged: Judged, told: InOurWords, table: Delivered) -> Judged:
    """The same with the key of each record that its feed numbers, and whether a record withdraws the one that it names.

    A record that withdraws, and is not whole, waits for what it names where that can be told.
    """
    number = pl.col("record_number")

    def numbered(frame: pl.DataFrame, *, keys: Mapping[int, str]) -> pl.DataFrame:
        key = (
            number.replace_strict(dict(keys), default=None, return_dtype=pl.String) if keys else pl.lit(None, pl.String)
        )
        return frame.with_columns(row_key=key, is_withdrawn=number.is_in(sorted(told.withdrawn)))

    named = {
        n: replace(judged.named.get(n, Named({}, {})), row_key=told.row_keys.get(n))
        for n in judged.rejected["record_number"]
        if n in judged.named or n in told.row_keys
    }
    names = {n: key for n in told.withdrawn & set(named) if (key := named[n].key(table.rows)) is not None}
    waits = number.is_in(sorted(names))
    place = judged.rejected.filter(waits).select(*PLACE)
    withdrawals = pl.concat([pl.DataFrame(schema=table.rows.schema | PLACE), place], how="diagonal")
    rejected = judged.rejected.with_columns(
        reason=pl.when(waits).then(pl.lit(WITHDRAWS_UNKNOWN)).otherwise("reason"),
        column=pl.when(~waits).then("column"),
    )
    return Judged(
        numbered(judged.accepted, keys=told.row_keys),
        rejected,
        judged.ignored,
        numbered(withdrawals, keys=names),
        named,
    )
