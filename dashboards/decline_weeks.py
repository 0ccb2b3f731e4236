"""Weeks of decline as tables: of each compartment the last weeks of its newest series, and all others apart."""

from __future__ import annotations

from cmvmon.dashboards import facts
from cmvmon.dashboards import words_for_results as cells
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import PatientView
from cmvmon.text import Language

LAST_WEEKS = (2, 1)  # what the first sheet holds of a series, and where it is full; the others are one fold away


def decline_tables(
    shown: list[Point], view: PatientView, language: Language, *, last_weeks: int = LAST_WEEKS[0]
) -> tuple[list[Row], list[Row]]:
    """The tables of the first sheet, and those of the older weeks: each with the series as its title, and its rows."""
    newest = [
        (row["compartment"], row["laboratory"], row["assay"], row["anchor_at"])
        for row, _ in facts.latest_weeks(view.weekly_decline, shown, view.affected)
    ]
    lately, older = [], []
    for group in facts.decline_groups(view.weekly_decline, view.affected):
        first = group[0]
        n = (
            last_weeks
            if (first["compartment"], first["laboratory"], first["assay"], first["anchor_at"]) in newest
            else 0
        )
        before, last = (group[:-n], group[-n:]) if n else (group, [])
        lately += [_table(last, shown, view, language)] if last else []
        older += [_table(before, shown, view, language)] if before else []
    return lately, older


def _table(rows: list[Row], shown: list[Point], view: PatientView, language: Language) -> Row:
    first = rows[0]
    title = language.say(
        "decline.series",
        compartment=language.word("compartment", first["compartment"]),
        laboratory=first["laboratory"],
        assay=first["assay"],
        anchor=language.moment(first["anchor_at"], view.time_zone),
    )
    series = (first["compartment"], first["laboratory"], first["assay"])
    own = [point for point in shown if point.series == series]
    return {"title": title, "rows": [cells.week_row(row, own, view, language) for row in rows]}
