"""The rules say what they said before facts had a room: beside the old engine, and against a digest that it left."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.shell.protocol_files import Protocol
from tests.old_engine import CODES, old_verdicts
from tests.rules.reading import Case, assessed, at, cases
from tests.rules.reference_wards import REFERENCES, SAID, Reference, by_series, digest

DIGESTS = json.loads((Path(__file__).parent / "verdicts_before.json").read_text(encoding="utf-8"))
RENAMED = {"no_bal_in_7_days": "no_recent_bal"}  # the days are a number of the protocol


def assessed_ward(of: Reference) -> Assessment:
    tables = {VIRAL_LOAD_RESULTS: of.results(), ANTIVIRAL_COURSES: of.antiviral_courses(), ICU_STAYS: of.icu_stays()}
    return assess(
        Known.of(tables, concordance=of.concordance()), protocol=Protocol.shipped(), as_of=of.as_of, method=of.method
    )


def of_the_old_rules(assessment: Assessment) -> pl.DataFrame:
    """Without those that came later: they must leave what these say as it was."""
    return assessment.verdicts.filter(pl.col("rule").is_in(CODES))


def before(assessment: Assessment) -> pl.DataFrame:
    facts = assessment.facts
    found = old_verdicts(facts.prepared, protocol=facts.protocol, as_of=facts.as_of)
    return found.select(SAID).with_columns(pl.col("reason").replace(RENAMED)).sort(SAID, nulls_last=False)


def now(assessment: Assessment) -> pl.DataFrame:
    return by_series(of_the_old_rules(assessment)).select(SAID)


@pytest.mark.parametrize("case", [case for code in CODES for case in cases(code)], ids=lambda c: f"{c.rule}: {c.name}")
def test_every_rule_says_of_every_case_row_what_it_said_before(case: Case) -> None:
    assessment = assessed(case)
    assert assessment.facts.as_of == at(case.as_of_day)
    assert_frame_equal(now(assessment), before(assessment))


EVERY_FIFTH = [
    pytest.param(ward, id=ward.name, marks=() if n % 5 == 0 else pytest.mark.slow) for n, ward in enumerate(REFERENCES)
]


@pytest.mark.parametrize("ward", EVERY_FIFTH)
def test_every_rule_says_of_a_random_ward_what_it_said_before(ward: Reference) -> None:
    assessment = assessed_ward(ward)
    assert_frame_equal(now(assessment), before(assessment))
    assert digest(of_the_old_rules(assessment)) == DIGESTS[ward.name]


def test_the_reference_wards_hold_every_rule_and_verdict_and_tier() -> None:
    assert DIGESTS.keys() == {ward.name for ward in REFERENCES}
    kinds = ("alert tier 2", "alert tier 3", "clear", "not_assessable")
    assert all(sum(found.get(kind, 0) for found in DIGESTS.values()) > 100 for kind in kinds)
