"""What holds of every rule by its being one: it is judged again from its evidence alone, and stands on what it names."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import cmvmon.rules
from cmvmon.assess import Assessment
from cmvmon.facts import all_fact_tables
from cmvmon.rules import Rule, all_rules, deciding_numbers, leaflet_of, needed_numbers
from cmvmon.rules.evidence import read_back
from cmvmon.rules.judging import judged
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import cases
from tests.rules.reference_wards import REFERENCES, assessed_ward
from tests.rules.together import verdicts_of

RULES = all_rules()
WARDS = REFERENCES[::9]


@pytest.fixture(scope="module")
def judged_wards() -> list[Assessment]:
    return [assessed_ward(ward) for ward in WARDS]


def again(rule: Rule, verdicts: pl.DataFrame) -> None:
    """Asserts that the evidence alone gives the same verdict, reason, tier, grounds and sentences."""
    said = ["verdict", "reason", "tier"]
    mine = verdicts.filter(pl.col("rule") == rule.code)
    found = judged(rule, read_back(rule, mine, all_fact_tables()))
    assert_frame_equal(found.select(said), mine.select(said))
    for row, text in zip(found.iter_rows(named=True), mine["evidence"], strict=True):
        evidence = json.loads(text)
        assert list(evidence) == sorted(evidence)
        assert (row["grounds"], row["says"]) == (evidence["grounds"], evidence["says"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_judged_again_from_the_evidence_alone_it_gives_the_same_on_every_case_row(rule: Rule) -> None:
    again(rule, pl.concat(verdicts_of(case) for case in cases(rule.code)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_judged_again_from_the_evidence_alone_it_gives_the_same_on_random_wards(
    rule: Rule, judged_wards: list[Assessment]
) -> None:
    for assessment in judged_wards:
        again(rule, assessment.verdicts)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_evidence_without_one_deciding_number_or_fact_does_not_judge(
    rule: Rule, judged_wards: list[Assessment]
) -> None:
    mine = judged_wards[0].verdicts.filter(pl.col("rule") == rule.code)
    frame = read_back(rule, mine, all_fact_tables())
    for column in sorted({name for condition in rule.conditions() for name in condition.columns}):
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=re.escape(column)):
            judged(rule, frame.drop(column))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_an_alert_has_a_ground_and_something_to_say_and_names_its_guide(
    rule: Rule, judged_wards: list[Assessment]
) -> None:
    verdicts = pl.concat(a.verdicts for a in judged_wards).filter(pl.col("rule") == rule.code)
    guide = " ".join(Protocol.shipped().rules[rule.code].provenance.guide)
    for verdict, text in verdicts.select("verdict", "evidence").rows():
        evidence = json.loads(text)
        assert evidence["guide"] == guide
        tells = verdict == "alert" or (rule.is_state and verdict == "clear" and evidence["grounds"] != [])
        if tells:
            assert evidence["grounds"]
            assert evidence["says"]
        else:
            assert evidence["says"] is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_leaflet_takes_every_number_that_it_names_from_the_protocol(rule: Rule) -> None:
    """Digits that stand in the file itself are a year, a published figure or a name: never one that decides."""
    protocol = Protocol.shipped()
    written = set(re.findall(r"(?<![\w.,])[\d.,]*\d", re.sub(r"[Tt]ier \d|[Gg]uide G\d+| 3 while", "", rule.leaflet)))
    deciding = {f"{value:g}" for value in deciding_numbers(rule, protocol).values()}
    deciding |= {f"{value:,g}" for value in deciding_numbers(rule, protocol).values()}
    assert written & deciding <= {"7", "14"}, "VICTOR's days are published figures"
    assert not re.search(r"[{}]", leaflet_of(rule, protocol))
    assert not re.search(r"\b(two|three|seven|nine|fourteen) (days|weeks|hours)", rule.leaflet)


def test_the_protocol_holds_exactly_the_numbers_that_the_rules_need() -> None:
    assert needed_numbers() == {code: frozenset(s.numbers) for code, s in Protocol.shipped().rules.items()}


def test_the_numbers_that_decide_are_told_wherever_they_stand() -> None:
    (slow,) = (rule for rule in RULES if rule.code == "response")
    found = deciding_numbers(slow, Protocol.shipped())
    assert found["decline.target_log10_per_week"] == 1.0
    assert found["decline.not_met_probability"] == 0.1
    assert found["response_clock.judged_from_days"] == 12.0
    assert found["rules.response.least_fall_log10"] == 1.0
    (rebound,) = (rule for rule in RULES if rule.code == "rebound")
    assert {"alarm.bal.probability_rebound", "alarm.plasma.probability_rebound"} <= deciding_numbers(
        rebound, Protocol.shipped()
    ).keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_leaflet_of_a_rule_is_what_its_file_says_of_itself(rule: Rule) -> None:
    text = (Path(cmvmon.rules.__file__).parent / f"{rule.code}.py").read_text(encoding="utf-8")
    assert rule.leaflet.strip() == (ast.get_docstring(ast.parse(text), clean=False) or "").strip() != ""


def test_a_rule_with_its_leaflet_is_short_and_none_knows_another() -> None:
    folder = Path(cmvmon.rules.__file__).parent
    codes = {rule.code for rule in RULES}
    for code in codes:
        text = (folder / f"{code}.py").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 80, code
        imported = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
        assert not {f"cmvmon.rules.{other}" for other in codes} & imported


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_result_that_a_sentence_names_is_one_that_the_alert_rests_on(rule: Rule) -> None:
    """Words are held to their facts by these ids: a result that is told and not listed would outlive its withdrawal."""
    facts = {name for table in all_fact_tables().values() for name in table.facts}
    for sentence in rule.says:
        named = {f"{told.removesuffix('_collected_at')}_result_id" for told in sentence.told} & facts
        said_with = [place for place, (_, when) in enumerate(rule.rests_on) if when is sentence.when]
        may_hold = rule.rests_on[: said_with[0] + 1] if said_with else rule.rests_on
        assert not named or may_hold
        for ids, _ in may_hold:
            assert named <= set(ids), sentence.key
