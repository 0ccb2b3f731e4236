"""The table of alerts says what is true: of patients whose loads are as stated, and of verdicts written by hand. All made up."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import alert_patients, alerts
from benchmarks.__main__ import main as command
from benchmarks.alert_mornings import NOT_ABOUT_A_LOAD, Alerts, judged_each_morning
from benchmarks.alert_mornings import alerts as counted
from benchmarks.alert_patients import BAL, COURSES, DAY_0, PLACES, PLASMA, Course, Patients, measured_log10, patients
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.shell.folder.protocol_files import Protocol

RULES = Path(__file__).parents[3] / "shared" / "rules.md"
NON_RESPONDER, RESPONDER, FAST, RISE, HUMAR, FALL_THEN_RISE = COURSES
MANY = 4000


# --- the patients ----------------------------------------------------------------------------------------------------


def test_the_generator_imports_nothing_of_cmvmon() -> None:
    tree = ast.parse(Path(alert_patients.__file__).read_text(encoding="utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert set(imported) == {
        "__future__",
        "collections.abc",
        "dataclasses",
        "datetime",
        "numpy",
        "numpy.typing",
        "polars",
    }


@pytest.mark.parametrize(("place", "mean", "least"), [(PLASMA, 4.2, 3.0), (BAL, 5.2, 4.0)])
def test_loads_at_the_first_dose_are_as_stated(place: alert_patients.Place, mean: float, least: float) -> None:
    start = patients(RESPONDER, place, MANY, 1).start_log10
    assert float(np.median(start)) == pytest.approx(mean + 0.03, abs=0.04)  # none below the least: 2 in 100 drawn again
    assert least <= start.min() < least + 0.1
    assert np.std(start[start > mean] - mean) == pytest.approx(0.6 * math.sqrt(1 - 2 / math.pi), abs=0.03)


@pytest.mark.parametrize(
    ("course", "first", "last", "fall", "sd"),
    [
        (NON_RESPONDER, 0, 28, 0.05 * 4, 0.05 * 4),
        (RESPONDER, 0, 7, 1.5, 0.15),
        (FAST, 0, 7, 2.0, 0.2),
        (FAST, 12, 28, 0.35 * 16 / 7, 0.035 * 16 / 7),
        (RISE, 0, 5, -0.65 * 5 * np.mean([1 / 5, 1 / 6, 1 / 7]), 0.085),
        (RISE, 7, 14, 1.5, 0.15),
        (HUMAR, 0, 3.17, math.log10(2), 0.1 * math.log10(2)),
        (FALL_THEN_RISE, 0, 7, 1.5, 0.15),
        (FALL_THEN_RISE, 17, 24, -1.2, 0.4 / math.sqrt(12)),
    ],
)
def test_true_loads_fall_as_stated(course: Course, first: float, last: float, fall: float, sd: float) -> None:
    made = patients(course, BAL, MANY, 2)
    before, after = made.true_log10(first), made.true_log10(last)
    floor = math.log10(200) - 1
    is_free = after > floor + 1e-9
    fell = (before - after)[is_free & (made.start_log10 > 5.4)]
    assert len(fell) > 100
    assert float(np.mean(fell)) == pytest.approx(fall, abs=0.06 * max(abs(fall), 0.2))
    assert float(np.std(fell)) == pytest.approx(sd, rel=0.2)


def test_a_fallen_load_stays_a_tenth_of_the_lloq_and_rises_from_there() -> None:
    made = patients(RESPONDER, PLASMA, 500, 3)
    assert made.true_log10(60) == pytest.approx(np.full(500, math.log10(3.5)))
    turned = patients(FALL_THEN_RISE, PLASMA, 500, 3)
    assert (turned.true_log10(28) - turned.true_log10(17) > 1.0 * 11 / 7 - 1e-9).all()
    assert turned.true_log10(17).min() < math.log10(35)


@pytest.mark.parametrize(
    ("place", "load", "sd"),
    [(PLASMA, 1e5, 0.15), (PLASMA, 35, 0.30), (PLASMA, 3.5, 0.45), (BAL, 1e6, 0.45), (BAL, 200, 0.45)],
)
def test_one_result_scatters_as_stated_and_one_in_a_hundred_lies_far_off(
    place: alert_patients.Place, load: float, sd: float
) -> None:
    true = np.full(200_000, math.log10(load))
    off = measured_log10(np.random.default_rng(4), true, place) - true
    middle = np.quantile(off, [0.1587, 0.8413])  # hardly moved by the outliers
    assert (middle[1] - middle[0]) / 2 == pytest.approx(sd, rel=0.02)
    assert float(np.mean(off)) == pytest.approx(0.0, abs=0.005)
    if sd == 0.15:
        assert float(np.mean(np.abs(off) > 0.65)) == pytest.approx(0.01 * 0.95, rel=0.1)
        assert float(np.mean(np.abs(off[np.abs(off) > 0.65]))) == pytest.approx(1.0, abs=0.05)


def test_samples_are_taken_as_often_as_stated_and_known_half_a_day_later() -> None:
    for place, planned in ((PLASMA, np.arange(9) * 3.5), (BAL, np.arange(5) * 7.0)):
        made = patients(RESPONDER, place, 200, 5)
        rows = made.results.join(made.courses, on="patient_id")
        days = (rows["collected_at"] - rows["started_at"]).dt.total_minutes().to_numpy().reshape(200, -1) / 1440
        assert np.abs(days - planned).max() == pytest.approx(3 / 24, abs=0.002)
        assert (rows["known_at"] - rows["collected_at"]).unique().to_list() == [timedelta(hours=12)]
        day_14 = rows.filter(pl.Series((np.round(days * 2) == 28).ravel()))
        assert day_14.height == 200
        assert day_14.filter(pl.col("known_at") > DAY_0 + timedelta(days=15, hours=7)).is_empty()
        assert day_14.filter(pl.col("known_at") > DAY_0 + timedelta(days=14, hours=7)).height == 200


def test_results_keep_the_promises_of_their_row_type_and_the_limits_of_the_assay() -> None:
    for place in PLACES:
        rows = patients(RESPONDER, place, 500, 6).results
        assert {"not_detected", "below_lloq", "quantified"} <= set(rows["detection"])
        assert rows.filter(pl.col("viral_load_iu_per_ml") < place.lloq).is_empty()
        assert rows["viral_load_iu_per_ml"].is_not_null().equals(rows["detection"] == "quantified")
        kept, broken = split_by_promises(VIRAL_LOAD_RESULTS.conform(rows), VIRAL_LOAD_RESULTS)
        assert (kept.height, broken.height) == (rows.height, 0)
    high = patients(NON_RESPONDER, BAL, MANY, 6).results.filter(detection="above_uloq")
    assert high.height > 10
    assert high["viral_load_iu_per_ml"].null_count() == high.height


def test_the_same_seed_gives_the_same_patients_and_another_gives_others() -> None:
    first, again, other = (patients(RISE, PLASMA, 20, seed) for seed in (7, 7, 8))
    assert first.results.equals(again.results)
    assert not first.results.equals(other.results)
    assert patients(RESPONDER, PLASMA, 20, 7).start_log10[0] != first.start_log10[0]  # each set its own draws


# --- what counts -----------------------------------------------------------------------------------------------------


def said(*rows: tuple[str, str, str, int | None]) -> pl.DataFrame:
    """The verdicts of a morning: patient, rule, verdict, tier."""
    names = ["patient_id", "rule", "verdict", "tier"]
    schema = {"patient_id": pl.String, "rule": pl.String, "verdict": pl.String, "tier": pl.Int64}
    frame = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows], schema=schema)
    return frame.with_columns(subject=pl.col("patient_id") + "/plasma")


def by_hand() -> Alerts:
    mornings = {
        14: said(("A", "no_follow_up", "alert", 1), ("B", "slow", "alert", 3), ("C", "slow", "alert", 2)),
        15: said(("A", "no_follow_up", "alert", 2), ("B", "slow", "alert", 1), ("C", "slow", "clear", None)),
        16: said(("B", "slow", "not_assessable", None), ("B", "rise", "alert", 2), ("D", "rise", "alert", 2)),
        17: said(("B", "slow", "alert", 3), ("B", "rise", "not_assessable", None), ("D", "slow", "alert", 2)),
        18: said(("B", "slow", "not_assessable", None), ("E", "slow", "alert", 2), ("E", "rise", "alert", 2)),
    }
    return counted(mornings, 10)


def test_a_patient_counts_from_the_first_tier_1_or_2_alert_about_a_load_on() -> None:
    found = by_hand()
    assert [found.by(day) for day in range(13, 19)] == [0, 1, 2, 3, 3, 4]
    assert found.first_rules(17) == {"slow": 2, "rise": 1}
    assert found.first_rules(18) == {"slow": 2, "rise": 1, "rise + slow": 1}
    assert found.median_first_day(18) == 15.5
    assert found.median_first_day(13) is None


def test_an_alert_is_open_until_it_clears_is_lowered_or_loses_its_subject() -> None:
    assert [by_hand().open_on(day) for day in range(14, 19)] == [1, 1, 2, 2, 1]
    assert by_hand().stood.filter(day=17).sort("patient_id").rows() == [
        (17, "B", "B/plasma", "rise"),
        (17, "D", "D/plasma", "slow"),
    ]


def test_rules_that_tell_of_no_load_are_named_in_one_place() -> None:
    assert NOT_ABOUT_A_LOAD == ("no_follow_up",)


# --- the targets -----------------------------------------------------------------------------------------------------


def test_targets_hold_for_whole_patients() -> None:
    at_least, at_most = alerts.Target(">=", 90), alerts.Target("<=", 1)
    assert [at_least.short_by(n, 300) for n in (300, 270, 269, 0)] == [0, 0, 1, 270]
    assert [at_most.short_by(n, 300) for n in (0, 3, 4, 300)] == [0, 0, 1, 297]
    assert [alerts.Target(">=", 79).short_by(n, 10) for n in (8, 7)] == [0, 1]


def judged(course: Course, count: int, until_15: int, until_28: int) -> Iterator[alerts.Judged]:
    made: Patients = patients(course, PLASMA, count, 1)
    mornings = {
        day: said(*((f"P{number}", "slow", "alert", 2) for number in range(n)))
        for day, n in ((15, until_15), (28, until_28))
    }
    yield alerts.Judged(course, PLASMA, made, counted(mornings, count))


def test_each_cell_that_falls_short_is_named_with_how_many_and_what_it_would_cost() -> None:
    found = [*judged(NON_RESPONDER, 100, 89, 99), *judged(RESPONDER, 100, 1, 3), *judged(HUMAR, 100, 20, 20)]
    assert list(alerts.shortfalls(found)) == [
        [
            "non-responder (0.05 log10/week): plasma, day 15",
            "89 of 100",
            ">= 90",
            "1 patient",
            "81.4-93.7, holds the target",
            alerts.TRADES[NON_RESPONDER.name, "plasma"],
        ],
        [
            "responder (1.5): plasma, day 28",
            "3 of 100",
            "<= 2",
            "1 patient",
            "1.0-8.5, holds the target",
            alerts.TRADES[RESPONDER.name, "plasma"],
        ],
    ]
    text = alerts.page(found, 12, Protocol.shipped(), 1.0)
    assert "Cells that fall short: 2 of 19" in text
    assert "| non-responder (0.05 log10/week) | 89.0 (81.4-93.7); >= 90 **short?** | 99.0 (94.6-99.8); >= 99 |" in text
    assert "Seed 12." in text


def test_a_shortfall_beyond_its_interval_is_no_matter_of_chance() -> None:
    text = alerts.page([*judged(NON_RESPONDER, 300, 100, 300)], 12, Protocol.shipped(), 1.0)
    assert "33.3 (28.2-38.8); >= 90 **short** | 100.0 (98.7-100.0); >= 99 |" in text
    assert "| 100 of 300 | >= 90 | 170 patients | 28.2-38.8, does not hold it | no number" in text


@pytest.mark.skipif(not RULES.exists(), reason="../shared/rules.md is not here to compare with")
def test_targets_are_those_of_the_rules() -> None:
    assert targets_in(RULES.read_text(encoding="utf-8")) == alerts.TARGETS


def targets_in(text: str) -> dict[str, tuple[alerts.Target | None, ...]]:
    """The rows of section 3.2."""
    rows = text.partition("### 3.2")[2].partition("\n## ")[0]
    found = {}
    for line in (line for line in rows.splitlines() if line.startswith("|")):
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        signs = [re.match(r"(>=|<=) (\d+)", cell) for cell in cells]
        if any(signs):
            found[name] = tuple(alerts.Target(sign[1], int(sign[2])) if sign else None for sign in signs)
    return found


def test_every_course_has_its_targets() -> None:
    assert [course.name for course in COURSES] == list(alerts.TARGETS)
    assert all(len(row) == len(PLACES) * len(alerts.DAYS) for row in alerts.TARGETS.values())


# --- the whole way ---------------------------------------------------------------------------------------------------


def test_patients_who_hardly_fall_are_told_of_and_those_who_fall_fast_are_not() -> None:
    protocol = Protocol.shipped()
    flat, falling = (
        judged_each_morning(patients(course, PLASMA, 12, 9), protocol, 29) for course in (NON_RESPONDER, RESPONDER)
    )
    assert flat.by(29) >= 10
    assert flat.by(7) == 0
    assert falling.by(29) <= 2
    assert set(flat.fired["day"]) <= set(range(1, 30))


def test_the_command_draws_a_seed_prints_it_and_writes_what_it_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(alerts, "PAGE", tmp_path / "alerts.md")
    monkeypatch.setattr(alerts, "LAST_DAY", 2)
    assert command(["alerts", "--patients", "2", "--write"]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "alerts.md").read_text(encoding="utf-8") == printed
    seed = re.search(r"Seed (\d+)\. Command:\n`python -m benchmarks alerts --patients 2 --seed (\d+) --write`", printed)
    assert seed is not None
    assert seed[1] == seed[2]
    assert int(seed[1]) >= 1_000_000
    assert all(f"\n- {course.name}: {course.what}." in printed for course in COURSES)
    assert "- Measured = true + normal noise. BAL: 0.45 log10." in printed
    (tmp_path / "alerts.md").unlink()
    assert command(["alerts", "--patients", "2", "--seed", seed[1]]) == 0
    tables = [text.partition("## Had")[2] for text in (printed, capsys.readouterr().out)]
    assert tables[0] == tables[1]
    assert not (tmp_path / "alerts.md").exists()


@pytest.mark.parametrize(("given", "said_of_it"), [("--patients 0", "at least 1"), ("--seed -1", "0 or more")])
def test_a_number_that_makes_no_patients_is_refused(
    given: str, said_of_it: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        alerts.main(given.split())
    assert said_of_it in capsys.readouterr().err


def test_every_cell_that_can_fall_short_names_what_it_would_cost() -> None:
    with_target = {
        (name, place.name)
        for name, row in alerts.TARGETS.items()
        for n, place in enumerate(PLACES)
        if any(row[2 * n : 2 * n + 2])
    }
    assert with_target == set(alerts.TRADES)
