"""A laboratory's records as rows of viral_load_results: one row or one reason for each record.

`judge_results` goes through the records one by one, because what a cell means depends on the laboratory file; the promises
about one row are asked of all accepted rows at once, with the same expressions as everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.delivered import BY_NAME, WITHDRAWS_UNKNOWN
from cmvmon.domain.identity import Named
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.unseen import holds_unseen
from cmvmon.feeds.assay_rows import AssayRow
from cmvmon.feeds.born_after import BORN_AFTER, first_day, is_after_sample
from cmvmon.feeds.comparator_column import refuse_undeclared_comparator, with_comparator
from cmvmon.feeds.declared_statuses import CONFIRMED
from cmvmon.feeds.doubting_notes import DOUBTED
from cmvmon.feeds.judged import NOTHING_NOTICED, PLACE, REJECTED, Arrival, Judged
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.patient_ids import fold_id
from cmvmon.feeds.patient_numbers import UNFIT
from cmvmon.feeds.reasons import Rejection
from cmvmon.feeds.records import Qualified, Record, Records, Unclear
from cmvmon.feeds.result_cells import LONG_BEFORE_REPORT, moment_of, noticed_of, sent_at_of, status_of, times_of
from cmvmon.feeds.result_names import NO_LOAD, Load, changed_by_number, is_of_another_test, named_by, result_id_of
from cmvmon.feeds.shortened_numbers import is_shortened
from cmvmon.feeds.units import to_iu_per_ml
from cmvmon.feeds.value_grammar import Reading, fold, parse_value

_LOAD = ("detection", "viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml")
_SCHEMA = VIRAL_LOAD_RESULTS.schema | PLACE
_STATUS = list(_SCHEMA).index("result_status")
_IDENTITY = BY_NAME[VIRAL_LOAD_RESULTS.name].identity

# The delivered field that is to blame when a promise about one of our columns is broken.
_BLAMED = {
    "viral_load_iu_per_ml": "value",
    "lod_iu_per_ml": "value",
    "lloq_iu_per_ml": "value",
    "uloq_iu_per_ml": "value",
    "detection": "value",
    "compartment": "specimen",
    "result_id": "accession_number",
}


def judge_results(records: Records, laboratory: Laboratory, arrival: Arrival) -> Judged:
    """The results in `records`, in IU/mL, and the records that give none, each with the first reason found.

    Every readable record has a cell for each header that the laboratory file names. `received_at` and `delivery_id` are
    left null.
    """
    refuse_undeclared_comparator(records, laboratory)
    places = {field: records.header.index(header) for field, header in laboratory.columns.items()}
    specimens = compartments.by_specimen_code() | dict(laboratory.specimens)
    blamed = {"born_on": records.births_at or None, **laboratory.columns}
    rows: list[tuple[object, ...]] = []
    withdrawals: list[tuple[object, ...]] = []
    named: dict[int, Named] = {}
    rejected = records.unreadable()
    ignored: list[int] = []
    noticed = NOTHING_NOTICED
    for record in records.readable:
        cells = _joined({field: record.cells[place] for field, place in places.items()})
        if is_of_another_test(cells, records.names_of_tests.get(record.number, ""), laboratory):
            ignored.append(record.number)
            continue
        cells["patient_id"] = laboratory.number_of(cells["patient_id"]) or cells["patient_id"]
        row = _row(cells, record, laboratory, arrival, specimens)
        changed = changed_by_number(cells, record, laboratory, arrival) if isinstance(row, Rejection) else None
        would_be_used = changed is not None or not isinstance(row, Rejection) or row.code == LONG_BEFORE_REPORT
        held = _held(cells, record, records, laboratory, arrival) if would_be_used else None
        if held is not None:
            row, changed = held, None
        if isinstance(row, Rejection):
            named[record.number] = named_by(cells, laboratory, arrival, specimens)
        if changed is not None:
            withdrawals.append(changed)
        elif isinstance(row, Rejection):
            rejected.append((record.number, record.line, row.code, blamed.get(row.column or "")))
        else:
            rows.append(row)
            noticed = noticed.and_(noticed_of(cells, laboratory, arrival, status=row[_STATUS]))
    accepted, broken = _split(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))
    is_withdrawal = pl.col("result_status") == words.WITHDRAWN
    waiting = pl.concat(
        [
            pl.DataFrame(withdrawals, schema=_SCHEMA, orient="row"),
            _without_identity(broken.filter(is_withdrawal)),
        ]
    ).filter(pl.col("accession_number").str.contains(r"\S"))
    nameless = broken.filter(~pl.col("record_number").is_in(waiting["record_number"].implode()))
    set_apart = pl.concat(
        [
            pl.DataFrame(rejected, schema=REJECTED, orient="row"),
            _blamed(nameless, laboratory),
            waiting.select(*PLACE, reason=pl.lit(WITHDRAWS_UNKNOWN), column=pl.lit(None, pl.String)),
        ]
    )
    named |= {row["record_number"]: Named.of(row, VIRAL_LOAD_RESULTS) for row in nameless.to_dicts()}
    named |= {row["record_number"]: Named.of(row, VIRAL_LOAD_RESULTS) for row in waiting.to_dicts()}
    return Judged(accepted, set_apart.sort("record_number"), tuple(ignored), waiting, named, noticed)


def _held(
    cells: Mapping[str, str], record: Record, records: Records, laboratory: Laboratory, arrival: Arrival
) -> Rejection | None:
    """Why a record that could be used waits for a person: a note takes its value back, or its patient was not born yet. None where a
    person has said that it stands. What withdraws takes effect, whatever stands beside it."""
    if record.number in arrival.confirmed or status_of(cells, laboratory) == words.WITHDRAWN:
        return None
    notes = (cells.get("comment", ""), records.notes.get(record.number, "")) if laboratory.doubt else ()
    if any(laboratory.doubt.stand_in(note) for note in notes):
        return Rejection(DOUBTED, "comment")
    told = cells.get("born_on", "") or records.births.get(record.number, "")
    collected_at = moment_of(cells["collected_at"], laboratory) if told else ""
    if isinstance(collected_at, str):
        return None
    born = first_day(told, formats=laboratory.time_formats, is_of_message=laboratory.reads_messages)
    is_after = born is not None and is_after_sample(born, collected_at, laboratory.time_zone)
    return Rejection(BORN_AFTER, "born_on") if is_after else None


def _without_identity(broken: pl.DataFrame) -> pl.DataFrame:
    """Withdrawals that break a promise, with what they say of the result itself left out."""
    is_plausible = pl.col("reported_at") >= pl.col("collected_at")
    return broken.select(
        pl.lit(None, dtype).alias(name)
        if name in _IDENTITY
        else pl.when(is_plausible).then("reported_at")
        if name == "reported_at"
        else name
        for name, dtype in _SCHEMA.items()
    )


def _joined(cells: dict[str, str]) -> dict[str, str]:
    """The cells by our field, with date and time, comparator and value joined where the feed sends them apart."""
    for day, time in (("collected_at", "collected_time"), ("reported_at", "reported_time")):
        if time in cells:
            cells[day] = f"{cells[day].strip()} {cells[time].strip()}".strip()
    comparator = cells.get("comparator", "").strip()
    if comparator:
        value = cells["value"]
        joined = with_comparator(comparator, value)
        cells["value"] = Qualified(joined, value.cannot_be) if isinstance(value, Qualified) else joined
    return cells


def _split(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that keep every promise and those that break one; a withdrawal is not stopped by its load."""
    kept, broken = split_by_promises(rows, VIRAL_LOAD_RESULTS)
    is_withdrawal = pl.col("result_status") == words.WITHDRAWN
    without_load = (
        broken.filter(is_withdrawal)
        .drop("reason", "column")
        .with_columns(pl.lit(value, _SCHEMA[name]).alias(name) for name, value in zip(_LOAD, NO_LOAD, strict=True))
    )
    withdrawals, still_broken = split_by_promises(without_load, VIRAL_LOAD_RESULTS)
    return pl.concat([kept, withdrawals]).sort("record_number"), pl.concat(
        [broken.filter(~is_withdrawal), still_broken]
    )


def _blamed(broken: pl.DataFrame, laboratory: Laboratory) -> pl.DataFrame:
    headers = {column: laboratory.columns.get(_BLAMED.get(column, column)) for column in VIRAL_LOAD_RESULTS.schema}
    column = pl.col("column").replace_strict(headers, default=None, return_dtype=pl.String)
    return broken.select("record_number", "line", "reason", column)


def _row(
    cells: Mapping[str, str], record: Record, laboratory: Laboratory, arrival: Arrival, specimens: Mapping[str, str]
) -> tuple[object, ...] | Rejection:
    """One row in the order of _SCHEMA, or why there is none."""
    rejection = _missing_or_nobody(cells, laboratory)
    if rejection is not None:
        return rejection
    compartment = specimens.get(fold(cells["specimen"]))
    if compartment is None:
        return Rejection("unknown_specimen", "specimen")
    status = status_of(cells, laboratory)
    if isinstance(status, Rejection):
        return status
    if status == CONFIRMED:  # what it confirms, the store knows
        return Rejection("missing_value")
    times = times_of(cells, laboratory, arrival, is_confirmed=record.number in arrival.confirmed)
    if isinstance(times, Rejection):
        return times
    collected_at, reported_at = times
    assay = _assay(cells, compartment, collected_at, laboratory)
    if isinstance(assay, Rejection):
        return assay
    load = _load(cells, status, assay, laboratory)
    if isinstance(load, Rejection):
        return load
    accession = cells["accession_number"].strip()
    return (
        result_id_of(cells, laboratory, collected_at), cells["patient_id"].strip(), compartment,
        laboratory.laboratory, assay.name, collected_at, status, *load, accession, reported_at,
        sent_at_of(cells, laboratory, arrival), None,
        cells["value"], cells.get("unit") or None, None, None, None, record.number, record.line,
    )  # fmt: skip


def _missing_or_nobody(cells: Mapping[str, str], laboratory: Laboratory) -> Rejection | None:
    unclear = next(((field, cell.code) for field, cell in cells.items() if isinstance(cell, Unclear)), None)
    if unclear is not None:
        return Rejection(unclear[1], unclear[0])
    if "test" in cells:
        test = fold(cells["test"])
        if test not in laboratory.cmv_load_tests:
            return Rejection("unknown_test" if test else "missing_test", "test")
    for field in ("patient_id", "accession_number", "tube_number", "specimen", "collected_at"):
        if field in cells and not cells[field].strip():
            return Rejection(f"missing_{field}", field)
    for field in ("patient_id", "accession_number", "tube_number"):
        if is_shortened(cells.get(field, "")):
            return Rejection("shortened_number", field)
    if holds_unseen(cells["patient_id"]):
        return Rejection("invisible_in_patient_id", "patient_id")
    if fold_id(cells["patient_id"]) in laboratory.placeholder_patient_ids:
        return Rejection("placeholder_patient_id", "patient_id")
    return Rejection(UNFIT, "patient_id") if laboratory.number_of(cells["patient_id"]) is None else None


def _assay(
    cells: Mapping[str, str], compartment: str, collected_at: datetime, laboratory: Laboratory
) -> AssayRow | Rejection:
    """The row of the delivered assay; with no assay column, of the only one that the file has for it."""
    on = collected_at.astimezone(laboratory.time_zone).date()
    delivered = cells.get("assay")
    if delivered is None:
        names = laboratory.assay_table.names(compartment, on)
        if len(names) != 1:
            return Rejection("assay_without_limits", "specimen")
        name = names[0]
    else:
        name = laboratory.assay_table.names_by_delivered.get(fold(delivered), "")
        if not name:
            return Rejection("unknown_assay" if delivered.strip() else "missing_assay", "assay")
    row = laboratory.assay_table.row(name, compartment, on)
    return row or Rejection("assay_without_limits", "assay" if delivered is not None else "specimen")


def _load(cells: Mapping[str, str], status: str, assay: AssayRow, laboratory: Laboratory) -> Load | Rejection:
    """detection, load, LOD, LLOQ and ULOQ in IU/mL."""
    reading = parse_value(cells["value"], cells.get("unit"), grammar=laboratory.grammar)
    if isinstance(cells["value"], Qualified) and not isinstance(reading, Rejection):
        reading = Rejection("contradicting_values") if reading.detection in cells["value"].cannot_be else reading
    load = reading if isinstance(reading, Rejection) else in_iu_per_ml(reading, assay)
    if isinstance(load, Rejection) and status == words.WITHDRAWN:
        return NO_LOAD
    return load


def in_iu_per_ml(reading: Reading, assay: AssayRow) -> Load | Rejection:
    """detection, load, LOD, LLOQ and ULOQ in IU/mL; a limit that was printed wins over the assay's row.

    The rejection `no_copies_factor` where a number in copies meets an assay without `iu_per_copy`.
    """
    number = reading.limit if reading.value is None else reading.value
    lloq, uloq = assay.lloq_iu_per_ml, assay.uloq_iu_per_ml
    if number is None or reading.unit is None:
        return reading.detection, None, assay.lod_iu_per_ml, lloq, uloq
    iu_per_ml = to_iu_per_ml(number, reading.unit, iu_per_copy=assay.iu_per_copy)
    if iu_per_ml is None:
        return Rejection("no_copies_factor", "unit")
    if reading.detection == words.QUANTIFIED:
        return reading.detection, iu_per_ml, assay.lod_iu_per_ml, lloq, uloq
    if reading.detection == words.ABOVE_ULOQ:
        return reading.detection, None, assay.lod_iu_per_ml, lloq, iu_per_ml
    return reading.detection, None, assay.lod_iu_per_ml, iu_per_ml, uloq
