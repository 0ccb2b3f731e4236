"""What was reported of a virus's genes, and what is published of it: facts of changes and of the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from cmvmon.assess import prepared
from cmvmon.domain.columns import RowType, split_by_promises
from cmvmon.domain.known import Known
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.facts import facts_at
from cmvmon.facts.genotype_record import GENOTYPE_RECORD
from cmvmon.facts.mutations import MUTATIONS
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.patients import PATIENT


def facts(
    rows: RowType, reports: str, *, courses: str = "ganciclovir d0-", day: float = 10, **known: Any
) -> pl.DataFrame:
    given: Known = replace(patients.known("plasma d0 9000", courses=courses, stays="d-3-", reports=reports), **known)
    at, protocol = patients.moment(day), Protocol.shipped()
    return facts_at(prepared(given, protocol=protocol, as_of=at), protocol=protocol, as_of=at).of(rows)


def one(rows: RowType, reports: str, **how: Any) -> dict[str, Any]:
    (found,) = facts(rows, reports, **how).to_dicts()
    return found


def test_what_is_published_of_a_change_stands_beside_what_the_report_says() -> None:
    found = one(MUTATIONS, "d5-d9 UL97 C592G ganciclovir=resistant")
    assert (found["named_drugs"], found["named_running_drugs"], found["is_listed"]) == (
        "ganciclovir",
        "ganciclovir",
        True,
    )
    assert (found["ganciclovir_n_rows"], found["ganciclovir_fold_low"], found["ganciclovir_fold_high"]) == (
        12,
        2.5,
        4.05,
    )
    assert (found["ganciclovir_grade"], found["letermovir_n_rows"]) == ("low", None)


def test_an_unlisted_change_is_unknown_and_not_without_effect() -> None:
    found = one(MUTATIONS, "d5-d9 UL97 A1V")
    assert (found["is_listed"], found["ganciclovir_grade"], found["ganciclovir_n_rows"]) == (False, None, None)


def test_the_override_stands_in_place_of_words_and_the_number_is_kept() -> None:
    found = one(MUTATIONS, "d5-d9 UL97 C480F")
    assert (found["maribavir_table_says"], found["maribavir_fold_high"]) == ("highest level", 10.0)


def test_a_change_and_a_gene_without_one_are_rows_of_their_own() -> None:
    found = facts(MUTATIONS, "d5-d9 UL97 A594V; d5-d9 UL54 none; d5-d9 culture phenotype ganciclovir=resistant")
    assert found.select("gene", "mutation", "resistance_finding").rows() == [
        (None, None, "phenotype"),
        ("UL54", None, "no_mutation_found"),
        ("UL97", "A594V", "mutation"),
    ]


def test_two_drugs_that_run_are_told_with_the_first_of_their_starts() -> None:
    found = one(
        MUTATIONS,
        "d5-d9 UL54 A834P ganciclovir=resistant foscarnet=resistant",
        courses="ganciclovir d0-; foscarnet d6-",
    )
    assert (found["named_running_drugs"], found["n_named_running"]) == ("foscarnet;ganciclovir", 2)
    assert found["named_running_since"] == patients.moment(0)


@pytest.mark.parametrize(
    ("courses", "days", "drug"),
    [
        ("ganciclovir d0-", 10.0, "ganciclovir"),
        ("ganciclovir d0-; valganciclovir d4-", 10.0, "ganciclovir"),
        ("ganciclovir d0-d4; ganciclovir d2-d6; foscarnet d6-", 6.0, "ganciclovir"),
        ("ganciclovir(prophylaxis) d-20-d-10; ganciclovir d6-", 14.0, "ganciclovir"),
        ("ganciclovir(?) d-20-d-10; foscarnet d6-", 10.0, "ganciclovir"),
        ("letermovir d-90-; foscarnet d6-", 4.0, "foscarnet"),
        ("ganciclovir d0-d9; ganciclovir d2-d4; ganciclovir d5-d7", 9.0, "ganciclovir"),
    ],
)
def test_exposure_is_the_days_of_the_drug_that_was_given_longest_each_once(
    courses: str, days: float, drug: str
) -> None:
    found = one(GENOTYPE_RECORD, "-", courses=courses)
    assert (found["exposure_days"], found["exposed_drug"]) == (days, drug)


def test_a_request_waits_until_any_row_of_its_number_is_reported() -> None:
    assert one(GENOTYPE_RECORD, "d5- requested")["days_since_request"] == 5.0
    assert one(GENOTYPE_RECORD, "d5- requested; d5-d9 UL97 none")["days_since_request"] is None
    assert one(GENOTYPE_RECORD, "d5-d11 UL97 none")["days_since_request"] == 5.0  # its report lies after the moment
    assert one(GENOTYPE_RECORD, "d-5- requested")["days_since_request"] is None  # asked for before this course


def test_never_delivered_could_not_be_read_and_nothing_reported_are_three_things() -> None:
    assert one(GENOTYPE_RECORD, "never")["genotype_unknown_because"] == "reports_never_delivered"
    unread = {RESISTANCE_REPORTS.name: frozenset({PATIENT})}
    assert one(GENOTYPE_RECORD, "-", unread=unread)["genotype_unknown_because"] == "report_unread"
    assert one(GENOTYPE_RECORD, "-")["genotype_unknown_because"] is None


def test_a_silent_change_of_before_the_course_is_no_earlier_mutation() -> None:
    found = {
        change: one(GENOTYPE_RECORD, f"d-20-d-15 UL97 {change}")["earlier_mutations"] for change in ("A594V", "A594A")
    }
    assert found == {"A594V": "UL97 A594V", "A594A": None}


def test_a_published_change_that_leaves_the_virus_more_susceptible_keeps_every_promise() -> None:
    """HerpesDRG-DB has folds below 1; below 0 there is none."""
    found = facts(MUTATIONS, "d5-d9 UL54 D301N")
    kept, broken = split_by_promises(found, MUTATIONS)
    assert (kept["foscarnet_fold_low"].to_list(), kept["foscarnet_fold_high"].to_list()) == ([0.5], [0.5])
    assert broken.is_empty()
    for column in ("foscarnet_fold_low", "foscarnet_fold_high"):
        below = found.with_columns(pl.lit(-0.1).alias(column))
        assert split_by_promises(below, MUTATIONS)[1]["column"].to_list() == [column]
