"""What stands out in the rows of antiviral drugs is said on the patient page; the rows themselves stay as they came."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from cmvmon.dashboards.course_caveats import course_caveats
from cmvmon.dashboards.patient import patient_page
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.text import language
from tests.pages import made_up
from tests.pages.made_up import course
from tests.pages.test_what_pages_say import text

OVERLAP = "Two rows of {} overlap"
UNIT = "{} from"

CASES: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "one row": ([course("ganciclovir", 0)], []),
    "a dose that was changed: one ends where the next begins": (
        [course("ganciclovir", 0, 5), course("ganciclovir", 5)],
        [],
    ),
    "the next begins an hour early": ([course("ganciclovir", 0, 5), course("ganciclovir", 4.9)], [OVERLAP]),
    "the first runs still": ([course("ganciclovir", 0), course("ganciclovir", 5, 7)], [OVERLAP]),
    "a long row over two short ones": (
        [course("ganciclovir", 0, 9), course("ganciclovir", 1, 2), course("ganciclovir", 3, 4)],
        [OVERLAP, OVERLAP],
    ),
    "a short row inside a long one, and one after both": (
        [course("ganciclovir", 0, 9), course("ganciclovir", 1, 2), course("ganciclovir", 9.5)],
        [OVERLAP],
    ),
    "two drugs at once are told by the table of drugs": ([course("ganciclovir", 0), course("foscarnet", 2)], []),
    "one drug by two routes": (
        [course("ganciclovir", 0, route="iv"), course("ganciclovir", 2, route="intravitreal")],
        [],
    ),
    "5 mg that was meant by weight": ([course("ganciclovir", 0, dose_mg=5.0, dose_mg_per_kg=None)], [UNIT]),
    "350 mg/kg that was meant as mg": ([course("ganciclovir", 0, dose_mg=None, dose_mg_per_kg=350.0)], [UNIT]),
    "foscarnet in g": ([course("foscarnet", 0, dose_mg=6.0, dose_mg_per_kg=None)], [UNIT]),
    "both as they should be": ([course("foscarnet", 0, dose_mg=6300.0, dose_mg_per_kg=90.0)], []),
    "no amount, and a drug without limits": (
        [
            course("foscarnet", 0, dose_mg=None, dose_mg_per_kg=None),
            course("aciclovir", 0, dose_mg=1.0, dose_mg_per_kg=None),
        ],
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_overlapping_rows_and_amounts_in_another_unit_are_said(name: str) -> None:
    rows, said = CASES[name]
    view = made_up.slow_patient(courses=ANTIVIRAL_COURSES.conform(pl.DataFrame(rows, infer_schema_length=None)))
    found = course_caveats(view, language("en"))
    drug = rows[0]["drug"]
    assert len(found) == len(said), found
    assert all(line.lower().startswith(start.format(drug).lower()) for line, start in zip(found, said, strict=True)), (
        found
    )


def test_without_courses_there_is_nothing_to_say() -> None:
    assert course_caveats(made_up.slow_patient(courses=None), language("en")) == []


def test_the_page_says_it_among_the_caveats_and_shows_both_rows() -> None:
    rows = pl.DataFrame([course("ganciclovir", 0), course("ganciclovir", 2)], infer_schema_length=None)
    view = made_up.slow_patient(courses=ANTIVIRAL_COURSES.conform(rows))
    said = text(patient_page(view, language=language("nl"), script="s.js"))
    assert "Twee regels ganciclovir overlappen elkaar" in said
    assert said.count("ganciclovir") >= 2
