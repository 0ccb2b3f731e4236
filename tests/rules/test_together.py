"""A case that is assessed with others says what its rule says of it alone: so the case tables may be assessed together."""

from __future__ import annotations

import pytest
from polars.testing import assert_frame_equal

from cmvmon.rules import all_rules
from tests.rules.reading import Case, assessed, cases
from tests.rules.together import _groups, verdicts_alone, verdicts_of

RULES = [rule.code for rule in all_rules()]
SOME = [case for rule in RULES for case in cases(rule)][7::40]


@pytest.mark.parametrize("case", SOME, ids=lambda case: f"{case.rule}: {case.name}")
def test_a_case_says_to_the_letter_what_it_says_alone(case: Case) -> None:
    assert_frame_equal(verdicts_of(case), assessed(case).verdicts.filter(rule=case.rule))


def test_to_be_judged_alone_by_its_own_rule_is_the_same() -> None:
    for case in SOME[::5]:
        assert_frame_equal(verdicts_alone(case), assessed(case).verdicts.filter(rule=case.rule))


def test_so_does_one_of_each_kind_of_unit_and_one_with_two_patients() -> None:
    """Of which the patients' own concordance differs, and of a result that was said to be of another patient."""
    asked = [case for rule in RULES for case in cases(rule) if "elsewhere" in case.results][:2]
    asked += [
        group[-1]
        for rule in RULES
        for group in _groups(rule)
        if any("bal" in c.results and "plasma" in c.results for c in group)
    ][:6]
    assert len(asked) == 8
    for case in asked:
        assert_frame_equal(verdicts_of(case), assessed(case).verdicts.filter(rule=case.rule))


def test_most_cases_are_assessed_with_others() -> None:
    """So that the tests above can't pass by putting nothing together."""
    groups = [group for rule in RULES for group in _groups(rule)]
    assert sum(len(group) for group in groups) == sum(len(cases(rule)) for rule in RULES)
    assert len(groups) * 3 < sum(len(group) for group in groups)
    assert sum(len(group) > 1 for case in SOME for group in _groups(case.rule) if case in group) > len(SOME) // 2
