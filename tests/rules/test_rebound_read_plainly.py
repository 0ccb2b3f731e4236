"""`rebound` against a plain reading of its definition, on many random courses at once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.protocol import Alarm
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import at

LIMITS = {"plasma": (17.5, 35.0, 1e6), "bal": (100.0, 200.0, 1e6)}
N = 400
Sample = tuple[float, str, float | None, bool]  # day, detection, load, conflicting


def random_course(rng: np.random.Generator, compartment: str) -> list[Sample]:
    _, lloq, uloq = LIMITS[compartment]
    # Blood once a day: two of one minute that can't both be true are judged elsewhere.
    days = np.sort(rng.choice(np.arange(-4, 40) / 2, size=int(rng.integers(1, 8)), replace=compartment == "bal"))
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
    latest = sorted(enumerate(course), key=lambda s: (s[1][0], s[0]))[-2:]
    two = [s for _, s in latest]
    if len(two) == 2 and all(s[1] == "not_detected" and not s[3] for s in two):
        return "clear"
    contradict = len(two) == 2 and contradicts(*two, compartment)
    conflicts = [s[0] for s in course if s[3] and s[0] >= 0]
    lowest = min((p[3] for p in here[:-1] if p[3] is not None), default=None)
    if lowest is None:
        return "not_assessable"
    day, least, most, _ = here[-1]
    beside = True
    if airway:
        pairs = [
            rise(p[1], min(q[3] for q in points(blood, "plasma")[:i] if q[3] is not None))
            for i, p in enumerate(points(blood, "plasma"))
            if abs(p[0] - day) <= 2 and any(q[3] is not None for q in points(blood, "plasma")[:i])
        ]
        beside = any(r > 1.0 + 1e-9 for r in pairs)
    one = [(p[0], p[1]) for p in here]
    two_low = [(p[0], None if None in (p[1], q[1]) else min(p[1], q[1])) for q, p in pairwise(here)]
    so_high = -math.inf if airway else 1000.0
    below = 0.4 if airway else 0.2
    is_one = stands(one, lambda r: above(rise(r, lowest)) and r >= so_high, below=below)
    observed = (is_one and beside) or stands(two_low, lambda r: above(rise(r, lowest)), below=below)
    beyond = (0.6 if airway else 0.3) - 1e-9
    blip = is_blip([s for s in course if not s[3]])
    probable = probability >= alarm and rise(least, lowest) >= beyond and not blip
    if (observed or probable) and not (conflicts and max(conflicts) >= day) and not contradict:
        return "alert"
    if contradict:
        return "not_assessable"
    is_open = blip or (rise(most, lowest) >= beyond and (probability < 0 or probability >= alarm))
    return "not_assessable" if conflicts or above(rise(most, lowest)) or is_open else "clear"


def stands(loads: list[tuple[float, float | None]], is_reached: Callable[[float], bool], *, below: float) -> bool:
    """Whether a line was reached in the two weeks before the latest load, and no load since lies so much below it."""
    is_on = False
    for day, load in loads:
        if load is None:
            is_on = False
        elif loads[-1][0] - day <= 14:
            is_on = is_reached(load) or (is_on and is_reached(load * 10**below))
    return is_on


def contradicts(previous: Sample, latest: Sample, compartment: str) -> bool:
    """Within a day, not at once, and more than 1 log10 apart by what was reported."""
    _, lloq, uloq = LIMITS[compartment]
    if previous[3] or latest[3] or not 0 < latest[0] - previous[0] <= 1:
        return False
    low, high = {}, {}
    for name, sample in (("previous", previous), ("latest", latest)):
        low[name] = {"quantified": sample[2], "above_uloq": uloq}.get(sample[1])
        high[name] = {"quantified": sample[2], "above_uloq": math.inf}.get(sample[1], lloq)
    return rise(low["latest"], high["previous"]) > 1 + 1e-9 or rise(low["previous"], high["latest"]) > 1 + 1e-9


def is_blip(course: list[Sample]) -> bool:
    """Below 1,000 IU/mL at the latest time, and a load, where the two times before it had none."""
    times = sorted({s[0] for s in course})
    seen = [[s for s in course if s[0] == day] for day in times[-3:]]
    loads = [[s for s in here if s[1] != "not_detected"] for here in seen]
    low = all(s[1] != "above_uloq" and (s[2] or 0.0) < 1000.0 for s in seen[-1])
    return len(seen) == 3 and not loads[0] and not loads[1] and bool(loads[2]) and low


@pytest.fixture(scope="module")
def ward() -> tuple[dict[str, dict[str, list[Sample]]], pl.DataFrame, Protocol]:
    rng = np.random.default_rng(20240302)
    patients = {
        f"SYNTHETIC-{i:04}": {compartment: random_course(rng, compartment) for compartment in LIMITS} for i in range(N)
    }
    return patients, judged(patients, shuffle=None), Protocol.shipped()


def judged(patients: dict[str, dict[str, list[Sample]]], shuffle: int | None) -> pl.DataFrame:
    rows = [row for p, courses in patients.items() for c, course in courses.items() for row in rows_of(p, c, course)]
    results = VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, infer_schema_length=None))
    given = Known.of(
        {
            VIRAL_LOAD_RESULTS: results
            if shuffle is None
            else results.sample(fraction=1.0, shuffle=True, seed=shuffle),
            ANTIVIRAL_COURSES: ANTIVIRAL_COURSES.conform(
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
            ICU_STAYS: ICU_STAYS.conform(
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
        }
    )
    return assess(given, protocol=Protocol.shipped(), as_of=at(21)).verdicts.filter(pl.col("rule") == "rebound")


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
    observed = clean.filter(["observed" in json.loads(e)["grounds"] for e in clean["evidence"]])
    assert with_conflict.join(observed, on=key, how="anti").is_empty()
