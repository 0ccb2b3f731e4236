"""Courses, response clocks and interruptions, as tables of days."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.kinetics import treatment_courses
from cmvmon.shell.folder.protocol_files import Protocol
from tests.spec.reading import cells, courses, day_of, moment

CASES = {
    "one drug, still running": (
        "drug | from | to\n ganciclovir | 0 |",
        "anchor | next | start | end | gaps\n 0.0 | | 0.0 | |",
    ),
    "ganciclovir and valganciclovir are one drug": (
        "drug | from | to\n ganciclovir | 0 | 5\n valganciclovir | 5 | 20",
        "anchor | next | start | end | gaps\n 0.0 | | 0.0 | 20.0 |",
    ),
    "another drug, added or instead, restarts the clock in the same course": (
        "drug | from | to\n ganciclovir | 0 | 10\n foscarnet | 8 | 20",
        "anchor | next | start | end | gaps\n 0.0 | 8.0 | 0.0 | 20.0 |\n 8.0 | | 0.0 | 20.0 |",
    ),
    "so does a switch back after more than 72 hours of another": (
        "drug | from | to\n ganciclovir | 0 | 10\n foscarnet | 10 | 14\n ganciclovir | 13+1h | 20",
        """anchor | next   | start | end  | gaps
            0.0    | 10.0   | 0.0   | 20.0 |
            10.0   | 13.042 | 0.0   | 20.0 |
            13.042 |        | 0.0   | 20.0 |""",
    ),
    "a switch back within 72 hours does not": (
        "drug | from | to\n ganciclovir | 0 | 10\n foscarnet | 10 | 14\n ganciclovir | 13 | 20",
        "anchor | next | start | end | gaps\n 0.0 | 10.0 | 0.0 | 20.0 |\n 10.0 | | 0.0 | 20.0 |",
    ),
    "two drugs at one moment are one anchor": (
        "drug | from | to\n ganciclovir | 0 | 10\n foscarnet | 0 | 14",
        "anchor | next | start | end | gaps\n 0.0 | | 0.0 | 14.0 |",
    ),
    "a gap of 72 hours is none, a longer one is an interruption": (
        "drug | from | to\n ganciclovir | 0 | 5\n ganciclovir | 8 | 10\n ganciclovir | 13+1h | 20",
        "anchor | next | start | end | gaps\n 0.0 | | 0.0 | 20.0 | 10.0-13.042",
    ),
    "a gap of seven days is the same course, a longer one a new course": (
        "drug | from | to\n ganciclovir | 0 | 5\n ganciclovir | 12 | 15\n ganciclovir | 22+1h | 30",
        "anchor | next | start | end | gaps\n 0.0 | 22.042 | 0.0 | 15.0 | 5.0-12.0\n 22.042 | | 22.042 | 30.0 |",
    ),
    "a row within another changes nothing": (
        "drug | from | to\n ganciclovir | 0 | 20\n ganciclovir | 3 | 5\n valganciclovir | 0 | 2",
        "anchor | next | start | end | gaps\n 0.0 | | 0.0 | 20.0 |",
    ),
    "prophylaxis, an unknown indication and drugs that do not treat are no course": (
        """drug | from | to | indication
            ganciclovir | 0 | 5 | prophylaxis
            foscarnet   | 0 | 5 |
            letermovir  | 0 | 5 | treatment""",
        "anchor | next | start | end | gaps",
    ),
    "what starts after as_of (day 60) is not known, and an end after it neither": (
        "drug | from | to\n ganciclovir | 50 | 70\n foscarnet | 61 | 70",
        "anchor | next | start | end | gaps\n 50.0 | | 50.0 | |",
    ),
    "a single dose": (
        "drug | from | to\n ganciclovir | 0 | 0",
        "anchor | next | start | end | gaps\n 0.0 | | 0.0 | 0.0 |",
    ),
}


def clocks_of(given: pl.DataFrame) -> pl.DataFrame:
    return treatment_courses(given, protocol=Protocol.shipped(), as_of=moment("60"))


def shown(clocks: pl.DataFrame) -> list[dict[str, str]]:
    columns = {"anchor": "anchor_at", "next": "next_anchor_at", "start": "course_started_at", "end": "course_ended_at"}
    rows = []
    for row in clocks.iter_rows(named=True):
        days = {name: day_of(row[column]) for name, column in columns.items()}
        gaps = zip(row["gap_starts"], row["gap_ends"], strict=True)
        texts = {name: "" if day is None else str(day) for name, day in days.items()}
        rows.append(texts | {"gaps": " ".join(f"{day_of(start)}-{day_of(end)}" for start, end in gaps)})
    return rows


@pytest.mark.parametrize("case", CASES)
def test_each_course_has_its_anchors_and_interruptions(case):
    given, expected = CASES[case]
    rows = courses(given)
    assert shown(clocks_of(rows)) == cells(expected)
    assert clocks_of(rows.reverse()).equals(clocks_of(rows)), "the order of the rows does not matter"


def test_patients_do_not_touch_each_other():
    found = clocks_of(
        courses("patient | drug | from | to\n synthetic-b | ganciclovir | 3 |\n synthetic-a | foscarnet | 0 | 2")
    )
    assert found["patient_id"].to_list() == ["synthetic-a", "synthetic-b"]
    assert found["next_anchor_at"].to_list() == [None, None]
