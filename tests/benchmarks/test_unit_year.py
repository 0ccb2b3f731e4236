"""The simulated year is what it says, and its tables count what they say. Patients and alerts are made up."""

from __future__ import annotations

import ast
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import (
    unit_year,
    unit_year_bedside,
    unit_year_context,
    unit_year_doses,
    unit_year_judged,
    unit_year_laboratory,
    unit_year_loads,
    unit_year_patients,
)
from benchmarks.alert_patients import BAL, COURSES, DAY_0, PLASMA
from benchmarks.unit_year_doses import GANCICLOVIR, LEAST_DAYS, TOO_HIGH, TOO_LOW
from benchmarks.unit_year_judged import Judged, adds, false_alarms, found, median_interval
from benchmarks.unit_year_loads import Load
from benchmarks.unit_year_missed import missed_text, of_a_load, sampled_weekly, told_of_patient
from benchmarks.unit_year_mornings import judged
from benchmarks.unit_year_patients import DAYS, DOSE, SHARES, WARM_UP_DAYS, Event, Year, year
from benchmarks.unit_year_text import ALONE, EVENTS, FALSE, HEAD, LOW, strength_text, why_not
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.run.replay.replay_ledger import Told
from cmvmon.shell.folder.protocol_files import Protocol


@pytest.fixture(scope="module")
def made() -> Year:
    return year(5)


# --- the unit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "module",
    [
        unit_year_patients,
        unit_year_loads,
        unit_year_bedside,
        unit_year_doses,
        unit_year_context,
        unit_year_laboratory,
    ],
)
def test_the_generator_imports_nothing_of_cmvmon(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in imported if name.startswith("cmvmon")]
    assert {name for name in imported if name.startswith("benchmarks")} <= {
        "benchmarks.alert_patients",
        "benchmarks.unit_year_loads",
        "benchmarks.unit_year_bedside",
        "benchmarks.unit_year_doses",
        "benchmarks.unit_year_context",
        "benchmarks.unit_year_laboratory",
    }


def test_no_bed_holds_two_patients_and_each_falls_free_for_two_to_twenty_four_hours(made: Year) -> None:
    beds = made.patients.with_columns(bed=pl.col("patient_id").str.split("-").list.get(2)).sort("bed", "admitted")
    free = beds.select(free=(pl.col("admitted") - pl.col("left").shift(1).over("bed")) * 24.0)["free"].drop_nulls()
    assert free.min() >= 2.0 - 1e-9 and free.max() <= 24.0 + 1e-9  # type: ignore[operator]  # noqa: PT018
    assert beds["bed"].n_unique() == 30
    assert beds["admitted"].min() < -WARM_UP_DAYS + 7.1  # type: ignore[operator]


def test_every_row_keeps_the_promises_of_its_table(made: Year) -> None:
    tables = {BY_NAME[name].rows: frame for name, frame in made.tables.items()} | {VIRAL_LOAD_RESULTS: made.results}
    assert {rows.name for rows in tables} >= {
        "doses_given",
        "kidney_function",
        "resistance_reports",
        "antiviral_courses",
    }
    for rows, frame in tables.items():
        kept, broken = split_by_promises(rows.conform(frame), rows)
        assert broken.is_empty(), rows.name
        assert kept.height == frame.height
    assert made.drawn["result_id"].is_unique().all()


def test_treatment_begins_after_a_result_that_asks_for_it_is_known_and_within_the_stay(made: Year) -> None:
    treated = made.patients.filter(pl.col("anchor").is_not_null())
    assert (treated["anchor"] < treated["left"]).all()
    assert ((treated["course_end"] - treated["anchor"] <= 28.0) & (treated["course_end"] <= treated["left"])).all()
    high = made.results.filter(
        pl.col("viral_load_iu_per_ml") >= pl.when(compartment="plasma").then(1_000.0).otherwise(10_000.0)
    ).rename({"day": "asked"})
    waits = (
        treated.join(high, on="patient_id")
        .group_by("patient_id")
        .agg(hours=((pl.col("anchor") - pl.col("asked").min()).first() - 0.5) * 24.0)
    )
    assert waits.height > 60
    assert waits["hours"].is_between(6.0 - 1e-6, 24.0 + 1e-6).all()


def test_the_courses_come_as_often_as_stated() -> None:
    courses = Counter(name for seed in range(3) for name in year(seed).patients["course"] if name in SHARES)
    total = courses.total()
    for name, share in SHARES.items():
        assert courses[name] / total == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / total)), name


def test_a_load_rises_falls_under_treatment_and_comes_back_as_stated() -> None:
    pieces = ((np.array([1.5]), np.array([np.inf])),)
    load = Load(PLASMA, 0.0, 0.0, 1.4, None, 21.0, pieces, 42.0, 46.0, 1.0)
    assert load.at(np.array([-1.0, 0.0, 7.0, 20.999])) == pytest.approx([-9.0, 1.0, 2.4, 5.2], abs=0.001)
    assert load.at(np.array([28.0, 35.0])) == pytest.approx([3.7, 2.2], abs=0.001)
    floor = np.log10(PLASMA.lloq) - 1.0  # 0.7 less 0.3 per week would be below it
    assert load.at(np.array([42.0, 46.0, 53.0])) == pytest.approx([0.7, floor, floor + 1.0])
    alone = Load(BAL, 1.0, 0.0, 1.4, 10.0)
    assert alone.at(np.array([10.0, 17.0])) == pytest.approx([4.0, 3.3], abs=0.001)


def test_an_event_lasts_from_its_onset_to_the_first_dose_the_last_or_discharge(made: Year) -> None:
    people = {row["patient_id"]: row for row in made.patients.iter_rows(named=True)}
    assert {event.kind for seed in range(3) for event in year(seed).events} == set(unit_year_judged.WITHIN_DAYS)
    for event in made.events:
        mine = people[event.patient_id]
        assert event.begins < event.ends <= mine["left"]
        if event.kind == "no response":
            assert (mine["course"], event.begins, event.ends) == (COURSES[0].name, mine["anchor"], mine["course_end"])
        if event.kind == "rise on treatment":
            assert 13.0 <= event.begins - mine["anchor"] <= 17.0
        if event.kind == "rise, untreated":
            assert event.ends == min(mine["left"], mine["anchor"] or np.inf)


def test_the_same_seed_gives_the_same_year_and_another_one_another(made: Year) -> None:
    few = year(5, beds=2)
    assert few.results.drop("result_id").equals(
        made.results.filter(pl.col("patient_id").is_in(few.patients["patient_id"].implode())).drop("result_id")
    )
    assert not year(6, beds=2).results["day"].equals(few.results["day"])


def test_a_dose_is_off_the_label_where_the_doses_given_are(made: Year) -> None:
    """Read back from the rows: mg per kg and day, against the label of that morning's clearance."""
    events = [one for one in made.events if one.compartment == DOSE]
    assert {one.kind for one in events} == {TOO_LOW, TOO_HIGH}
    assert all(one.ends - one.begins >= LEAST_DAYS for one in events)
    ganciclovir = made.tables["doses_given"].filter(pl.col("drug") == "ganciclovir", pl.col("administered") == "given")
    replaced = set(made.tables["renal_replacement"]["patient_id"])
    checked = 0
    for one in events:
        begins, ends = (unit_year_bedside.moment(day) for day in (one.begins, one.ends))
        mine = ganciclovir.filter(
            pl.col("patient_id") == one.patient_id, pl.col("given_at").is_between(begins, ends, closed="left")
        )
        gaps = mine["given_at"].diff().dt.total_minutes().drop_nulls() / 60.0
        if one.patient_id in replaced or mine.is_empty() or gaps.n_unique() != 1:
            continue  # on foscarnet, on renal replacement, or with a missed dose: not read back here
        per_day = (mine["dose_mg"] / mine["dosing_weight_kg"]).mean() * 24.0 / gaps[0]  # type: ignore[operator]
        kidney = made.tables["kidney_function"].filter(
            pl.col("patient_id") == one.patient_id, pl.col("measured_at") <= begins
        )
        value = kidney.sort("measured_at")["kidney_value"].last()
        label = next(dose * 24.0 / hours for least, dose, hours in GANCICLOVIR if value >= least)  # type: ignore[operator]
        assert (per_day < label) == (one.kind == TOO_LOW)
        checked += 1
    assert checked >= 3


# --- what is counted -------------------------------------------------------------------------------------------------


def said(
    *alerts: tuple[str, float, float | None], events: tuple[Event, ...] = (), untreated: tuple[Event, ...] = ()
) -> Judged:
    """A year of one patient: rule (with ` 3` where it is for information only), opened and ended on these days."""
    empty = pl.DataFrame()
    told = []
    for rule, opened, ended in alerts:
        tier = 3 if rule.endswith(" 3") else 2
        at = DAY_0 + timedelta(days=opened)
        end = None if ended is None else DAY_0 + timedelta(days=ended)
        told.append(
            Told(rule.removesuffix(" 3"), "series", "A", "plasma", "A", tier, at, at if tier == 2 else None, end)
        )
    return Judged(Year(empty, empty, {}, empty, events, untreated), tuple(told), {"A": 70})


NO_RESPONSE = Event("A", "plasma", "no response", 10.0, 38.0)


@pytest.mark.parametrize(
    ("alerts", "delays", "in_time"),
    [
        ([("response", 22.0, None)], (12.0,), 1),
        ([("response", 31.0, None)], (21.0,), 1),
        ([("response", 31.5, None)], (21.5,), 0),
        ([("response", 9.0, None)], (), 0),
        ([("response", 40.0, None)], (), 0),
        ([("response 3", 22.0, None)], (), 0),
        ([("plasma_does_not_exclude", 22.0, None)], (), 0),
        ([("response", 9.0, 12.0), ("response", 24.0, None)], (14.0,), 1),
    ],
)
def test_an_event_is_told_by_an_alert_on_the_list_while_it_lasts(
    alerts: list[tuple[str, float, float | None]], delays: tuple[float, ...], in_time: int
) -> None:
    (row,) = found([said(*alerts, events=(NO_RESPONSE,))])
    assert (row.events, row.delays, row.lasted, row.in_time) == (1, delays, 1, in_time)


def test_a_dose_off_the_label_is_told_by_the_rule_of_that_side_alone() -> None:
    low = Event("A", DOSE, TOO_LOW, 10.0, 15.0)
    one = said(("exposure_high", 12.0, None), ("exposure_low", 12.5, None), ("response", 12.0, None), events=(low,))
    (row,) = found([one])
    assert (row.kind, row.delays, row.lasted, row.in_time) == (TOO_LOW, (2.5,), 1, 1)


def test_an_event_that_ends_before_its_time_is_not_asked_to_be_told_in_time() -> None:
    (row,) = found([said(events=(Event("A", "plasma", "no response", 10.0, 30.9),))])
    assert (row.events, row.lasted) == (1, 0)


def _of_samples(
    highest_log10: float, *samples: tuple[float, float], alerts: tuple[tuple[str, float, None], ...] = ()
) -> Judged:
    """A year of one non-responder whose load truly rose that high, with these samples: day and IU/mL."""
    event = Event("A", "plasma", "no response", 10.0, 38.0, highest_log10)
    one = said(*alerts, events=(event,))
    rows = [
        {
            "patient_id": "A",
            "compartment": "plasma",
            "day": day,
            "detection": "quantified",
            "viral_load_iu_per_ml": load,
        }
        for day, load in samples
    ]
    return replace(one, year=replace(one.year, results=pl.DataFrame(rows)))


@pytest.mark.parametrize(
    ("highest_log10", "first", "why"),
    [
        (2.99, 500.0, "its load never stood at 1,000 IU/mL"),
        (4.0, 110_000.0, "its first sample is an outlier of the assay"),
        (4.0, 90_000.0, "not explained"),
        (3.0, 9_000.0, "not explained"),
    ],
)
def test_why_a_non_responder_was_not_told_is_read_off_the_truth(highest_log10: float, first: float, why: str) -> None:
    one = _of_samples(highest_log10, (10.1, first), (24.0, 800.0), alerts=(("response 3", 25.0, None),))
    assert f"0.1: {first:,.0f}; 14.0: 800 | plasma, tier 3, day 15 | {why} |" in missed_text([one], DAYS)
    assert of_a_load([one], DAYS, "plasma") == (0, int(highest_log10 >= 3.0))


def test_of_a_non_responder_not_told_it_is_said_how_many_samples_have_no_result_that_stands() -> None:
    one = _of_samples(4.0, (10.1, 9_000.0), (24.0, 800.0))
    said = one.year.results.with_columns(
        result_id=pl.Series(["a", "c"]), result_status=pl.Series(["final", "withdrawn"])
    )
    drawn = pl.concat([said, said.head(1).with_columns(result_id=pl.lit("b"), day=pl.lit(17.0))])
    text = missed_text([replace(one, year=replace(one.year, results=said, drawn=drawn))], DAYS)
    assert "| 2 of its samples were missed, or have no result |" in text


def test_a_non_responder_who_was_told_is_not_among_the_missed() -> None:
    one = _of_samples(4.0, (10.1, 9_000.0), alerts=(("response", 25.0, None),))
    assert missed_text([one], DAYS).endswith("None.")
    assert of_a_load([one], DAYS, "plasma") == (1, 1)


@pytest.mark.parametrize(
    ("days", "withdrawn", "of"),
    [
        ((9.2, 18.0, 25.0), (), 1),  # a day before the first dose still is of its week
        ((10.0, 18.0, 31.4), (), 1),
        ((10.0, 18.0), (), 0),  # none of the third week
        ((10.0, 18.0, 25.0), (18.0,), 0),
    ],
    ids=["weekly", "the last on the last day", "a week without", "one was withdrawn"],
)
def test_sampled_weekly_means_a_result_that_stands_in_each_week(
    days: tuple[float, ...], withdrawn: tuple[float, ...], of: int
) -> None:
    one = _of_samples(4.0, *((day, 9_000.0) for day in days), alerts=(("response", 25.0, None),))
    status = pl.when(pl.col("day").is_in(withdrawn)).then(pl.lit("withdrawn")).otherwise(pl.lit("final"))
    one = replace(one, year=replace(one.year, results=one.year.results.with_columns(result_status=status)))
    assert sampled_weekly([one], DAYS, "plasma") == (of, of)
    assert sampled_weekly([one], DAYS, "bal") == (0, 0)


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        ([("response", 31.0, None)], 1),  # of plasma, while BAL did not respond
        ([("response", 31.5, None)], 0),
        ([("response 3", 22.0, None)], 0),
        ([("plasma_does_not_exclude", 22.0, None)], 0),
        ([], 0),
    ],
)
def test_a_patient_is_told_of_by_an_alert_about_either_compartment_in_time_and_counts_once(
    alerts: list[tuple[str, float, float | None]], told: int
) -> None:
    both = (NO_RESPONSE, replace(NO_RESPONSE, compartment="bal"))
    assert told_of_patient([said(*alerts, events=both)], DAYS) == (told, 1)


def test_a_false_alarm_is_one_of_which_nothing_is_true_that_morning() -> None:
    alerts = [("rebound", day, None) for day in (3.0, 9.0, 12.0, 39.0, 45.0)]
    high = Event("A", "plasma", "untreated", 44.0, 50.0)
    one = said(*alerts, ("response 3", 1.0, None), events=(NO_RESPONSE,), untreated=(high,))
    assert [told.opened_at for told in false_alarms(one)] == [DAY_0 + timedelta(days=day) for day in (3.0, 9.0)]


def test_a_rule_is_alone_in_the_weeks_in_which_no_other_stood() -> None:
    one = said(("response", 1.0, 8.0), ("guide_duration 3", 7.5, 9.0), ("rebound", 21.0, None))
    counted = {
        rule: (each.alerts, each.listed, each.patient_weeks, each.alone) for rule, each in adds([one], days=42).items()
    }
    assert counted == {"rebound": (1, 1, 3, 3), "response": (1, 1, 2, 1), "guide_duration": (1, 0, 1, 0)}


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(500):
        _, low, high = median_interval(rng.normal(0.0, 1.0, 21).tolist()) or (0.0, 0.0, 0.0)
        held += low <= 0.0 <= high
    assert held / 500 >= 0.93
    assert median_interval([]) is None
    assert median_interval([4.0]) == (4.0, 4.0, 4.0)


def test_the_page_and_the_data_are_made_from_what_was_said() -> None:
    """Four weeks of two beds, judged by the shipped protocol."""
    protocol = Protocol.shipped()
    one = judged(year(31, beds=2), protocol, days=28)
    text = unit_year.page([one], [31], 28, protocol, 1.0)
    assert all(f"| {name} |" in text for name in one.year.patients["course"].unique())
    assert "## Targets" in text
    written = json.loads(unit_year.data([one], [31], 28, protocol))
    assert set(written["rules"]) == {
        told.rule for told in one.told if (told.ended_at or DAY_0 + timedelta(days=1)) > DAY_0
    }
    assert sum(one.patient_days.values()) <= 2 * 28


def test_the_command_refuses_what_is_no_year(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--days", "27"], ["--seed", "-1"], ["--seed", "4", "4"]):
        with pytest.raises(SystemExit):
            unit_year.main(arguments)
        assert "--" in capsys.readouterr().err


def test_the_written_page_is_of_the_seeds_that_were_fixed_before() -> None:
    written = json.loads(unit_year.DATA.read_text(encoding="utf-8"))
    days = written["days"]
    assert tuple(written["seeds"]) == unit_year.SEEDS
    assert days == DAYS
    text = unit_year.PAGE.read_text(encoding="utf-8")
    assert f"{len(unit_year.SEEDS)} years of {days} days" in text
    assert f"seeds {', '.join(map(str, unit_year.SEEDS))}" in text
    assert set(written["rules"]) == {line.split("`")[1] for line in _rows(text, "## Alerts of each rule")}
    years = [year(seed) for seed in unit_year.SEEDS]
    assert strength_text(years, days) in text
    assert written["why_not"] == {rule: why for rule, why in why_not(years).items() if rule not in written["rules"]}
    for words in (HEAD, EVENTS, LOW, FALSE, ALONE):
        assert words in text


def _rows(text: str, heading: str) -> list[str]:
    section = text.partition(heading)[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]
