"""Blood stands in for a compartment without a new result only where it was shown to follow it (guide G20). All made up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.domain.results import CONCORDANCE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import alert_details, language
from cmvmon.text.concordance import concordance_sentence
from tests.rules.reading import DAY_0, at, cases, tables

ME = "SYNTHETIC-0001"
PROTOCOL = Protocol.shipped()
WAVE = (1e6, 1e3, 1e6, 1e3, 1e6)


def result(patient: str, compartment: str, day: float, load: float) -> dict[str, object]:
    return {
        "result_id": f"lab:{patient}-{compartment}-{day}",
        "patient_id": patient,
        "compartment": compartment,
        "laboratory": "lab",
        "assay": "assay",
        "collected_at": DAY_0 + timedelta(days=day),
        "result_status": "final",
        "detection": "quantified",
        "viral_load_iu_per_ml": load,
        "lod_iu_per_ml": 17.5,
        "lloq_iu_per_ml": 35.0,
        "uloq_iu_per_ml": 1e9,
    }


def unit(patients: int, plasma: Sequence[float] = WAVE, bal: Sequence[float] = WAVE) -> list[dict[str, object]]:
    """Other patients, whose two compartments were sampled together."""
    return [
        result(f"SYNTHETIC-U{i}", compartment, day, load)
        for i in range(patients)
        for compartment, course in (("plasma", plasma), ("bal", bal))
        for day, load in zip(range(-30, 0, 6), course, strict=True)
    ]


def mine(*, bal: Sequence[tuple[float, float]] = ()) -> list[dict[str, object]]:
    """A patient in whom the team states BAL; plasma does not fall."""
    plasma = [(0.0, 10_000.0), (7.0, 10_000.0), (14.0, 9_000.0)]
    return [result(ME, "plasma", *x) for x in plasma] + [result(ME, "bal", *x) for x in bal]


def tables_of(rows: list[dict[str, object]], *, stated: str = "bal") -> Known:
    course = {"drug": "ganciclovir", "indication": "treatment", "route": "iv", "started_at": at(0), "patient_id": ME}
    stay = {"stay_id": "s", "patient_id": ME, "admitted_at": at(-3), "affected_compartments": stated}
    return Known.of(
        {
            VIRAL_LOAD_RESULTS: VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, infer_schema_length=None)),
            ANTIVIRAL_COURSES: ANTIVIRAL_COURSES.conform(pl.DataFrame([course])),
            ICU_STAYS: ICU_STAYS.conform(pl.DataFrame([stay])),
        }
    )


def judged(given: Known, *, day: float = 14.5) -> Assessment:
    return assess(given, protocol=PROTOCOL, as_of=at(day), method="line")


def verdict(assessment: Assessment, compartment: str) -> dict[str, object] | None:
    rows = assessment.verdicts.filter(
        (pl.col("patient_id") == ME) & (pl.col("rule") == "response") & (pl.col("compartment") == compartment)
    )
    return None if rows.is_empty() else rows.row(0, named=True)


def stands_in(assessment: Assessment) -> bool:
    """Whether plasma is judged in place of another compartment, not only beside it."""
    return evidence(assessment)["affected_source"] == "stands_in"


def evidence(assessment: Assessment) -> dict[str, object]:
    found = verdict(assessment, "plasma")
    assert found is not None
    facts: dict[str, object] = json.loads(str(found["evidence"]))
    return facts


def test_the_unit_lets_plasma_stand_in_for_a_bal_that_was_never_sampled() -> None:
    found = judged(tables_of(unit(5) + mine()))
    facts = evidence(found)
    assert (facts["affected_source"], facts["stands_in_for"], facts["stands_in_scope"]) == ("stands_in", "bal", "unit")
    assert (facts["stands_in_n_changes_agreeing"], facts["stands_in_n_pairs"], facts["stands_in_n_patients"]) == (
        20,
        25,
        5,
    )
    bal = verdict(found, "bal")
    assert bal is not None
    assert (bal["verdict"], bal["reason"]) == ("not_assessable", "no_series")


@pytest.mark.parametrize(
    ("what", "others"),
    [
        ("too few pairs", unit(4)),
        ("does not follow", unit(6, bal=WAVE[1:] + WAVE[1:2])),
        ("nobody else", []),
    ],
)
def test_without_a_shown_follows_plasma_is_judged_beside_bal_which_stays_not_assessable(
    what: str, others: list[dict[str, object]]
) -> None:
    found = judged(tables_of(others + mine()))
    bal = verdict(found, "bal")
    assert not stands_in(found), what
    assert evidence(found)["is_leading"] is False
    assert bal is not None
    assert bal["verdict"] == "not_assessable"


@pytest.mark.parametrize(("age", "in_place"), [(9.0, False), (9.1, True)])
def test_a_bal_has_no_new_result_after_nine_days(age: float, in_place: bool) -> None:
    found = judged(tables_of(unit(5) + mine(bal=[(14.5 - age, 50_000.0)])))
    assert stands_in(found) is in_place


@pytest.mark.parametrize(("day", "in_place"), [(23.0, True), (23.1, False)])
@pytest.mark.parametrize("bal", [(), ((1.0, 50_000.0),)])
def test_plasma_older_than_nine_days_itself_stands_in_for_nothing(
    day: float, in_place: bool, bal: Sequence[tuple[float, float]]
) -> None:
    found = judged(tables_of(unit(5) + mine(bal=bal)), day=day)
    assert stands_in(found) is in_place
    assert verdict(found, "bal") is not None


def test_a_bal_that_is_newer_than_the_last_plasma_is_not_stood_in_for() -> None:
    assert not stands_in(judged(tables_of(unit(5) + mine(bal=[(14.2, 50_000.0)])), day=23.1))


def test_the_units_answer_does_not_stand_against_the_patients_own_changes() -> None:
    """Two clear changes of her own, both apart: too few to judge her, enough not to lean on the unit."""
    own = [result(ME, "plasma", d, x) for d, x in ((-9, 1e3), (-6, 1e5), (-3, 1e3))]
    apart = mine(bal=[(-9.0, 1e6), (-6.0, 1e4), (-3.0, 1e6)]) + own
    alike = mine(bal=[(-9.0, 1e4), (-6.0, 1e6), (-3.0, 1e4)]) + own
    assert not stands_in(judged(tables_of(unit(5) + apart)))
    assert stands_in(judged(tables_of(unit(5) + alike)))


def test_plasma_that_stands_in_never_clears_what_bal_says() -> None:
    """Plasma fell fast and is clear; BAL did not fall when it was last sampled, and is judged by itself."""
    bal = [(0.0, 1e6), (3.0, 1e6)]
    plasma = [result(ME, "plasma", d, x) for d, x in ((0, 1e6), (7, 1e4), (14, 1e2))]
    found = judged(tables_of(unit(5) + plasma + [result(ME, "bal", *x) for x in bal]))
    about_plasma, about_bal = verdict(found, "plasma"), verdict(found, "bal")
    assert about_plasma is not None
    assert about_bal is not None
    assert (about_plasma["verdict"], about_bal["verdict"] != "clear") == ("clear", True)


def test_blood_that_is_followed_because_nothing_is_known_is_judged_anyway() -> None:
    facts = evidence(judged(tables_of(mine(), stated="none")))
    assert (facts["affected_source"], facts["stands_in_for"]) == ("followed", None)


def test_plasma_that_is_stated_besides_is_judged_as_stated() -> None:
    assert evidence(judged(tables_of(unit(5) + mine(), stated="bal;plasma")))["affected_source"] == "stated"


def test_one_row_says_so_when_plasma_stands_in_for_two() -> None:
    csf = [
        r | {"compartment": "bronchial_wash", "result_id": f"w{r['result_id']}"}
        for r in unit(5)
        if r["compartment"] == "bal"
    ]
    facts = evidence(judged(tables_of(unit(5) + csf + mine(), stated="bal;bronchial_wash")))
    assert facts["stands_in_for"] == "bal;bronchial_wash"


def test_a_table_of_concordance_from_elsewhere_is_used_as_given() -> None:
    """So that the patients of one delivery get the answer of the whole unit."""
    whole = judged(tables_of(unit(5) + mine()))
    alone = judged(replace(tables_of(mine()), concordance=whole.concordance))
    assert verdict(alone, "plasma") == verdict(whole, "plasma")
    assert not stands_in(judged(replace(tables_of(unit(5) + mine()), concordance=CONCORDANCE.empty())))


def test_the_sentences_say_who_stands_in_and_why_in_both_languages() -> None:
    facts = evidence(judged(tables_of(unit(5) + mine())))
    assert (
        "Plasma staat hier voor BAL, zonder nieuwe uitslag: op de hele afdeling bewogen ze gelijk bij 20 van 20 "
        "duidelijke veranderingen (ondergrens 95%-BI 74%; 25 paren van 5 patiënten); bij deze patiënt is het niet vastgesteld."
    ) in alert_details("response", facts, language("nl"))
    assert (
        "Plasma stands here for BAL, without a new result: in the whole unit they moved alike in 20 of 20 clear changes "
        "(lower end of the 95% interval 74%; 25 pairs of 5 patients); in this patient it is not established."
    ) in alert_details("response", facts, language("en"))


SAID = {
    "plasma_follows": ("ja (richting gelijk bij 11 van 11 duidelijke veranderingen, 95%-BI 72% tot >99%; 12 paren)",
                       "yes (same direction in 11 of 11 clear changes, 95% interval 72% to >99%; 12 pairs)"),
    "plasma_does_not_follow": ("nee (richting gelijk bij 0 van 11 duidelijke veranderingen, 95%-BI <1% tot 28%; 12 paren)",
                               "no (same direction in 0 of 11 clear changes, 95% interval <1% to 28%; 12 pairs)"),
    "too_few_pairs": ("niet vastgesteld (te weinig paren: 1 van 6)", "not established (too few pairs: 1 of 6)"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("plasma was shown to follow BAL", "plasma_follows"),
        ("plasma was shown not to follow", "plasma_does_not_follow"),
        ("too few pairs to tell", "too_few_pairs"),
    ],
)
def test_each_answer_has_its_sentence(name: str, answer: str) -> None:
    case = next(case for case in cases("response") if case.name.startswith(name))
    rows = judged(tables(case)).concordance
    found = rows.filter(pl.col("scope") == "patient").row(0, named=True)
    assert found["answer"] == answer
    for code, lead, said in (
        ("nl", "Plasma volgt BAL: ", SAID[answer][0]),
        ("en", "Plasma follows BAL: ", SAID[answer][1]),
    ):
        assert concordance_sentence(found, language(code), policy=PROTOCOL.concordance) == lead + said


def test_between_yes_and_no_it_was_not_shown() -> None:
    rows = judged(tables_of(unit(6, (1e6, 1e3, 1e6, 1e3, 1e6), (1e6, 1e3, 1e6, 1e3, 1e3)) + mine())).concordance
    found = rows.filter(pl.col("scope") == "unit").row(0, named=True)
    assert found["direction_agreement"] == 1.0
    lower = found | {"answer": "plasma_does_not_follow"}
    said = concordance_sentence(lower, language("nl"), policy=PROTOCOL.concordance)
    assert said.startswith("Hele afdeling: Plasma volgt BAL: niet aangetoond (")
