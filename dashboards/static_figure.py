"""A patient's figure as a static SVG, from the same description that Plotly draws: for paper, for mail and where no script runs.

Only what `dashboards.drawing` and `dashboards.lane_drawing` write is drawn; anything else is an error, never left out in silence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from html import escape, unescape
from itertools import compress, pairwise
from operator import not_
from typing import Any

from cmvmon.dashboards.look import FONT, width_px
from cmvmon.dashboards.static_marks import mark
from cmvmon.domain.errors import ProgramError

WIDTH_PX = 718  # A4 between margins of 10 mm, at 96 px an inch
_DASHES = {"solid": "", "dash": "6 4", "dot": "1.5 3", "dashdot": "6 3 1.5 3"}
_BREAK = re.compile(r"<br>")
_FOOT, _TOP, _MIDDLE = -0.28, 0.92, 0.35  # of the font's height, from an anchor to the baseline


def static_svg(figure: dict[str, Any], *, title: str, language: str) -> str:
    """The figure as SVG text: every text escaped, a `<title>` with the whole sentence on each mark.

    Args:
        figure: of `patient_figure`.
        title: what a screen reader says of it.
        language: its code.

    Raises ProgramError where the figure holds a trace, mark or reference that has no static form.
    """
    drawing = _Static(figure)
    height = figure["layout"]["height"]
    drawing.grid()
    for shape in figure["layout"]["shapes"]:
        drawing.shape(shape)
    is_mark = [trace["mode"] == "markers+text" for trace in figure["data"]]
    for trace in compress(figure["data"], map(not_, is_mark)):
        drawing.trace(trace)
    for label in figure["layout"]["annotations"]:
        drawing.annotation(label)
    for trace in compress(figure["data"], is_mark):  # over the veils of the labels
        drawing.trace(trace)
    size = figure["layout"]["font"]["size"]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height:g}" role="img" lang="{escape(language)}" '
        f'aria-label="{escape(title)}" font-family="{escape(FONT)}" font-size="{size}">'
        f'<rect width="{WIDTH_PX}" height="{height:g}" fill="#fff"/>{"".join(drawing.parts)}</svg>'
    )


class _Static:
    """Where things of a figure stand in px, and the SVG of each."""

    def __init__(self, figure: dict[str, Any]) -> None:
        self.layout = figure["layout"]
        margin = self.layout["margin"]
        self.left, self.right = float(margin["l"]), float(WIDTH_PX - margin["r"])
        self.top, self.bottom = float(margin["t"]), float(self.layout["height"] - margin["b"])
        self.start, self.end = (_seconds(x) for x in self.layout["xaxis"]["range"])
        self.size = self.layout["font"]["size"]
        self.parts: list[str] = []
        self._axes: dict[str, tuple[float, float, float, float, bool]] = {}

    def x(self, value: Any, ref: str = "x") -> float:
        if ref in ("x domain", "paper"):
            share = float(value)
        elif ref == "x":
            share = (_seconds(value) - self.start) / (self.end - self.start)
        else:
            raise ProgramError(f"a static figure knows no x reference {ref!r}")
        return self.left + share * (self.right - self.left)

    def y(self, value: float, ref: str, *, is_exponent: bool = False) -> float:
        """`is_exponent`: on a log axis the value is its exponent already, as Plotly has it of annotations."""
        if ref == "paper":
            return self.bottom - value * (self.bottom - self.top)
        if ref not in self._axes:
            self._axes[ref] = self._axis(ref)
        low, high, first, last, is_log = self._axes[ref]
        at = math.log10(value) if is_log and not is_exponent else value
        return low - (at - first) / (last - first) * (low - high)

    def _across(self, moments: Sequence[str]) -> list[float]:
        """`x` of each of them."""
        span, width = self.end - self.start, self.right - self.left
        return [self.left + (_seconds(moment) - self.start) / span * width for moment in moments]

    def _up(self, values: Sequence[float], ref: str) -> list[float]:
        """`y` of each of them, on the axis of that name."""
        if ref not in self._axes:
            self._axes[ref] = self._axis(ref)
        low, high, first, last, is_log = self._axes[ref]
        at = [math.log10(value) for value in values] if is_log else values
        return [low - (x - first) / (last - first) * (low - high) for x in at]

    def _axis(self, ref: str) -> tuple[float, float, float, float, bool]:
        """Where an axis or its domain ends on the sheet, what stands at both ends, and whether it is a log axis."""
        name, _, domain = ref.partition(" ")
        axis = self.layout[f"yaxis{name[1:]}"]
        low, high = (self.bottom - float(share) * (self.bottom - self.top) for share in axis["domain"])
        first, last = (0.0, 1.0) if domain else (float(end) for end in axis["range"])
        return low, high, first, last, not domain and axis.get("type") == "log"

    def grid(self) -> None:
        """Lines and words of the ticks."""
        xaxis = self.layout["xaxis"]
        axes = [(name, axis) for name, axis in self.layout.items() if name.startswith("yaxis")]
        for value, text in zip(xaxis["tickvals"], xaxis["ticktext"], strict=True):
            x = self.x(value)
            for name, axis in axes:
                low, high = (self.bottom - share * (self.bottom - self.top) for share in axis["domain"])
                if name != "yaxis" or axis.get("type") == "log":
                    self._line(x, low, x, high, axis.get("gridcolor", xaxis["gridcolor"]), 1)
            self._text(text, x, self.bottom + self.size * 0.5, "middle", _TOP)
        for name, axis in axes:
            ref = f"y{name[5:]}"
            for value, text in zip(axis.get("tickvals", ()), axis.get("ticktext", ()), strict=True):
                y = self.y(value, ref)
                self._line(self.left, y, self.right, y, axis["gridcolor"], 1)
                lines = len(_BREAK.split(text))
                self._text(text, self.left - 5, y - (lines - 1) * self.size * 0.55, "end", _MIDDLE)

    def shape(self, shape: dict[str, Any]) -> None:
        line = shape["line"]
        xs = [self.x(shape[name], shape["xref"]) for name in ("x0", "x1")]
        ys = [self.y(shape[name], shape["yref"]) for name in ("y0", "y1")]
        self._line(xs[0], ys[0], xs[1], ys[1], line["color"], line["width"], line.get("dash", "solid"))

    def trace(self, trace: dict[str, Any]) -> None:
        corners = list(zip(self._across(trace["x"]), self._up(trace["y"], trace["yaxis"]), strict=True))
        mode = trace["mode"]
        unknown = set(mode.split("+")) - {"lines", "markers", "text"}
        if trace["type"] != "scatter" or unknown:
            raise ProgramError(f"a static figure draws no trace of {trace['type']} {mode}")
        said = trace.get("hovertext")
        inside: list[str] = []
        if "lines" in mode:
            inside.append(self._path(corners, trace))
        if said and "markers" not in mode:  # a bar says one thing, wherever it is pointed at
            inside.insert(0, f"<title>{escape(unescape(said[0]))}</title>")
        if "markers" in mode:
            for i, (x, y) in enumerate(corners):
                title = f"<title>{escape(unescape(said[i]))}</title>" if said else ""
                inside.append(mark(trace["marker"], x, y, title))
        self.parts.append(f'<g data-kind="{escape(trace["meta"])}">{"".join(inside)}</g>')
        if "text" in mode:
            where = trace["textposition"]
            for i, (x, y) in enumerate(corners):
                place = where if isinstance(where, str) else where[i]
                self._beside(trace["text"][i], x, y, place, trace["marker"]["size"])

    def _beside(self, text: str, x: float, y: float, place: str, size: float) -> None:
        if not text:
            return
        height, side = place.split(" ")
        shift = {"right": size * 0.75, "left": -size * 0.75}[side]
        anchor = {"right": "start", "left": "end"}[side]
        self._text(
            text, x + shift, y - (size * 0.4 if height == "top" else 0), anchor, _MIDDLE if height == "middle" else 0
        )

    def _path(self, corners: list[tuple[float, float]], trace: dict[str, Any]) -> str:
        line = trace["line"]
        if line.get("shape") == "hv":
            steps = [corners[0]]
            for (_, before), (x, y) in pairwise(corners):
                steps += [(x, before), (x, y)]
            corners = steps
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        fill = trace.get("fillcolor", "none") if trace.get("fill") == "toself" else "none"
        stroke = self._stroke(line.get("color"), line["width"], line.get("dash", "solid"))
        return f'<polyline points="{points}" fill="{fill}"{stroke}/>'

    def annotation(self, label: dict[str, Any]) -> None:
        x = self.x(label["x"], label["xref"]) + label.get("xshift", 0)
        y = self.y(label["y"], label["yref"], is_exponent=True) - label.get("yshift", 0)
        if label.get("textangle"):
            self.parts.append(
                f'<text transform="translate({x - 0.3 * self.size:.1f} {y + 2:.1f}) rotate(-90)" text-anchor="end">'
                f"{escape(unescape(label['text']))}</text>"
            )
            return
        anchor = {"left": "start", "right": "end", "center": "middle"}[label["xanchor"]]
        shift = {"bottom": _FOOT, "top": _TOP, "middle": _MIDDLE}[label["yanchor"]]
        self._text(label["text"], x, y, anchor, shift, has_veil="bgcolor" in label)

    def _text(self, text: str, x: float, y: float, anchor: str, shift: float, *, has_veil: bool = False) -> None:
        """Lines of text from an anchor down; a veil is a pale box behind them."""
        weight = ' font-weight="700"' if text.startswith("<b>") else ""
        for i, line in enumerate(_BREAK.split(text.removeprefix("<b>").removesuffix("</b>"))):
            at, plain = y + (shift + i * 1.1) * self.size, unescape(line)
            if has_veil:
                width = width_px(plain, self.size)
                left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
                box = (
                    f'x="{left:.1f}" y="{at - self.size * 0.85:.1f}" width="{width:.1f}" height="{self.size * 1.1:.1f}"'
                )
                self.parts.append(f'<rect {box} fill="#fff" fill-opacity="0.7"/>')
            self.parts.append(f'<text x="{x:.1f}" y="{at:.1f}" text-anchor="{anchor}"{weight}>{escape(plain)}</text>')

    def _line(self, x0: float, y0: float, x1: float, y1: float, color: str, width: float, dash: str = "solid") -> None:
        self.parts.append(
            f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"{self._stroke(color, width, dash)}/>'
        )

    def _stroke(self, color: str | None, width: float, dash: str) -> str:
        if not width:
            return ""
        dashes = f' stroke-dasharray="{_DASHES[dash]}"' if _DASHES[dash] else ""
        return f' stroke="{color}" stroke-width="{width:g}"{dashes}'


@lru_cache(maxsize=4096)
def _seconds(moment: str) -> float:
    """Local wall time as a number: both ends of an axis are written in the same zone."""
    return (datetime.fromisoformat(moment) - datetime(2000, 1, 1)).total_seconds()  # noqa: DTZ001
