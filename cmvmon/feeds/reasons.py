"""Why a record or a delivery is set apart: one catalogue of codes, with what was found and what to do.

Rule of this file: no sentence holds a patient value. A promise about a row (`cmvmon/domain/rows.py`) carries its own
sentence and needs none here, unless there is more to say than the promise does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cmvmon.domain.delivered import (
    BY_LABORATORY,
    REJECTED_BY_A_PERSON,
    SNAPSHOT_REFUSED,
    TWO_LABORATORIES,
    WITHDRAWS_UNKNOWN,
)
from cmvmon.domain.delivered import NAMES as DELIVERED
from cmvmon.domain.tables import BY_NAME
from cmvmon.feeds.excel_reasons import OF_CELLS, OF_EXCEL_FILES
from cmvmon.feeds.message_reasons import OF_FILES_OF_MESSAGES, OF_MESSAGES
from cmvmon.feeds.promise_reasons import PROMISE_REASONS
from cmvmon.feeds.resource_reasons import OF_FILES_OF_RESOURCES, OF_RESOURCES
from cmvmon.feeds.result_reasons import OF_RESULTS
from cmvmon.feeds.word_hints import words_to_map

_FILE = "the laboratory file"
_FILES = "the laboratory file (of other tables than results: the table file)"

RECORD_REASONS: Mapping[str, str] = MappingProxyType(
    {
        # the record as a whole
        "wrong_field_count": (
            "the line has more or fewer fields than the header. Ask the sender to quote fields that hold the separator."
        ),
        "missing_table": "the record does not name its table. Ask the sender for the member `table`.",
        "unknown_table": f"the record names a table that is not taken in. Known are {', '.join(DELIVERED)}. Ask the sender.",
        "repeated_column": "the record names a column twice. Ask the sender which of the two holds.",
        "no_cell": (
            "the record holds a list, a record, a truth value or a NUL where a text or a number should stand. Ask the "
            "sender to write plain values."
        ),
        REJECTED_BY_A_PERSON: (
            "a person said that this record is not to be used. `cmvmon quarantine list --answered` says who and why, "
            "`cmvmon quarantine reopen` takes it back."
        ),
        "delivery_refused": "the whole delivery was refused. Mend what the refusal names and take the file in again.",
        # who and what
        "invisible_in_patient_id": (
            "the patient id holds a character that can't be seen, and would be another patient's. Ask the sender to remove it."
        ),
        "invisible_in_merged_into": (
            "the number that the patient goes on under holds a character that can't be seen. Ask the sender to remove it."
        ),
        "missing_patient_id": (
            "the patient id is empty, or no number of the authority that is declared stands there (those of others are not "
            "read). Ask the sender for the record with its patient id, or correct the declared place of the patient."
        ),
        "placeholder_patient_id": "the patient id is a placeholder, not a patient. Ask the sender for the real id.",
        "patient_number_form": (
            "the patient's number is not in the form that [patient_ids] declares (digits, check digit). Ask the sender for the "
            "whole number, or correct [patient_ids]."
        ),
        TWO_LABORATORIES: (
            "another laboratory sends this number, and it is not said whether both mean one patient. State in each laboratory "
            "file who gives its numbers (`authority` in [patient_ids]): the same name where they do."
        ),
        "shortened_number": (
            'a spreadsheet no longer wrote this number out (2.4E+10, ="0123", ####), so that several can look alike. Ask '
            "the sender for the file as its system exports it, or to hold the column as text."
        ),
        "missing_accession_number": "the accession number is empty. Ask the sender for its order number.",
        "missing_tube_number": "the tube number is empty, which is part of the key. Ask the sender for it.",
        WITHDRAWS_UNKNOWN: (
            "the record withdraws a result or a row that is not known, or calls one final without repeating it, and does not "
            "say enough to stand alone. It takes effect by itself when that comes; if it should be known, check its number with "
            "the sender."
        ),
        "missing_row_id": "the sender's own number of the record is empty, which is its key. Ask the sender for it.",
        "unknown_row_status": (
            "the status says neither that the record stands nor that it is withdrawn. Add it to [<table>.status] of the "
            "table file."
        ),
        SNAPSHOT_REFUSED: "the whole snapshot was refused: what was known before stands. See why, and send the next one whole.",
        "missing_specimen": "the specimen is empty. Ask the sender for the specimen type.",
        "unknown_specimen": (
            f"the specimen stands neither in [specimens] of {_FILE} nor among the known SNOMED CT codes. Add it "
            "there, or ask the sender."
        ),
        "missing_test": "the test code is empty. Ask the sender for the test code.",
        "unknown_test": f"the test code stands in no [tests] list of {_FILE}. Add it to cmv_load or to not_cmv_load.",
        "missing_assay": "the assay is empty. Ask the sender which assay was used.",
        "unknown_assay": (f"the assay stands in no [[assays]] of {_FILE}. Add it there."),
        "assay_without_limits": (
            f"{_FILE} has no row of this assay for this compartment at the collection date. Add one to [[assays]]."
        ),
        "missing_result_status": f"the status is empty. Ask the sender for it, or map it in [status] of {_FILE}.",
        # when
        "no_time": "there is a date and no time of day; midnight is not assumed. Ask the sender for date and time.",
        "malformed_time": (
            "the time is written in none of the declared forms, or names a day or an hour that does not exist (31-11, 25:00). "
            "Compare it with the calendar, and with time_formats, or with ISO 8601 for an exchanged table."
        ),
        "time_without_zone": (
            "the time has no offset, and nothing says in which zone it is. Ask the sender for offsets, or state `time_zone` "
            "in settings.toml of the site (in an analysis of a folder: --zone)."
        ),
        "time_does_not_exist": (
            "this local time was skipped when the clock went forward. Ask the sender for the time with its offset."
        ),
        "time_is_ambiguous": (
            "this local time occurred twice when the clock went back. Ask the sender for the time with its offset."
        ),
        "collected_in_future": (
            "the sample was collected after the delivery was received. Check the date, the time zone and the "
            "sender's clock."
        ),
        "collected_long_before_report": (
            "the sample was collected longer before its report than a result takes: a year may be typed wrong. Ask the sender for "
            "both dates; if they are right, confirm it with `cmvmon quarantine release RECORD`, or where this is usual state a longer "
            f"`reported_within_days` in {_FILE}."
        ),
        "reported_in_future": (
            "the result was reported after the delivery landed. Check the date, the time zone and the sender's clock."
        ),
        "implausible_date": (
            "the moment lies outside the years for which such records can exist. Check the year with the sender."
        ),
        # the value
        "missing_value": "the value is empty. Ask the sender for the result.",
        "ambiguous_number": (
            f"the number holds a mark that can be decimal or thousands. Declare both in [numbers] of {_FILES}."
        ),
        "malformed_number": (
            "the number does not follow the declared marks, with thousands in groups of three (in an exchanged "
            "table: a point for decimals and no thousands mark). Ask the sender how it is meant."
        ),
        "non_ascii_digit": "the value holds digits other than 0 to 9. Ask the sender to write ordinary digits.",
        "not_finite": "the value is no finite number. Ask the sender for the result.",
        "not_positive": (
            "the value is zero or negative, which no quantity above nothing is. Ask the sender what it stands for, and "
            f"declare that in [values.numbers] of {_FILE}."
        ),
        "unsupported_comparator": (
            "the comparator is neither < nor >. Ask the sender how it is meant, and for < or > where one of them is meant."
        ),
        "flag_after_number": (
            "a flag stands after the number. Ask the sender to leave it out, or to send it in a column of its own."
        ),
        "number_form": (
            "the number is written in a form that is not read. Ask the sender to write it out, or as 1.5e5."
        ),
        "empty_comparator": "a comparator was announced and left empty. Ask the sender for the result.",
        "contradicting_values": "the record states two values that can't both be true. Ask the sender which one holds.",
        "uncomparable_values": (
            "the record states IU and copies side by side, which can't be checked against each other. Ask for one "
            "of them."
        ),
        "second_number_without_unit": (
            "a second number stands in brackets without saying what it counts. Ask the sender to print its unit, or to leave "
            "it out."
        ),
        "contradicting_units": "the unit within the value is not that of its column. Ask the sender which one holds.",
        # one number, several records
        "conflicting_values": (
            "another record has the same key, report time and status with another value: both are kept, neither is chosen (of "
            "courses, stays and statements, what they say of time is joined, and what they do not agree on is unknown). "
            "Ask the laboratory for a corrected result (of corrections that state no report time, or the same one, the one "
            "received last holds)."
        ),
        "conflicting_patients": (
            "this number stands for two patients: both records are kept, neither is used. Ask the laboratory whose it is, and "
            "for the result with the status of a correction."
        ),
        "conflicting_specimens": (
            "this number stands for several specimens: all records are kept, none is used. Where the laboratory numbers its "
            f'orders, declare `accession_stands_for = "order"` and `key_columns = ["specimen"]` in {_FILE}; else ask for the '
            "result with the status of a correction."
        ),
        "conflicting_times": (
            "this number stands for samples of several collection times: all records are kept, none is used. Where the "
            'laboratory numbers its orders, declare `accession_stands_for = "order"` and the `key_columns` that tell the '
            f"samples apart in {_FILE}; where the time was corrected, ask for the result with the status of a correction; "
            "where the number was cut or used again, ask for the whole one."
        ),
        **OF_CELLS,
        **OF_MESSAGES,
        **OF_RESOURCES,
        **OF_RESULTS,
        **PROMISE_REASONS,
    }
)

DELIVERY_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "empty_file": "the file is empty. Ask the sender for it again.",
        "wrong_encoding": "the bytes are not in the declared encoding. Ask the sender, or correct `encoding`.",
        "nul_bytes": "the file holds NUL bytes: it is damaged or not text. Ask the sender for it again.",
        "too_large": "the file is too large to be read at once, packed or unpacked. Ask the sender for smaller files.",
        "malformed_parquet": "the file is no Parquet that can be unpacked: it is damaged or was cut. Ask the sender for it again.",
        "malformed_ndjson": "a line is no JSON record. Ask the sender for the file again.",
        "cut_off": (
            'the file ends before the line that counts its records (`{"records": n}`; of HL7, before the trailer of a '
            "batch; of JSON, before it is closed). "
            "Ask the sender for the whole file."
        ),
        "trailing_data": "something follows the line that counts the records or messages. Ask the sender for the file again.",
        "wrong_count": "records or messages are missing or too many. Ask the sender for the file again.",
        "laboratory_file": (
            "results are read with a laboratory file, and this feed has none. Add labs/<feed>.toml to the site "
            "(cmvmon/feeds/labs/example_nl.toml is a template)."
        ),
        "malformed_csv": (
            "the quoting of the file is broken, or a cell spans lines and nothing declares that it may. Ask the sender for "
            "the file again; where notes with line breaks are meant, declare `cells_span_lines` in "
            f"{_FILES}."
        ),
        "wrong_separator": "this is not the declared form. Ask the sender, or correct `separator`.",
        "undeclared_comparator": (
            "a column that is not declared holds the comparator of the value, so that `<35` would be read as 35. Declare it "
            f"as `comparator` in [columns] of {_FILE}, or list it under `not_read` if it is something else."
        ),
        "misspelt_column": (
            "a column that is not read has nearly the name of one that would be. Correct its name, or leave the column out."
        ),
        "lines_above_header": (
            f"lines stand above the header. Declare their number as `lines_above_header` in {_FILES}, or ask the sender to "
            "leave them out."
        ),
        "wrong_feed": "the header is not that of this feed. Check that the file was given to the right feed and table.",
        "missing_column": (
            f"the header lacks a column. Ask the sender, or correct the column's name in [columns] of {_FILES}."
        ),
        "wrong_type": "a column holds another kind of data than it should. Write it as the data dictionary says.",
        "snapshot_of_messages": (
            "the table file says that each delivery of this table is all that holds, and this one may hold several tables. Ask "
            "for a CSV file of the table, or correct `sends` in the table file."
        ),
        "too_many_withdrawn": (
            "nothing was withdrawn and nothing of it is used: what was known before stands. Where it is right, raise "
            "`max_withdrawn_share` of the table in the table file, or ask the sender for the whole snapshot."
        ),
        "older_snapshot": (
            "a newer one was taken in, which stands. Where this one is what holds, take it in by `cmvmon ingest`."
        ),
        "snapshots_out_of_order": (
            "which of them is the newer can't be told. Give them names with a date (2026-03-09, 20260309), or leave one."
        ),
        **OF_EXCEL_FILES,
        **OF_FILES_OF_MESSAGES,
        **OF_FILES_OF_RESOURCES,
        "too_many_quarantined": "too many records can't be used. Mend what the reasons name and take it in again.",
    }
)


@dataclass(frozen=True)
class Rejection:
    """Why one record is not used. `column` is our name for what is to blame, or None for no single column."""

    code: str
    column: str | None = "value"

    @property
    def remedy(self) -> str:
        """What was found and what to do, without any value. Raises KeyError for a code that the catalogue lacks."""
        return remedy(self.code)


def promise_sentences() -> dict[str, str]:
    """Sentence by reason code of every promise about one row of a delivered table."""
    return {c.code: c.sentence for name in (*DELIVERED, "assays") for c in BY_NAME[name].constraints}


def remedy(code: str, *, table: str = "") -> str:
    """What was found and what to do, for one code of a record of that table. Raises KeyError when the code is in no catalogue."""
    if table in BY_LABORATORY and code in OF_RESULTS:
        return OF_RESULTS[code]
    mapped = words_to_map(code, table) if table not in BY_LABORATORY else ""
    for catalogue in (RECORD_REASONS, DELIVERY_REASONS):
        if code in catalogue:
            return f"{catalogue[code]} {mapped}".strip()
    if mapped:
        return f"the word is none that is read here. {mapped}"
    return f"a row breaks the promise that {promise_sentences()[code]}. Check it with the sender."


def explain(
    code: str,
    *,
    feed: str = "",
    table: str = "",
    column: str | None = None,
    line: int | None = None,
    place: str = "line",
) -> str:
    """One sentence that names feed, line (or entry) and column, what was found and what to do; it never holds a patient value.

    >>> explain("no_time", feed="synthetic", column="collected_at", line=4).split(". ")[0]
    'synthetic, line 4, column `collected_at`: there is a date and no time of day; midnight is not assumed'
    """
    where = ", ".join(
        part for part in (feed, f"{place} {line}" if line else "", f"column `{column}`" if column else "") if part
    )
    return ": ".join([*([where] if where else []), remedy(code, table=table)])
