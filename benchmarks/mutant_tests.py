"""The tests that a mutant meets: all that are fast, or only those of its own room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = (  # what is quick and near comes first
    "tests/rules/test_the_engine.py",
    "tests/rules/test_what_rules_say_together.py",
    "tests/rules/test_explaining_made_up_rules.py",
    "tests/rules/test_leaflets.py",
    "tests/rules/test_an_assessment.py",
    "tests/rules/test_suppressed_needs_two.py",
    "tests/episodes",
    "tests/facts",
    "tests/rules/test_what_alerts_say.py",
    "tests/rules/test_rule_cases.py",
    "tests/rules/test_at_the_very_number.py",
    "tests/rules/test_context.py",
    "tests/rules/test_alarms.py",
    "tests/rules/test_standing_in.py",
    "tests/rules/test_rebound_read_plainly.py",
    "tests/cases/test_ward_situations.py",
    "tests/rules/test_every_rule.py",
    "tests/rules/test_explaining.py",
    "tests/rules/test_same_as_before.py",
    "tests/contracts/test_contract_text.py",
    "tests/contracts/test_freshness.py",
    "tests/shell",
    "tests/feeds/test_ingest.py",
    "tests/run",
)
_CONDITIONS = "tests/facts/test_conditions.py"
_EVERY_FACT = "tests/facts/test_every_fact_table.py"
# The quick ones first.
_OF_CONTRACTS = ("strict", "promises", "dictionary", "freshness", "contract_text", "mapper", "gate", "whole_table")
NEAR = {
    # Of many facts the cases of the rules that read them are the tables that a clinician can read.
    "cmvmon/facts/": [
        *sorted({f"tests/facts/{p.name}" for p in (ROOT / "tests/facts").glob("test_*.py")} - {_EVERY_FACT}),
        "tests/rules/test_context.py",  # what no rule reads, and the patient page tells
        "tests/rules/test_rule_cases.py",
        "tests/rules/test_what_alerts_say.py",  # sentences hold what no verdict turns on
        "tests/rules/test_alarms.py",
    ],
    "cmvmon/rules/": [
        _CONDITIONS,
        *TESTS[:4],
        "tests/rules/test_every_rule.py::test_the_leaflet_of_a_rule_is_what_its_file_says_of_itself",
        "tests/rules/test_what_alerts_say.py",
        "tests/rules/test_rule_cases.py",
        "tests/rules/test_at_the_very_number.py",
        "tests/rules/test_context.py",
        "tests/rules/test_many_and_few.py",
        "tests/rules/test_moments_in_evidence.py",
        "tests/facts/test_follow_up.py",
        "tests/rules/test_alarms.py",
    ],
    "cmvmon/episodes.py": [_CONDITIONS, "tests/episodes"],
    "cmvmon/answers.py": [_CONDITIONS, "tests/episodes"],
    "cmvmon/ends.py": [_CONDITIONS, "tests/episodes"],
    "cmvmon/assess.py": [_CONDITIONS, "tests/rules/test_an_assessment.py"],
    "cmvmon/shell/": ["tests/shell", "tests/run", "tests/cli"],
    "data_contracts/": [
        *(f"tests/contracts/test_{name}.py" for name in _OF_CONTRACTS),
        "tests/run/test_stored_contracts.py",
        "tests/contracts/test_agreement.py",
    ],
}

SLOW_TOO = ("cmvmon/shell/", "data_contracts/")  # whole nights, or Great Expectations, are what tells of it


def near_to(file: str) -> Sequence[str]:
    """The tests of the room of a mutated file; for any other name those of every room."""
    for room, near in NEAR.items():
        if file.startswith(room):
            return near
    return [*dict.fromkeys(test for near in NEAR.values() for test in near)]
