"""The bank's alarms in the rules, at their very thresholds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import Case, at, tables

LATE_RISE = "bal d0 1000000, d7 40000, d14 2000, d19 9000, d24 15000"


def case(rule: str, results: str, as_of_day: float, courses: str) -> Case:
    stated = "d-3- " + results.split()[0]
    return Case(rule, "", "", results, courses, stated, as_of_day, "bal", None, "", None, None)


def verdict_of(
    rule: str,
    results: str,
    compartment: str,
    as_of_day: float,
    *,
    method: str = "bank",
    courses: str = "ganciclovir d0-",
    **alarm: float,
) -> dict[str, Any]:
    """The verdict of a rule on one series, with its evidence, under alarm thresholds of the test's own."""
    protocol = Protocol.shipped()
    protocol = replace(protocol, alarms={key: replace(found, **alarm) for key, found in protocol.alarms.items()})
    made = assess(
        tables(case(rule, results, as_of_day, courses)), protocol=protocol, as_of=at(as_of_day), method=method
    ).verdicts.filter((pl.col("rule") == rule) & (pl.col("compartment") == compartment))
    (row,) = made.rows(named=True)
    return row | json.loads(row["evidence"])


def said(rule: str, results: str, as_of_day: float, *, method: str = "bank", **alarm: float) -> dict[str, Any]:
    return verdict_of(rule, results, "bal", as_of_day, method=method, **alarm)


def rebound_of(results: str, compartment: str, as_of_day: float, **given: Any) -> dict[str, Any]:
    return verdict_of("rebound", results, compartment, as_of_day, **given)


def just_above(x: float) -> float:
    return math.nextafter(x, math.inf)


def test_a_rise_alerts_from_the_very_threshold_of_its_probability() -> None:
    probability = said("rebound", LATE_RISE, 24.5)["probability_rebound"]
    assert 0.05 < probability < 1
    fires = said("rebound", LATE_RISE, 24.5, probability_rebound=probability)
    assert (fires["verdict"], fires["grounds"]) == ("alert", ["computed"])
    misses = said("rebound", LATE_RISE, 24.5, probability_rebound=just_above(probability))
    assert (misses["verdict"], misses["grounds"]) == ("clear", [])


def test_the_line_has_no_probability_and_judges_the_observed_rise_alone() -> None:
    judged = said("rebound", LATE_RISE, 24.5, method="line", probability_rebound=1e-9)
    assert (judged["verdict"], judged["reason"]) == ("not_assessable", "rise_not_computed")
    assert (judged["probability_rebound"], judged["method"]) == (None, "line")
    assert said("rebound", LATE_RISE, 24.5)["method"] == "bank"
    assert said("rebound", LATE_RISE + ", d26 900", 26.5, method="line")["verdict"] == "clear"
    twice = "bal d0 1000000, d4 1000, d7 20000, d10 20000"
    assert said("rebound", twice, 10.5, method="line")["verdict"] == "alert"


@pytest.mark.parametrize(
    ("compartment", "course", "below", "at_it"),
    [
        ("plasma", "d0 100000, d7 10000, d14 1000, d20", "1995", "1995.26231497"),
        ("bal", "d0 1000000, d7 40000, d14 2000, d20", "7962", "7962.14341107"),
    ],
)
def test_the_line_leaves_a_rise_open_from_the_smaller_rise_on(
    compartment: str, course: str, below: str, at_it: str
) -> None:
    said_of = lambda load: rebound_of(f"{compartment} {course} {load}", compartment, 20.5, method="line")  # noqa: E731
    assert said_of(below)["verdict"] == "clear"
    assert (said_of(at_it)["verdict"], said_of(at_it)["reason"]) == ("not_assessable", "rise_not_computed")


@pytest.mark.parametrize(
    ("compartment", "course", "below", "at_it"),
    [
        ("plasma", "d0 100000, d7 10000, d14 1000, d20", "1995", "1995.26231497"),
        ("bal", "d0 1000000, d7 40000, d14 2000, d20", "7962", "7962.14341107"),
    ],
)
def test_the_computed_ground_counts_from_the_smaller_rise_on(
    compartment: str, course: str, below: str, at_it: str
) -> None:
    said_of = lambda load: rebound_of(  # noqa: E731
        f"{compartment} {course} {load}", compartment, 20.5, probability_rebound=1e-9
    )
    assert (said_of(below)["verdict"], said_of(below)["grounds"]) == ("clear", [])
    fires = said_of(at_it)
    assert (fires["verdict"], fires["grounds"]) == ("alert", ["computed"])


def test_the_computed_ground_counts_from_the_lowest_since_the_drug_was_changed() -> None:
    """Nadir 200 before the change, 1,000 after it: P speaks of the second, the sentence of the first."""
    course = "plasma d0 1000000, d7 20000, d14 200, d20 1500, d32 1000, d42"
    drugs = "ganciclovir d0-d18.9;foscarnet d19-"
    flat = rebound_of(f"{course} 1100", "plasma", 42.5, courses=drugs, probability_rebound=1e-9)
    assert (flat["verdict"], flat["lowest_point_iu_per_ml"], flat["lowest_since_anchor_iu_per_ml"]) == (
        "clear",
        200,
        1000,
    )
    up = rebound_of(f"{course} 1999", "plasma", 42.5, courses=drugs, probability_rebound=1e-9)
    assert (up["verdict"], up["grounds"]) == ("alert", ["computed"])


def test_a_possible_blip_alerts_on_no_odds_call_or_probability() -> None:
    course = "plasma d0 30000, d7 400, d14 nd, d21 nd, d28"
    for low in ("40", "999"):
        for rule in ("rebound", "response"):
            held = verdict_of(rule, f"{course} {low}", "plasma", 28.5, probability_rebound=1e-9)
            assert (held["verdict"], held["reason"], held["first_positive_iu_per_ml"]) == (
                "not_assessable",
                "blip_unconfirmed",
                float(low),
            )


def test_no_probability_makes_a_rise_of_a_value_that_is_not_above_the_lowest() -> None:
    for last in ("2000", "900", "nd"):
        results = LATE_RISE + f", d26 {last}"
        assert said("rebound", results, 26.5, probability_rebound=1e-9)["verdict"] == "clear"
