"""docs/safety.md and docs/intended-use.md: every hazard has a control, every control a test that exists, every rule its cases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cmvmon.rules import all_rules
from tests.docs.safety_page import (
    LIKELIHOOD,
    ROOT,
    SEVERITY,
    Control,
    Hazard,
    hazards,
    places_of_tests,
    safety_page,
)

STARTERS = [f"H{n}" for n in range(1, 15)]  # of ../shared/faults.md, A3
INTENDED = (ROOT / "docs" / "intended-use.md").read_text(encoding="utf-8")


def test_every_hazard_that_the_specification_names_has_a_control() -> None:
    assert [one.id for one in hazards()] == STARTERS
    assert [one.id for one in hazards() if not one.controls] == []


@pytest.mark.parametrize(
    ("one", "control"),
    [(one, each) for one in hazards() for each in one.controls],
    ids=lambda x: getattr(x, "says", getattr(x, "id", "")),
)
def test_a_control_names_tests_that_exist_once(one: Hazard, control: Control) -> None:
    assert control.tests, one.id
    for name in control.tests:
        assert len(places_of_tests().get(name, ())) == 1, name


@pytest.mark.parametrize("one", hazards(), ids=lambda one: one.id)
def test_no_control_makes_a_hazard_more_likely_or_its_harm_smaller(one: Hazard) -> None:
    """What is done here changes how often something happens, not how bad it is."""
    assert one.before[0] == one.after[0]
    assert one.before[0] in SEVERITY
    assert LIKELIHOOD.index(one.after[1]) < LIKELIHOOD.index(one.before[1])


def test_every_rule_is_traced_to_its_cases() -> None:
    traced = set(
        re.findall(r"^\| .* \| \[(\w+)\]\(rules\.md#\w+\) \| `cmvmon/rules/\w+\.py` \| \d", safety_page(), re.M)
    )
    assert traced == {rule.code for rule in all_rules()}


def test_what_it_is_not_for_is_said_and_nothing_claims_a_certificate() -> None:
    for words in (
        "makes no diagnosis",
        "is not a certified medical device",
        "not for newborns",
        "needs a regulatory expert",
    ):
        assert words in INTENDED
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", INTENDED)
    assert [path for path in linked if not (Path(ROOT) / "docs" / path).exists()] == []
