"""An estimate that stands exactly at the number it is held against: no made-up patient hits it, so it is put into the evidence."""

from __future__ import annotations

from typing import Any

import polars as pl

from cmvmon.facts import all_fact_tables
from cmvmon.rules import all_rules
from cmvmon.rules.evidence import read_back
from cmvmon.rules.judging import judged
from tests.rules.reading import about, cases
from tests.rules.together import verdicts_of

RULES = {rule.code: rule for rule in all_rules()}


def judged_again(rule: str, name: str, **put: pl.Expr | float) -> dict[str, Any]:
    """What the rule says of the patient of that case, with these facts put in place of his own."""
    case = next(case for case in cases(rule) if case.name == name)
    frame = read_back(RULES[rule], verdicts_of(case).filter(about(case)), all_fact_tables())
    assert set(put) <= set(frame.columns)
    return judged(RULES[rule], frame.with_columns(**put)).row(0, named=True)


def test_a_probability_of_rebound_of_exactly_the_alarm_s_number_alerts_and_one_just_below_it_does_not() -> None:
    line = pl.col("protocol.alarm.probability_rebound")
    case = "0.50 log10 above: seen besides"
    assert judged_again("rebound", case, probability_rebound=line)["grounds"] == ["computed"]
    assert judged_again("rebound", case, probability_rebound=line - 1e-9)["verdict"] == "clear"


def test_an_estimated_fall_of_exactly_1_log10_is_little_and_a_larger_one_is_enough() -> None:
    line = pl.col("protocol.least_fall_log10")
    case = "a fall of 0.3 log10 per week in the stated compartment, judged at day 21"
    assert "low_fall" in judged_again("response", case, estimated_fall_log10=line)["grounds"]
    assert "low_fall" not in judged_again("response", case, estimated_fall_log10=line + 1e-9)["grounds"]


def test_a_load_flat_through_two_drugs_stays_so_where_it_fell_by_exactly_1_log10_under_the_second() -> None:
    line = pl.col("protocol.least_fall_log10")
    case = "flat for five weeks through two drugs"
    assert "flat_through_drugs" in judged_again("response", case, estimated_fall_log10=line)["grounds"]
    assert "flat_through_drugs" not in judged_again("response", case, estimated_fall_log10=line + 1e-9)["grounds"]


def test_an_undecided_low_load_whose_estimate_stands_exactly_at_the_ward_s_line_is_clear() -> None:
    line = pl.col("protocol.decline.target_log10_per_week")
    case = "undecided, low, and the estimate stands below the ward's line"
    assert judged_again("response", case, mean_decline_log10_per_week=line)["verdict"] == "clear"
    assert judged_again("response", case, mean_decline_log10_per_week=line - 1e-9)["reason"] == "indeterminate"


def test_a_load_is_called_higher_only_where_the_whole_interval_of_the_estimate_rises() -> None:
    case = "higher than at the start, and exactly 1 log10 above the lowest: called higher"
    a_small_rise = {"rise_since_anchor_log10": 0.5}
    still = judged_again("response", case, **a_small_rise, mean_decline_high_log10_per_week=0.0)
    rises = judged_again("response", case, **a_small_rise, mean_decline_high_log10_per_week=-1e-9)
    assert ("higher" in still["says"], "higher" in rises["says"]) == (False, True)


def test_below_a_limit_of_exactly_1_000_and_then_1_000_may_be_two_such_loads_under_prophylaxis() -> None:
    line = pl.col("protocol.two_loads_iu_per_ml")
    case = "999 and then 1,000"
    assert judged_again("rise_on_prophylaxis", case, previous_at_most_iu_per_ml=line)["reason"] == "rise_undecided"
    assert judged_again("rise_on_prophylaxis", case, previous_at_most_iu_per_ml=line - 1)["verdict"] == "clear"
