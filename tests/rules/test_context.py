"""Context lines against their case table: which of them are said of a patient, and which are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.rules.context import LINES, context_of
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import codes, language
from tests import patients
from tests.exposures import with_exposure
from tests.patients import PATIENT, moment
from tests.sampling import with_samples

_ROWS = (Path(__file__).parent / "context_cases.md").read_text(encoding="utf-8").splitlines()
CASES = [[cell.strip() for cell in line.strip("|").split("|")] for line in _ROWS[2:] if line.startswith("|")]


@pytest.mark.parametrize(
    ("name", "results", "courses", "hosts", "born", "serology", "said"), CASES, ids=lambda cell: cell.replace(" ", "_")
)
def test_the_lines_that_the_table_says_are_said(
    name: str, results: str, courses: str, hosts: str, born: str, serology: str, said: str
) -> None:
    plain, _, cd4 = hosts.partition(":")
    known = patients.known(
        results, courses=courses, stays="d-3-", hosts=plain + (" " + cd4.partition(" ")[2] if cd4 else "")
    )
    if cd4:
        stated = known[HOST_STATUS].with_columns(cd4_cells_per_ul=pl.lit(float(cd4.split()[0])))
        known = replace(known, tables={**known.tables, HOST_STATUS.name: stated})
    if born != "never":
        known = with_exposure(known, born=born)
        known = replace(known, tables={**known.tables, "birth_dates": _stated_today(known.tables["birth_dates"])})
    assessed = assess(with_samples(known, serology=serology), protocol=Protocol.shipped(), as_of=moment(5))
    found = [line.key for line in context_of(assessed.facts, [PATIENT])[PATIENT]]
    assert found == ([] if said == "-" else said.split()), name


def _stated_today(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(stated_at=pl.lit(moment(0)).cast(pl.Datetime("us", "UTC")))


def test_every_line_is_said_in_some_case_and_has_its_words_in_every_language() -> None:
    said = {key for *_, keys in CASES for key in keys.split()}
    assert {line.key for line in LINES} <= said
    for code in codes():
        for line in LINES:
            told = {} if line.tells is None else {"number": "21"}
            assert language(code).say(f"context.{line.key}", **told)
