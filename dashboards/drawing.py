"""The drawing of a patient's figure: traces, lines and labels, panel by panel.

Rule of this file: every text that came from outside passes `literal`, because Plotly reads a subset of HTML in labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from cmvmon.dashboards import facts
from cmvmon.dashboards.axes import LogAxis, Window, time_ticks
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.fitted import Trace
from cmvmon.dashboards.look import DATA, FONT, GRID, INK, LINE, SCREEN, SYMBOLS, VEIL, Sizes, literal
from cmvmon.dashboards.result_rows import value
from cmvmon.dashboards.rows import rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import words
from cmvmon.text import Language


class Drawing:
    """Collects traces, lines and labels, panel by panel, from the top down."""

    def __init__(
        self,
        view: PatientView,
        language: Language,
        shown: Window,
        axis: LogAxis,
        n_panels: int,
        lanes_px: int,
        sizes: Sizes = SCREEN,
    ) -> None:
        self.view, self.language, self.window, self.axis, self.sizes = view, language, shown, axis, sizes
        self.n_panels = n_panels
        share = (sizes.sheet_px - sizes.top_px - sizes.bottom_px - lanes_px) // n_panels - sizes.title_px
        self.panel_px = min(max(share, sizes.lowest_px), sizes.highest_px)
        self.plot_px = n_panels * (sizes.title_px + self.panel_px) + lanes_px
        self.traces: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.axes: dict[str, Any] = {}

    def panel(self, i: int, compartment: str, drawn: list[Point], course: Sequence[Trace]) -> None:
        """One compartment: its limits and lines first, then its fitted trajectories, marks on top."""
        y = "y" if i == 0 else f"y{i + 1}"
        top = 1 - (i * (self.sizes.title_px + self.panel_px) + self.sizes.title_px) / self.plot_px
        bottom = top - self.panel_px / self.plot_px
        values, texts = self.axis.ticks(self.language, self.sizes.tick_decades)
        self.axes[f"yaxis{y[1:]}"] = {
            "domain": [max(bottom, 0.0), top],
            "type": "log",
            "range": self.axis.range,
            "tickvals": values,
            "ticktext": texts,
            "fixedrange": True,
            "gridcolor": GRID,
            "zeroline": False,
        }
        name = self.language.word("compartment", compartment)
        title = self.language.say("figure.panel", compartment=name[0].upper() + name[1:])
        self.label(f"<b>{literal(title)}</b>", 0, top, "x domain", "paper", yanchor="bottom")
        self._floor(y)
        if compartment == "bal":
            limit = self.view.protocol.affected_compartments.local_line_iu_per_ml
            ends = [self.window.x(self.window.start), self.window.x(self.window.end)]
            look = {"color": INK, "width": 1.5, "dash": "dashdot"}
            self.trace(y, "bal:local_line", ends, [limit, limit], mode="lines", line=look)
            text = self.language.say("figure.local_line", limit=self.language.load(limit))
            self._beside(text, limit, y, drawn, above=True, start=self.window.start)
        for trace in course:
            self.trace(y, f"{compartment}:{trace.kind}", trace.xs, trace.ys, **trace.look)
        self._limits(y, compartment, drawn)
        self._runs(y, compartment, drawn)
        self._marks(y, compartment, drawn)

    def _limits(self, y: str, compartment: str, drawn: list[Point]) -> None:
        """The quantification limit of each series, stepped, from its first result to the next series' first."""
        firsts: dict[tuple[str, str, str], Point] = {}
        for point in drawn:
            firsts.setdefault(point.series, point)
        begins = [point.row["collected_at"] for point in firsts.values()]
        labelled = None
        for i, series in enumerate(firsts):
            known = [p for p in drawn if p.series == series and p.row["lloq_iu_per_ml"] is not None]
            start = self.window.start if i == 0 else begins[i]
            stop = begins[i + 1] if i + 1 < len(begins) else self.window.end
            if known:
                steps = [(p.row["collected_at"], p.row["lloq_iu_per_ml"]) for p in known]
                steps = [(start, steps[0][1]), *steps, (max(stop, steps[-1][0]), steps[-1][1])]
                self.trace(
                    y,
                    f"{compartment}:lloq",
                    [self.window.x(moment) for moment, _ in steps],
                    [limit for _, limit in steps],
                    mode="lines",
                    line={"color": LINE, "width": 1.5, "dash": "dash", "shape": "hv"},
                )
                if steps[0][1] != labelled:
                    labelled = steps[0][1]
                    text = self.language.say("figure.lloq", limit=self.language.load(labelled))
                    is_near_floor = math.log10(labelled) - self.axis.lowest < self.sizes.label_decades
                    self._beside(text, labelled, y, drawn, above=is_near_floor, start=start)
            if i > 0:
                self._other_assay(y, begins[i])

    def _other_assay(self, y: str, moment: datetime) -> None:
        x = self.window.x(moment - timedelta(hours=6))
        self.shapes.append(
            {"type": "line", "xref": "x", "yref": f"{y} domain", "x0": x, "x1": x, "y0": 0, "y1": 1}
            | {"line": {"color": INK, "width": 1.5, "dash": "dot"}, "layer": "below"}
        )
        text = literal(self.language.say("figure.other_assay"))
        self.label(text, x, 1, "x", f"{y} domain", textangle=-90, xanchor="right", yanchor="top")

    def _runs(self, y: str, compartment: str, drawn: list[Point]) -> None:
        """Lines between neighbouring quantified results, thin beside a fitted trajectory: both stay to be seen."""
        width = 1 if any(row["compartment"] == compartment for row in rows_of(self.view.fitted)) else 2
        gap = timedelta(days=self.view.protocol.decline.new_segment_gap_days)
        for run in facts.joined(drawn, gap):
            xs = [self.window.x(p.row["collected_at"]) for p in run]
            loads = [p.row["viral_load_iu_per_ml"] for p in run]
            self.trace(y, f"{compartment}:line", xs, loads, mode="lines", line={"color": DATA, "width": width})

    def _marks(self, y: str, compartment: str, drawn: list[Point]) -> None:
        for detection, symbols in SYMBOLS.items():
            for is_preliminary in (False, True):
                chosen = [p for p in drawn if p.row["detection"] == detection and p.is_preliminary == is_preliminary]
                if chosen:
                    kind = f"{compartment}:{detection}{':preliminary' if is_preliminary else ''}"
                    self.trace(
                        y,
                        kind,
                        [self.window.x(p.row["collected_at"]) for p in chosen],
                        [self._height(p) for p in chosen],
                        mode="markers+text",
                        marker={
                            "symbol": symbols[is_preliminary],
                            "size": self.sizes.marker_px,
                            "color": DATA,
                            "line": {"width": 2, "color": DATA},
                        },
                        text=[self._letter(p) for p in chosen],
                        textposition="top right",
                        textfont={"color": INK},
                        cliponaxis=False,
                        hoverinfo="text",
                        hovertext=[self._hover(p) for p in chosen],
                    )

    def _height(self, point: Point) -> float:
        if point.row["detection"] == words.QUANTIFIED:
            return float(point.row["viral_load_iu_per_ml"])
        if point.row["detection"] == words.NOT_DETECTED:
            return self.axis.lane
        edge = self.axis.lowest if point.row["detection"] == words.BELOW_LLOQ else self.axis.highest
        return point.limit or float(10**edge)

    def _letter(self, point: Point) -> str:
        if point.is_preliminary:
            return self.language.say("figure.mark.preliminary")
        return self.language.say("figure.mark.corrected") if point.row["result_status"] == words.CORRECTED else ""

    def _hover(self, point: Point) -> str:
        said = self.language.say(
            "figure.point",
            moment=self.language.moment(point.row["collected_at"], self.view.time_zone),
            value=value(point, self.language),
            status=self.language.word("result_status", point.row["result_status"]),
            assay=point.row["assay"],
        )
        return literal(said)

    def trace(self, y: str, meta: str, xs: list[str], ys: list[Any], **look: Any) -> None:
        placed = {"type": "scatter", "x": xs, "y": ys, "xaxis": "x", "yaxis": y, "meta": meta}
        self.traces.append(placed | {"hoverinfo": "skip"} | look)

    def _floor(self, y: str) -> None:
        """The foot of the axis; the lane of what was not detected lies below it."""
        height = 10**self.axis.lowest
        place = {"type": "line", "xref": "x domain", "yref": y, "x0": 0, "x1": 1, "y0": height, "y1": height}
        self.shapes.append(place | {"line": {"color": LINE, "width": 1.5}, "layer": "below"})

    def label(self, text: str, x: Any, y: float, xref: str, yref: str, **look: Any) -> None:
        place = {"text": text, "x": x, "y": y, "xref": xref, "yref": yref, "showarrow": False}
        self.labels.append(place | {"xanchor": "left", "font": {"color": INK, "size": self.sizes.font_px}} | look)

    def _beside(self, text: str, limit: float, y: str, drawn: list[Point], *, above: bool, start: datetime) -> None:
        """A line's name beside it: above or below as asked, from `start`, where no mark or curve is in the way; else up to as_of, else
        on the other side of the line. From a start so late that it would be cut off, up to as_of."""
        reach = (self.window.end - self.window.start) * self.sizes.label_share
        passed = [(moment, math.log10(load)) for moment, load in self._passed(drawn)]
        is_cut = start + reach > self.window.end
        free = (
            (is_above, at_right)
            for is_above in (above, not above)
            for at_right in ((True,) if is_cut else (False, True))
            if not self._is_in_the_way(passed, math.log10(limit), start, above=is_above, at_right=at_right)
        )
        is_above, at_right = next(free, (above, is_cut))
        place: dict[str, Any] = {"yanchor": "bottom"} if is_above else {"yanchor": "top", "yshift": -2}
        place |= {"xshift": 6, "bgcolor": VEIL}  # off the numbers of the axis, legible over a curve
        if at_right:
            place |= {"xanchor": "right", "xshift": -3}
        self.label(
            literal(text), self.window.x(self.view.as_of if at_right else start), math.log10(limit), "x", y, **place
        )

    def _is_in_the_way(
        self, passed: list[tuple[datetime, float]], height: float, start: datetime, *, above: bool, at_right: bool
    ) -> bool:
        """Whether a mark or a curve (moments and log10 loads) lies where the name of a line at that height would stand."""
        decades = self.sizes.label_decades
        low, high = (height - 0.3, height + decades) if above else (height - decades, height + 0.3)
        reach = (self.window.end - self.window.start) * self.sizes.label_share
        first, last = (self.view.as_of - reach, self.view.as_of) if at_right else (start - reach / 8, start + reach)
        return any(first <= moment <= last and low <= load <= high for moment, load in passed)

    def _passed(self, drawn: list[Point]) -> list[tuple[datetime, float]]:
        """Where marks stand, and where the lines between them pass: moments and loads."""
        found = [(p.row["collected_at"], self._height(p)) for p in drawn]
        for run in facts.joined(drawn, timedelta(days=self.view.protocol.decline.new_segment_gap_days)):
            for (at, load), (then, other) in pairwise((p.row["collected_at"], self._height(p)) for p in run):
                found += [(at + (then - at) * i / 16, load * (other / load) ** (i / 16)) for i in range(1, 16)]
        return found

    def figure(self) -> dict[str, Any]:
        """Traces and layout as plain JSON values."""
        as_of = self.window.x(self.view.as_of)
        line = {"color": INK, "width": 1.5, "dash": "dot"}
        self.shapes.append(
            {"type": "line", "xref": "x", "yref": "paper", "x0": as_of, "x1": as_of, "y0": 0, "y1": 1, "line": line}
        )
        date = self.language.short_date(self.view.as_of, self.view.time_zone)
        self.label(
            self.language.say("figure.as_of", date=date), as_of, 1, "x", "paper", xanchor="right", yanchor="bottom"
        )
        values, texts = time_ticks(self.window, self.language)
        layout = {
            "template": {},
            "height": self.plot_px + self.sizes.top_px + self.sizes.bottom_px,
            "margin": {
                "l": self.sizes.left_px,
                "r": self.sizes.right_px,
                "t": self.sizes.top_px,
                "b": self.sizes.bottom_px,
            },
            "font": {"family": FONT, "size": self.sizes.font_px, "color": INK},
            "paper_bgcolor": "#FFFFFF",
            "plot_bgcolor": "#FFFFFF",
            "showlegend": False,
            "dragmode": False,
            "hovermode": "closest",
            "shapes": self.shapes,
            "annotations": self.labels,
            "xaxis": {
                "type": "date",
                "range": [self.window.x(self.window.start), self.window.x(self.window.end)],
                "tickvals": values,
                "ticktext": texts,
                "fixedrange": True,
                "gridcolor": GRID,
                "ticklabeloverflow": "allow",
                "anchor": "free",
                "position": 0,
                "zeroline": False,
            },
        }
        return {"data": self.traces, "layout": layout | self.axes}
