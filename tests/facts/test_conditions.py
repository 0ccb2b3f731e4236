"""What can be asked of facts: how it reads, when it holds, and that two conditions are one only where they are the same."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import fields, is_dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

import polars as pl
import pytest

import cmvmon.facts
import cmvmon.rules
from cmvmon import assess, episodes
from cmvmon.facts.conditions import Always, Condition, Truth, Value, as_value, choose, fact, number, otherwise, truth

HOT = fact("celsius") > number("line")
FRAME = pl.DataFrame({"celsius": [37.0, 38.0, 39.0, None], "protocol.line": [38.0] * 4})


def held(condition: Condition) -> list[bool]:
    return FRAME.select(held=condition.expr)["held"].to_list()


@pytest.mark.parametrize(
    ("condition", "expected", "written"),
    [
        (fact("celsius") < 38.0, [True, False, False, False], "celsius < 38.0"),
        (fact("celsius") <= 38.0, [True, True, False, False], "celsius <= 38.0"),
        (fact("celsius") > number("line"), [False, False, True, False], "celsius > protocol.line"),
        (fact("celsius") >= number("line"), [False, True, True, False], "celsius >= protocol.line"),
        (fact("celsius") == 38.0, [False, True, False, False], "celsius == 38.0"),
        (~HOT, [True, True, False, True], "not celsius > protocol.line"),
        (fact("celsius").is_known(), [True, True, True, False], "celsius is known"),
        (fact("celsius").is_unknown(), [False, False, False, True], "not celsius is known"),
        (
            HOT | fact("celsius").is_unknown(),
            [False, False, True, True],
            "(celsius > protocol.line or not celsius is known)",
        ),
        (HOT & (fact("celsius") == 38.0), [False] * 4, "(celsius > protocol.line and celsius == 38.0)"),
        (otherwise, [True] * 4, "otherwise"),
    ],
)
def test_a_condition_holds_where_it_is_known_to_and_reads_as_its_author_wrote_it(
    condition: Condition, expected: list[bool], written: str
) -> None:
    found = FRAME.select(pl.int_range(pl.len()), held=condition.expr)["held"].to_list()
    assert (found, str(condition)) == (expected, written)


def test_a_number_of_days_is_a_length_of_time() -> None:
    frame = pl.DataFrame({"protocol.days": [1.5, 7.0]})
    days = number("days").days
    assert frame.select(days.expr.alias("d"))["d"].to_list() == [timedelta(days=1.5), timedelta(days=7)]
    assert days.written == "protocol.days days"


def test_a_word_is_among_several() -> None:
    frame = pl.DataFrame({"word": ["a", "b", "c", None]})
    among = fact("word").is_in(["a", "c"])
    assert frame.select(held=among.expr)["held"].to_list() == [True, False, True, False]
    assert str(among) == "word is one of a, c"


def test_a_difference_is_written_and_computed_as_one() -> None:
    apart = fact("late") - fact("early")
    frame = pl.DataFrame({"late": [9], "early": [4]})
    assert (frame.select(apart.expr.alias("d"))["d"][0], apart.written) == (5, "late - early")


def test_one_thing_is_chosen_where_it_holds_and_the_other_elsewhere() -> None:
    frame = pl.DataFrame({"when": [True, True, False, False], "a": [True, False] * 2, "b": [False, True] * 2})
    chosen = choose(truth("when"), truth("a"), truth("b"))
    assert frame.select(held=chosen.expr)["held"].to_list() == [True, False, False, True]


def test_everything_that_a_condition_asks_is_told_in_the_order_in_which_it_is_written() -> None:
    first, second, third = truth("a"), truth("b"), truth("c")
    assert [*((first & ~second) | third).questions()] == [first, second, third]
    assert [*first.questions()] == [first]


def test_two_conditions_are_one_only_where_they_are_the_same() -> None:
    """`==` between values makes a comparison, so conditions that were told apart by their parts would all be alike."""
    a, b = fact("a"), fact("b")
    low, high = a < 1.0, b > 2.0
    pairs: list[tuple[Condition, Condition]] = [
        (a < 1.0, b < 1.0),
        (a.is_in(["x"]), b.is_in(["x"])),
        (a.is_known(), b.is_known()),
        (Truth("a"), Truth("a")),
        (Always(), Always()),
        (low & high, low & high),
        (low | high, low | high),
        (~low, ~low),
    ]
    for one, other in pairs:
        assert one == one
        assert one != other
        assert len({one, other}) == 2


def test_a_condition_that_asks_nothing_cannot_be_judged() -> None:
    with pytest.raises(NotImplementedError):
        _ = Condition().expr


def test_a_constant_is_written_as_it_is_and_a_value_stays_the_value() -> None:
    value = fact("a")
    assert as_value(value) is value
    assert as_value("word").written == "word"
    assert isinstance(as_value(0), Value)


def modules() -> list[ModuleType]:
    rooms = [cmvmon.facts, cmvmon.rules]
    inside = [f"{room.__name__}.{found.name}" for room in rooms for found in pkgutil.iter_modules(room.__path__)]
    return [assess, episodes, *map(importlib.import_module, inside)]


def test_nothing_that_the_judging_code_hands_out_can_be_changed() -> None:
    found: set[Any] = {
        made
        for module in modules()
        for made in vars(module).values()
        if isinstance(made, type) and is_dataclass(made) and made.__module__ == module.__name__
    }
    assert len(found) > 15
    for made in found:
        blank = object.__new__(made)
        for attribute in fields(made):
            with pytest.raises(AttributeError, match="cannot assign"):
                setattr(blank, attribute.name, None)
        if not fields(made):
            assert made.__dataclass_params__.frozen
