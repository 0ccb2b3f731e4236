"""The engine of the rules on several subjects of one patient, on many grounds, and on many patients. All made up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.columns import Kind
from cmvmon.domain.errors import ProgramError
from cmvmon.facts import Facts, by_name
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.evidence import _as_lists, read_back
from cmvmon.rules.judging import judge, judged
from cmvmon.rules.rulebook import Rule, alerts_by, say, verdict_of
from tests.rules.test_the_engine import NOON, facts, rule, table

PLACES = table(
    "places",
    ("patient_id", "compartment"),
    "compartment",
    patient_id=(Kind.TEXT, ["A", "A", "B", "B", "C", "C"]),
    compartment=(Kind.TEXT, ["bal", "plasma"] * 3),
    load=(Kind.NUMBER, [9.0, 1.0, None, 1.0, 1.0, 1.0]),
    is_held=(Kind.TRUTH, [False] * 6),
)


def of_places(**other: Any) -> Rule:
    """A rule that judges compartments."""
    load = fact("load")
    return rule(
        subject="compartment",
        fires={"high": load > number("line"), "very": load > number("very")},
        clears=load <= number("line"),
        says=(say("high", load),),
        **other,
    )


def test_what_is_said_of_a_patient_is_the_gravest_of_what_is_said_of_her_compartments() -> None:
    asks = {word: verdict_of("made_up") == word for word in ("alert", "not_assessable")}
    after = rule("z_after", fires=asks, clears=verdict_of("made_up") == "clear", says=(say("it"),))
    found = judge((of_places(), after), facts(PLACES, made_up={"line": 5.0, "very": 7.0}, z_after={}))
    told = {
        row["patient_id"]: (row["verdict"], json.loads(row["evidence"])["grounds"])
        for row in found.filter(rule="z_after").to_dicts()
    }
    assert told == {"A": ("alert", ["alert"]), "B": ("alert", ["not_assessable"]), "C": ("clear", [])}


@pytest.mark.parametrize(("very", "held", "alerts"), [(7.0, False, True), (10.0, False, False), (7.0, True, False)])
def test_a_ground_of_a_patient_is_that_of_one_compartment_which_alerts(very: float, held: bool, alerts: bool) -> None:
    """A ground that holds while its alert is held back is none."""
    places = replace(PLACES, compute=lambda _: PLACES.compute(_).with_columns(is_held=pl.lit(held)))  # type: ignore[arg-type]
    after = rule(
        "z_after", fires={"it": alerts_by("made_up", "very")}, clears=~alerts_by("made_up", "very"), says=(say("it"),)
    )
    before = of_places(unless={"held": truth("is_held")})
    found = judge((before, after), facts(places, made_up={"line": 5.0, "very": very}, z_after={}))
    verdicts = dict(found.filter(rule="z_after").select("patient_id", "verdict").rows())
    assert verdicts == {"A": "alert" if alerts else "clear", "B": "clear", "C": "clear"}


def test_many_grounds_and_many_sentences_are_told_apart_and_in_order() -> None:
    """Whichever of ten hold, on a hundred patients."""
    ids = [f"P{n:03}" for n in range(100)]
    people = table("people", ("patient_id",), "patient", patient_id=(Kind.TEXT, ids))
    numbers = table("numbers", ("patient_id",), patient_id=(Kind.TEXT, ids), n=(Kind.INTEGER, list(range(100))))
    above = {f"from_{line}": fact("n") >= line for line in range(0, 100, 10)}
    graded = rule(
        fires=above,
        clears=fact("n") < 0,
        says=tuple(say(f"below_{line}", when=fact("n") < line) for line in range(10, 110, 10)),
    )
    given = facts(made_up={})
    found = judge(
        (graded,), Facts(given.prepared, protocol=given.protocol, as_of=NOON, tables=by_name((people, numbers)))
    )
    for row in found.to_dicts():
        n, told = int(row["patient_id"][1:]), json.loads(row["evidence"])
        assert told["grounds"] == [f"from_{line}" for line in range(0, n + 1, 10)]
        assert told["says"] == [f"below_{line}" for line in range(n // 10 * 10 + 10, 110, 10)]


def test_the_results_that_a_verdict_rests_on_are_named_once_each_in_the_order_of_the_rule() -> None:
    """Of 2,000 patients, of whom one lacks a result here and there."""
    n = 2_000
    ids = [f"P{i:04}" for i in range(n)]
    people = table("people", ("patient_id",), "patient", patient_id=(Kind.TEXT, ids))
    first = [None if i % 7 == 0 else f"a{i}" for i in range(n)]
    second = [f"a{i}" if i % 5 == 0 else None if i % 3 == 0 else f"b{i}" for i in range(n)]
    third = [None if i % 3 == 0 else f"c{i}" for i in range(n)]
    results = table(
        "results_of",
        ("patient_id",),
        patient_id=(Kind.TEXT, ids),
        third=(Kind.TEXT, third),
        second=(Kind.TEXT, second),
        first=(Kind.TEXT, first),
        listed=(Kind.TEXTS, [[f"z{i}", f"y{i}"] if i % 2 else None for i in range(n)]),
        is_listed=(Kind.TRUTH, [i % 4 == 1 for i in range(n)]),
    )
    rests = rule(
        fires={"all": fact("first").is_known()},
        clears=fact("first").is_unknown(),
        rests_on=((("listed",), truth("is_listed")), (("first", "second", "third"), otherwise)),
        says=(say("all"),),
    )
    given = facts(made_up={})
    tables = by_name((people, results))
    found = judge((rests,), Facts(given.prepared, protocol=given.protocol, as_of=NOON, tables=tables))
    for i, evidence in enumerate(found.sort("patient_id")["evidence"]):
        held = [f"z{i}", f"y{i}"] if i % 4 == 1 else [*dict.fromkeys(x for x in (first[i], second[i], third[i]) if x)]
        assert json.loads(evidence)["result_ids"] == held, i


def test_what_another_rule_said_is_in_the_evidence_and_is_judged_again_to_the_same() -> None:
    after = rule(
        "z_after",
        fires={"it": (verdict_of("made_up") == "alert") & alerts_by("made_up", "hot")},
        clears=verdict_of("made_up") == "clear",
        says=(say("it"),),
    )
    made = facts(made_up={"line": 38.0}, z_after={})
    verdicts = judge((rule(), after), made).filter(rule="z_after")
    evidence = json.loads(verdicts["evidence"][0])
    assert (evidence["verdict.made_up"], evidence["ground.made_up.hot"]) == ("alert", True)
    again = judged(after, read_back(after, verdicts, made.tables))
    assert again.select("verdict", "reason").equals(verdicts.select("verdict", "reason"))


def test_a_fact_table_that_tells_of_one_patient_twice_is_stopped() -> None:
    twice = table("fever", ("patient_id",), patient_id=(Kind.TEXT, ["A", "A"]), celsius=(Kind.NUMBER, [39.0, 37.0]))
    with pytest.raises(ProgramError, match="the fact table fever has several rows of one"):
        judge((rule(),), facts(twice, made_up={"line": 38.0}))


IDS = st.lists(st.tuples(*[st.one_of(st.none(), st.sampled_from("abc"))] * 3), max_size=40)


@given(IDS)
def test_the_ids_of_each_row_become_a_list_without_those_that_are_not_known(rows: list[tuple[str | None, ...]]) -> None:
    """Called as it stands, too: polars runs it on a thread of its own."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys("xyz", pl.String), orient="row")
    assert _as_lists(frame.to_struct("ids")).to_list() == [[x for x in row if x is not None] for row in rows]
