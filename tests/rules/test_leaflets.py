"""How a leaflet writes the numbers of the protocol."""

from __future__ import annotations

import pytest

from cmvmon.rules import deciding_numbers, leaflet_of
from tests.rules.test_the_engine import facts, rule


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.0, "1"),
        (1.2, "1.2"),
        (0.30, "0.3"),
        (1000.0, "1,000"),
        (999_999.0, "999,999"),
        (1e6, "1e+06"),
        (1e8, "1e+08"),
    ],
)
def test_a_number_is_written_as_people_write_it(value: float, written: str) -> None:
    made = rule(leaflet="From {line} on, and {decline.target_log10_per_week} a week.\n")
    protocol = facts(made_up={"line": value}).protocol
    target = protocol.decline.target_log10_per_week
    assert leaflet_of(made, protocol) == f"From {written} on, and {target:g} a week."


def test_the_numbers_that_decide_are_named_by_stanza_and_sorted() -> None:
    made = rule(leaflet="{other}")
    protocol = facts(made_up={"line": 38.0, "other": 2.0}).protocol
    assert list(deciding_numbers(made, protocol).items()) == [
        ("rules.made_up.line", 38.0),
        ("rules.made_up.other", 2.0),
    ]
