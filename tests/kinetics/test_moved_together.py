"""Whether the results of a laboratory moved together: a case table, an ordinary ward that never does, and one whose unit is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.moved_together import MovedTogether
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, VIRAL_LOAD_RESULTS
from cmvmon.kinetics.moved.corrected import before_corrections
from cmvmon.kinetics.moved.steps import steps
from cmvmon.kinetics.moved.together import moved_together
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate.ward import START, Ward, ward
from tests import patients

TABLE = Path(__file__).with_name("moved_together.md")
PROTOCOL = Protocol.shipped()


@dataclass(frozen=True)
class Case:
    name: str
    moved: str
    n_moved: int
    others: str
    n_others: int
    courses: str
    as_of_day: float
    says: str


def cases() -> list[Case]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    _, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Case(name, moved, int(n), others, int(m), courses, float(day), says)
        for name, moved, n, others, m, courses, day, says in rows
    ]


def tables(case: Case) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    results, courses = [VIRAL_LOAD_RESULTS.empty()], [ANTIVIRAL_COURSES.empty()]
    for of_each, told, count in (("m", case.moved, case.n_moved), ("o", case.others, case.n_others)):
        for n in range(count):
            known = patients.known(told, courses=case.courses)
            results.append(_marked(known[VIRAL_LOAD_RESULTS], f"{of_each}{n}"))
            courses.append(_marked(known[ANTIVIRAL_COURSES], f"{of_each}{n}"))
    return pl.concat(results), None if case.courses == "never" else pl.concat(courses)


def _marked(rows: pl.DataFrame, mark: str) -> pl.DataFrame:
    names = [name for name in ("patient_id", "result_id") if name in rows.columns]
    return rows.with_columns(pl.col(name) + mark for name in names)


def found(results: pl.DataFrame, courses: pl.DataFrame | None, as_of: datetime) -> tuple[MovedTogether, ...]:
    def steps_of(versions: pl.DataFrame) -> pl.DataFrame:
        used = results_in_use(versions, ASSAYS.empty(), protocol=PROTOCOL, as_of=as_of)
        return steps(used, courses, protocol=PROTOCOL, as_of=as_of)

    before = before_corrections(results, steps_of)
    return moved_together(steps_of(results), before, protocol=PROTOCOL)


def in_words(moved: tuple[MovedTogether, ...]) -> str:
    days = [(one.since - patients.DAY_0).total_seconds() / 86_400 for one in moved]
    told = [f"{one.way} {one.n_moved} of {one.n_patients} since d{day:g}" for one, day in zip(moved, days, strict=True)]
    return "; ".join(told) or "-"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_what_moved_together_is_what_the_case_table_says(case: Case) -> None:
    results, courses = tables(case)
    assert in_words(found(results, courses, patients.moment(case.as_of_day))) == case.says


@given(order=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_says_nothing(order: object) -> None:
    case = next(case for case in cases() if case.name == "eight of ten")
    results, courses = tables(case)
    places = list(range(results.height))
    order.shuffle(places)  # type: ignore[attr-defined]
    assert in_words(found(results[places], courses, patients.moment(8))) == case.says


def corrected(results: pl.DataFrame, whom: pl.Expr, at: float, load: float) -> pl.DataFrame:
    """With a correction of what these patients' results of day 7 said, that came then."""
    moment = patients.moment(at)
    changed = results.filter(whom & (pl.col("collected_at") == patients.moment(7))).with_columns(
        result_status=pl.lit("corrected"), viral_load_iu_per_ml=pl.lit(load), received_at=moment, sent_at=moment
    )
    return pl.concat([results, changed])


@given(order=st.randoms(use_true_random=False), how_many=st.integers(0, 10))
def test_so_many_corrected_back_in_whatever_order_the_rows_stand(order: object, how_many: int) -> None:
    """Of ten that moved. One alone changes nothing; of all ten none stands."""
    results, courses = tables(Case("", "plasma d0 1000, d7 100000", 10, "-", 0, "-", 9, ""))
    whom = pl.col("patient_id").is_in(sorted(set(results["patient_id"]))[:how_many])
    told = corrected(results, whom, 8, 1000.0)
    places = list(range(told.height))
    order.shuffle(places)  # type: ignore[attr-defined]
    moved = found(told[places], courses, patients.moment(9))
    assert in_words(moved) == {1: "up 9 of 10 since d7", 10: "-"}.get(how_many, "up 10 of 10 since d7")
    assert [one.until is not None for one in moved] == [how_many > 4] * (how_many < 10)


@pytest.fixture(scope="module")
def ordinary() -> Ward:
    return ward(40, 70, 7, "everything")


def on(
    made: Ward, day: int, *, courses: bool = True, times: float = 1, last_days: float = 0
) -> tuple[MovedTogether, ...]:
    """What is said on that day of the ward, where the quantified loads of its last days came as so many times what they were."""
    as_of = START + timedelta(days=day)
    late = pl.col("collected_at").is_between(as_of - timedelta(days=last_days), as_of)
    load = pl.col("viral_load_iu_per_ml")
    results = made.viral_load_results.with_columns(
        viral_load_iu_per_ml=pl.when(late).then(load * times).otherwise(load)
    )
    return found(results, made.antiviral_courses if courses else None, as_of)


def test_an_ordinary_ward_under_treatment_never_does(ordinary: Ward) -> None:
    """Forty patients, of whom most fall at once, with humps, blips, outliers, resistance and another assay half-way."""
    assert not [day for day in range(7, 71) if on(ordinary, day)]
    assert not [day for day in range(7, 71) if on(ordinary, day, courses=False)]


def test_the_same_ward_whose_laboratory_reports_ten_times_too_much_does() -> None:
    made = ward(40, 40, 7)
    assert not on(made, 40)
    [moved] = on(made, 40, times=10, last_days=4)
    assert moved.way == "up"
    assert START + timedelta(days=36) <= moved.since
    assert moved.n_patients * PROTOCOL.moved_together.least_share_moved <= moved.n_moved
