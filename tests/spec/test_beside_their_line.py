"""A number in a sentence stands on the side of its line on which the rule found it: never rounded onto it, nor across it."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cmvmon.rules import all_rules
from cmvmon.text import alert_sentence, codes, language
from cmvmon.text.beside import decimals, rounded
from cmvmon.text.formats import _OF_NUMBER, Speaker, format_of
from cmvmon.text.values import change_in_words, days_in_words, slope_sentence


def side(x: float, line: float) -> int:
    return (x > line) - (x < line)


def read(text: str, code: str) -> float:
    """The number that a text writes."""
    digits = re.sub(r"[^0-9.,−-]", "", text).replace("−", "-")
    return float(digits.replace(".", "").replace(",", ".") if code == "nl" else digits.replace(",", ""))


def placeholders() -> Iterator[tuple[str, str, str, str]]:
    """Every number that a sentence of a rule tells, with its format: language, rule, name, format."""
    for code in codes():
        for key, sentence in language(code).sentences.items():
            if key.startswith("alert."):
                for _, name, asked, _ in string.Formatter().parse(sentence):
                    form = (asked or "").split(" ")[0] or (format_of(name) if name else "")
                    form = {"at_least": "log10", "measured": "short"}.get(form, form)
                    if name and form in _OF_NUMBER:
                        yield code, key.split(".")[1], name, form


def speaker(code: str, **numbers: float) -> Speaker:
    return Speaker(numbers, language(code), "UTC", frozenset(numbers))


NUMBERS = sorted(set(placeholders()))
LINES = sorted({(code, rule, name) for code, rule, name, _ in NUMBERS if speaker(code, **{name: 1.0}).beside(name)})
PAIRS = sorted(
    {
        (code, name, form, line)
        for code, rule, name, form in NUMBERS
        for _, _, line in (of for of in LINES if of[0] == code and rule in (of[1], "shared"))
        if (code, rule, name) not in LINES and speaker(code, **{name: 1.0, line: 1.0}).beside(name)
    }
)


def test_the_numbers_that_stand_beside_a_line_are_found() -> None:
    held = {(name, line) for _, name, _, line in PAIRS}
    assert {
        ("kidney_function_now", "no_dose_up_to"),
        ("creatinine_umol_per_l", "protocol.cidofovir_creatinine_umol_per_l"),
        ("given_in_a_day", "least_in_a_day"),
        ("given_in_a_day", "most_in_a_day"),
        ("measured_crcl_ml_per_min", "protocol.measured_crcl_above_ml_per_min"),
        ("pao2_fio2_change_percent", "protocol.least_improvement_percent"),
        ("days_since_blood_result", "protocol.overdue_after_days"),
        ("probability_rebound", "protocol.alarm.probability_rebound"),
        ("rise_log10", "protocol.rise_log10"),
        ("parallel_blood_rise_log10", "protocol.lower_airway_rise_log10"),
    } <= held


near = st.one_of(
    st.floats(0.001, 5e6),
    st.builds(
        lambda line, by: line * (1 + by), st.sampled_from([0.4, 0.5, 1.0, 9.0, 55.0, 1000.0]), st.floats(-0.1, 0.1)
    ),
)
lines = st.one_of(
    st.sampled_from([0.4, 0.25, 0.5, 1.0, 9.0, 12.5, 55.0, 120.0, 1000.0, 10_000.0]), st.floats(0.01, 1e5)
)


@pytest.mark.parametrize(("code", "name", "form", "line"), PAIRS)
@given(data=st.data())
def test_a_number_is_written_on_its_side_of_the_line_as_that_is_written(
    code: str, name: str, form: str, line: str, data: st.DataObject
) -> None:
    of_probability = form == "percent"
    limit = data.draw(st.floats(0.02, 0.98) if of_probability else lines.map(lambda x: float(f"{x:.6g}")))
    if form in ("days", "full_days"):
        limit = max(limit, 1.0)
    by = data.draw(st.one_of(st.floats(-0.2, 0.2), st.sampled_from([0.0, 1e-3, -1e-3, 1e-5, -1e-5])))
    value = min(max(limit * (1 + by), 0.011), 0.989 if of_probability else 1e7)
    if abs(value - limit) < 1e-6 * limit:
        value = limit
    if form in ("days", "full_days"):
        value = max(value, 1.0)  # less is said in words
    spoken = speaker(code, **{name: value, line: limit})
    said, held = read(spoken.written(name, form), code), read(spoken.written(line, form), code)
    assert side(said, held) == side(value, limit)


@given(x=near, line=near, least=st.integers(0, 3))
@example(x=0.399, line=0.4, least=0)
@example(x=349.96, line=350.0, least=1)
def test_no_more_decimals_are_written_than_it_takes(x: float, line: float, least: int) -> None:
    digits = decimals(x, least, (line,))
    assert digits >= least
    if digits > least:
        assert side(rounded(x, digits - 1), line) != side(x, line)


@pytest.mark.parametrize("code", codes())
def test_results_and_changes_too_are_written_on_their_side(code: str) -> None:
    spoken = language(code)
    assert read(spoken.load(9_999.8, beside=(10_000.0,)), code) == 9_999.8
    assert read(spoken.load(9_999.8), code) == 10_000
    assert read(change_in_words(1000.0, 316.9, spoken), code) == -0.5
    assert read(change_in_words(1000.0, 290.0, spoken, beside=(0.5,)), code) == -0.54
    assert read(change_in_words(1000.0, 10_900.0, spoken, beside=(1.0,)).removeprefix("+"), code) == 1.04
    assert read(days_in_words(9.2, spoken, beside=(9.0,)), code) == 9.2
    said = slope_sentence(1.03, 0.5, 1.4, 4, spoken, interval=0.95, beside=(1.0,))
    assert ("1,03" if code == "nl" else "1.03") in said


@pytest.mark.parametrize("code", codes())
def test_a_kidney_function_just_below_the_label_is_not_said_to_lie_on_it(code: str) -> None:
    evidence = {
        "drug": "foscarnet",
        "drug_runs_since": "2026-11-22T06:00:00.000000Z",
        "kidney_function_now": 0.399,
        "kidney_unit_now": "mL/min/kg",
        "no_dose_up_to": 0.4,
        "says": ["given", "not_recommended"],
    }
    said = alert_sentence("drug_line", evidence, language(code))
    assert ("0,399" if code == "nl" else "0.399") in said


@pytest.mark.parametrize("code", codes())
def test_a_number_of_the_protocol_is_written_as_it_stands_there(code: str) -> None:
    assert read(speaker(code, **{"protocol.rise_log10": 0.25}).written("protocol.rise_log10", ""), code) == 0.25


def test_every_rule_that_holds_a_number_against_a_line_is_among_them() -> None:
    """A line that a sentence tells is one that a rule reads: were it told under another name, nothing would stand beside it."""
    told = {name.removeprefix("protocol.") for _, _, name in LINES}
    read_somewhere = {name.removeprefix("protocol.") for rule in all_rules() for name in rule.reads}
    assert told <= read_somewhere
