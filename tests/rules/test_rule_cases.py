"""Every rule against its case table: alert, clear, not assessable, and the boundary between them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.rules import all_rules, subjects, verdicts_of
from tests.rules.reading import CASES, PATIENT, Case, assessed, at, cases, shipped_protocol, tables

RULES = [rule.code for rule in all_rules()]
EVERY = [case for rule in RULES for case in cases(rule)]


def verdict_rows(case: Case) -> pl.DataFrame:
    rows = assessed(case).verdicts.filter(pl.col("rule") == case.rule)
    if case.compartment is None:
        return rows.filter(pl.col("compartment").is_null())
    return rows.filter(pl.col("compartment") == case.compartment)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.rule}: {case.name}")
def test_the_rule_says_what_its_case_table_says(case: Case) -> None:
    rows = verdict_rows(case)
    if case.verdict == "none":
        assert rows.is_empty()
        return
    assert rows.select("verdict", "reason", "tier").rows() == [(case.verdict, case.reason, case.tier)]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_cases_of_each_kind(rule: str) -> None:
    assert {"alert", "clear", "not assessable", "boundary"} <= {case.kind for case in cases(rule)}


def test_there_is_no_case_table_without_a_rule() -> None:
    assert sorted(path.stem for path in CASES.glob("*.md")) == RULES


@pytest.mark.parametrize(
    "case", [c for c in EVERY if c.verdict == "alert"], ids=lambda case: f"{case.rule}: {case.name}"
)
def test_an_alert_can_be_judged_again_from_its_evidence(case: Case) -> None:
    """The stored facts alone, put back under the rule's own expressions, fire it again at the same tier."""
    evidence = json.loads(verdict_rows(case)["evidence"][0])
    assert list(evidence) == sorted(evidence)
    protocol = shipped_protocol()
    rule = next(rule for rule in all_rules() if rule.code == case.rule)
    for number in rule.needs:
        assert evidence[number] == protocol.rules[case.rule][number]
    again = judged_by_hand(case.rule, evidence, assessed(case).verdicts["as_of"][0])
    assert again == (True, case.tier)


def judged_by_hand(rule: str, e: dict[str, object], as_of: object) -> tuple[bool, int]:
    """The rules as one would check them on paper, from the evidence only."""
    moment = lambda name: pl.Series([e[name]]).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_zone="UTC")[0]  # noqa: E731
    if rule == "slow_response":
        late = (moment("last_collected_at") - moment("anchor_at")).total_seconds() >= e["tier_2_from_days"] * 86_400
        latest, previous = e["latest_upper_iu_per_ml"], e["previous_lower_iu_per_ml"]
        low = latest is not None and latest < e["low_load_iu_per_ml"] and previous is not None and latest < previous
        has_load = e["latest_detection"] in ("quantified", "above_uloq")
        first = e["first_positive_iu_per_ml"]
        if first is not None and first < e["low_load_iu_per_ml"]:
            return False, 3
        enough = e["n_used_after_anchor"] >= e["odds_from_results"] and e["call"] in ("not_met", "indeterminate")
        by_odds = enough and has_load and e["odds_non_responder"] >= e["odds_non_responder_alarm"]
        by_call = e["call"] == "not_met" and e["mean_probability_above_target"] <= e["not_met_probability"]
        assert (by_call, by_odds) == (e["by_call"], e["by_odds"])
        return by_call or by_odds, 2 if late and not low else 3
    if rule == "rebound":
        return rebound_by_hand(e), 2
    if rule == "bal_at_local_line":
        recent = (as_of - moment("collected_at")).total_seconds() <= e["within_days"] * 86_400
        return recent and e["detection"] in ("quantified", "above_uloq") and e["treatment"] == "off", 2
    if rule == "no_follow_up":
        overdue = e["days_since_blood_result"] is None or e["days_since_blood_result"] > e["overdue_after_days"]
        late = (as_of - moment("course_started_at")).total_seconds() >= e["not_before_day"] * 86_400
        return overdue and late and e["treatment"] == "on" and not e["discharged"], 2
    below = {"not_detected", "below_lloq"}
    return {e["latest_detection"], e["previous_detection"]} <= below, 3


def rebound_by_hand(e: dict[str, object]) -> bool:
    lowest, last, before = (e[f"{n}_iu_per_ml"] for n in ("lowest", "last_lower", "last_but_one_lower"))
    airway = e["compartment"] in ("bal", "bronchial_wash", "tracheal_aspirate")

    def clearly_above(load: float | None) -> bool:
        rise = -math.inf if load is None else round(math.log10(load) - math.log10(lowest), 9)
        return rise >= e["lower_airway_rise_log10"] if airway else rise > e["rise_log10"]

    blood = e["parallel_blood_rise_log10"] is not None and e["parallel_blood_rise_log10"] > e["rise_log10"]
    beside = blood if airway else last >= e["to_at_least_iu_per_ml"]
    observed = clearly_above(last) and (beside or clearly_above(before))
    probability = e["probability_rebound"] or 0.0
    since_anchor, first = e["lowest_since_anchor_iu_per_ml"], e["first_positive_iu_per_ml"]
    least = e["probable_rise_lower_airway_log10" if airway else "probable_rise_log10"]
    risen = since_anchor is not None and round(math.log10(last) - math.log10(since_anchor), 9) >= least
    blip = first is not None and first < e["to_at_least_iu_per_ml"]
    probable = e["treatment"] == "on" and risen and not blip and probability >= e["probability_rebound_alarm"]
    assert (observed, probable) == (e["by_observed_rise"], e["by_probability"])
    return not e["last_conflicts"] and (observed or probable)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.rule}: {case.name}")
def test_no_rule_ever_fires_and_clears_at_once(case: Case) -> None:
    table, protocol = assessed(case).subjects, shipped_protocol()
    for rule in all_rules():
        stanza = protocol.rules[rule.code]
        both = rule.fires(stanza).fill_null(False) & rule.clears(stanza).fill_null(False)
        assert table.filter(rule.applies()).filter(both).is_empty(), rule.code


def test_a_bal_at_the_line_says_so_and_one_below_it_does_not() -> None:
    said = {
        case.name: json.loads(verdict_rows(case)["evidence"][0])["at_local_line"]
        for case in cases("bal_at_local_line")
        if case.verdict == "alert"
    }
    assert said["untreated, BAL of 10,000 IU/mL yesterday"] is True
    assert said["untreated, any quantified BAL, while the host is unknown"] is False
    assert said["untreated, above range"] is True


def test_the_source_of_the_judged_compartment_is_in_the_evidence() -> None:
    found = {}
    for case in cases("slow_response"):
        rows = verdict_rows(case)
        if not rows.is_empty():
            found[case.name] = json.loads(rows["evidence"][0])["affected_source"]
    assert found["nothing stated, BAL below the line: the followed blood is judged"] == "followed"
    assert found["nothing stated, a BAL of 10,000 at the anchor: the lung is inferred"] == "inferred"
    assert found["a fall of 0.3 log10 per week in the stated compartment, judged at day 21"] == "stated"


def test_after_a_new_segment_the_evidence_names_what_the_estimate_rests_on() -> None:
    case = next(c for c in cases("slow_response") if "five weeks" in c.name)
    evidence = json.loads(verdict_rows(case)["evidence"][0])
    assert (len(evidence["result_ids"]), evidence["estimated_since"][:10]) == (3, "2026-04-13")
    plain = json.loads(verdict_rows(cases("slow_response")[0])["evidence"][0])
    assert (len(plain["result_ids"]), plain["estimated_since"]) == (4, plain["anchor_at"])


def test_a_course_that_could_not_be_read_leaves_the_treatment_unknown() -> None:
    case = next(c for c in cases("bal_at_local_line") if c.name.startswith("untreated, BAL of 10,000"))
    given = replace(tables(case), unread={ANTIVIRAL_COURSES.name: frozenset({PATIENT})})
    verdicts = assess(given, protocol=shipped_protocol(), as_of=at(case.as_of_day)).verdicts
    found = dict(zip(verdicts["rule"], verdicts["reason"], strict=True))
    assert found["bal_at_local_line"] == found["slow_response"] == found["no_follow_up"] == "treatment_unknown"


def test_a_patient_without_any_series_has_one_row_for_each_rule() -> None:
    case = next(c for c in cases("suppressed") if c.name == "no result at all")
    rules = assessed(case).verdicts["rule"].to_list()
    assert sorted(rules) == RULES


def test_rules_are_found_by_their_files() -> None:
    assert RULES == ["bal_at_local_line", "no_follow_up", "rebound", "slow_response", "suppressed"]
    assert callable(subjects)
    assert callable(verdicts_of)
