"""The first sheet of a patient's page, from what the page says: the figure for paper, and which alerts stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmvmon.dashboards import facts, sheet
from cmvmon.dashboards.decline_weeks import LAST_WEEKS, decline_tables
from cmvmon.dashboards.figure import Plot, figure_of
from cmvmon.dashboards.look import PAPER
from cmvmon.dashboards.static_figure import static_svg
from cmvmon.dashboards.views import PatientView
from cmvmon.text import Language

# Shares of the columns on paper, as `style.css` has them: what is not printed there has none.
_LATEST, _WEEKS, _RESULTS = (11, 21, 14, 31, 15, 8), (18, 28, 24, 30), (14, 12, 40, 12, 22)


def first_sheet(said: Mapping[str, Any], plot: Plot | None, view: PatientView, language: Language) -> dict[str, Any]:
    """`svg`, `alerts` of the first sheet, `more_alerts` of the next one, how many those are in words, and the weeks.

    Where not every alert has room, fewer weeks of each series stand there.

    `said`: what the page is rendered with.
    """
    planned, weeks = _plan(said, plot, view, language), {}
    if planned.n_alerts < len(said["alerts"]):
        lately, older = decline_tables(facts.points(view.results), view, language, last_weeks=LAST_WEEKS[-1])
        weeks = {"weeks": lately, "older_weeks": older}
        planned = _plan({**said, **weeks}, plot, view, language)
    more = said["alerts"][planned.n_alerts :]
    svg = ""
    if plot is not None:
        drawn = figure_of(plot, view, language, replace(PAPER, sheet_px=planned.figure_px))
        svg = static_svg(drawn, title=language.say("figure.alternative"), language=language.code)
    return weeks | {
        "svg": svg,
        "alerts": said["alerts"][: planned.n_alerts],
        "more_alerts": more,
        "more_alerts_title": language.count("alerts.on_next_sheet", len(more), sheet=language.number(2, 0))
        if more
        else "",
    }


def _plan(said: Mapping[str, Any], plot: Plot | None, view: PatientView, language: Language) -> sheet.Sheet:
    least, most = (0, 0) if plot is None else plot.bounds_px(PAPER)
    return sheet.plan(
        strip=[
            *_below_the_first_line(said, view, language),
            *said["disabled"],
            *(["-"] if view.is_synthetic else []),
            *([] if view.is_signed else ["-"]),
        ],
        headline=[
            f"{said['headline']['sentence']} {said['headline']['count']}",
            *said["also"],
            "; ".join(said["drugs"] + said["due"]),
            "; ".join(said["unassessed"]),
        ],
        texts=_texts(said, plot, language),
        tables_px=_tables_px(said),
        n_headings=4 + bool(said["alerts"]) + bool(said["caveats"]),
        alerts=said["alerts"],
        lowest_figure_px=least,
        highest_figure_px=most,
    )


def _below_the_first_line(said: Mapping[str, Any], view: PatientView, language: Language) -> list[str]:
    """The lines of the patient's identity beyond the first, which the strip has room for in any case."""
    told = {
        "id": view.patient_id,
        "born": said["born"],
        "ward": view.ward or "-",
        "bed": said["left"] or view.bed or "-",
    }
    parts = [f"{language.say(f'patient.{name}')} {text}    " for name, text in told.items() if text]
    return ["-"] * (sheet.lines("".join(parts), font_px=13) - 1)


def _texts(said: Mapping[str, Any], plot: Plot | None, language: Language) -> list[str]:
    """Every line of the sheet that stands in no table."""
    captions = [] if plot is None else [said["caption"], said["older"]]
    decline = [language.say("decline.on_paper", interval=said["interval"])] if said["weeks"] else ["-"]
    return [said["age"], *said["states"], *captions, *decline, *said["caveats"]]


def _tables_px(said: Mapping[str, Any]) -> int:
    """The latest values, the weeks with their titles, and the results."""
    latest = [
        [row[name] for name in ("compartment", "value", "collected", "change", "limits", "status")]
        for row in said["latest"]
    ]
    results = [
        [row["collected"], row["compartment"], f"{row['value']} {row['before']}", row["status"], row["assay"]]
        for row in said["results"]
    ]
    weeks = [[_week(row) for row in series["rows"]] for series in said["weeks"]]
    height = sum(sheet.table_px(rows, shares) for rows, shares in ((latest, _LATEST), (results, _RESULTS)) if rows)
    return height + sum(sheet.table_px(rows, _WEEKS, has_head=i == 0) + sheet.TITLE_PX for i, rows in enumerate(weeks))


def _week(row: Mapping[str, Any]) -> list[str]:
    """The cells of a week that are printed: of the estimate since the start all but the probability."""
    estimated = row["estimated_mean"]
    cells = (
        [row["week"], row["dates"]],
        row["observed"],
        [estimated[0], estimated[-1]],
        [row["call"], *row["remarks"]],
    )
    return [" · ".join(parts) for parts in cells]
