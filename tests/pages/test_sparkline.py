"""The small drawing of a ward row: one scale for all, each state of a result its own mark, no line where none belongs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.dashboards import sparkline
from cmvmon.dashboards.row_views import CoursePoint
from cmvmon.domain import words
from cmvmon.text import codes, language
from tests.pages.made_up import AS_OF, day

ZONE = "Europe/Amsterdam"
START, END = sparkline.shown_from(AS_OF, ZONE)


def point(number: float, detection: str, load: float | None = None, **other: object) -> CoursePoint:
    limit = {"below_lloq": 35.0, "above_uloq": 1e7}.get(detection)
    told = {"limit_iu_per_ml": limit, "lloq_iu_per_ml": 35.0, "series": ("synthetic", "SYN-PCR")} | other
    return CoursePoint(day(number), detection, load, **told)  # type: ignore[arg-type]


def drawn(*points: CoursePoint, line: float | None = None) -> str:
    return sparkline.drawing(points, START, END, line, 28.0)


def _shape(kind: str, **other: object) -> str:
    """The last mark without its place."""
    mark = drawn(point(7, kind, 1000.0 if kind == "quantified" else None, **other)).split("/>")[-2]
    return re.sub(r' d="M[-\d. ]+', ' d="', re.sub(r' (x|y|cx|cy)="[-\d.]+"', "", mark))


def _top(kind: str, **other: object) -> float:
    """How far from the top the tip or the base of a triangle lies."""
    found = re.findall(r'd="M[-\d.]+ ([-\d.]+)h6l-3', drawn(point(7, kind, **other)))
    return float(found[-1])


@pytest.mark.parametrize("limits", [{}, {"limit_iu_per_ml": None}, {"limit_iu_per_ml": None, "lloq_iu_per_ml": None}])
def test_each_state_of_a_result_has_a_mark_of_its_own_whether_its_limit_is_known_or_not(
    limits: dict[str, object],
) -> None:
    marks = {kind: _shape(kind, **limits) for kind in words.DETECTION}
    assert len(set(marks.values())) == len(words.DETECTION) == 4
    assert marks == {kind: _shape(kind) for kind in words.DETECTION}
    assert [kind for kind, mark in marks.items() if mark.startswith("<rect")] == ["not_detected"]
    assert [kind for kind, mark in marks.items() if mark.startswith("<circle")] == ["quantified"]


def test_a_limit_that_is_not_known_lies_at_the_edge_of_the_scale_on_its_side() -> None:
    below, above = (_top(kind, limit_iu_per_ml=None) for kind in ("below_lloq", "above_uloq"))
    assert below == _top("below_lloq", limit_iu_per_ml=10.0) == _top("below_lloq", limit_iu_per_ml=1.0)
    assert above == _top("above_uloq", limit_iu_per_ml=1e7) == _top("above_uloq", limit_iu_per_ml=1e9)
    assert above < _top("above_uloq", limit_iu_per_ml=1e6) < _top("below_lloq", limit_iu_per_ml=100.0) < below
    assert below < float(
        re.findall(r'<rect class="open" x="[-\d.]+" y="([-\d.]+)"', drawn(point(7, "not_detected")))[0]
    )


@pytest.mark.parametrize("code", codes())
def test_the_legend_names_each_mark_once_and_says_where_one_without_a_limit_lies(code: str) -> None:
    legend = language(code).say("spark.scale")
    assert [legend.count(mark) for mark in "●□"] == [1, 1]
    edge = {"en": "▽ and ▲ at the edge of the scale", "nl": "▽ en ▲ op de rand van de schaal"}[code]
    assert edge in legend


def test_two_patients_have_one_scale() -> None:
    alone, beside = (
        re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn(*points))
        for points in (
            (point(7, "quantified", 1000.0),),
            (point(7, "quantified", 1000.0), point(14, "quantified", 9e6)),
        )
    )
    assert alone[0] == beside[0]


def test_no_line_joins_a_gap_a_limit_or_another_assay() -> None:
    joined = drawn(point(1, "quantified", 1000.0), point(8, "quantified", 100.0))
    assert joined.count("L") == 1
    other = point(8, "quantified", 100.0, series=("synthetic", "OTHER"))
    assert "L" not in drawn(point(1, "quantified", 1000.0), other)
    far = sparkline.drawing((point(-20, "quantified", 1000.0), point(9, "quantified", 10.0)), START, END, None, 28.0)
    assert "L" not in far
    between = (point(1, "quantified", 1000.0), point(4, "below_lloq"), point(8, "quantified", 100.0))
    assert "L" not in drawn(*between)


def test_a_result_older_than_eight_weeks_or_of_tomorrow_is_not_drawn() -> None:
    kept = sparkline.recent(
        [point(-60, "not_detected"), point(3, "not_detected"), point(30, "not_detected")], AS_OF, ZONE
    )
    assert [each.collected_at for each in kept] == [day(3)]
    assert END - START in (timedelta(weeks=8), timedelta(weeks=8, hours=1), timedelta(weeks=8, hours=-1))


@given(st.lists(st.tuples(st.floats(-30, 21), st.floats(1e-3, 1e12)), min_size=1, max_size=30))
def test_every_load_stands_within_the_drawing(loads: list[tuple[float, float]]) -> None:
    points = [point(at, "quantified", load) for at, load in sorted(loads)]
    found = re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', drawn(*points, line=10_000.0))
    assert len(found) == len(points)
    assert all(0 <= float(x) <= sparkline.WIDTH and 0 <= float(y) <= sparkline.HEIGHT for x, y in found)
