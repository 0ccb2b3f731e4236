"""A row of the ward page is kept, and never beyond a change of anything that it is made of."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from cmvmon.dashboards import ward_row
from cmvmon.dashboards.row_views import CoursePoint, DrugsNow, LatestResult, NotAssessable
from cmvmon.dashboards.views import NeverDelivered
from cmvmon.dashboards.ward import ward_page
from cmvmon.domain.who_died import Death
from cmvmon.text import language
from tests.pages import made_up, made_up_ward

COURSE = tuple(
    CoursePoint(made_up.day(at), "quantified", load, None, 200.0, ("lab", "assay"))
    for at, load in ((14, 60_000.0), (21, 125_893.0))
)
_AS_MADE_UP = made_up_ward.ward()
WARD = dataclasses.replace(
    _AS_MADE_UP,
    rows=tuple(dataclasses.replace(row, course=COURSE if len(row.latest) > 1 else ()) for row in _AS_MADE_UP.rows),
    bal_line_iu_per_ml=10_000.0,
    gap_days=30.0,
)
HAS_LEFT = dataclasses.replace(_AS_MADE_UP.rows[0], href="p98.html", left_at=made_up.day(19))
WARD = dataclasses.replace(WARD, rows=(*WARD.rows, HAS_LEFT))
SPOKEN = language("en")
OTHER: dict[str, Any] = {  # by field of a row, another value
    "patient_id": "SYNTHETIC-0099",
    "ward": "ICU-OTHER",
    "bed": "99",
    "href": "p99.html",
    "open_alerts": (),
    "latest": (LatestResult("bal", "not_detected", None, 17.5, made_up.day(20)),),
    "not_assessable": (NotAssessable("recurrence", "treatment_unknown", "plasma"),),
    "course": (),
    "drugs": DrugsNow("off"),
    "left_at": made_up.day(20),
    "died": Death(made_up.AS_OF, None, True),
}
AROUND: dict[str, Any] = {  # by field of what is around it
    "as_of": WARD.as_of + timedelta(days=2),
    "time_zone": "Asia/Tokyo",
    "handed_to": "the transplant ward",
    "never_delivered": (NeverDelivered("doses_given", frozenset({"treatment_unknown", "fewer_than_two_results"})),),
    "bal_line_iu_per_ml": 77_000.0,
    "gap_days": 0.5,
    "has_one": False,
}


def around(**changes: Any) -> ward_row.OfTheWard:
    return dataclasses.replace(ward_row.OfTheWard.of(WARD, has_one=True), **changes)


def anew(*arguments: Any, is_news: bool = False) -> Any:
    """The row as it is made where nothing is kept."""
    ward_row._kept.clear()
    return ward_row.ward_row(*arguments, is_news=is_news)


@pytest.mark.parametrize("field", [each.name for each in dataclasses.fields(ward_row.WardRow)])
def test_a_row_that_has_changed_is_made_anew(field: str) -> None:
    differ: list[bool] = []
    for row in WARD.rows:
        changed = dataclasses.replace(row, **{field: OTHER[field]})
        expected = anew(changed, around(), SPOKEN)
        before = anew(row, around(), SPOKEN)
        assert ward_row.ward_row(changed, around(), SPOKEN, is_news=False) == expected
        assert ward_row.ward_row(row, around(), SPOKEN, is_news=False) == before
        differ.append(before != expected)
    assert any(differ), "of some row the change is seen"


@pytest.mark.parametrize("field", [each.name for each in dataclasses.fields(ward_row.OfTheWard)])
def test_what_is_around_a_row_makes_it_anew(field: str) -> None:
    differ: list[bool] = []
    for row in WARD.rows:
        changed = around(**{field: AROUND[field]})
        expected = anew(row, changed, SPOKEN)
        before = anew(row, around(), SPOKEN)
        assert ward_row.ward_row(row, changed, SPOKEN, is_news=False) == expected
        differ.append(before != expected)
    assert any(differ), "of some row the change is seen"


def test_news_and_the_language_make_it_anew_and_nothing_else_does() -> None:
    row = WARD.rows[1]
    kept = anew(row, around(), SPOKEN)
    assert ward_row.ward_row(dataclasses.replace(row), around(), SPOKEN, is_news=False) is kept
    assert ward_row.ward_row(row, around(), SPOKEN, is_news=True) != kept
    assert ward_row.ward_row(row, around(), language("nl"), is_news=False) != kept
    assert ward_row.ward_row(row, around(), SPOKEN, is_news=False) == kept


def test_no_more_rows_are_kept_than_a_process_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ward_row, "_MOST_KEPT", 3)
    ward_row._kept.clear()
    for number in range(20):
        ward_row.ward_row(dataclasses.replace(WARD.rows[0], href=f"p{number}.html"), around(), SPOKEN, is_news=False)
        assert len(ward_row._kept) <= 3


def test_a_page_is_to_the_byte_what_it_is_where_nothing_is_kept() -> None:
    kept = ward_page(WARD, language=SPOKEN)
    assert ward_page(WARD, language=SPOKEN) == kept, "drawing a page changes no row"
    ward_row._kept.clear()
    assert ward_page(WARD, language=SPOKEN) == kept
