"""The bank's alarms in the rules, at their very thresholds; and `rebound` against a plain reading of its definition."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from cmvmon.assess import Tables, assess
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.protocol import Alarm, Protocol
from tests.rules.reading import Case, at, shipped_protocol, tables

UNDECIDED = "bal d0 93000, d4 7100, d7 40500"
FALLING = "bal d0 1000000, d7 10000, d14 300"
SUPPRESSED = "bal d0 900, d7 <200, d14 nd"
LATE_RISE = "bal d0 1000000, d7 40000, d14 2000, d19 9000, d24 15000"


def case(rule: str, results: str, as_of_day: float) -> Case:
    stated = "d-3- " + results.split()[0]
    return Case(rule, "", "", results, "ganciclovir d0-", stated, as_of_day, "bal", "", None, None)


def said(rule: str, results: str, as_of_day: float, *, method: str = "bank", **alarm: float) -> dict[str, Any]:
    """The verdict of a rule on one BAL series, with its evidence, under alarm thresholds of the test's own."""
    protocol = shipped_protocol()
    protocol = replace(protocol, alarms={key: replace(found, **alarm) for key, found in protocol.alarms.items()})
    made = assess(
        tables(case(rule, results, as_of_day)), protocol=protocol, as_of=at(as_of_day), method=method
    ).verdicts.filter((pl.col("rule") == rule) & (pl.col("compartment") == "bal"))
    (row,) = made.rows(named=True)
    return row | json.loads(row["evidence"])


def just_above(x: float) -> float:
    return math.nextafter(x, math.inf)


def test_an_undecided_course_alerts_from_the_very_threshold_of_the_odds() -> None:
    odds = said("slow_response", UNDECIDED, 7.5)["odds_non_responder"]
    fires = said("slow_response", UNDECIDED, 7.5, odds_non_responder=odds)
    assert (fires["verdict"], fires["call"], fires["by_odds"], fires["by_call"], fires["tier"]) == (
        "alert",
        "indeterminate",
        True,
        False,
        3,
    )
    assert fires["odds_non_responder_alarm"] == odds
    misses = said("slow_response", UNDECIDED, 7.5, odds_non_responder=just_above(odds))
    assert (misses["verdict"], misses["reason"]) == ("not_assessable", "indeterminate")


def test_odds_that_one_sample_after_the_anchor_bears_do_not_alert() -> None:
    for results in ("bal d0 93000, d7 9300", "bal d-1 93000, d0 93000, d7 9300"):
        one = said("slow_response", results, 7.5, odds_non_responder=1e-9)
        assert (one["verdict"], one["n_used_after_anchor"], one["by_odds"]) == ("not_assessable", 1, False)


def test_met_clears_below_the_threshold_only_and_never_alerts() -> None:
    odds = said("slow_response", FALLING, 14.5)["odds_non_responder"]
    assert said("slow_response", FALLING, 14.5, odds_non_responder=just_above(odds))["verdict"] == "clear"
    contradiction = said("slow_response", FALLING, 14.5, odds_non_responder=odds)
    assert (contradiction["verdict"], contradiction["reason"], contradiction["call"]) == (
        "not_assessable",
        "odds_against_call",
        "met",
    )


def test_a_suppressed_load_clears_whatever_the_odds() -> None:
    assert said("slow_response", SUPPRESSED, 14.5, odds_non_responder=1e-9)["verdict"] == "clear"


def test_the_line_has_no_odds_and_alerts_on_its_call_alone() -> None:
    slow = said("slow_response", "bal d0 1000000, d7 900000, d14 900000", 14.5, method="line", odds_non_responder=1e-9)
    assert (slow["verdict"], slow["by_call"], slow["by_odds"], slow["odds_non_responder"]) == (
        "alert",
        True,
        False,
        None,
    )
    assert said("slow_response", FALLING, 14.5, method="line", odds_non_responder=1e-9)["verdict"] == "clear"


def test_a_rise_alerts_from_the_very_threshold_of_its_probability() -> None:
    probability = said("rebound", LATE_RISE, 24.5)["probability_rebound"]
    assert 0.05 < probability < 1
    fires = said("rebound", LATE_RISE, 24.5, probability_rebound=probability)
    assert (fires["verdict"], fires["by_probability"], fires["by_observed_rise"]) == ("alert", True, False)
    misses = said("rebound", LATE_RISE, 24.5, probability_rebound=just_above(probability))
    assert (misses["verdict"], misses["by_probability"]) == ("clear", False)


def test_the_line_has_no_probability_and_judges_the_observed_rise_alone() -> None:
    judged = said("rebound", LATE_RISE, 24.5, method="line", probability_rebound=1e-9)
    assert (judged["verdict"], judged["probability_rebound"]) == ("clear", None)
    twice = "bal d0 1000000, d4 1000, d7 20000, d10 20000"
    assert said("rebound", twice, 10.5, method="line")["verdict"] == "alert"


def test_no_probability_makes_a_rise_of_a_value_that_is_not_above_the_lowest() -> None:
    for last in ("2000", "900", "nd"):
        results = LATE_RISE + f", d26 {last}"
        assert said("rebound", results, 26.5, probability_rebound=1e-9)["verdict"] == "clear"


# --- the definition, read plainly, on many random courses at once

LIMITS = {"plasma": (17.5, 35.0, 1e6), "bal": (100.0, 200.0, 1e6)}
N = 400
Sample = tuple[float, str, float | None, bool]  # day, detection, load, conflicting


def random_course(rng: np.random.Generator, compartment: str) -> list[Sample]:
    _, lloq, uloq = LIMITS[compartment]
    days = np.sort(rng.choice(np.arange(-4, 40) / 2, size=int(rng.integers(1, 8)), replace=True))
    made: list[Sample] = []
    for day in days:
        load = float(np.round(10 ** rng.choice([1.0, 1.6, 2.6, 3.0, 3.6, 4.0, 4.2, 5.0, 6.3])))
        detection = "not_detected" if load < lloq else "above_uloq" if load > uloq else "quantified"
        made.append((float(day), detection, load if detection == "quantified" else None, bool(rng.random() < 0.05)))
    return made


def rows_of(patient: str, compartment: str, course: list[Sample]) -> list[dict[str, Any]]:
    lod, lloq, uloq = LIMITS[compartment]
    return [
        {
            "result_id": f"{patient}:{compartment}:{number}",
            "patient_id": patient,
            "compartment": compartment,
            "laboratory": "lab",
            "assay": "assay",
            "collected_at": at(day),
            "result_status": "final",
            "detection": "quantified" if conflicting else detection,
            "viral_load_iu_per_ml": 1000.0 + version if conflicting else load,
            "lod_iu_per_ml": lod,
            "lloq_iu_per_ml": lloq,
            "uloq_iu_per_ml": uloq,
            "delivered_value": str(version),
        }
        for number, (day, detection, load, conflicting) in enumerate(course)
        for version in range(2 if conflicting else 1)
    ]


def points(course: list[Sample], compartment: str) -> list[tuple[float, float | None, float, float | None]]:
    """(day, at least, at most, as a lowest value) of each sample time since day 0."""
    _, lloq, uloq = LIMITS[compartment]
    found = []
    for day in sorted({s[0] for s in course if s[0] >= 0 and not s[3]}):
        here = [s for s in course if s[0] == day and not s[3]]
        least = [{"quantified": s[2], "above_uloq": uloq}.get(s[1]) for s in here]
        most = [{"quantified": s[2], "above_uloq": math.inf}.get(s[1], lloq) for s in here]
        lowest = [{"quantified": s[2], "not_detected": lloq}.get(s[1]) for s in here]
        known = [x for x in lowest if x is not None]
        found.append((day, None if None in least else min(least), max(most), min(known) if known else None))
    return found


def rise(load: float | None, lowest: float) -> float:
    return -math.inf if load is None else math.log10(load) - math.log10(lowest)


def read_plainly(course: list[Sample], compartment: str, blood: list[Sample], probability: float, alarm: float) -> str:
    airway = compartment == "bal"
    above = (lambda r: r > 1.2 - 1e-9) if airway else (lambda r: r > 1.0 + 1e-9)
    here = points(course, compartment)
    conflicts = [s[0] for s in course if s[3] and s[0] >= 0]
    lowest = min((p[3] for p in here[:-1] if p[3] is not None), default=None)
    if lowest is None:
        return "not_assessable"
    day, least, most, _ = here[-1]
    beside = rise(least, 1000.0) >= 0
    if airway:
        pairs = [
            rise(p[1], min(q[3] for q in points(blood, "plasma")[:i] if q[3] is not None))
            for i, p in enumerate(points(blood, "plasma"))
            if abs(p[0] - day) <= 2 and any(q[3] is not None for q in points(blood, "plasma")[:i])
        ]
        beside = any(r > 1.0 + 1e-9 for r in pairs)
    observed = above(rise(least, lowest)) and (beside or above(rise(here[-2][1], lowest)))
    probable = probability >= alarm and least is not None and least > lowest
    if (observed or probable) and not (conflicts and max(conflicts) >= day):
        return "alert"
    return "clear" if not conflicts and not above(rise(most, lowest)) and not probable else "not_assessable"


@pytest.fixture(scope="module")
def ward() -> tuple[dict[str, dict[str, list[Sample]]], pl.DataFrame, Protocol]:
    rng = np.random.default_rng(20240302)
    patients = {
        f"SYNTHETIC-{i:04}": {compartment: random_course(rng, compartment) for compartment in LIMITS} for i in range(N)
    }
    return patients, judged(patients, shuffle=None), shipped_protocol()


def judged(patients: dict[str, dict[str, list[Sample]]], shuffle: int | None) -> pl.DataFrame:
    rows = [row for p, courses in patients.items() for c, course in courses.items() for row in rows_of(p, c, course)]
    results = VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, infer_schema_length=None))
    given = Tables(
        results if shuffle is None else results.sample(fraction=1.0, shuffle=True, seed=shuffle),
        ANTIVIRAL_COURSES.conform(
            pl.DataFrame(
                {
                    "patient_id": list(patients),
                    "drug": "ganciclovir",
                    "indication": "treatment",
                    "route": "iv",
                    "started_at": at(0),
                    "stopped_at": None,
                },
            )
        ),
        ICU_STAYS.conform(
            pl.DataFrame(
                {
                    "stay_id": [f"stay-{p}" for p in patients],
                    "patient_id": list(patients),
                    "admitted_at": at(-5),
                    "discharged_at": None,
                    "affected_compartments": "bal;plasma",
                }
            )
        ),
        ASSAYS.empty(),
    )
    return assess(given, protocol=shipped_protocol(), as_of=at(21)).verdicts.filter(pl.col("rule") == "rebound")


def test_rebound_says_what_a_plain_reading_of_its_definition_says(
    ward: tuple[dict[str, dict[str, list[Sample]]], pl.DataFrame, Protocol],
) -> None:
    patients, verdicts, protocol = ward
    wrong, seen = [], {"alert": 0, "clear": 0, "not_assessable": 0}
    for row in verdicts.iter_rows(named=True):
        courses = patients[row["patient_id"]]
        alarm: Alarm = protocol.alarm_of(row["compartment"])
        probability = json.loads(row["evidence"])["probability_rebound"]
        expected = read_plainly(
            courses[row["compartment"]],
            row["compartment"],
            courses["plasma"],
            -1.0 if probability is None else probability,
            alarm.probability_rebound,
        )
        seen[expected] += 1
        if row["verdict"] != expected:
            wrong.append((row["compartment"], courses, row["verdict"], expected))
    assert wrong == []
    assert verdicts.height == 2 * N
    assert min(seen.values()) > 50


def test_the_order_of_the_rows_and_the_other_patients_change_no_verdict(
    ward: tuple[dict[str, dict[str, list[Sample]]], pl.DataFrame, Protocol],
) -> None:
    patients, verdicts, _ = ward
    assert judged(patients, shuffle=7).equals(verdicts)
    some = dict(list(patients.items())[:40])
    assert judged(some, shuffle=None).equals(verdicts.filter(pl.col("patient_id").is_in(list(some))))


def test_a_conflicting_value_never_makes_a_rise(
    ward: tuple[dict[str, dict[str, list[Sample]]], pl.DataFrame, Protocol],
) -> None:
    """Whoever alerts with a conflict in the series alerts on the observed rise without the conflicting result too."""
    patients, verdicts, _ = ward
    without = {p: {c: [s for s in course if not s[3]] for c, course in cs.items()} for p, cs in patients.items()}
    key = ["patient_id", "compartment"]
    alerts = verdicts.filter(pl.col("verdict") == "alert")
    with_conflict = alerts.filter([json.loads(e)["has_conflict_since"] for e in alerts["evidence"]]).select(key)
    assert with_conflict.height > 3
    clean = judged(without, shuffle=None).filter(pl.col("verdict") == "alert")
    observed = clean.filter([json.loads(e)["by_observed_rise"] for e in clean["evidence"]])
    assert with_conflict.join(observed, on=key, how="anti").is_empty()
