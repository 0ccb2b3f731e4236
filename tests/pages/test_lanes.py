"""The lanes beneath a patient's load, from the delivered rows to what is drawn: bands, levels, kidney function, and what is lacking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cmvmon.assess import assess
from cmvmon.dashboards.beside_views import Alongside
from cmvmon.dashboards.figure import patient_figure, plot_of
from cmvmon.dashboards.lane_words import lane_lines
from cmvmon.dashboards.lanes import Lane, lanes
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.columns import RowType, split_by_promises
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION, METHODS, UNITS
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.facts.alongside import ALONGSIDE, DOSE_BANDS, KIDNEY_VALUES, LANES_UNKNOWN, LEVELS_TAKEN
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import codes, language
from tests import patients
from tests.exposures import with_exposure
from tests.measured import with_measured
from tests.pages import made_up
from tests.patients import PATIENT, moment

SHIPPED, EN = Protocol.shipped(), language("en")
DAY = 10.0


def view_of(known: Known, day: float = DAY) -> PatientView:
    """The page's view of what was delivered, on that day."""
    facts = assess(known, protocol=SHIPPED, as_of=moment(day)).facts
    frames = [make(facts) for make in ALONGSIDE]
    for rows, frame in zip((DOSE_BANDS, LEVELS_TAKEN, KIDNEY_VALUES, LANES_UNKNOWN), frames, strict=True):
        assert split_by_promises(frame, rows)[1].is_empty()
    begun = facts.prepared.begun
    return replace(
        made_up.slow_patient(alongside=Alongside(*frames)),
        as_of=moment(day),
        time_zone="UTC",
        results=facts.prepared.results,
        courses=begun.if_delivered(ANTIVIRAL_COURSES),
        stays=begun.if_delivered(ICU_STAYS),
    )


def made(
    courses: str = "ganciclovir d0-",
    *,
    doses: str = "ganciclovir 5 q12 d0-",
    kidney: str = "cg 80 d-2-",
    levels: str = "-",
    stays: str = "d-3-",
) -> Known:
    known = patients.known("plasma d0 5000, d7 900", courses=courses, stays=stays)
    return with_measured(with_exposure(known, doses=doses, kidney=kidney), levels=levels)


def found(known: Known, kind: str, code: str = "en") -> list[Lane]:
    return [lane for lane in lanes(view_of(known), language(code)) if lane.kind == kind]


def on_bars(known: Known) -> list[str]:
    return [bar.text for lane in found(known, "therapy") for bar in lane.bars]


def test_the_band_of_the_kidney_stands_on_the_bar_of_its_drug() -> None:
    assert on_bars(made()) == ["kidney 70 mL/min or more"]
    assert on_bars(made(kidney="cg 42 d-2-")) == ["kidney 25 to below 50 mL/min"]


def test_a_band_that_changed_begins_a_new_piece_of_the_bar() -> None:
    (lane,) = found(made(kidney="cg 80 d-2-d3; cg 42 d4-"), "therapy")
    assert [bar.text for bar in lane.bars] == ["kidney 70 mL/min or more", "kidney 25 to below 50 mL/min"]
    first, second = lane.bars
    assert first.stop == second.start
    assert second.stop is None


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (made(kidney="never"), ["kidney band not known"]),
        (made(kidney="cvvhdf d-1-"), ["renal replacement"]),
        (made(doses="never"), [""]),  # no day of it was held against a table
        (made("letermovir d0-", doses="-"), [""]),  # a drug that is no treatment
    ],
    ids=["no kidney function", "renal replacement", "no doses", "no table"],
)
def test_a_bar_without_a_band_says_so_or_nothing(known: Known, says: list[str]) -> None:
    assert on_bars(known) == says


def test_a_level_is_a_mark_with_its_value_and_the_target_is_said_in_words() -> None:
    (lane,) = found(made(levels="ganciclovir 0.8 d5.98 trough next:d6"), "level")
    assert lane.label == "ganciclovir level, mg/L; trough aim 2 to 4"
    (mark,) = lane.marks
    assert (mark.text, mark.is_trough) == ("0.8", True)
    assert mark.said.endswith("ganciclovir 0.8 mg/L; trough")


def test_a_peak_is_no_trough_and_a_level_below_the_assays_limit_keeps_its_sign() -> None:
    (lane,) = found(made(levels="ganciclovir 9.1 d5.1 peak; ganciclovir <0.5 d6.98 trough next:d7"), "level")
    assert [(mark.text, mark.is_trough) for mark in lane.marks] == [("9.1 peak", False), ("<0.5", True)]


def lacking(known: Known, kind: str, code: str = "en") -> list[tuple[str, str]]:
    return [(lane.label, lane.state) for lane in found(known, kind, code) if lane.is_empty]


LACKS = [
    ("level", DRUG_LEVELS, "drug levels", lambda **kept: made(levels=kept.get("of", "-"))),
    ("kidney", KIDNEY_FUNCTION, "kidney function", lambda **kept: made(kidney=kept.get("of", "-"))),
    ("therapy", ANTIVIRAL_COURSES, "antiviral drugs", lambda **kept: made(kept.get("of", "-"), doses="-")),
    ("ventilation", ICU_STAYS, "ventilation", lambda **kept: made(stays=kept.get("of", "-"))),
]


@pytest.mark.parametrize(("kind", "rows", "name", "make"), LACKS, ids=[case[0] for case in LACKS])
def test_not_delivered_not_readable_silent_and_none_are_four_lanes(
    kind: str, rows: RowType, name: str, make: Any
) -> None:
    none = make()
    assert lacking(none, kind) == [(f"{name}: none on record", "none")]
    if kind in ("therapy", "ventilation"):
        assert lacking(make(of="never"), kind)[0] == (f"{name}: not delivered", "unknown")
    else:
        assert lacking(make(of="never"), kind) == [(f"{name}: not delivered", "unknown")]
    unread = replace(none, unread={rows.name: frozenset({PATIENT})}, unread_until={rows.name: {PATIENT: moment(5)}})
    assert lacking(unread, kind) == [(f"{name}: could not be read", "unknown")]
    assert lacking(replace(none, silent={rows.name: moment(4)}), kind) == [
        (f"{name}: not heard of since 5 Mar", "unknown")
    ]


def test_what_is_absent_unknown_and_zero_is_drawn_as_a_solid_line_a_dotted_line_and_a_mark() -> None:
    def drawn(known: Known) -> dict[str, Any]:
        figure = patient_figure(view_of(known), EN)
        assert figure is not None
        return {
            trace["meta"]: trace for trace in figure["data"] if trace["meta"].partition(":")[0] in ("level", "kidney")
        }

    absent, unknown = drawn(made(kidney="-")), drawn(made(kidney="never", levels="never"))
    assert absent["kidney:none"]["line"]["dash"] == absent["level:none"]["line"]["dash"] == "solid"
    assert unknown["kidney:unknown"]["line"]["dash"] == unknown["level:unknown"]["line"]["dash"] == "dot"
    zero = drawn(made(kidney="measured 0 d3; measured 40 d5"))["kidney"]
    assert zero["mode"] == "lines+markers"
    assert zero["y"][0] > zero["y"][1]  # the axis of the lanes runs down: zero stands at the foot


def test_a_value_that_is_known_and_one_that_could_not_be_read_are_both_told() -> None:
    known = replace(
        made(),
        unread={KIDNEY_FUNCTION.name: frozenset({PATIENT})},
        unread_until={KIDNEY_FUNCTION.name: {PATIENT: moment(5)}},
    )
    first, second = found(known, "kidney")
    assert first.line
    assert second.label == "kidney function: could not be read"


def test_creatinine_is_drawn_in_one_unit_before_any_clearance() -> None:
    (lane,) = found(made(kidney="cg 80 d-2-; umol 100 d1; mgdl 2 d3"), "kidney")
    assert lane.label == "Creatinine 177 µmol/L (4 Mar); 100 to 177"
    assert [round(share, 2) for _, share, _ in lane.line] == [0.0, 1.0]


@pytest.mark.parametrize("code", codes())
def test_every_value_of_a_lane_stands_in_a_line_of_text_too(code: str) -> None:
    spoken = language(code)
    view = view_of(made(levels="ganciclovir 0.8 d5.98 trough next:d6", kidney="cg 80 d-2-d3; cg 42 d4-"))
    said = " ".join(lane_lines(plot_of(view, spoken), view, spoken))
    for lane in lanes(view, spoken):
        assert all(mark.said in said for mark in lane.marks)
        assert all(text in said for _, _, text in lane.line)
    assert said.count("80") >= 5


@pytest.mark.parametrize("code", codes())
def test_every_method_and_unit_has_its_words(code: str) -> None:
    spoken = language(code)
    assert all(spoken.has(f"lane.method.{method}") for method in METHODS)
    assert all(spoken.has(f"lane.unit.{unit}") for unit in UNITS)


@pytest.mark.parametrize(
    ("courses", "english", "dutch"),
    [
        ("ganciclovir d0-", ["ganciclovir"], ["ganciclovir"]),
        ("ganciclovir(prophylaxis) d0-d4; ganciclovir d5-", ["ganciclovir, prophylaxis", "ganciclovir"], ["ganciclovir, profylaxe", "ganciclovir"]),
        ("letermovir(prophylaxis) d0-", ["letermovir, prophylaxis"], ["letermovir, profylaxe"]),
        ("valaciclovir(other) d0-", ["valaciclovir, other indication"], ["valaciclovir, andere indicatie"]),
        ("ganciclovir(?) d0-", ["ganciclovir, indication unknown"], ["ganciclovir, indicatie onbekend"]),
        ("brandname d0-; ganciclovir d1-", ["brandname, not in protocol", "ganciclovir"], ["brandname, niet in protocol", "ganciclovir"]),
        ("brandname(prophylaxis) d0-", ["brandname, not in protocol, prophylaxis"], ["brandname, niet in protocol, profylaxe"]),
    ],
)  # fmt: skip
def test_prophylaxis_and_a_drug_that_the_protocol_does_not_list_have_lanes_of_their_own(
    courses: str, english: list[str], dutch: list[str]
) -> None:
    view = view_of(made(courses, doses="-"))
    for code, labels in (("en", english), ("nl", dutch)):
        found = [lane.label for lane in lanes(view, language(code)) if lane.kind == "therapy"]
        assert found == labels, "one lane each, by the first dose"
