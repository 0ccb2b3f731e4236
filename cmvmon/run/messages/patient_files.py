"""What is given of one patient as a file: the results as a table, and the course as FHIR."""

from __future__ import annotations

import io
import re

import polars as pl

from cmvmon.assess import Assessment
from cmvmon.run.messages.sending_out import Speaker
from cmvmon.run.pages.stored_pages import StoredPages
from cmvmon.run.pages.views import results_to_show
from cmvmon.telling import out_words
from cmvmon.telling.out_file import OutFile

# A spreadsheet takes a cell that begins so for a formula; the rules of the package defusedcsv, and the blanks that Excel skips.
_FORMULA = re.compile(r"^[\t\r\n ]*[=+\-@|%\t\r\n]")
_NUMBER = re.compile(r"^-?[0-9][0-9,.]*$")


def results_as_csv(assessment: Assessment, stored: StoredPages, patient_id: str) -> bytes:
    """The results that the patient's page lists, one a row, as UTF-8 CSV with ISO 8601 moments. No cell is a formula."""
    rows = results_to_show(assessment, protocol=stored.opened.protocol).filter(pl.col("patient_id") == patient_id)
    moments = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    written = rows.sort("collected_at", "result_id").with_columns(
        *(pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%SZ") for name in moments),
        *(pl.col(name).map_elements(without_formula, return_dtype=pl.String) for name in texts),
    )
    file = io.BytesIO()
    written.write_csv(file)
    return file.getvalue()


def without_formula(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula.

    >>> [without_formula(text) for text in ("=1+1", "-5", "@x", "plasma")]
    ["'=1+1", '-5', "'@x", 'plasma']
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def course_as_fhir(stored: StoredPages, patient_id: str, *, lang: str) -> bytes:
    """What is said of the patient, as a FHIR R4 DiagnosticReport: text alone, as `out.toml` sends it."""
    speaker = Speaker(stored.opened.site, OutFile({}, "", lang))
    with stored.opened.reading() as connection:
        course = speaker.course(connection, patient_id, at=stored.as_of, is_first=True)
    return out_words.as_bytes(out_words.diagnostic_report(course))
