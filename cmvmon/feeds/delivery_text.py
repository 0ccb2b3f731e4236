"""Results written as a laboratory would deliver them: the inverse of reading, for simulated wards and for tests.

Rule of this file: what can't be written so that it reads back the same is refused, never rounded or left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.errors import ProtocolError
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.feeds.assay_rows import AssayRow
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.numerals import write_number
from cmvmon.feeds.result_keys import ANALYTE
from cmvmon.feeds.times import ISO8601, read_time
from cmvmon.feeds.units import IU_PER_ML
from cmvmon.feeds.value_grammar import QUALITATIVE, Reading, ValueGrammar

_NO_SPELLING: Mapping[str, str] = MappingProxyType({})


def write_delivery(results: pl.DataFrame, laboratory: Laboratory, *, test: str | None = None) -> str:
    """`results` (rows of viral_load_results of this laboratory) as the text of one of its CSV files.

    Reading the text with the same laboratory file gives the same ids, moments, status, detection, load and limits. Row
    order is kept. Where a row has no accession number, the one within its result_id is used.

    Args:
        test: the delivered test code; by default the first of the file's cmv_load codes in order of the alphabet.

    Raises:
        ProtocolError: the laboratory file has no words for something that is to be written (a compartment, an assay, a
            status, a fraction without a decimal mark, a local time that occurred twice, a limit it does not state, the columns
            that join the accession number in the result's id).
    """
    rows = VIRAL_LOAD_RESULTS.conform(results)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=laboratory.separator, lineterminator="\n")
    writer.writerow(laboratory.columns.values())
    code = test or next(iter(sorted(laboratory.cmv_load_tests)), "")
    for row in rows.iter_rows(named=True):
        cells = _cells(row, laboratory) | {"test": laboratory.spelling.get(code, code)}
        _check_key(cells, row, laboratory)
        writer.writerow(cells.get(field, "") for field in laboratory.columns)
    return out.getvalue()


def _cells(row: Mapping[str, Any], laboratory: Laboratory) -> dict[str, str]:
    day = row["collected_at"].astimezone(laboratory.time_zone).date()
    assay = laboratory.assay_table.row(row["assay"], row["compartment"], day)
    if assay is None:
        raise _no_words(laboratory, f"no [[assays]] row of that name for {row['compartment']} at the collection date")
    value, unit = write_value(
        _reading(row, assay, laboratory), grammar=laboratory.grammar, spelling=laboratory.spelling
    )
    own_id = row["result_id"].removeprefix(f"{laboratory.laboratory}:").removesuffix(f":{ANALYTE}")
    reported_at = row["reported_at"]
    comparator = value[:1] if "comparator" in laboratory.columns and value[:1] in ("<", ">") else ""
    times = _times("collected", row["collected_at"], laboratory) | _times("reported", reported_at, laboratory)
    return times | {
        "patient_id": row["patient_id"],
        "accession_number": row["accession_number"] or own_id,
        "specimen": _word_for(row["compartment"], laboratory.specimens, laboratory),
        "assay": assay.delivered[0],
        "comparator": comparator,
        "value": value.removeprefix(comparator),
        "unit": unit,
        "result_status": _status(row["result_status"], laboratory),
    }


def _check_key(cells: Mapping[str, str], row: Mapping[str, Any], laboratory: Laboratory) -> None:
    """Nothing, unless the written row would be read under another id. Without columns that join it, the number is the id."""
    key, moment = laboratory.result_key, row["collected_at"]
    number = cells["accession_number"]
    lacking = [name for name in key.columns if name != "collected_at" and name not in cells]
    if lacking:
        raise _no_words(laboratory, f"a row of results holds no {lacking[0]}, which key_columns names")
    if key.columns and row["result_id"] != key.result_id(
        laboratory.laboratory, cells, accession_number=number, collected_at=moment
    ):
        raise _no_words(laboratory, "a row's id is not that of its key_columns")


def _no_words(laboratory: Laboratory, lacking: str) -> ProtocolError:
    return ProtocolError(f"labs/{laboratory.laboratory}.toml: {lacking}; the results can't be written with this file")


def _word_for(ours: str, mapping: Mapping[str, str], laboratory: Laboratory) -> str:
    for delivered, word in mapping.items():
        if word == ours:
            return laboratory.spelling.get(delivered, delivered)
    raise _no_words(laboratory, f"no delivered text means {ours}")


def _status(status: str, laboratory: Laboratory) -> str:
    if "result_status" in laboratory.columns:
        return _word_for(status, laboratory.statuses, laboratory)
    if status != laboratory.default_status:
        raise _no_words(laboratory, f"no column for result_status {status}")
    return ""


def _times(which: str, moment: datetime | None, laboratory: Laboratory) -> dict[str, str]:
    """The cell of a moment, or the two cells where date and time stand apart."""
    text = "" if moment is None else _time(moment, laboratory)
    if f"{which}_time" not in laboratory.columns:
        return {f"{which}_at": text}
    day, _, time = text.replace("T", " ", 1).partition(" ")
    if text and not time:
        raise _no_words(laboratory, "time_formats hold no blank between date and time, which have a column each")
    return {f"{which}_at": day, f"{which}_time": time}


def _time(moment: datetime, laboratory: Laboratory) -> str:
    local = moment.astimezone(laboratory.time_zone)
    if ISO8601 in laboratory.time_formats:
        return local.isoformat()
    text = local.strftime(laboratory.time_formats[0])
    if read_time(text, formats=laboratory.time_formats, zone=laboratory.time_zone) != moment:
        raise _no_words(laboratory, f"time format {laboratory.time_formats[0]!r} can't hold a moment to be written")
    return text


def _reading(row: Mapping[str, Any], assay: AssayRow, laboratory: Laboratory) -> Reading:
    """What has to be printed for the row; limits that are not printed must be those of the assay's row."""
    detection, printed = row["detection"], None
    if detection == words.BELOW_LLOQ or (
        detection == words.NOT_DETECTED and row["lloq_iu_per_ml"] != assay.lloq_iu_per_ml
    ):
        printed = "lloq_iu_per_ml"
    elif detection == words.ABOVE_ULOQ:
        printed = "uloq_iu_per_ml"
    for name in ("lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml"):
        if name != printed and row[name] != getattr(assay, name):
            raise _no_words(laboratory, f"[[assays]] {assay.name} has another {name} than a result to be written")
    limit = None if printed is None else row[printed]
    return Reading(detection, row["viral_load_iu_per_ml"], limit, IU_PER_ML)


def write_value(
    reading: Reading, *, grammar: ValueGrammar, spelling: Mapping[str, str] = _NO_SPELLING
) -> tuple[str, str]:
    """The value and the unit as texts that `parse_value` reads back as `reading`.

    Args:
        spelling: folded word -> as the laboratory spells it; words without an entry are written as folded.

    Raises:
        ProtocolError: the grammar has no words or no mark for it.
    """
    if reading.unit is None:
        return _phrase(reading.detection, grammar, spelling), ""
    unit = next((text for text, meaning in grammar.units.items() if meaning == reading.unit), None)
    if unit is None:
        raise ProtocolError("[units.delivered] has no text for the unit to be written; add one")
    return _written(reading, grammar, spelling), spelling.get(unit, unit)


def _written(reading: Reading, grammar: ValueGrammar, spelling: Mapping[str, str]) -> str:
    if reading.detection == words.QUANTIFIED:
        return _number(reading.value, grammar)
    if reading.limit is None:
        return _phrase(reading.detection, grammar, spelling)
    number = _number(reading.limit, grammar)
    if reading.detection == words.ABOVE_ULOQ:
        return f">{number}"
    if reading.detection == grammar.less_than:
        return f"<{number}"
    needed = words.NOT_DETECTED if reading.detection == words.NOT_DETECTED else QUALITATIVE
    return f"{_phrase(needed, grammar, spelling)} <{number}"


def _number(value: float | None, grammar: ValueGrammar) -> str:
    text = None if value is None else write_number(value, grammar.marks)
    if text is None:
        raise ProtocolError("[numbers] declares no decimal mark, so that a fraction can't be written; declare one")
    return text


def _phrase(meaning: str, grammar: ValueGrammar, spelling: Mapping[str, str]) -> str:
    for phrase, said in grammar.phrases.items():
        if said == meaning:
            return spelling.get(phrase, phrase)
    raise ProtocolError(f"[values] has no phrase for {meaning}; add one")
