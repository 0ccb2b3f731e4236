"""The patient's figure: one panel per compartment on one log axis and one time axis, with bars of therapy beneath."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cmvmon.text import Language
from dashboards import facts
from dashboards.axes import log_axis, window
from dashboards.bars import lanes
from dashboards.drawing import Drawing
from dashboards.views import PatientView


def patient_figure(view: PatientView, language: Language) -> dict[str, Any] | None:
    """The figure as Plotly's JSON, or None when there is nothing to draw.

    Each trace's `meta` names its compartment and kind; marks of kind `quantified` stand at the load, of `below_lloq` and
    `above_uloq` at the limit, of `not_detected` in the lane below the axis; `fitted` and `band` are estimated.
    """
    drawn = [point for point in facts.points(view.results) if point.is_drawn]
    bars = lanes(view, language)
    starts = [bar.start for lane in bars for bar in lane.bars]
    shown_window = window(drawn, starts, view.as_of, view.time_zone)
    visible = [point for point in drawn if shown_window.start <= point.row["collected_at"]]
    if not visible:
        return None
    compartments = facts.in_order({point.row["compartment"] for point in visible}, view.affected)
    line = view.protocol.affected_compartments.local_line_iu_per_ml
    axis = log_axis(visible, [line] if "bal" in compartments else [])
    drawing = Drawing(view, language, shown_window, axis, len(compartments), bars)
    for i, compartment in enumerate(compartments):
        drawing.panel(i, compartment, [point for point in visible if point.row["compartment"] == compartment])
    drawing.timeline()
    return drawing.figure()


def has_fitted_trajectory(figure: dict[str, Any]) -> bool:
    """Whether an estimated trajectory is drawn in it."""
    return any(trace["meta"].partition(":")[2].startswith("fitted") for trace in figure["data"])


def older_than_figure(view: PatientView, language: Language) -> tuple[datetime, int] | None:
    """From when on the figure shows results, and how many are older; None when it shows them all."""
    drawn = [point for point in facts.points(view.results) if point.is_drawn]
    starts = [bar.start for lane in lanes(view, language) for bar in lane.bars]
    start = window(drawn, starts, view.as_of, view.time_zone).start
    older = sum(point.row["collected_at"] < start for point in drawn)
    return (start, older) if older else None
