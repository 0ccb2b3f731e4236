"""What was known at a moment: the delivered tables, which of them were ever delivered, and of whom a row was unreadable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import BY_NAME, DELIVERED, LEADING, Delivered
from cmvmon.domain.moved_together import MovedTogether
from cmvmon.domain.rows import ASSAYS


@dataclass(frozen=True)
class UnreadResult:
    """A result that was delivered, could not be used, and waits.

    Attributes:
        came_at: when it came, the first time; one that was delivered as history dates itself. None = not known.
        sampled_by: the latest moment at which its sample can have been taken: when it came, was reported, or was collected, as far
            as that could be read. None = not known.
        sampled_at, compartment: when its sample was taken, and of what it is; None = could not be read, or is in doubt.
    """

    patient_id: str
    came_at: datetime | None
    sampled_by: datetime | None
    sampled_at: datetime | None = None
    compartment: str | None = None


@dataclass(frozen=True)
class Known:
    """What an assessment reads. Three things stay apart: a table that was never delivered, a row that could not be
    read, and a value that is absent.

    Attributes:
        tables: rows by name of delivered table, in any order, each keeping every promise of its row type: every known
            version where the table's versions are reported, current ones otherwise. A table that was never delivered
            is not among them.
        assays: noise by assay, compartment and date; the protocol's default holds where it has no row.
        unread: by name of table, the patients of whom a row was delivered that could not be used.
        unread_until: by name of table and patient, when the last such row came; absent = not known.
        unread_results: of results, what is known of each of those records; None = no more than `unread` and `unread_until` say.
        silent: by name of table, when its feeds were last heard of, where every one that says how often it comes has been
            silent for longer; what happened since is not known, but for what `heard_since` tells.
        silent_laboratories: by name, when each laboratory was last heard of whose results have stayed away for longer than its file
            says, whether or not others send.
        moved_together: the laboratories of the unit whose results moved together at this moment, of every patient's results. Empty =
            none, or not asked, as in tables that come from no store.
        ever_sent: by name of table, of the words that are asked for (`Delivered.asked_for`) those that any row of the unit
            ever held, whoever it was about. Absent = not known, as in tables that come from no store.
        last_heard: by name of table, when a feed of it last gave a sign of life: what happened after that is not delivered yet.
            Absent = not known, as in tables that come from no store.
        heard_since: by name of a silent table, the ids of the deliveries of other feeds that landed after that.
        answered: the `result_id` of every result for which a person had answered: it was under an alert that somebody
            acknowledged, or was read back. None = not known, as in tables that come from no store.
        concordance: the table `concordance` of *every* patient at this moment, where these tables hold only some of
            them; None = the patients of these tables are the unit.
    """

    tables: Mapping[str, pl.DataFrame]
    assays: pl.DataFrame = field(default_factory=ASSAYS.empty)
    unread: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unread_until: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    unread_results: tuple[UnreadResult, ...] | None = None
    concordance: pl.DataFrame | None = None
    silent: Mapping[str, datetime] = field(default_factory=dict)
    heard_since: Mapping[str, frozenset[str]] = field(default_factory=dict)
    last_heard: Mapping[str, datetime] = field(default_factory=dict)
    silent_laboratories: Mapping[str, datetime] = field(default_factory=dict)
    moved_together: tuple[MovedTogether, ...] = ()
    ever_sent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    answered: pl.DataFrame | None = None

    @classmethod
    def of(cls, tables: Mapping[RowType, pl.DataFrame | None], **facts: Any) -> Known:
        """By row type; None = never delivered. `facts` are the other attributes."""
        return cls({rows.name: frame for rows, frame in tables.items() if frame is not None}, **facts)

    def __getitem__(self, rows: RowType) -> pl.DataFrame:
        """The rows of that table; none where it was never delivered. Raises KeyError for a table that nobody delivers."""
        BY_NAME[rows.name]
        found = self.tables.get(rows.name)
        return rows.empty() if found is None else found

    def was_delivered(self, rows: RowType) -> bool:
        """Whether a delivery of that table had been taken in, with or without rows."""
        return rows.name in self.tables

    def if_delivered(self, rows: RowType) -> pl.DataFrame | None:
        """The rows of that table; None where it was never delivered."""
        return self.tables.get(rows.name)

    def unread_of(self, rows: RowType) -> frozenset[str]:
        """The patients of whom a row of that table was delivered that could not be used."""
        return self.unread.get(rows.name, frozenset())

    def results_unread(self) -> tuple[UnreadResult, ...]:
        """Every result that was delivered, could not be used and waits."""
        if self.unread_results is not None:
            return self.unread_results
        came = self.unread_until.get(LEADING.name, {})
        return tuple(UnreadResult(who, came.get(who), came.get(who)) for who in sorted(self.unread_of(LEADING.rows)))

    def silent_since(self, rows: RowType) -> datetime | None:
        """When that table was last heard of, where that is longer ago than its feeds say; None = it is not silent."""
        return self.silent.get(rows.name)

    def last_heard_of(self, rows: RowType) -> datetime | None:
        """When a feed of that table last gave a sign of life; None = not known."""
        return self.last_heard.get(rows.name)

    def was_ever_sent(self, rows: RowType, word: str) -> bool:
        """Whether a row of the unit, of any patient, is known to have held that word, one of those that are asked for."""
        return word in self.ever_sent.get(rows.name, ())

    def begun(self, as_of: datetime) -> Known:
        """The same with the rows that had begun by `as_of`, ends after it read as null."""
        return replace(
            self,
            tables={
                table.name: table.begun(self.tables[table.name], as_of)
                for table in DELIVERED
                if table.name in self.tables
            },
        )

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows of every table that was delivered and tells of patients, in the order of the registry."""
        return (self.tables[table.name] for table in DELIVERED if table.name in self.tables and not table.says_who)


def with_told(table: Delivered, own: pl.DataFrame | None, statements: pl.DataFrame | None) -> pl.DataFrame | None:
    """The rows of a table with those that are made of statements (`Delivered.told`). None = neither was ever delivered."""
    if table.told is None or statements is None:
        return own
    told = table.told.rows(statements)
    return told if own is None else pl.concat([own, told])


def all_told(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Delivered tables by name, each with the rows that are made of statements of another."""
    statements = {table.name: tables.get(table.told.by) for table in DELIVERED if table.told is not None}
    found = {table.name: with_told(table, tables.get(table.name), statements.get(table.name)) for table in DELIVERED}
    return {name: rows for name, rows in found.items() if rows is not None}


def unclear_of(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """By name of a table that statements of another tell: whose rows are not clear by these (`Told.unclear`)."""
    return {
        table.name: table.told.unclear(tables[table.told.by])
        for table in DELIVERED
        if table.told is not None and table.told.by in tables
    }


def with_unclear(unread: Mapping[str, frozenset[str]], tables: Mapping[str, pl.DataFrame]) -> dict[str, frozenset[str]]:
    """By name of table of whom a row could not be read, with those whose rows are not clear by statements of another."""
    unclear = {name: frozenset(rows["patient_id"]) for name, rows in unclear_of(tables).items()}
    return {name: unread.get(name, frozenset()) | unclear.get(name, frozenset()) for name in {**unread, **unclear}}
