"""The rules say what they said before facts had a room, by digests of what the engine of that time gave.

That engine judged, side by side with this one and equal to it row for row, every case row that then stood in
`tests/rules/cases` and every ward of `reference_wards`; then it was deleted. `case_verdicts_before.json` holds, of each case
row by its name, the first 16 hexadecimal digits of the SHA-256 of its verdicts (columns SAID, sorted, as CSV, null as `-`);
`verdicts_before.json` holds `reference_wards.digest` of each ward. Nothing writes them again: a change that is meant to change
a verdict takes the new digest from the failure, and its commit says what changed and why. A row added later is held by
what it expects alone.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.shell.protocol_files import Protocol
from tests.rules.reading import assessed, cases
from tests.rules.reference_wards import REFERENCES, SAID, Reference, by_series, digest

HERE = Path(__file__).parent
OF_CASES: dict[str, dict[str, str]] = json.loads((HERE / "case_verdicts_before.json").read_text(encoding="utf-8"))
OF_WARDS = json.loads((HERE / "verdicts_before.json").read_text(encoding="utf-8"))


def assessed_ward(of: Reference) -> Assessment:
    tables = {VIRAL_LOAD_RESULTS: of.results(), ANTIVIRAL_COURSES: of.antiviral_courses(), ICU_STAYS: of.icu_stays()}
    return assess(
        Known.of(tables, concordance=of.concordance()), protocol=Protocol.shipped(), as_of=of.as_of, method=of.method
    )


def of_the_rules_of_then(assessment: Assessment) -> pl.DataFrame:
    """Without those that came later: they must leave what these say as it was."""
    return assessment.verdicts.filter(pl.col("rule").is_in(list(OF_CASES)))


@pytest.mark.parametrize("code", OF_CASES)
def test_every_rule_says_of_every_case_row_what_it_said_before(code: str) -> None:
    by_name = {case.name: case for case in cases(code)}
    said = {}
    for name in OF_CASES[code]:
        rows = by_series(of_the_rules_of_then(assessed(by_name[name]))).select(SAID)
        said[name] = hashlib.sha256(rows.write_csv(null_value="-").encode()).hexdigest()[:16]
    assert said == OF_CASES[code]


EVERY_FIFTH = [
    pytest.param(ward, id=ward.name, marks=() if n % 5 == 0 else pytest.mark.slow) for n, ward in enumerate(REFERENCES)
]


@pytest.mark.parametrize("ward", EVERY_FIFTH)
def test_every_rule_says_of_a_random_ward_what_it_said_before(ward: Reference) -> None:
    assert digest(of_the_rules_of_then(assessed_ward(ward))) == OF_WARDS[ward.name]


def test_the_reference_wards_hold_every_rule_and_verdict_and_tier() -> None:
    assert OF_WARDS.keys() == {ward.name for ward in REFERENCES}
    kinds = ("alert tier 2", "alert tier 3", "clear", "not_assessable")
    assert all(sum(found.get(kind, 0) for found in OF_WARDS.values()) > 100 for kind in kinds)
