"""Every rule against its case table: alert, clear, not assessable, and the boundary between them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import cmvmon.rules
from cmvmon.assess import assess
from cmvmon.domain import words
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.rules import all_rules
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import CASES, PATIENT, Case, about, assessed, at, cases, tables
from tests.rules.together import verdicts_of

RULES = [rule.code for rule in all_rules()]
STATES = {rule.code for rule in all_rules() if rule.is_state}
EVERY = [case for rule in RULES for case in cases(rule)]


def verdict_rows(case: Case) -> pl.DataFrame:
    return verdicts_of(case).filter(about(case))


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.rule}: {case.name}")
def test_the_rule_says_what_its_case_table_says(case: Case) -> None:
    rows = verdict_rows(case)
    if case.verdict == "none":
        assert rows.is_empty()
        return
    says = [_said(case.rule, row) for row in rows.iter_rows(named=True)]
    assert says == [(case.verdict, case.reason, case.tier)]


def _said(rule: str, row: dict[str, object]) -> tuple[object, object, object]:
    """Verdict, reason and tier; `state` where a rule that tells a state is clear and tells it."""
    evidence = json.loads(str(row["evidence"]))
    tells = row["verdict"] == words.CLEAR and evidence["says"] is not None
    assert not tells or rule in STATES
    return "state" if tells else row["verdict"], row["reason"], row["tier"]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_cases_of_each_kind(rule: str) -> None:
    first = "state" if rule in STATES else "alert"
    assert {first, "clear", "not assessable", "boundary"} <= {case.kind for case in cases(rule)}


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.rule}: {case.name}")
def test_a_case_is_of_the_kind_that_its_verdict_is(case: Case) -> None:
    of_kind = {
        "alert": "alert",
        "state": "state",
        "clear": "clear",
        "not assessable": "not_assessable",
        "no row": "none",
    }
    assert of_kind.get(case.kind, case.verdict) == case.verdict


def test_there_is_no_case_table_without_a_rule() -> None:
    assert sorted({path.name.partition(".")[0] for path in CASES.glob("*.md")}) == RULES


def test_a_bal_at_the_line_says_so_and_one_below_it_does_not() -> None:
    said = {
        case.name: json.loads(verdict_rows(case)["evidence"][0])["says"][0]
        for case in cases("bal_at_local_line")
        if case.verdict == "alert"
    }
    assert said["untreated, BAL of 10,000 IU/mL yesterday"] == "at_line"
    assert said["untreated, any quantified BAL, while the host is unknown"] == "quantified"
    assert said["untreated, above range"] == "at_line"


def test_the_source_of_the_judged_compartment_is_in_the_evidence() -> None:
    found = {}
    for case in cases("response"):
        rows = verdict_rows(case)
        if not rows.is_empty():
            found[case.name] = json.loads(rows["evidence"][0])["affected_source"]
    assert found["nothing stated, BAL below the line: the followed blood is judged"] == "followed"
    assert found["nothing stated, a BAL of 10,000 at the anchor: the lung is inferred"] == "inferred"
    assert found["a fall of 0.3 log10 per week in the stated compartment, judged at day 21"] == "stated"


def test_after_a_new_segment_the_evidence_names_what_the_estimate_rests_on() -> None:
    case = next(c for c in cases("response") if "five weeks" in c.name)
    evidence = json.loads(verdict_rows(case)["evidence"][0])
    assert (evidence["n_used"], evidence["estimated_since"][:10]) == (3, "2026-04-13")
    plain = json.loads(verdict_rows(cases("response")[0])["evidence"][0])
    assert (plain["n_used"], len(plain["result_ids"]), plain["estimated_since"]) == (4, 4, plain["anchor_at"])


def test_a_course_that_could_not_be_read_leaves_the_treatment_unknown() -> None:
    case = next(c for c in cases("bal_at_local_line") if c.name.startswith("untreated, BAL of 10,000"))
    given = replace(tables(case), unread={ANTIVIRAL_COURSES.name: frozenset({PATIENT})})
    verdicts = assess(given, protocol=Protocol.shipped(), as_of=at(case.as_of_day)).verdicts
    found = dict(zip(verdicts["rule"], verdicts["reason"], strict=True))
    assert found["bal_at_local_line"] == found["response"] == found["no_follow_up"] == "treatment_unknown"


def test_a_stay_that_could_not_be_read_leaves_it_unknown_whether_letermovir_alone_meets_disease() -> None:
    case = next(c for c in cases("drug_line") if c.name == "letermovir alone, stated that none is affected")
    given = replace(tables(case), unread={ICU_STAYS.name: frozenset({PATIENT})})
    verdicts = assess(given, protocol=Protocol.shipped(), as_of=at(case.as_of_day)).verdicts.filter(about(case))
    assert verdicts.select("verdict", "reason").rows() == [(words.NOT_ASSESSABLE, "stay_unread")]


def test_renal_replacement_that_fell_silent_leaves_it_unknown_whether_citrate_ran_beside_foscarnet() -> None:
    case = next(c for c in cases("interaction_note") if c.name == "no circuit")
    given = replace(tables(case), silent={RENAL_REPLACEMENT.name: at(3)})
    verdicts = assess(given, protocol=Protocol.shipped(), as_of=at(case.as_of_day)).verdicts.filter(about(case))
    assert verdicts.select("verdict", "reason").rows() == [(words.NOT_ASSESSABLE, "renal_replacement_not_known")]


@pytest.mark.parametrize("as_of_day", [4.0, 11.0])
def test_a_withdrawal_of_a_result_that_came_nobody_knows_when_is_never_cleared(as_of_day: float) -> None:
    case = next(c for c in cases("result_withdrawn_after_use") if c.name.startswith("BAL stood for three days"))
    given = tables(case)
    is_first = pl.col("result_status") != words.WITHDRAWN
    untold = {name: pl.when(~is_first).then(name) for name in ("received_at", "reported_at")}
    results = given[VIRAL_LOAD_RESULTS].with_columns(**untold)
    given = replace(given, tables={**given.tables, VIRAL_LOAD_RESULTS.name: results})
    verdicts = assess(given, protocol=Protocol.shipped(), as_of=at(as_of_day)).verdicts.filter(about(case))
    assert verdicts.select("verdict", "reason").rows() == [(words.NOT_ASSESSABLE, "time_in_use_unknown")]


def test_a_patient_without_any_series_has_one_row_for_each_rule() -> None:
    case = next(c for c in cases("suppressed") if c.name == "no result at all")
    rules = assessed(case).verdicts["rule"].to_list()
    on_their_own_terms = {
        "bal_negative",
        "critical_result_unseen",
        "data_unfit",
        "drug_line",
        "exposure_high",
        "exposure_low",
        "guide_sampling_moment",
        "pending_at_discharge",
        "plasma_does_not_exclude",
        "possible_lab_issue",
        "resistance_found",
        "result_withdrawn_after_use",
        "rise_on_prophylaxis",
        "toxicity_monitoring",
        "untreated_rise",
    }
    of_each_count = ["toxicity_monitoring"] * 2
    assert sorted(rules) == sorted([*(set(RULES) - on_their_own_terms), *of_each_count])


def test_rules_are_found_by_their_files() -> None:
    assert {"bal_at_local_line", "no_follow_up", "rebound", "response", "suppressed"} <= set(RULES)
    folder = Path(cmvmon.rules.__file__).parent
    assert sorted(path.stem for path in folder.glob("*.py") if "\nRULE = " in path.read_text(encoding="utf-8")) == RULES


def test_a_state_alerts_on_nobody_and_tells_itself_with_the_results_that_it_rests_on() -> None:
    told = [row for case in cases("suppressed") if case.verdict == "state" for row in verdict_rows(case).to_dicts()]
    assert {row["verdict"] for row in told} == {words.CLEAR}
    assert all(len(json.loads(row["evidence"])["result_ids"]) == 2 for row in told)
