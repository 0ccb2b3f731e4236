"""The engine of the rules, with made-up rules over made-up facts: unknowns, both answers at once, order, grounds, tiers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.errors import ContractBroken, ProgramError
from cmvmon.domain.known import Known
from cmvmon.domain.prepared import Prepared
from cmvmon.facts import Facts, FactTable, by_name
from cmvmon.facts.conditions import choose, fact, number, otherwise, truth
from cmvmon.protocol import RuleStanza
from cmvmon.rules.evidence import read_back
from cmvmon.rules.judging import check, in_order, judge, judged
from cmvmon.rules.rulebook import Rule, alerts_by, say, verdict_of
from cmvmon.shell.folder.protocol_files import Protocol

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENT = Column("patient_id", Kind.TEXT, "The patient.")


def table(name: str, key: tuple[str, ...], lists: str = "", **columns: tuple[Kind, list[Any]]) -> FactTable:
    """A fact table that holds these values."""
    rows = RowType(name, "Made up.", key, tuple(Column(c, kind, "Made up.") for c, (kind, _) in columns.items()))
    frame = pl.DataFrame({c: values for c, (_, values) in columns.items()}, schema=rows.schema)
    return FactTable(rows, lambda _: frame, lists)


PEOPLE = table("people", ("patient_id",), "patient", patient_id=(Kind.TEXT, ["A", "B", "C"]))
FEVER = table(
    "fever",
    ("patient_id",),
    patient_id=(Kind.TEXT, ["A", "B"]),
    celsius=(Kind.NUMBER, [39.5, None]),
    is_shivering=(Kind.TRUTH, [None, False]),
    ward_word=(Kind.TEXT, ["hot", "cold"]),
    measured_at=(Kind.MOMENT, [NOON, None]),
)


def rule(code: str = "made_up", **other: Any) -> Rule:
    """A rule that alerts above the number `line`, clears at or below it, and can't tell without a value."""
    celsius = fact("celsius")
    return Rule(
        **{
            "code": code,
            "subject": "patient",
            "applies": otherwise,
            "fires": {"hot": celsius > number("line")},
            "clears": celsius <= number("line"),
            "tier": {2: otherwise},
            "cannot_tell": (("not_measured", otherwise),),
            "says": (say("hot", celsius),),
            "leaflet": "",
        }
        | other
    )


def facts(*tables: FactTable, **numbers: Mapping[str, float]) -> Facts:
    """The made-up facts, under a protocol with a stanza for each rule that is named."""
    protocol = Protocol.shipped()
    origin = protocol.rules["rebound"].provenance
    stanzas = {code: RuleStanza(held, origin) for code, held in numbers.items()}
    empty = pl.DataFrame()
    nothing = Prepared(Known({}), empty, empty, empty, empty, empty)
    return Facts(
        nothing, protocol=replace(protocol, rules=stanzas), as_of=NOON, tables=by_name((PEOPLE, *(tables or (FEVER,))))
    )


def said(*rules: Rule, line: float = 38.0, of: FactTable = FEVER) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(verdict, reason, tier) by rule and patient."""
    found = judge(rules, facts(of, **{rule.code: {"line": line} for rule in rules}))
    return {(row["rule"], row["patient_id"]): (row["verdict"], row["reason"], row["tier"]) for row in found.to_dicts()}


def test_a_fact_that_is_null_and_one_without_a_row_neither_fire_nor_clear() -> None:
    assert said(rule()) == {
        ("made_up", "A"): ("alert", None, 2),
        ("made_up", "B"): ("not_assessable", "not_measured", None),
        ("made_up", "C"): ("not_assessable", "not_measured", None),
    }


def test_a_condition_is_never_null_and_its_negation_reads_not_known_to_be_so() -> None:
    hot, shivering = fact("celsius") > number("line"), truth("is_shivering")
    frame = pl.DataFrame({"celsius": [39.5, None], "is_shivering": [None, True], "protocol.line": [38.0, 38.0]})
    asked = {
        "hot": hot,
        "not_hot": ~hot,
        "either": hot | shivering,
        "both": hot & shivering,
        "twice": ~~hot,
        "chosen": choose(shivering, hot, ~hot),
        "known": fact("celsius").is_known(),
        "among": fact("celsius").is_unknown() & ~hot,
    }
    found = frame.select(**{name: condition.expr for name, condition in asked.items()})
    assert found.null_count().row(0) == (0,) * len(asked)
    assert found.rows(named=True) == [
        {"hot": True, "not_hot": False, "either": True, "both": False, "twice": True, "chosen": False}
        | {"known": True, "among": False},
        {"hot": False, "not_hot": True, "either": True, "both": False, "twice": False, "chosen": False}
        | {"known": False, "among": True},
    ]


def test_a_condition_keeps_its_parts_so_that_it_can_be_told_at_which_value_it_turns() -> None:
    condition = (fact("celsius") > number("line")) & ~truth("is_shivering")
    turns, shivers = condition.questions()
    assert str(turns) == "celsius > protocol.line"
    assert turns.right.expr.meta.root_names() == ["protocol.line"]  # type: ignore[attr-defined]
    assert str(shivers) == "is_shivering"
    assert str(condition) == "(celsius > protocol.line and not is_shivering)"


def test_a_rule_that_fires_and_clears_at_once_is_stopped_with_its_name_and_a_count_and_no_patient() -> None:
    with pytest.raises(ContractBroken, match="the rule made_up fires and clears at once on 1 subjects") as caught:
        said(rule(clears=fact("celsius").is_known()))
    assert caught.value.table == "verdicts"
    assert "A" not in str(caught.value).replace("Array", "")


def test_the_first_reason_that_holds_is_given_and_it_may_be_a_fact() -> None:
    word = fact("ward_word")
    ordered = ((word, word == "cold"), ("no_word", word.is_unknown()), ("last", otherwise))
    found = said(rule(cannot_tell=ordered))
    assert found["made_up", "B"] == ("not_assessable", "cold", None)
    assert found["made_up", "C"] == ("not_assessable", "no_word", None)
    other_way = (("last_first", word.is_unknown()), *ordered)
    assert said(rule(cannot_tell=other_way))["made_up", "C"][1] == "last_first"


def test_the_last_reason_and_the_last_tier_must_hold_otherwise() -> None:
    with pytest.raises(ProgramError, match="made_up: the last condition of cannot_tell must be `otherwise`"):
        rule(cannot_tell=(("cold", truth("is_shivering")),))
    with pytest.raises(ProgramError, match="the last condition of tier must be `otherwise`"):
        rule(tier={2: truth("is_shivering")})
    with pytest.raises(ProgramError, match="no ground that fires it"):
        rule(fires={})


def test_every_ground_that_holds_is_named_in_order_and_the_tier_may_depend_on_it() -> None:
    very_hot, hot = fact("celsius") > number("very"), fact("celsius") > number("line")
    graded = rule(
        fires={"very_hot": very_hot, "hot": hot},
        tier={1: very_hot, 2: otherwise},
        says=(say("very_hot", when=very_hot), say("hot", fact("celsius"))),
    )
    for very, grounds, tier in ((39.0, ["very_hot", "hot"], 1), (40.0, ["hot"], 2)):
        found = judge((graded,), facts(made_up={"line": 38.0, "very": very})).row(0, named=True)
        evidence = json.loads(found["evidence"])
        assert (evidence["grounds"], evidence["says"], found["tier"]) == (grounds, grounds, tier)


def test_what_holds_a_fire_back_makes_it_not_assessable_with_its_own_reason() -> None:
    held = rule(unless={"shivering": truth("is_shivering"), "word": fact("ward_word") == "hot"})
    assert said(held)["made_up", "A"] == ("not_assessable", "word", None)
    assert said(held, line=39.5)["made_up", "A"] == ("clear", None, None)


def test_a_rule_says_nothing_of_subjects_that_it_does_not_apply_to() -> None:
    assert [patient for _, patient in said(rule(applies=fact("ward_word").is_known()))] == ["A", "B"]


def test_evidence_holds_what_was_read_and_is_judged_again_to_the_same() -> None:
    late = rule(
        fires={"hot": (fact("celsius") > number("line")) & (fact("as_of") - fact("measured_at") <= number("days").days)}
    )
    given = facts(made_up={"line": 38.0, "days": 1.0})
    verdicts = judge((late,), given)
    evidence = json.loads(verdicts["evidence"][0])
    assert list(evidence) == sorted(evidence)
    assert {k: v for k, v in evidence.items() if k not in ("grounds", "guide", "says", "result_ids")} == {
        "celsius": 39.5,
        "measured_at": "2026-03-01T12:00:00Z",
        "protocol.days": 1.0,
        "protocol.line": 38.0,
    }
    again = judged(late, read_back(late, verdicts, given.tables))
    assert again.select("verdict", "reason", "tier").equals(verdicts.select("verdict", "reason", "tier"))


def test_the_numbers_that_a_rule_needs_follow_from_what_it_reads_and_what_its_leaflet_names() -> None:
    asks = rule(
        fires={"hot": fact("celsius") > number("decline.target_log10_per_week")}, leaflet="Above {line}, or {other}."
    )
    assert asks.needs == {"line", "other"}
    assert asks.numbers == {"line", "other", "decline.target_log10_per_week"}


def test_a_number_that_the_protocol_does_not_hold_is_named() -> None:
    for name in ("decline.no_such", "no_such", "nowhere.at_all"):
        with pytest.raises(ProgramError, match=f"the rule made_up reads the number '{name}'"):
            said(rule(clears=fact("celsius") <= number(name)))


def test_a_rule_may_read_what_another_says_of_its_patient_and_is_judged_after_it() -> None:
    after = rule(
        "a_second",
        fires={"both": (verdict_of("made_up") == "alert") & alerts_by("made_up", "hot")},
        clears=verdict_of("made_up") == "clear",
        says=(say("both"),),
    )
    assert [r.code for r in in_order((after, rule()))] == ["made_up", "a_second"]
    found = said(after, rule())
    assert found["a_second", "A"] == ("alert", None, 2)
    assert found["a_second", "B"] == ("not_assessable", "not_measured", None)


def test_rules_that_read_each_other_in_a_circle_are_refused_and_so_is_one_that_reads_what_is_not_there() -> None:
    one = rule("one", clears=verdict_of("two") == "alert")
    two = rule("two", clears=verdict_of("one") == "alert")
    with pytest.raises(ProgramError, match=r"in a circle: (one -> two -> one|two -> one -> two)"):
        in_order((one, two))
    with pytest.raises(ProgramError, match="the rule one reads the verdicts of two: there is no such rule"):
        in_order((one,))


def test_whom_a_rule_applies_to_does_not_depend_on_what_another_says() -> None:
    with pytest.raises(ProgramError, match="whom the rule late applies to may not depend on what another rule says"):
        check((rule("late", applies=verdict_of("made_up") == "alert"), rule()), {})
    with pytest.raises(ProgramError, match="whom the rule late applies to"):
        check((rule("late", applies=alerts_by("made_up", "hot")), rule()), {})


def test_a_rule_whose_inhibitor_alerts_on_the_patient_is_not_assessable_and_says_so() -> None:
    inhibited = rule("z_late", inhibited_by=("made_up",), clears=fact("celsius") <= number("line"))
    found = said(inhibited, rule())
    assert found["z_late", "A"] == ("not_assessable", "inhibited_by_made_up", None)
    assert found["z_late", "B"] == ("not_assessable", "not_measured", None)
    cool = said(replace(inhibited, fires={"never": fact("celsius") > number("line")}), rule(), line=39.5)
    assert cool["z_late", "A"] == ("clear", None, None)


def test_an_inhibited_rule_does_not_clear_either() -> None:
    inhibitor = rule("first", fires={"any": fact("celsius").is_known()}, clears=fact("celsius").is_unknown())
    found = said(inhibitor, rule(inhibited_by=("first",)), line=50.0)
    assert found["made_up", "A"] == ("not_assessable", "inhibited_by_first", None)


def test_what_keeps_a_rule_open_keeps_it_from_being_clear_and_an_alert_stands() -> None:
    opened = rule(open_while={"hot_room": fact("celsius").is_known()}, clears=fact("celsius") <= number("line"))
    found = said(opened, line=38.0)
    assert found["made_up", "A"] == ("alert", None, 2)
    assert found["made_up", "B"] == ("not_assessable", "not_measured", None)
    cool = said(opened, line=39.5)
    assert cool["made_up", "A"] == ("not_assessable", "hot_room", None)


def test_what_keeps_a_rule_open_keeps_a_state_from_being_told() -> None:
    state = rule(is_state=True, tier={}, open_while={"hot_room": fact("celsius").is_known()})
    found = said(state, line=38.0)
    assert found["made_up", "A"] == ("not_assessable", "hot_room", None)
    assert said(replace(state, open_while={}), line=38.0)["made_up", "A"] == ("clear", None, None)


def test_a_rule_that_fires_and_clears_at_once_is_refused_though_something_keeps_it_open() -> None:
    opened = rule(open_while={"hot_room": fact("celsius").is_known()}, clears=fact("celsius").is_known())
    with pytest.raises(ContractBroken, match="fires and clears at once"):
        said(opened, line=38.0)


def test_a_rule_that_reads_what_no_fact_table_gives_stops_the_start() -> None:
    tables = by_name((PEOPLE, FEVER))
    with pytest.raises(ProgramError, match="the rule made_up reads 'no_such', which no fact table gives"):
        check((rule(clears=truth("no_such")),), tables)
    with pytest.raises(ProgramError, match="judges subjects of kind 'moon', which no fact table lists"):
        check((rule(subject="moon"),), tables)
    by_bed = table(
        "beds", ("patient_id", "bed"), patient_id=(Kind.TEXT, []), bed=(Kind.TEXT, []), soft=(Kind.TRUTH, [])
    )
    with pytest.raises(ProgramError, match="reads 'soft' of the fact table beds, whose rows are told apart by bed"):
        check((rule(clears=truth("soft")),), by_name((PEOPLE, FEVER, by_bed)))


def test_only_the_fact_tables_that_a_rule_reads_are_computed() -> None:
    def never(_: Facts) -> pl.DataFrame:
        raise AssertionError("nobody reads it")

    unread = FactTable(RowType("unread", "Made up.", ("patient_id",), (PATIENT, Column("x", Kind.TRUTH, "x"))), never)
    assert judge((rule(),), facts(FEVER, unread, made_up={"line": 38.0})).height == 3


def test_fact_tables_that_say_the_same_or_ask_each_other_in_a_circle_are_refused() -> None:
    twin = table("twin", ("patient_id",), patient_id=(Kind.TEXT, []), celsius=(Kind.NUMBER, []))
    with pytest.raises(ProgramError, match="the fact tables fever and twin both give celsius"):
        by_name((PEOPLE, FEVER, twin))
    rows = {name: RowType(name, "Made up.", ("patient_id",), (PATIENT,)) for name in ("x", "y")}
    circle = (FactTable(rows["x"], lambda f: f.of(rows["y"])), FactTable(rows["y"], lambda f: f.of(rows["x"])))
    with pytest.raises(ProgramError, match="in a circle: x -> y -> x"):
        facts(*circle).of(rows["x"])
