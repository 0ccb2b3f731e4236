"""The date of birth in the strip that says whose page it is: on the screen and on paper, with the age of the day that is judged."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from cmvmon.dashboards.exports import patient_pdf
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.views import PatientView
from cmvmon.text import codes, language
from tests.pages import made_up, made_up_fitted


def born_on_the_page(view: PatientView, code: str) -> str | None:
    found = re.search(
        r'<dt>(?:Geboren|Born)</dt><dd id="born">(.*?)</dd>', patient_page(view, language=language(code), script=None)
    )
    return None if found is None else re.sub(r'<span class="w">|</span>', "", found[1])  # kept on one line


def born(on: date | None, **more: object) -> PatientView:
    return replace(made_up.slow_patient(), born_on=on, has_births=True, **more)


@pytest.mark.parametrize(
    ("on", "as_of", "says"),
    [
        (date(1961, 5, 30), datetime(2026, 5, 29, 12, tzinfo=UTC), "30 May 1961 (age 64)"),
        (date(1961, 5, 30), datetime(2026, 5, 30, 12, tzinfo=UTC), "30 May 1961 (age 65)"),
        (date(1961, 5, 30), datetime(2026, 5, 29, 23, tzinfo=UTC), "30 May 1961 (age 65)"),  # past midnight on the ward
        (date(2000, 2, 29), datetime(2026, 2, 28, 12, tzinfo=UTC), "29 Feb 2000 (age 25)"),
        (date(2026, 5, 1), datetime(2026, 5, 30, 12, tzinfo=UTC), "1 May 2026 (age 0)"),
        (date(2026, 6, 1), datetime(2026, 5, 30, 12, tzinfo=UTC), "1 Jun 2026"),  # no age is told by a date to come
        (None, datetime(2026, 5, 30, 12, tzinfo=UTC), "unknown"),
    ],
)
def test_the_strip_says_when_somebody_was_born_and_how_old_that_is(on: date | None, as_of: datetime, says: str) -> None:
    view = replace(made_up.empty_patient(), born_on=on, has_births=True, as_of=as_of, time_zone="Europe/Amsterdam")
    assert born_on_the_page(view, "en") == says


def test_in_dutch_it_says_so_in_dutch_and_where_no_date_of_birth_is_ever_delivered_nothing() -> None:
    assert born_on_the_page(born(None), "nl") == "onbekend"
    assert re.fullmatch(r"30-05-1961 \(\d+ jaar\)", born_on_the_page(born(date(1961, 5, 30)), "nl") or "")
    assert [born_on_the_page(made_up.slow_patient(), code) for code in codes()] == [None, None]


@given(st.dates(date(1900, 1, 1), date(2026, 12, 31)))
def test_the_age_is_the_number_of_birthdays_that_have_come(on: date) -> None:
    as_of = datetime(2026, 12, 31, 12, tzinfo=UTC)
    said = born_on_the_page(replace(made_up.empty_patient(), born_on=on, has_births=True, as_of=as_of), "en") or ""
    assert said.endswith(f"(age {as_of.year - on.year})")  # on the last day of a year every birthday of it has come


def sheets(view: PatientView, code: str) -> list[str]:
    """The text of each sheet of paper."""
    pdf = PdfReader(BytesIO(patient_pdf(patient_page(view, language=language(code), script=None))))
    return [page.extract_text() for page in pdf.pages]


@pytest.mark.parametrize("view", [made_up.falling_patient(), made_up_fitted.two_compartments(), made_up.slow_patient()])
def test_every_sheet_says_it_and_a_strip_of_two_lines_takes_no_sheet_more(view: PatientView) -> None:
    without = sheets(view, "nl")
    known = replace(view, born_on=date(1961, 5, 30), has_births=True)
    long = replace(known, ward="INTENSIVE CARE VOLWASSENEN, LOCATIE NOORD, UNIT B", bed="KAMER 12, BED AAN HET RAAM")
    for one in (known, long):
        printed = sheets(one, "nl")
        assert len(printed) == len(without)
        assert ["30-05-1961" in sheet for sheet in printed] == [True] * len(printed)
