"""The records of an exchanged table judged as a delivery's: typed rows, and what each record that is set apart names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.identity import Named, as_text
from cmvmon.domain.unseen import PATTERN
from cmvmon.feeds.judged import PLACE, REJECTED, Judged
from cmvmon.feeds.records import Fault, Records
from cmvmon.feeds.rows_in_doubt import Doubt, doubt_of
from cmvmon.feeds.shortened_numbers import shortened
from cmvmon.feeds.standard_table import NO_FAULTS, read_moment, stripped, typed_records


def judge_table(
    records: Records,
    row_type: RowType,
    *,
    placeholder_patient_ids: Iterable[str],
    zone: ZoneInfo | None,
    faults: Mapping[int, Fault] = NO_FAULTS,
    patients: Sequence[str] = ("patient_id",),
) -> Judged:
    """The rows of a table whose header was checked. A patient id that names nobody, or was shortened, is set apart, and so is a row
    that can't be true (`rows_in_doubt`).

    Args:
        zone: of times without an offset; None where nobody states it.
        faults: by number of a record, why it gives no row whatever its cells say.
        patients: the columns that name a patient.
    """
    rows, broken = typed_records(records, row_type, zone, faults)
    unnamed = rows.clear().select(*PLACE, reason=pl.lit(""), column=pl.lit(""))
    named = _named(broken, row_type, zone)
    doubt = doubt_of(row_type)
    if doubt is not None:
        rows, untrue = _split_untrue(rows, doubt)
        named |= {row["record_number"]: Named.of(row, row_type) for row in untrue.to_dicts()}
        unnamed = pl.concat([unnamed, untrue.select(*REJECTED)])
    for column in patients:
        folded = pl.col(column).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
        nobody = folded.is_in(sorted(placeholder_patient_ids)).fill_null(False)
        cut, marked = (
            shortened(column) & ~nobody,
            pl.col(column).str.strip_chars().str.contains(PATTERN).fill_null(False),
        )
        reason = (
            pl.when(marked)
            .then(pl.lit("invisible_in_patient_id" if column == "patient_id" else "invisible_in_merged_into"))
            .when(nobody)
            .then(pl.lit("placeholder_patient_id"))
            .otherwise(pl.lit("shortened_number"))
        )
        mine = rows.filter(nobody | cut | marked)
        unnamed = pl.concat([unnamed, mine.select(*PLACE, reason=reason, column=pl.lit(column))])
        nameless = mine.with_columns(pl.lit("").alias(column)).to_dicts()
        named |= {row["record_number"]: Named.of(row, row_type) for row in nameless}
        rows = rows.filter(~(nobody | cut | marked))
    return Judged(rows, pl.concat([broken.select(*REJECTED), unnamed]).sort("record_number"), named=named)


def _split_untrue(rows: pl.DataFrame, doubt: Doubt) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that may be true, and the others with their `reason` and `column`."""
    told = rows.with_columns(reason=doubt.why, column=pl.lit(doubt.column))
    is_untrue = pl.col("reason").is_not_null()
    return told.filter(~is_untrue).drop("reason", "column"), told.filter(is_untrue)


def _named(broken: pl.DataFrame, row_type: RowType, zone: ZoneInfo | None) -> dict[int, Named]:
    """What each broken row names: of its key the cells that can be read, and the others as delivered."""
    names = list(dict.fromkeys(("patient_id", *row_type.key)))
    cells = broken.select("record_number", "column", *(name for name in names if name in broken.columns))
    moments = {name for name in names if row_type.column(name).kind is Kind.MOMENT and name in cells.columns}
    read = cells.select(
        read_moment(stripped(pl.col(name)), zone).alias(name) if name in moments else stripped(pl.col(name)).alias(name)
        for name in names
        if name in cells.columns
    )
    found: dict[int, Named] = {}
    for place, values in zip(cells.to_dicts(), read.to_dicts(), strict=True):
        is_null = {
            name: not (place.get(name) or "").strip() and bool(row_type.column(name).null_means) for name in names
        }
        is_known = {name: name != place["column"] and (is_null[name] or values.get(name) is not None) for name in names}
        found[place["record_number"]] = Named(
            {name: as_text(values.get(name)) for name in names if is_known[name]},
            {name: place.get(name) or "" for name in names if not is_known[name] and name in row_type.key},
        )
    return found
