"""A result that came and could not be used, or feeds that are silent: no rule says that a load is quiet, and what alerts stands.

Every case of every rule is judged again with such a result, that came at the moment that is judged, or long before every sample.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest

from cmvmon.domain import words
from cmvmon.domain.moved_together import WAYS
from cmvmon.rules import all_rules
from cmvmon.rules.newer_result import SILENT, UNREAD
from tests.rules.reading import Case
from tests.rules.together import _groups, _verdicts

RULES = {rule.code: rule for rule in all_rules()}
OPEN = sorted(code for code, rule in RULES.items() if rule.open_while)
HELD = ["bal_negative", "guide_duration", "no_follow_up"]  # what they tell is that it is quiet, or that nothing came
TELL_OF_IT = ["data_unfit"]
FOLLOW = ["genotype_not_on_record"]  # what it says follows from what `response` and `rebound` say
WITHOUT_A_LOAD = {"bal_at_local_line", "guide_duration", "recurrence", "rise_on_prophylaxis", "untreated_rise"}


@cache
def _said(rule: str, changed: tuple[tuple[str, str], ...]) -> list[tuple[Case, list[dict[str, object]]]]:
    """Every case of the rule that tells of no such result, and what is said of it when these are changed; `now`: as of then."""
    found = []
    for group in _groups(rule):
        plain = [case for case in group if (case.unread, case.heard, case.moved) == ("-", "-", "-")]
        given = tuple(
            replace(case, **{name: text.replace("now", f"d{case.as_of_day}") for name, text in changed})  # type: ignore[arg-type]
            for case in plain
        )
        told = _verdicts(given) if given else {}
        found += [(case, told[one].to_dicts()) for case, one in zip(plain, given, strict=True)]
    return found


def _pairs(rule: str, **changed: str) -> list[tuple[dict[str, object], dict[str, object]]]:
    """Of every case the rows before and after."""
    before, after = _said(rule, ()), _said(rule, tuple(changed.items()))
    rows = [pair for (_, one), (_, other) in zip(before, after, strict=True) for pair in zip(one, other, strict=True)]
    assert rows
    return rows


def _verdict(row: dict[str, object]) -> tuple[object, object, object]:
    return row["verdict"], row["reason"], row["tier"]


def test_every_rule_about_a_series_is_kept_open_by_what_could_not_be_read() -> None:
    assert set(OPEN) == {code for code, rule in RULES.items() if rule.subject == "series"} | {"guide_duration"}


@pytest.mark.parametrize("rule", [code for code in OPEN if code not in HELD])
@pytest.mark.parametrize(("why", "changed"), [(UNREAD, {"unread": "now"}), (SILENT, {"heard": "now"})])
def test_what_alerts_stands_and_nothing_is_quiet(rule: str, why: str, changed: dict[str, str]) -> None:
    for before, after in _pairs(rule, **changed):
        if before["verdict"] == words.CLEAR:
            is_moot = after["verdict"] == words.CLEAR and rule in WITHOUT_A_LOAD
            evidence = json.loads(str(after["evidence"]))
            on_treatment = evidence.get("treatment") == words.TREATMENT_ON
            answered = after["verdict"] == words.CLEAR and evidence.get("latest_is_answered") is True
            assert (is_moot and on_treatment) or answered or _verdict(after) == (words.NOT_ASSESSABLE, why, None)
        else:
            assert _verdict(after) == _verdict(before)


@pytest.mark.parametrize("rule", OPEN)
def test_every_such_rule_asks_whether_the_laboratory_of_its_results_is_silent(rule: str) -> None:
    """What each then says is in their case tables and, over nights, in tests/run/test_one_laboratory_silent.py."""
    of_patient = {"blood_heard_at", "leading_heard_at"}
    asked = {"results_heard_at"} | (of_patient if RULES[rule].subject == "patient" else {"series_heard_at"})
    assert asked <= set(RULES[rule].open_while[SILENT].columns)


@pytest.mark.parametrize("rule", OPEN)
def test_every_such_rule_says_neither_while_its_laboratory_is_in_doubt_but_that_nobody_has_seen_it(rule: str) -> None:
    asked = {"blood_moved_since", "leading_moved_since"} if RULES[rule].subject == "patient" else {"moved_since"}
    assert asked <= set(RULES[rule].open_while[words.LABORATORY_IN_DOUBT].columns)
    is_told = rule == "critical_result_unseen"
    assert (words.LABORATORY_IN_DOUBT in RULES[rule].inhibitors) is not is_told


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("way", WAYS)
def test_where_many_others_moved_only_what_moved_with_them_is_said_otherwise(rule: str, way: str) -> None:
    """Every case of every rule again: what a result that moved so rests on is neither, all else stands to the letter."""
    held = (words.NOT_ASSESSABLE, words.LABORATORY_IN_DOUBT, None)
    for before, after in _pairs(rule, moved=f"{way} d-900"):
        assert _verdict(after) in (_verdict(before), held) or rule in FOLLOW
        assert rule in {*OPEN, *FOLLOW} or _verdict(after) == _verdict(before)


@pytest.mark.parametrize("rule", HELD)
def test_what_would_say_that_all_is_quiet_or_that_nothing_came_is_held_back(rule: str) -> None:
    said = [(before, after) for before, after in _pairs(rule, unread="now") if before["verdict"] == words.ALERT]
    grounds = {json.loads(str(before["evidence"]))["grounds"][0]: _verdict(after) for before, after in said}
    held = (words.NOT_ASSESSABLE, UNREAD, None)
    expected = {"stopped_before": (words.ALERT, None, 3), **dict.fromkeys(grounds.keys() - {"stopped_before"}, held)}
    assert grounds == {ground: expected[ground] for ground in grounds}


@pytest.mark.parametrize("rule", sorted(RULES.keys() - {*OPEN, *HELD, *TELL_OF_IT, *FOLLOW}))
def test_what_is_of_no_load_is_judged_as_before(rule: str) -> None:
    assert [_verdict(after) for _, after in _pairs(rule, unread="now")] == [
        _verdict(before) for before, _ in _pairs(rule, unread="now")
    ]


@pytest.mark.parametrize("rule", sorted(RULES.keys() - {*TELL_OF_IT}))  # of that it tells no more
def test_a_result_that_came_before_every_sample_was_taken_changes_nothing(rule: str) -> None:
    for before, after in _pairs(rule, unread="d-900"):
        assert _verdict(after) == _verdict(before)
