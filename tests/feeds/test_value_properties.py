"""What holds for every value and every grammar: it reads back, never raises, and scales."""

from __future__ import annotations

from dataclasses import replace
from math import log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain import words
from cmvmon.feeds.delivery_text import write_value
from cmvmon.feeds.units import IU, KINDS, Unit
from cmvmon.feeds.value_grammar import Reading, parse_value
from tests.feeds.grammars import GRAMMARS, grammar, shown


def _readings(name: str) -> st.SearchStrategy[Reading]:
    """Readings that the grammar has words for: numbers of any size, in each of its units."""
    marks = grammar(name).marks
    whole = st.integers(1, 10**13).map(float)
    number = whole if marks.decimal is None else st.one_of(whole, st.floats(1e-9, 1e13, exclude_min=True))
    unit = st.sampled_from(list(grammar(name).units.values()))
    with_limit = [words.BELOW_LLOQ, words.NOT_DETECTED, words.ABOVE_ULOQ]
    silent = [d for d in with_limit if d in grammar(name).phrases.values()]
    return st.one_of(
        st.builds(Reading, st.just(words.QUANTIFIED), number, st.none(), unit),
        st.builds(Reading, st.sampled_from(with_limit), st.none(), number, unit),
        st.builds(Reading, st.sampled_from(silent)),
    )


@pytest.mark.parametrize("name", GRAMMARS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_written_reads_back_the_same(name: str, data: st.DataObject) -> None:
    reading = data.draw(_readings(name))
    text, unit = write_value(reading, grammar=grammar(name))
    assert parse_value(text, unit, grammar=grammar(name)) == reading


_PIECES = st.sampled_from(
    ["<", ">", "&lt;", "less than ", "^", "(", ")", ",", ".", " ", "-", "1", "35", "1,000", "1.000", "1e7", "１", "٣",
     "²", "IU/mL", "log IU/mL", "copies/ml", "Detected", "Not Detected", "Invalid", " or ", "nan", "€", "\x00", "\n"]
)  # fmt: skip
_ANY_TEXT = st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=8).map("".join))


@pytest.mark.parametrize("name", GRAMMARS)
@given(text=_ANY_TEXT, unit=st.one_of(st.none(), _ANY_TEXT, st.sampled_from(["IU/mL", "UI/ml", "IE/ml"])))
@settings(max_examples=80, deadline=None)
def test_any_text_gives_a_reading_or_a_named_rejection_and_no_digit_outside_ascii_is_read(
    name: str, text: str, unit: str | None
) -> None:
    outcome = parse_value(text, unit, grammar=grammar(name))
    if isinstance(outcome, Reading):
        assert not any(c.isnumeric() and not c.isascii() for c in text)
        assert all(number is None or 0 < number < float("inf") for number in (outcome.value, outcome.limit))
        assert (outcome.detection == words.QUANTIFIED) == (outcome.value is not None)
    else:
        assert outcome.remedy


@given(value=st.floats(1e-6, 1e9), power=st.integers(-3, 3))
@settings(max_examples=100, deadline=None)
def test_a_prefixed_unit_scales_the_value_and_nothing_else(value: float, power: int) -> None:
    scaled = replace(grammar("us"), units={"x": Unit(IU), "kx": Unit(IU, times=10.0**power)})
    plain = parse_value(str(value), "x", grammar=scaled)
    prefixed = parse_value(str(value), "kx", grammar=scaled)
    assert isinstance(plain, Reading)
    assert isinstance(prefixed, Reading)
    assert prefixed.value == plain.value
    assert prefixed.unit is not None
    assert prefixed.unit.linear(value) == pytest.approx(10.0**power * value)


def test_a_log10_too_large_for_a_computer_is_endless_and_never_small() -> None:
    assert KINDS["log10_iu_per_ml"].linear(5000.0) == float("inf")


@given(iu=st.floats(1.5, 1e9))
@settings(max_examples=100, deadline=None)
def test_the_same_load_with_its_log10_beside_it_is_accepted_and_with_another_log10_is_not(iu: float) -> None:
    printed = f"{iu:.1f}"
    right = f"{printed} IU/mL ({log10(float(printed)):.2f} log IU/mL)"
    wrong = f"{printed} IU/mL ({log10(float(printed)) + 0.1:.2f} log IU/mL)"
    assert shown(parse_value(right, grammar=grammar("us"))).startswith("rejected") is (log10(float(printed)) < 0.005)
    assert shown(parse_value(wrong, grammar=grammar("us"))) == "rejected: contradicting_values"
