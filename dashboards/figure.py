"""The patient's figure: one panel per compartment on one log axis and one time axis, with lanes beneath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.dashboards import facts
from cmvmon.dashboards.axes import LogAxis, Window, log_axis, window
from cmvmon.dashboards.drawing import Drawing
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.fitted import Trace, course_traces
from cmvmon.dashboards.lane_drawing import draw_lanes, lanes_px
from cmvmon.dashboards.lanes import Lane, lanes
from cmvmon.dashboards.look import SCREEN, Sizes
from cmvmon.dashboards.views import PatientView
from cmvmon.text import Language


@dataclass(frozen=True)
class Plot:
    """What a figure shows, whatever its size. `older`: results before the window. `courses`: fitted trajectories, by compartment."""

    window: Window
    axis: LogAxis
    panels: tuple[tuple[str, tuple[Point, ...]], ...]
    lanes: tuple[Lane, ...]
    older: int
    courses: Mapping[str, tuple[Trace, ...]]

    def bounds_px(self, sizes: Sizes) -> tuple[int, int]:
        """The least and the most height of the figure in these sizes."""
        around = sizes.top_px + sizes.bottom_px + lanes_px(self.lanes, sizes)
        least, most = (len(self.panels) * (sizes.title_px + panel) for panel in (sizes.lowest_px, sizes.highest_px))
        return around + least, around + most


def plot_of(view: PatientView, language: Language) -> Plot | None:
    """What there is to draw; None where no result is."""
    drawn = [point for point in facts.points(view.results) if point.is_drawn]
    beneath = lanes(view, language)
    starts = [bar.start for lane in beneath for bar in lane.bars]
    shown = window(drawn, starts, view.as_of, view.time_zone)
    visible = [point for point in drawn if shown.start <= point.row["collected_at"]]
    if not visible:
        return None
    names = facts.in_order({point.row["compartment"] for point in visible}, view.affected)
    line = view.protocol.affected_compartments.local_line_iu_per_ml
    panels = tuple((name, tuple(point for point in visible if point.row["compartment"] == name)) for name in names)
    axis = log_axis(visible, [line] if "bal" in names else [])
    interval = view.protocol.decline.interval_probability
    courses = {
        name: course_traces(
            view.fitted, name, points, shown, axis, language, interval=interval,
        )
        for name, points in panels
    }  # fmt: skip
    return Plot(shown, axis, panels, tuple(beneath), len(drawn) - len(visible), courses)


def figure_of(plot: Plot, view: PatientView, language: Language, sizes: Sizes = SCREEN) -> dict[str, Any]:
    """The figure as Plotly's JSON.

    Each trace's `meta` names its compartment and kind; marks of kind `quantified` stand at the load, of `below_lloq` and
    `above_uloq` at the limit, of `not_detected` in the lane below the axis; `fitted` and `band` are estimated.
    """
    drawing = Drawing(view, language, plot.window, plot.axis, len(plot.panels), lanes_px(plot.lanes, sizes), sizes)
    for i, (compartment, drawn) in enumerate(plot.panels):
        drawing.panel(i, compartment, list(drawn), plot.courses[compartment])
    draw_lanes(drawing, plot.lanes)
    return drawing.figure()


def patient_figure(view: PatientView, language: Language, sizes: Sizes = SCREEN) -> dict[str, Any] | None:
    """The figure of a view (`figure_of`), or None when there is nothing to draw."""
    plot = plot_of(view, language)
    return None if plot is None else figure_of(plot, view, language, sizes)


def has_fitted_trajectory(figure: dict[str, Any]) -> bool:
    """Whether an estimated trajectory is drawn in it."""
    return any(trace["meta"].partition(":")[2].startswith("fitted") for trace in figure["data"])


def older_than_figure(view: PatientView, language: Language) -> tuple[datetime, int] | None:
    """From when on the figure shows results, and how many are older; None when it shows them all, or is none."""
    plot = plot_of(view, language)
    return (plot.window.start, plot.older) if plot is not None and plot.older else None
