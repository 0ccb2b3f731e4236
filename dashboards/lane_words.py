"""What the lanes of the figure show, as lines of text: the table behind that part of the chart."""

from __future__ import annotations

from cmvmon.dashboards import renal_bands
from cmvmon.dashboards.figure import Plot
from cmvmon.dashboards.rows import rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.dashboards.words_for_results import capital
from cmvmon.text import Language


def lane_lines(plot: Plot | None, view: PatientView, language: Language) -> list[str]:
    """Renal bands with their days, every level and every value of kidney function that is drawn."""
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
        return bands
    values = [[mark.said for mark in lane.marks] or [said for _, _, said in lane.line] for lane in plot.lanes]
    return [*bands, *(". ".join(of_lane) + "." for of_lane in values if of_lane)]
