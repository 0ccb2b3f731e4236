"""Does blood follow another compartment? What the table `concordance` says of courses whose answer is known. All made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cmvmon.domain.results import CONCORDANCE
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.kinetics.concordance.nearest_pairs import matched_in_time, nearest_pairs
from cmvmon.kinetics.concordance.rows import design_effect
from cmvmon.kinetics.concordance.sample_pairs import sample_pairs
from cmvmon.kinetics.concordance.table import READS, concordance
from cmvmon.kinetics.numerics.proportion import exact_interval, student_quantile
from cmvmon.kinetics.numerics.rank_correlation import comparisons, tau
from cmvmon.shell.folder.protocol_files import Protocol

DAY_0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
AS_OF = DAY_0 + timedelta(days=400)
PROTOCOL = Protocol.shipped()
LIMITS = {"plasma": (17.5, 35.0), "whole_blood": (17.5, 35.0), "bal": (100.0, 200.0), "urine": (25.0, 50.0)}
UP_AND_DOWN = (5.5, 3.5, 5.6, 3.4, 5.7, 3.3, 5.8, 3.2, 5.9, 3.1, 6.0, 3.6)
Sample = tuple[float, float | None]  # day, log10 load; None = not detected


def series(
    patient: str, compartment: str, samples: Sequence[Sample], *, laboratory: str = "lab"
) -> list[dict[str, object]]:
    lod, lloq = LIMITS[compartment]
    return [
        {
            "result_id": f"{laboratory}:{patient}-{compartment}-{i:04d}",
            "patient_id": patient,
            "compartment": compartment,
            "laboratory": laboratory,
            "assay": "assay",
            "collected_at": DAY_0 + timedelta(days=day),
            "result_status": "final",
            "detection": "not_detected" if log10 is None else "quantified",
            "viral_load_iu_per_ml": None if log10 is None else 10**log10,
            "lod_iu_per_ml": lod,
            "lloq_iu_per_ml": lloq,
            "uloq_iu_per_ml": 1e12,
        }
        for i, (day, log10) in enumerate(samples)
    ]


def table(*parts: list[dict[str, object]]) -> pl.DataFrame:
    rows = [row for part in parts for row in part]
    return VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, infer_schema_length=None))


def both(
    patient: str, plasma: Sequence[float | None], bal: Sequence[float | None], *, every: float = 4
) -> list[dict[str, object]]:
    """A sample of each compartment every so many days, BAL an hour later."""
    return series(patient, "plasma", [(every * i, x) for i, x in enumerate(plasma)]) + series(
        patient, "bal", [(every * i + 1 / 24, x) for i, x in enumerate(bal)]
    )


def compare(frame: pl.DataFrame) -> pl.DataFrame:
    return concordance(frame, protocol=PROTOCOL, as_of=AS_OF)


def row(found: pl.DataFrame, patient: str | None = None) -> dict[str, object]:
    """The row of a patient, or of the unit."""
    name = pl.col("patient_id").is_null() if patient is None else pl.col("patient_id") == patient
    return found.filter(name).row(0, named=True)


def ward(
    seed: int, patients: int, make: Callable[[np.random.Generator], tuple[list[float | None], list[float | None]]]
) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return table(*(both(f"SYNTHETIC-{i:03d}", *make(rng), every=7) for i in range(patients)))


# --- answers


def test_one_course_in_both_compartments_follows_for_a_patient() -> None:
    """Twelve pairs, eleven clear changes, all alike: the exact interval begins at 0.715."""
    found = row(compare(table(both("SYNTHETIC-1", UP_AND_DOWN, UP_AND_DOWN))), "SYNTHETIC-1")
    assert (found["n_pairs"], found["n_changes_clear"], found["n_changes_agreeing"]) == (12, 11, 11)
    assert found["direction_agreement_low"] == pytest.approx(0.7151, abs=1e-4)
    assert (found["answer"], found["rank_correlation"]) == ("plasma_follows", 1.0)


def test_ten_clear_changes_alike_are_one_too_few_to_show_it() -> None:
    found = row(compare(table(both("SYNTHETIC-1", UP_AND_DOWN[:-1], UP_AND_DOWN[:-1]))), "SYNTHETIC-1")
    assert found["direction_agreement_low"] == pytest.approx(0.6915, abs=1e-4)
    assert found["answer"] == "plasma_does_not_follow"


@pytest.mark.parametrize(("pairs", "answer"), [(5, "too_few_pairs"), (6, "plasma_does_not_follow")])
def test_opposite_courses_do_not_follow_from_six_pairs_on(pairs: int, answer: str) -> None:
    plasma = UP_AND_DOWN[:pairs]
    found = row(compare(table(both("SYNTHETIC-1", plasma, [9 - x for x in plasma]))), "SYNTHETIC-1")
    assert (found["n_changes_agreeing"], found["rank_correlation"], found["answer"]) == (0, -1.0, answer)


def test_all_censored_is_too_few_however_many_pairs_there_are() -> None:
    found = compare(table(*(both(f"SYNTHETIC-{i}", [None] * 8, [None] * 8) for i in range(10))))
    assert row(found)["n_pairs"] == 80
    assert set(found["answer"]) == {"too_few_pairs"}
    assert row(found)["direction_agreement"] is row(found)["rank_correlation"] is None


def test_the_unit_needs_twenty_pairs_of_five_patients() -> None:
    course = (5.5, 3.5, 5.6, 3.4, 5.7)
    patients = {n: table(*(both(f"SYNTHETIC-{i}", course, course) for i in range(n))) for n in (4, 5)}
    assert {n: (row(compare(f))["n_pairs"], row(compare(f))["answer"]) for n, f in patients.items()} == {
        4: (20, "too_few_pairs"),
        5: (25, "plasma_follows"),
    }
    fewer = table(*(both(f"SYNTHETIC-{i}", course[:4], course[:4]) for i in range(5)))
    assert (row(compare(fewer))["n_pairs"], row(compare(fewer))["answer"]) == (20, "plasma_follows")


def test_courses_that_only_fall_are_alike_too() -> None:
    """Nothing rises on either side, so that chance can't be told from following: the line alone decides."""
    found = row(compare(table(*(both(f"SYNTHETIC-{i}", (6, 5.2, 4.4, 3.6), (7, 5.8, 4.6, 3.4)) for i in range(8)))))
    assert (found["agreement_by_chance"], found["answer"]) == (1.0, "plasma_follows")


def test_a_lung_that_stands_still_while_plasma_falls_is_not_left_out_of_the_count() -> None:
    """In half of the patients BAL wavers within its noise: undetermined, and still no ground to say that plasma follows."""

    def make(rng: np.random.Generator) -> tuple[list[float | None], list[float | None]]:
        plasma = [6.0, 5.2, 4.4, 3.6]
        falls = rng.random() < 0.5
        bal = [7 - (1.3 * i if falls else 0.0) + (0 if falls else rng.normal(0, 0.3)) for i in range(4)]
        return list(plasma), list(bal)

    found = row(compare(ward(1, 60, make)))
    assert (found["direction_agreement"], found["answer"]) == (1.0, "plasma_does_not_follow")
    assert found["signed_agreement_low"] < 0.7 < found["direction_agreement_low"]  # type: ignore[operator]


def test_unrelated_courses_that_mostly_fall_do_not_follow_though_they_agree_mostly() -> None:
    """Each side falls four times in five: they agree in two thirds to three quarters by chance alone."""

    def make(rng: np.random.Generator) -> tuple[list[float | None], list[float | None]]:
        sides = [np.cumsum(np.where(rng.random(5) < 0.92, -1.5, 1.5)) + 9 for _ in range(2)]
        return [float(x) for x in sides[0]], [float(x) for x in sides[1]]

    answers = [row(compare(ward(seed, 60, make))) for seed in range(8)]
    assert {r["answer"] for r in answers} == {"plasma_does_not_follow"}
    assert any(r["direction_agreement_low"] >= 0.7 for r in answers)  # type: ignore[operator]


def test_the_simulated_ward_whose_compartments_share_their_class_follows_and_a_shuffled_one_does_not() -> None:
    """Classes shared with probability 0.7, as in the simulator; then each BAL course given to another patient."""

    def make(share: float) -> Callable[[np.random.Generator], tuple[list[float | None], list[float | None]]]:
        def of(rng: np.random.Generator) -> tuple[list[float | None], list[float | None]]:
            bal_class = rng.choice(3, p=(0.65, 0.2, 0.15))
            plasma_class = bal_class if rng.random() < share else rng.choice(3, p=(0.65, 0.2, 0.15))
            slopes = (-0.9, -0.4, 0.45)
            course = [
                [start + slopes[c] * i + rng.normal(0, s) for i in range(5)]
                for c, s, start in ((plasma_class, 0.13, 5.0), (bal_class, 0.4, 6.5))
            ]
            return list(course[0]), list(course[1])

        return of

    shared, unrelated = (row(compare(ward(7, 300, make(share)))) for share in (0.7, 0.0))
    for name, found in (("0.7", shared), ("0.0", unrelated)):
        shown = {k: found[k] for k in ("n_changes_clear", "direction_agreement", "agreement_by_chance", "answer")}
        print(f"class shared {name}: {shown}")
    assert (shared["answer"], unrelated["answer"]) == ("plasma_follows", "plasma_does_not_follow")


# --- pairs and changes


def test_samples_are_paired_up_to_48_hours_nearest_first_each_once() -> None:
    frame = table(
        series("SYNTHETIC-1", "plasma", [(0, 5), (1, 5), (10, 4), (20, 4)]),
        series("SYNTHETIC-1", "bal", [(0.9, 6), (8, 5), (22.01, 5)]),
    )
    paired = sample_pairs(frame, protocol=PROTOCOL)
    when = paired.samples["collected_us"]
    days = lambda rows: [(when[int(i)] / 8.64e10) - DAY_0.timestamp() / 86_400 for i in rows]  # noqa: E731
    assert days(paired.other) == pytest.approx([0.9, 8])
    assert days(paired.blood) == pytest.approx([1, 10])


@given(
    st.lists(st.integers(0, 200), unique=True, max_size=12),
    st.lists(st.integers(0, 200), unique=True, max_size=12),
)
def test_the_fast_pairing_is_the_greedy_one(first: list[int], second: list[int]) -> None:
    first, second = sorted(first), sorted(second)
    edges = sorted(
        (abs(a - b), min(a, b), i, j) for i, a in enumerate(first) for j, b in enumerate(second) if abs(a - b) <= 20
    )
    used: tuple[set[int], set[int]] = (set(), set())
    plain = []
    for _, _, i, j in edges:
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            plain.append((i, j))
    assert matched_in_time(first, second, within=20) == sorted(plain)
    rows = np.array(sorted([(0, t, 0) for t in first] + [(0, t, 1) for t in second] + [(1, 5, 0), (1, 9, 1)]))
    of_first, of_second = nearest_pairs(rows[:, 0], rows[:, 1], rows[:, 2], within=20)
    times = {(int(rows[i, 0]), int(rows[i, 1]), int(rows[j, 1])) for i, j in zip(of_first, of_second, strict=True)}
    assert times == {(0, first[i], second[j]) for i, j in plain} | {(1, 5, 9)}


def test_nothing_crosses_a_laboratory_within_a_side() -> None:
    """A rise from one laboratory to the other is no change: the series with most pairs is compared."""
    frame = table(
        series("SYNTHETIC-1", "plasma", [(0, 5), (7, 4), (14, 3)]),
        series("SYNTHETIC-1", "plasma", [(21, 6), (28, 5)], laboratory="other"),
        series("SYNTHETIC-1", "bal", [(0, 6), (7, 4.5), (14, 3), (21, 5), (28, 3)]),
    )
    found = row(compare(frame), "SYNTHETIC-1")
    assert (found["n_pairs"], found["n_changes"], found["n_changes_agreeing"]) == (3, 2, 2)
    assert found["followed_laboratory"] == "lab"


@pytest.mark.parametrize(
    ("bal", "clear", "quantified"),
    [((6.0, 4.88), 1, 2), ((6.0, 4.9), 0, 2), ((2.4, None), 0, 1), ((6.0, None), 1, 1), ((None, None), 0, 0)],
)
def test_a_change_is_clear_beyond_noise_and_an_overlap_is_none(
    bal: tuple[float | None, float | None], clear: int, quantified: int
) -> None:
    """BAL scatters by 0.4: 95 % of two results of one load lie within 1.109 log10. "<200" is an interval."""
    found = row(compare(table(both("SYNTHETIC-1", (5.0, 3.0), bal))), "SYNTHETIC-1")
    assert (found["n_changes"], found["n_changes_clear"], found["n_pairs_both_quantified"]) == (1, clear, quantified)


def test_a_compartment_whose_noise_is_not_known_has_no_clear_change() -> None:
    frame = table(
        series("SYNTHETIC-1", "plasma", [(7 * i, x) for i, x in enumerate(UP_AND_DOWN)]),
        series("SYNTHETIC-1", "urine", [(7 * i, x) for i, x in enumerate(UP_AND_DOWN)]),
    )
    found = row(compare(frame), "SYNTHETIC-1")
    assert (found["n_pairs"], found["n_changes_clear"], found["answer"]) == (12, 0, "too_few_pairs")
    assert found["rank_correlation"] == 1.0


def test_a_gap_of_more_than_28_days_is_no_change() -> None:
    frame = table(
        series("SYNTHETIC-1", "plasma", [(0, 5), (28.1, 3)]), series("SYNTHETIC-1", "bal", [(0, 6), (28.1, 4)])
    )
    assert row(compare(frame), "SYNTHETIC-1")["n_changes"] == 0


def test_a_result_after_as_of_or_with_two_values_is_not_read() -> None:
    frame = table(both("SYNTHETIC-1", (5.0, 3.0, 5.0), (6.0, 4.0, 6.0)))
    early = concordance(frame, protocol=PROTOCOL, as_of=DAY_0 + timedelta(days=5))
    assert row(early, "SYNTHETIC-1")["n_pairs"] == 2
    clash = frame.with_columns(is_conflicting=pl.col("collected_at") == DAY_0)
    assert row(compare(clash), "SYNTHETIC-1")["n_pairs"] == 2


def test_nobody_with_both_compartments_gives_an_empty_table() -> None:
    assert compare(table(series("SYNTHETIC-1", "plasma", [(0, 5)]))).is_empty()
    assert compare(VIRAL_LOAD_RESULTS.empty()).schema == CONCORDANCE.empty().schema
    apart = compare(table(series("SYNTHETIC-1", "plasma", [(0, 5)]), series("SYNTHETIC-1", "bal", [(9, 5)])))
    assert apart.select("scope", "n_pairs", "answer").rows() == [("patient", 0, "too_few_pairs")]


def test_twenty_thousand_samples_at_a_regular_rhythm_are_paired() -> None:
    """A BAL lies nearest to the fourth plasma after it: four are left at either end, days apart."""
    n = 20_000
    frame = table(both("SYNTHETIC-1", [5.0, 3.0] * (n // 2), [6.0, 4.0] * (n // 2), every=0.01))
    late = concordance(frame, protocol=PROTOCOL, as_of=DAY_0 + timedelta(days=4000))
    assert row(late, "SYNTHETIC-1")["n_pairs"] == n - 4


# --- lag


def test_a_compartment_three_days_behind_is_found_and_a_steady_fall_tells_no_lag() -> None:
    """Plasma every two days; BAL is the same wave three days later, sampled every four."""
    wave = lambda day: 5 + 1.6 * float(np.sin(2 * np.pi * day / 19))  # noqa: E731
    parts = []
    for i in range(12):
        start = 1.3 * i
        parts += [
            series(f"SYNTHETIC-{i}", "plasma", [(2 * k, wave(2 * k + start)) for k in range(-6, 40)]),
            series(f"SYNTHETIC-{i}", "bal", [(4 * k, wave(4 * k + start - 3)) for k in range(17)]),
        ]
    found = row(compare(table(*parts)))
    assert found["lag_days"] == pytest.approx(3, abs=1)
    assert found["lag_low_days"] <= 3 <= found["lag_high_days"]  # type: ignore[operator]
    steady = table(
        *(both(f"SYNTHETIC-{i}", [9 - 0.9 * k for k in range(7)], [9 - 1.2 * k for k in range(7)]) for i in range(8))
    )
    assert (row(compare(steady))["lag_days"], row(compare(steady))["lag_reason"]) == (None, "cannot_be_told")


# --- properties

loads = st.one_of(st.none(), st.integers(24, 80).map(lambda x: x / 10))
courses = st.lists(st.tuples(loads, loads), min_size=1, max_size=9)
wards = st.lists(courses, min_size=1, max_size=7)


def made(drawn: list[list[tuple[float | None, float | None]]]) -> pl.DataFrame:
    return table(*(both(f"SYNTHETIC-{i}", [a for a, _ in c], [b for _, b in c]) for i, c in enumerate(drawn)))


@settings(max_examples=40, deadline=None)
@given(wards, st.randoms(use_true_random=False))
def test_permuting_rows_changes_no_bit(drawn: list[list[tuple[float | None, float | None]]], rng: object) -> None:
    frame = made(drawn)
    order = list(range(frame.height))
    rng.shuffle(order)  # type: ignore[attr-defined]
    assert compare(frame[order]).equals(compare(frame), null_equal=True)


@settings(max_examples=40, deadline=None)
@given(wards, st.sampled_from([0.01, 0.5, 10.0, 1000.0]), st.sampled_from(["plasma", "bal"]))
def test_multiplying_all_loads_and_limits_of_one_compartment_changes_nothing(
    drawn: list[list[tuple[float | None, float | None]]], factor: float, compartment: str
) -> None:
    frame = made(drawn)
    columns = [name for name in frame.columns if name.endswith("_iu_per_ml")]
    of_it = pl.col("compartment") == compartment
    scaled = frame.with_columns(pl.when(of_it).then(pl.col(n) * factor).otherwise(n).alias(n) for n in columns)
    assert compare(scaled).equals(compare(frame), null_equal=True)


@settings(max_examples=25, deadline=None)
@given(wards)
def test_patients_without_a_pair_and_other_patients_change_no_row_of_mine(
    drawn: list[list[tuple[float | None, float | None]]],
) -> None:
    frame = made(drawn)
    alone = table(
        series("SYNTHETIC-X", "plasma", [(0, 5), (7, 4)]),
        series("SYNTHETIC-Y", "plasma", [(0, 5)]),
        series("SYNTHETIC-Y", "bal", [(30, 5)]),
    )
    with_them = compare(pl.concat([frame, alone])).filter(~(pl.col("patient_id") == "SYNTHETIC-Y").fill_null(False))
    assert with_them.equals(compare(frame), null_equal=True)
    first = frame.filter(pl.col("patient_id") == "SYNTHETIC-0")
    mine = pl.col("patient_id") == "SYNTHETIC-0"
    assert compare(first).filter(mine).equals(compare(frame).filter(mine), null_equal=True)


@settings(max_examples=40, deadline=None)
@given(wards)
def test_every_row_keeps_the_promises_of_its_table(drawn: list[list[tuple[float | None, float | None]]]) -> None:
    found = compare(made(drawn))
    for promise in CONCORDANCE.constraints:
        assert found.filter(~promise.holds()).is_empty(), promise.sentence


def test_it_reads_a_light_projection_only() -> None:
    frame = table(both("SYNTHETIC-1", UP_AND_DOWN, UP_AND_DOWN))
    assert compare(frame.select(READS)).equals(compare(frame), null_equal=True)


# --- the mathematics against scipy


@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (1, 1), (5, 5), (10, 11), (11, 11), (3, 40), (700, 1000), (7.5, 10.25), (1e5, 2e5)]
)
def test_the_exact_interval_is_scipys(k: float, n: float) -> None:
    low, high = exact_interval(k, n, 0.95)
    assert low == pytest.approx(0.0 if k == 0 else stats.beta.ppf(0.025, k, n - k + 1), abs=1e-10)
    assert high == pytest.approx(1.0 if k == n else stats.beta.ppf(0.975, k + 1, n - k), abs=1e-10)


@pytest.mark.parametrize("degrees", [1, 2, 5, 30, 20_000])
def test_students_t_is_scipys(degrees: int) -> None:
    assert student_quantile(0.95, degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=15))
def test_without_censoring_the_rank_correlation_is_kendalls_tau_b(points: list[tuple[int, int]]) -> None:
    x, y = (np.array(side, dtype=np.float64) for side in zip(*points, strict=True))
    one = np.zeros(len(x), np.int64)
    found = [float(end[0]) for end in tau(comparisons(one, (x, x), (y, y)), one, 1, shared=2, probability=0.95)]
    expected = stats.kendalltau(x, y).statistic
    if np.isnan(found[0]):
        assert np.isnan(expected)
    else:
        assert found[0] == pytest.approx(expected, abs=1e-12)
        assert -1 <= found[1] <= found[0] + 1e-12
        assert found[0] - 1e-12 <= found[2] <= 1


def test_the_design_effect_grows_with_scatter_between_patients_and_is_never_below_the_least() -> None:
    alike, apart = np.array([3, 3, 3, 3]), np.array([6, 0, 6, 0])
    six = np.full(4, 6)
    assert design_effect(alike, six, least_correlation=0.2) == pytest.approx(2.0)
    assert design_effect(apart, six, least_correlation=0.2) == pytest.approx(8.0)
    assert design_effect(np.zeros(2, np.int64), np.zeros(2, np.int64), least_correlation=0.2) == 1.0
