"""Every rule tells why: which conditions held, and at which value of one of its facts or numbers its verdict turns."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from cmvmon.facts import all_fact_tables
from cmvmon.facts.conditions import PROTOCOL
from cmvmon.rules import Rule, all_rules
from cmvmon.rules.evidence import read_back
from cmvmon.rules.explaining import CONTRADICTORY, asked, turns, verdict_with
from cmvmon.rules.judging import judged
from cmvmon.run.asking.rule_query import where
from cmvmon.shell.folder.site import Site
from tests.rules.reading import cases
from tests.rules.together import verdicts_of

RULES = [rule for rule in all_rules() if not rule.is_state]  # why an alert stands is asked of alerts
ROOT = Path(__file__).parents[2]


@cache
def alerts(code: str) -> pl.DataFrame:
    """Every alert of the rule's own case table."""
    found = [verdicts_of(case) for case in cases(code) if case.verdict == "alert"]
    return pl.concat(found).filter((pl.col("rule") == code) & (pl.col("verdict") == "alert"))


@cache
def kinds_of_alert(code: str) -> pl.DataFrame:
    """One alert for each tier and set of grounds: the conditions of the others are asked in the same way."""
    found = alerts(code)
    told = found["evidence"].str.json_decode(pl.Struct({"grounds": pl.List(pl.String)}))
    grounds = told.struct.field("grounds").list.join(" ")
    return found.with_columns(grounds).unique(["tier", "grounds"], keep="first", maintain_order=True)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_conditions_that_decided_are_named_with_their_sides(rule: Rule) -> None:
    for verdict in kinds_of_alert(rule.code).iter_slices(1):
        told = asked(rule, read_back(rule, verdict, all_fact_tables()))
        holds = {one.part: one.holds for one in told if one.depth == 0}
        grounds = json.loads(verdict["evidence"][0])["grounds"]
        assert {
            part.removeprefix("fires ") for part, held in holds.items() if part.startswith("fires ") and held
        } == set(grounds)
        assert holds["applies"] is True
        assert holds["clears"] is not True
        assert (
            next(part for part, held in holds.items() if part.startswith("tier ") and held)
            == f"tier {verdict['tier'][0]}"
        )
        comparisons = [one for one in told if one.right is not None]
        assert all(one.left is not None or one.holds is not False for one in comparisons), "a side that is not known"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_turning_value_put_back_into_the_evidence_turns_the_verdict(rule: Rule) -> None:
    """By judging again from the evidence with that one column changed, and with it the other bound of the same number; just before it the verdict is still an alert."""
    turned = set()
    for verdict in kinds_of_alert(rule.code).iter_slices(1):
        frame = read_back(rule, verdict, all_fact_tables())
        for turn in turns(rule, frame):
            names = {
                turn.column,
                turn.column.replace("at_least", "at_most"),
                turn.column.replace("at_most", "at_least"),
            }
            alike = [n for n in names & set(frame.columns) if frame[n][0] == frame[turn.column][0] or n == turn.column]
            changed = frame.with_columns(pl.lit(turn.at).cast(frame.schema[n]).alias(n) for n in alike)
            found = judged(rule, changed)
            now = None if found.is_empty() else found.select("verdict", "reason", "tier").row(0)
            assert now != ("alert", None, verdict["tier"][0]), turn
            assert (now is None) == (turn.verdict == "not judged")
            assert turn.verdict != CONTRADICTORY
            assert verdict_with(rule, frame, **{turn.column: turn.now}) == f"alert tier {verdict['tier'][0]}"
            turned.add(turn.column)
    decided = {name for condition in (*rule.fires.values(), rule.clears) for name in condition.columns}
    assert turned & decided


def test_the_number_at_which_an_alert_turns_is_found_on_either_side_of_its_line() -> None:
    (rule,) = (rule for rule in RULES if rule.code == "no_follow_up")
    found = {turn.column: turn for turn in turns(rule, read_back(rule, alerts(rule.code)[:1], all_fact_tables()))}
    assert (found["protocol.overdue_after_days"].now, found["protocol.overdue_after_days"].at) == (9.0, 12.0)
    assert found["last_blood_collected_at"].at.isoformat() == "2026-03-06T08:00:00+00:00"
    assert found["is_discharged"].verdict == "clear"


def test_a_question_about_what_is_not_known_is_neither_true_nor_false() -> None:
    (rule,) = (rule for rule in RULES if rule.code == "no_follow_up")
    never = next(case for case in cases(rule.code) if case.name.startswith("never a blood result"))
    verdict = verdicts_of(never).filter(pl.col("rule") == rule.code)
    states = {one.says: one.holds for one in asked(rule, read_back(rule, verdict, all_fact_tables()))}
    assert states["as_of - last_blood_collected_at <= protocol.overdue_after_days days"] is None
    assert states["is_discharged"] is False


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_file_and_stanza_that_are_named_hold_that_number(rule: Rule, tmp_path: Path) -> None:
    found = where(Site(tmp_path), rule)
    named = {(number["stanza"], number["key"]) for number in found["numbers"]}
    for number in found["numbers"]:
        values = tomllib.loads((ROOT / number["file"]).read_text(encoding="utf-8"))
        for part in number["stanza"].split("."):
            values = values[part]
        assert values[number["key"]] == number["value"]
        assert number["source"] == values["source"]
    read = {
        name.removeprefix(PROTOCOL) for condition in rule.conditions() for name in condition.columns if PROTOCOL in name
    }
    keys = {(stanza.split(".")[0], key) for stanza, key in named}
    assert {tuple(name.split(".")) if "." in name else ("rules", name) for name in read} <= keys
    assert all((ROOT / file).is_file() for file in (found["logic"], *found["words"]))


def test_the_protocol_of_a_site_is_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "protocol").mkdir()
    text = (ROOT / "cmvmon/protocol/icu_cmv_2024.toml").read_text(encoding="utf-8")
    own = text.replace("overdue_after_days = 9.0", "overdue_after_days = 11.0")
    (tmp_path / "protocol" / "ours.toml").write_text(own, encoding="utf-8")
    (rule,) = (rule for rule in RULES if rule.code == "no_follow_up")
    told = next(n for n in where(Site(tmp_path), rule)["numbers"] if n["key"] == "overdue_after_days")
    assert (told["file"], told["value"], told["unit"]) == (f"{tmp_path.name}/protocol/ours.toml", 11.0, "days")
