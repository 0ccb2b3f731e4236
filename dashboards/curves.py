"""A figure of step curves: described once, drawn by Plotly on the screen and as a static SVG where no script runs."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from cmvmon.dashboards.look import DATA, FONT, FONT_PX, GRID, INK, LINE, literal

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 724, 320, 64, 24, 16, 56
_BAND = "rgba(0,114,178,0.18)"
_RANGE = "#E3E3E3"


@dataclass(frozen=True)
class Curve:
    """A step function from (0, 0): after each of `xs` it has the value of `ys`. `lows`, `highs`: its band, or none.
    `until`: where the line ends, None = with the axis.

    `kind` tells curves apart in the figure's data; `is_main` is drawn thick and in colour, another one grey and dashed, or dotted.
    """

    kind: str
    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    until: float | None = None
    is_main: bool = True
    is_dotted: bool = False


@dataclass(frozen=True)
class Figure:
    """Step curves of shares over one range of x. `ranges`: a stretch of shares with its words, drawn pale behind the curves."""

    x_title: str
    x_max: float
    x_ticks: tuple[tuple[float, str], ...]
    y_max: float
    y_ticks: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]
    ranges: tuple[tuple[float, float, str], ...] = ()


def _steps(curve: Curve, values: tuple[float, ...], x_max: float) -> list[tuple[float, float]]:
    """The corners of the curve, from 0 to the end of the axis."""
    corners, last = [(0.0, 0.0)], 0.0
    x_max = x_max if curve.until is None else min(x_max, curve.until)
    for x, y in zip(curve.xs, values, strict=True):
        if x > x_max:
            break
        corners += [(x, last), (x, y)]
        last = y
    return [*corners, (x_max, last)]


def _dash(curve: Curve) -> tuple[str, str]:
    """How a curve beside the main one is drawn, in Plotly's word and as SVG has it."""
    return ("dot", "2 4") if curve.is_dotted else ("dash", "8 5")


def _label_heights(figure: Figure) -> dict[str, float]:
    """Where the name of each curve stands, by its kind: at its end, or above the name of another one that ends there too."""
    line = (FONT_PX + 4) / (_HEIGHT - _TOP - _BOTTOM) * figure.y_max
    ends = sorted((_steps(curve, curve.ys, figure.x_max)[-1][1], n) for n, curve in enumerate(figure.curves))
    found, lowest = dict[str, float](), 0.0
    for y, n in ends:
        found[figure.curves[n].kind] = lowest = max(y, lowest)
        lowest += line
    return found


def plotly_figure(figure: Figure) -> dict[str, Any]:
    """Plotly's JSON. The `meta` of a trace is its curve's kind, of a band with `:band`."""
    traces: list[dict[str, Any]] = []
    labels, heights = [], _label_heights(figure)
    for curve in figure.curves:
        if curve.lows:
            low, high = (_steps(curve, values, figure.x_max) for values in (curve.lows, curve.highs))
            around = [*high, *reversed(low)]
            traces.append(
                {
                    "type": "scatter",
                    "meta": f"{curve.kind}:band",
                    "x": [x for x, _ in around],
                    "y": [y for _, y in around],
                }
                | {"mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": _BAND, "hoverinfo": "skip"}
            )
        corners = _steps(curve, curve.ys, figure.x_max)
        line = {"color": DATA, "width": 3} if curve.is_main else {"color": LINE, "width": 2, "dash": _dash(curve)[0]}
        traces.append(
            {"type": "scatter", "meta": curve.kind, "x": [x for x, _ in corners], "y": [y for _, y in corners]}
            | {"mode": "lines", "line": line, "hoverinfo": "skip"}
        )
        x, y = corners[-1][0], heights[curve.kind]
        anchor = "right" if x > figure.x_max / 2 else "left"
        labels.append(_annotation(curve.label, x, y, anchor, DATA if curve.is_main else INK))
    shapes = []
    for low_share, high_share, text in figure.ranges:
        place = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": low_share, "y1": high_share}
        shapes.append(place | {"fillcolor": _RANGE, "line": {"width": 0}, "layer": "below"})
        labels.append(_annotation(text, figure.x_max, high_share, "right", INK))
    layout = {
        "template": {},
        "height": _HEIGHT,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
        "font": {"family": FONT, "size": FONT_PX, "color": INK},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "showlegend": False,
        "dragmode": False,
        "hovermode": False,
        "shapes": shapes,
        "annotations": labels,
        "xaxis": _axis(figure.x_max, figure.x_ticks) | {"title": {"text": literal(figure.x_title)}},
        "yaxis": _axis(figure.y_max, figure.y_ticks),
    }
    return {"data": traces, "layout": layout}


def _axis(most: float, ticks: tuple[tuple[float, str], ...]) -> dict[str, Any]:
    return {
        "range": [0, most],
        "tickvals": [value for value, _ in ticks],
        "ticktext": [text for _, text in ticks],
        "ticks": "outside",  # not drawn: they keep the two zeros of the corner apart
        "ticklen": 8,
        "tickcolor": "rgba(0,0,0,0)",
        "fixedrange": True,
        "gridcolor": GRID,
        "zeroline": False,
    }


def _annotation(text: str, x: float, y: float, xanchor: str, color: str, *, yanchor: str = "bottom") -> dict[str, Any]:
    font = {"color": color, "size": FONT_PX}
    place = {"text": literal(text), "x": x, "y": y, "xanchor": xanchor, "yanchor": yanchor}
    return place | {"showarrow": False, "font": font}


def static_svg(figure: Figure, *, title: str) -> str:
    """The same figure as SVG text: markup of ours, every text escaped."""
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return round(_LEFT + width * x / figure.x_max, 1), round(_TOP + height * (1 - y / figure.y_max), 1)

    def path(corners: list[tuple[float, float]]) -> str:
        return " ".join(f"{a:g},{b:g}" for a, b in (at(x, y) for x, y in corners))

    def text(said: str, x: float, y: float, anchor: str, color: str = INK) -> str:
        return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{color}">{escape(said)}</text>'

    parts = []
    for low, high, said in figure.ranges:
        (x0, y0), (x1, y1) = at(0, high), at(figure.x_max, low)
        parts.append(f'<rect x="{x0:g}" y="{y0:g}" width="{x1 - x0:g}" height="{max(y1 - y0, 1):g}" fill="{_RANGE}"/>')
        parts.append(text(said, x1, y0 - 4, "end"))
    for value, said in figure.y_ticks:
        (x0, y), (x1, _) = at(0, value), at(figure.x_max, value)
        parts.append(f'<line x1="{x0:g}" x2="{x1:g}" y1="{y:g}" y2="{y:g}" stroke="{GRID}"/>')
        parts.append(text(said, x0 - 8, y + 5, "end"))
    for value, said in figure.x_ticks:
        x, y = at(value, 0)
        parts.append(text(said, x, y + 23, "middle"))
    parts.append(text(figure.x_title, _LEFT + width / 2, _HEIGHT - 8, "middle"))
    heights = _label_heights(figure)
    for curve in figure.curves:
        if curve.lows:
            low_corners, high_corners = (_steps(curve, values, figure.x_max) for values in (curve.lows, curve.highs))
            around = path([*high_corners, *reversed(low_corners)])
            parts.append(f'<polygon points="{around}" fill="{DATA}" fill-opacity="0.18"/>')
        corners = _steps(curve, curve.ys, figure.x_max)
        look = (
            f'stroke="{DATA}" stroke-width="3"'
            if curve.is_main
            else f'stroke="{LINE}" stroke-width="2" stroke-dasharray="{_dash(curve)[1]}"'
        )
        parts.append(f'<polyline points="{path(corners)}" fill="none" {look}/>')
        x, y = at(corners[-1][0], heights[curve.kind])
        anchor = "end" if corners[-1][0] > figure.x_max / 2 else "start"
        parts.append(text(curve.label, x, max(y - 6, FONT_PX), anchor, DATA if curve.is_main else INK))
    inside = "".join(parts)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-size="{FONT_PX}" font-family="{escape(FONT)}">'
        f"<title>{escape(title)}</title>{inside}</svg>"
    )
