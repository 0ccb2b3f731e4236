"""The static figure: the marks of the drawn one in the same places, told apart by shape and text alone, in colours that hold up."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from xml.etree import ElementTree

import polars as pl
import pytest

from cmvmon.dashboards.beside_views import Alongside
from cmvmon.dashboards.figure import patient_figure
from cmvmon.dashboards.lanes import lanes
from cmvmon.dashboards.look import PAPER, SCREEN
from cmvmon.dashboards.static_figure import static_svg
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.errors import ProgramError
from cmvmon.facts.alongside import KIDNEY_VALUES, LANES_UNKNOWN, LEVELS_TAKEN
from cmvmon.text import codes, language
from tests.pages import hostile, made_up
from tests.pages.made_up import course, day, result, results

SVG = "{http://www.w3.org/2000/svg}"
# Machado 2009, severity 1: what protanopes, deuteranopes and tritanopes see of linear RGB; and a greyscale printer.
SIMULATED = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "greyscale": ((0.2126, 0.7152, 0.0722),) * 3,
}
LEAST_CONTRAST = 3.0  # of a mark against white, WCAG 2.2, 1.4.11


def every_mark() -> PatientView:
    """Each kind of mark once or more, settled and preliminary, and each state of a lane. Synthetic."""
    view = made_up.falling_patient()
    frame = results(
        result(0, "plasma", 9_000),
        result(2, "plasma", 8_000, result_status="preliminary"),
        result(4, "plasma", 7_000, result_status="corrected"),
        result(6, "plasma", "<"),
        result(7, "plasma", "<", result_status="preliminary"),
        result(9, "plasma", "nd"),
        result(11, "plasma", "nd", result_status="preliminary"),
        result(13, "plasma", ">"),
        result(15, "plasma", ">", result_status="preliminary"),
    )
    levels = [
        {
            "drug": "ganciclovir",
            "sampled_at": day(at),
            "level_value": value,
            "unit": "mg/L",
            "is_judged_trough": is_trough,
        }
        for at, value, is_trough in ((5, 0.8, True), (12, 2.5, False))
    ]
    kidney = [
        {"method": "creatinine", "measured_at": day(at), "kidney_value": value, "unit": "umol/L"}
        for at, value in ((1, 80.0), (8, 140.0))
    ]
    unknown = [{"table_name": "icu_stays", "unknown_because": "unread"}]
    who = {"patient_id": "SYNTHETIC-0001"}
    frames = [
        rows.conform(pl.DataFrame([who | row for row in made], infer_schema_length=None))
        for rows, made in ((LEVELS_TAKEN, levels), (KIDNEY_VALUES, kidney), (LANES_UNKNOWN, unknown))
    ]
    rows = [course("ganciclovir", 0), course("foscarnet", 3, 9, indication=None)]
    return replace(
        view,
        results=frame,
        stays=None,
        courses=made_up.ANTIVIRAL_COURSES.conform(pl.DataFrame(rows, infer_schema_length=None)),
        alongside=Alongside(levels=frames[0], kidney=frames[1], unknown=frames[2]),
    )


def svg_of(view: PatientView, code: str = "en") -> ElementTree.Element:
    figure = patient_figure(view, language(code), PAPER)
    assert figure is not None
    return ElementTree.fromstring(static_svg(figure, title="a figure", language=code))


def shape_of(mark: ElementTree.Element) -> tuple[str, ...]:
    """What a mark looks like without any colour: its corners about its middle, and whether it is filled."""
    is_filled = mark.get("fill") not in ("#fff", "none")
    if mark.tag == f"{SVG}circle":
        return ("circle", str(is_filled))
    corners = [tuple(map(float, pair.split(","))) for pair in (mark.get("points") or "").split()]
    x, y = (sum(axis) / len(corners) for axis in zip(*corners, strict=True))
    return (";".join(f"{a - x:+.0f},{b - y:+.0f}" for a, b in corners), str(is_filled))


@pytest.mark.parametrize("code", codes())
def test_every_mark_is_told_from_the_others_by_its_shape_or_the_letter_beside_it(code: str) -> None:
    tree = svg_of(every_mark(), code)
    letter = language(code).say("figure.mark.preliminary")
    texts = [(float(text.get("x") or 0), "".join(text.itertext())) for text in tree.iter(f"{SVG}text")]
    looks = {}
    for group in tree.iter(f"{SVG}g"):
        kind = group.get("data-kind") or ""
        marks = [mark for mark in group if mark.find(f"{SVG}title") is not None]
        if not marks or kind == "kidney":
            continue
        shapes = {shape_of(mark) for mark in marks}
        assert len(shapes) == 1, kind
        has_letter = kind.endswith(":preliminary")
        looks[kind] = (*shapes.pop(), letter if has_letter else "")
    assert len(looks) == 10
    assert len(set(looks.values())) == len(looks)
    assert sum(text == letter for _, text in texts) == 4


def test_lines_of_lanes_and_bars_differ_by_dash_and_fill() -> None:
    def looks(view: PatientView) -> dict[str, set[tuple[str | None, bool]]]:
        found: dict[str, set[tuple[str | None, bool]]] = {}
        for group in svg_of(view).iter(f"{SVG}g"):
            for line in group.iter(f"{SVG}polyline"):
                look = (line.get("stroke-dasharray"), line.get("fill") != "none")
                found.setdefault(group.get("data-kind") or "", set()).add(look)
        return found

    look = looks(every_mark())
    assert look["ventilation:unknown"] == {("1.5 3", False)}
    assert (None, True) in look["therapy"]  # what ran for a known reason
    assert look["therapy:on"] == {("1.5 3", False)}
    assert ("1.5 3", False) in look["therapy"]  # for an unknown one
    none = looks(made_up.falling_patient(courses=made_up.ANTIVIRAL_COURSES.empty()))
    assert none["therapy:none"] == {(None, False)}


def linear(color: str) -> tuple[float, ...]:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


@pytest.mark.parametrize("vision", list(SIMULATED))
def test_every_mark_and_line_keeps_its_contrast_in_grey_and_for_every_colour_vision(vision: str) -> None:
    def luminance(color: str) -> float:
        seen = [sum(m * part for m, part in zip(row, linear(color), strict=True)) for row in SIMULATED[vision]]
        return sum(w * min(max(part, 0.0), 1.0) for w, part in zip((0.2126, 0.7152, 0.0722), seen, strict=True))

    tree = svg_of(every_mark())
    colors = set()
    for group in tree.iter(f"{SVG}g"):
        for mark in group:
            colors |= {mark.get("stroke"), mark.get("fill") if mark.find(f"{SVG}title") is not None else None}
    colors -= {None, "none", "#fff"}
    assert len(colors) >= 3
    for color in colors:
        assert 1.05 / (luminance(color) + 0.05) >= LEAST_CONTRAST, color


def test_the_static_figure_has_the_marks_of_the_drawn_one_in_the_same_order() -> None:
    view = every_mark()
    drawn = patient_figure(view, language("en"), SCREEN)
    assert drawn is not None
    hovers = {t["meta"]: [unescape(said) for said in t["hovertext"]] for t in drawn["data"] if "markers" in t["mode"]}
    told = {
        group.get("data-kind"): [title.text for title in group.iter(f"{SVG}title")]
        for group in svg_of(view).iter(f"{SVG}g")
        if group.find(f".//{SVG}title") is not None
    }
    assert told == hovers


def test_a_load_stands_higher_the_larger_it_is_and_one_limit_at_one_height() -> None:
    view = made_up.falling_patient(
        results=results(*(result(at, "plasma", load) for at, load in ((0, 100), (3, 10_000), (6, 1_000_000))))
    )
    tree = svg_of(view)
    (group,) = (g for g in tree.iter(f"{SVG}g") if g.get("data-kind") == "plasma:quantified")
    heights = [float(mark.get("cy") or 0) for mark in group]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] > heights[1]


def test_nothing_of_a_name_ends_the_svg_or_starts_a_script() -> None:
    view = replace(hostile.patient())
    figure = patient_figure(view, language("nl"), PAPER)
    assert figure is not None
    svg = static_svg(figure, title=hostile.SCRIPT, language="nl")
    tree = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= {
        "svg", "g", "rect", "line", "text", "polyline", "polygon", "circle", "title",
    }  # fmt: skip
    assert "<script" not in svg
    assert [name for element in tree.iter() for name in element.attrib if name.startswith("on")] == []


@pytest.mark.parametrize(
    "broken",
    [
        lambda trace: trace | {"mode": "bars"},
        lambda trace: trace | {"type": "heatmap"},
        lambda trace: trace | {"mode": "markers", "marker": {"symbol": "star", "size": 8, "color": "#000"}},
    ],
)
def test_a_trace_or_mark_without_a_static_form_is_an_error_and_not_left_out(broken: object) -> None:
    figure = patient_figure(made_up.falling_patient(), language("en"), PAPER)
    assert figure is not None
    figure["data"][0] = broken(figure["data"][0])  # type: ignore[operator]
    with pytest.raises(ProgramError, match="static figure"):
        static_svg(figure, title="a figure", language="en")


def test_a_view_with_an_unknown_lane_says_so_in_words_as_well() -> None:
    said = [lane.label for lane in lanes(every_mark(), language("en"))]
    assert "ventilation: could not be read" in said
