"""What the lanes of the figure show, as lines of text: the table behind that part of the chart."""

from __future__ import annotations

from cmvmon.dashboards import renal_bands
from cmvmon.dashboards.figure import Plot
from cmvmon.dashboards.rows import rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.dashboards.words_for_results import capital, stopped_said
from cmvmon.text import Language


def lane_lines(plot: Plot | None, view: PatientView, language: Language) -> list[str]:
    """Why drugs were stopped, where that is stated; renal bands with their days; every level and value of kidney function drawn."""
    given = () if view.courses is None else rows_of(view.courses)
    stops = [
        stopped_said(row, view.time_zone, language)
        for row in rows_by(given, "started_at", "drug", "route", nulls_last=True)
    ]
    bands = [
        language.say(
            "lane.band_said",
            drug=capital(row["drug"]),
            start=language.date(row["from_at"], view.time_zone),
            stop=language.date(row["to_at"], view.time_zone),
            band=renal_bands.in_words(row, language),
        )
        + (f" ({language.word('reason', row['band_unknown'])})" if row["band_unknown"] else "")
        for row in rows_by(rows_of(view.alongside.bands), "drug", "from_at")
    ]
    if plot is None:
        return [*filter(None, stops), *bands]
    values = [[mark.said for mark in lane.marks] or [said for _, _, said in lane.line] for lane in plot.lanes]
    return [*filter(None, stops), *bands, *(". ".join(of_lane) + "." for of_lane in values if of_lane)]
