"""What the patient page tells of values, other drugs, renal replacement and PCR for herpes, from the delivered rows to the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.dashboards.beside import of_defence, with_drugs
from cmvmon.dashboards.beside_views import Beside
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import laboratory_values as labs_
from cmvmon.domain.co_medication import CO_MEDICATION
from cmvmon.domain.columns import RowType, split_by_promises
from cmvmon.domain.hsv_results import HSV_RESULTS, RESULTS
from cmvmon.domain.known import Known
from cmvmon.domain.laboratory_values import LABORATORY_VALUES
from cmvmon.domain.renal_replacement import ANTICOAGULANTS, MODALITIES, RENAL_REPLACEMENT
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.domain.words import VENTILATION_KIND
from cmvmon.facts.beside import BESIDE, CIRCUITS, DRUGS, HERPES, OF_DEFENCE, UNKNOWN_BECAUSE, VALUES, WITH_FOSCARNET
from cmvmon.facts.conditions import PROTOCOL
from cmvmon.protocol.numbers import ByFact, number_of
from cmvmon.rules.context import LINES
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import codes, language
from tests import patients
from tests.exposures import with_exposure
from tests.measured import with_measured
from tests.pages import made_up
from tests.pages.test_what_pages_say import text
from tests.patients import PATIENT, moment

SHIPPED = Protocol.shipped()
NEVER = "BAL of 1 Mar 2026: not known whether PCR for herpes simplex was done (never delivered). (G4)"


def view_of(known: Known, day: float = 6.0) -> PatientView:
    facts = assess(known, protocol=SHIPPED, as_of=moment(day)).facts
    frames = [make(facts) for make in BESIDE]
    for rows, frame in zip((VALUES, DRUGS, CIRCUITS, HERPES), frames, strict=True):
        assert split_by_promises(frame, rows)[1].is_empty()
    return replace(made_up.slow_patient(beside=Beside(*frames)), as_of=moment(day), time_zone="UTC")


def made(
    *,
    results: str = "plasma d0 5000",
    courses: str = "foscarnet d0-",
    labs: str = "never",
    kidney: str = "never",
    beside: str = "never",
) -> Known:
    known = patients.known(results, courses=courses, stays="d-3-")
    return with_measured(with_exposure(known, kidney=kidney, beside=beside), labs=labs)


def with_unread(known: Known, rows: RowType, day: float) -> Known:
    """A row of the patient came on that day and could not be used."""
    return replace(
        known,
        unread={rows.name: frozenset({PATIENT})},
        unread_until={rows.name: {PATIENT: moment(day)}},
    )


def foscarnet(known: Known, day: float = 6.0, code: str = "en") -> Mapping[str, str]:
    """What the line says of each analyte."""
    (line,) = with_drugs(view_of(known, day), language(code))
    told = line.partition(": ")[2].removesuffix(".").split("; ")
    names = [language(code).word("analyte", name) for name in WITH_FOSCARNET]
    assert all(part.startswith(name) for part, name in zip(told, names, strict=True))
    return dict(zip(WITH_FOSCARNET, told, strict=True))


def test_on_foscarnet_each_value_is_told_with_its_age_and_none_is_passed_over() -> None:
    told = foscarnet(made(labs="potassium 3.4 d5.75; magnesium 0.7 d3; qtc 462 d5"))
    assert told == {
        "ionised_calcium": "ionised calcium: none on record",
        "total_calcium": "total calcium: none on record",
        "potassium": "potassium 3.4 mmol/L, 7 Mar 2026 02:00 (6 hours ago)",
        "magnesium": "magnesium 0.7 mmol/L, 4 Mar 2026 08:00 (3 days ago)",
        "phosphate": "phosphate: none on record",
        "qtc": "QTc (formula not told) 462 ms, 6 Mar 2026 08:00 (1 day ago)",
    }


@pytest.mark.parametrize("analyte", WITH_FOSCARNET)
def test_never_delivered_not_readable_silent_and_not_on_record_are_four_answers(analyte: str) -> None:
    name = language("en").word("analyte", analyte)
    none = made(labs="-")
    assert foscarnet(made())[analyte] == f"{name}: never delivered"
    assert foscarnet(none)[analyte] == f"{name}: none on record"
    assert (
        foscarnet(with_unread(none, LABORATORY_VALUES, 5))[analyte] == f"{name}: not known, a value could not be read"
    )
    silent = replace(none, silent={LABORATORY_VALUES.name: moment(4)})
    assert foscarnet(silent)[analyte] == f"{name}: not known, nothing delivered lately"


def test_a_row_that_could_not_be_read_leaves_in_doubt_what_is_older_and_nothing_newer() -> None:
    known = with_unread(made(labs="potassium 3.4 d5; magnesium 0.7 d3"), LABORATORY_VALUES, 4)
    told = foscarnet(known)
    assert told["potassium"].endswith("(1 day ago)")
    assert told["magnesium"].endswith("(3 days ago) (a later row could not be read)")


@pytest.mark.parametrize(
    ("analyte", "dutch", "american"),
    [
        ("potassium", "3.4", "mEq/L 3.4"),
        ("magnesium", "0.7", "mg/dL 1.7014"),
        ("magnesium", "0.7", "mEq/L 1.4"),
        ("phosphate", "0.8", "mg/dL 2.478"),
        ("ionised_calcium", "1.1", "mg/dL 4.4088"),
        ("total_calcium", "2.2", "mg/dL 8.8176"),
        ("lymphocytes", "0.4", "/uL 400"),
        ("igg", "4.2", "mg/dL 420"),
    ],
)
def test_dutch_and_american_units_are_one_value(analyte: str, dutch: str, american: str) -> None:
    unit, value = american.split()
    values = []
    for labs in (f"{analyte} {dutch} d5", f"{analyte}@{unit} {value} d5"):
        rows = view_of(made(labs=labs)).beside.values.filter(pl.col("analyte") == analyte)
        values.append(rows["judged_value"].item())
    assert values[0] == pytest.approx(values[1], abs=1e-4) == pytest.approx(float(dutch), abs=1e-4)


def test_a_value_in_another_unit_is_told_as_delivered_with_the_same_beside_it() -> None:
    told = foscarnet(made(labs="magnesium@mg/dL 1.7 d5; phosphate@mg/dL <1 d5; potassium@mEq/L 3.4 d5"), code="nl")
    assert told["magnesium"] == "magnesium 1,7 mg/dl (0,70 mmol/l), 06-03-2026 08:00 (1 dag geleden)"
    assert told["phosphate"] == "fosfaat <1 mg/dl (<0,32 mmol/l), 06-03-2026 08:00 (1 dag geleden)"
    assert told["potassium"] == "kalium 3,4 mEq/l, 06-03-2026 08:00 (1 dag geleden)"


@pytest.mark.parametrize(
    ("courses", "is_told"),
    [
        ("foscarnet d0-", True),
        ("foscarnet(prophylaxis) d0-", True),
        ("foscarnet(?) d0-", True),
        ("foscarnet d0-d5", False),
        ("ganciclovir d0-", False),
        ("ganciclovir d0-; foscarnet d5-", True),
        ("-", False),
        ("never", False),
    ],
)
def test_the_values_are_told_while_foscarnet_runs(courses: str, *, is_told: bool) -> None:
    assert bool(with_drugs(view_of(made(courses=courses, labs="potassium 3.4 d5")), language("nl"))) == is_told


def test_where_the_courses_are_silent_foscarnet_counts_as_it_was_last_heard_of() -> None:
    assert foscarnet(replace(made(labs="-"), silent={ANTIVIRAL_COURSES.name: moment(3)}))


def test_renal_replacement_is_told_with_its_kind_effluent_and_anticoagulant() -> None:
    known = made(courses="ganciclovir d0-", kidney="cvvhdf/citrate d3-")
    flowing = known[RENAL_REPLACEMENT].with_columns(effluent_ml_per_h=pl.lit(2500.0))
    told = replace(known, tables={**known.tables, RENAL_REPLACEMENT.name: flowing})
    assert with_drugs(view_of(told), language("en")) == [
        "Renal replacement: CVVHDF since 4 Mar 2026 08:00; effluent 2,500 mL/h; anticoagulation citrate."
    ]
    assert with_drugs(view_of(made(courses="-", kidney="cvvh d3-")), language("en")) == [
        "Renal replacement: CVVH since 4 Mar 2026 08:00; effluent not on record; anticoagulation not on record."
    ]
    assert with_drugs(view_of(made(courses="-", kidney="cvvh/citrate d3-d5")), language("en")) == []
    assert with_drugs(view_of(made(courses="-", kidney="never")), language("en")) == []
    unread = with_unread(made(courses="-", kidney="-"), RENAL_REPLACEMENT, 5)
    assert with_drugs(view_of(unread), language("en")) == ["Renal replacement: not known, a row could not be read."]


def lines(known: Known, code: str = "en") -> list[str]:
    return of_defence(view_of(known), language(code))


def test_a_steroid_is_told_with_its_dose_as_it_was_delivered_and_turned_into_no_other() -> None:
    known = made(courses="-", beside="H02AB04 iv d2-")
    dosed = known[CO_MEDICATION].with_columns(dose_mg=pl.lit(40.0), interval_h=pl.lit(12.0))
    told = replace(known, tables={**known.tables, CO_MEDICATION.name: dosed})
    (line,) = lines(told)
    dose = f"{language('en').say('dose.mg', dose='40')} {language('en').say('dose.interval', hours='12')}"
    assert line == f"Methylprednisolone since 3 Mar 2026: {dose}, by vein. (G2)"
    assert "equivalent" not in line


CASES = {
    "a steroid that was stopped": (
        "H02AB06 oral d1-d3",
        ["Prednisolone from 2 Mar 2026 to 4 Mar 2026: dose not on record, by mouth. (G2)"],
    ),
    "one that runs goes before one that was stopped": (
        "H02AB09 iv d0-d1; H02AB09 oral d1-",
        ["Hydrocortisone since 2 Mar 2026: dose not on record, by mouth. (G2)"],
    ),
    "of those that were stopped the last": (
        "H02AB09 iv d0-d1; H02AB09 oral d1-d4",
        ["Hydrocortisone from 2 Mar 2026 to 5 Mar 2026: dose not on record, by mouth. (G2)"],
    ),
    "route not known": ("H02AB04 ? d2-", ["Methylprednisolone since 3 Mar 2026: dose not on record. (G2)"]),
    "inhaled, or on the skin": ("H02AB04 inhaled d2-; H02AB09 topical d2-", []),
    "inhaled by its code": ("R03BA02 inhaled d2-", []),
    "a steroid without a name here": (
        "H02AB13 oral d2-",
        ["Glucocorticoid H02AB13 since 3 Mar 2026: dose not on record, by mouth. (G2)"],
    ),
    "ATG, weeks ago": (
        "L04AA04 iv d-30-d-28",
        ["Antithymocyte globulin (rabbit) from 30 Jan 2026 to 1 Feb 2026: dose not on record, by vein. (G2)"],
    ),
    "immunoglobulin, with what it does to tests": (
        "J06BA02 iv d1-d2",
        [
            (
                "Immunoglobulin (by vein) from 2 Mar 2026 to 3 Mar 2026: dose not on record, by vein. IgG and CMV serology after it may "
                "show another person's antibodies. (G2)"
            )
        ],
    ),
    "another immunoglobulin": ("J06BB04 iv d1-d2", []),
    "a drug that bears on nothing here": ("A02BC02 iv d0-", []),
    "delivered, none": ("-", []),
    "never delivered: the page says so where rules ask for it": ("never", []),
}


@pytest.mark.parametrize("name", CASES)
def test_other_drugs_that_bear_on_defence_are_told(name: str) -> None:
    beside, wanted = CASES[name]
    assert lines(made(courses="-", beside=beside)) == wanted


def test_a_row_of_other_drugs_that_could_not_be_read_is_told() -> None:
    alone = with_unread(made(courses="-", beside="-"), CO_MEDICATION, 5)
    (line,) = lines(alone)
    assert "could not be read" in line
    (beside,) = lines(with_unread(made(courses="-", beside="H02AB04 iv d2-"), CO_MEDICATION, 5))
    assert beside.startswith("Methylprednisolone since")
    assert "a later row could not be read" in beside


def test_lymphocytes_and_igg_are_told_with_their_caveat_where_they_are_on_record() -> None:
    assert lines(made(courses="-", labs="lymphocytes@/uL 400 d5; igg 4.2 d3"), "nl") == [
        "Lymfocyten 400 /µl (0,40 x 10^9/l), 06-03-2026 08:00 (1 dag geleden). (G2)",
        (
            "IgG (totaal) 4,2 g/l, 04-03-2026 08:00 (3 dagen geleden); na immunoglobuline of transfusie zegt dit weinig over eigen "
            "aanmaak. (G2)"
        ),
    ]
    assert lines(made(courses="-", labs="-")) == []
    unread = lines(with_unread(made(courses="-", labs="-"), LABORATORY_VALUES, 5))
    assert len(unread) == len(OF_DEFENCE)
    assert all("could not be read" in line for line in unread)


def herpes(*rows: Mapping[str, Any], results: str = "bal d0 5000") -> list[str]:
    """Rows: hours after the BAL, compartment, result."""
    known = made(courses="-", results=results)
    told = [
        {
            "patient_id": PATIENT,
            "compartment": "bal",
            "virus": "hsv_1",
            "collected_at": moment(0) + timedelta(hours=row.get("hours", 0.0)),
            "pcr_result": row["result"],
        }
        | {name: row[name] for name in ("compartment", "virus") if name in row}
        for row in rows
    ]
    frame = HSV_RESULTS.conform(pl.DataFrame(told)) if told else HSV_RESULTS.empty()
    return lines(replace(known, tables={**known.tables, HSV_RESULTS.name: frame}))


def test_whether_herpes_was_looked_for_in_the_same_bal_is_told_and_its_absence_too() -> None:
    none = ["BAL of 1 Mar 2026: no PCR for herpes simplex on record. (G4)"]
    negative = ["BAL of 1 Mar 2026: herpes simplex not detected. (G4)"]
    assert herpes() == none
    assert herpes({"result": "not_detected"}) == negative
    assert herpes({"result": "not_detected"}, {"result": "detected", "virus": "hsv_2"}) == [
        "BAL of 1 Mar 2026: herpes simplex detected too. (G4)"
    ]
    assert herpes({"result": "failed"}) == ["BAL of 1 Mar 2026: PCR for herpes simplex gave no valid result. (G4)"]
    assert herpes({"result": "failed"}, {"result": "not_detected", "virus": "hsv_2"}) == negative
    assert herpes({"result": "detected", "compartment": "plasma"}) == none
    within = SHIPPED.sampling.same_sample_h
    assert herpes({"result": "not_detected", "hours": within}) == negative
    assert herpes({"result": "not_detected", "hours": within + 0.1}) == none
    assert herpes({"result": "not_detected", "hours": -within}) == negative


def test_without_cmv_in_a_bal_nothing_is_said_of_herpes() -> None:
    assert herpes(results="plasma d0 5000") == herpes(results="bal d0 nd") == []
    assert herpes(results="bal d0 <200")


def test_never_delivered_and_unreadable_results_of_herpes_are_not_absent_ones() -> None:
    never = made(courses="-", results="bal d0 5000")
    assert lines(never) == [NEVER]
    empty = replace(never, tables={**never.tables, HSV_RESULTS.name: HSV_RESULTS.empty()})
    (unread,) = lines(with_unread(empty, HSV_RESULTS, 2))
    (silent,) = lines(replace(empty, silent={HSV_RESULTS.name: moment(-1)}))
    assert "could not be read" in unread
    assert "nothing delivered lately" in silent


def test_the_lines_stand_on_the_page() -> None:
    known = made(results="bal d0 5000", labs="potassium 3.4 d5", beside="H02AB04 iv d2-", kidney="cvvh/citrate d3-")
    page = patient_page(view_of(known), language=language("nl"), script="s.js")
    therapy = text(page.partition('<details id="therapy">')[2].partition("</details>")[0])
    assert "kalium 3,4 mmol/l" in therapy
    assert "antistolling citraat" in therapy
    assert "fosfaat: geen geregistreerd" in therapy
    folded = text(page.partition('<details id="context">')[2].partition("</details>")[0])
    assert "Methylprednisolon sinds" in folded
    assert "PCR op herpes simplex" in folded


@pytest.mark.parametrize("code", codes())
def test_every_word_that_a_line_may_need_is_there(code: str) -> None:
    said = language(code)
    kinds = [f"ventilation.{kind}" for kind in VENTILATION_KIND]
    assert all(
        said.has(key)
        for key in (
            *(f"analyte.{name}" for name in (*WITH_FOSCARNET, *OF_DEFENCE)),
            *(f"unit.{unit}" for unit in labs_.UNITS),
            *(f"modality.{name}" for name in MODALITIES),
            *(f"anticoagulant.{name}" for name in ANTICOAGULANTS),
            *(f"beside.why.{name}" for name in UNKNOWN_BECAUSE),
            *(f"beside.herpes.{name}" for name in (*RESULTS, *UNKNOWN_BECAUSE)),
            *kinds,
        )
    )


def test_the_method_page_holds_every_context_line_with_its_statement() -> None:
    method, said = (Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8"), language("en")
    for line in LINES:
        told = {}
        if line.tells is not None:
            number = number_of(SHIPPED, "context", line.tells.written.removeprefix(PROTOCOL))
            assert not isinstance(number, ByFact)
            told = {"number": said.number(number, 0)}
        assert f"| {said.say(f'context.{line.key}', **told)} | {line.guide} |" in method
