"""The fitted trajectory in a panel: a line with its band, lighter after the last result, never below the foot of the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmvmon.dashboards.axes import LogAxis, Window
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.look import BAND, BAND_AFTER, TRAJECTORY, literal
from cmvmon.dashboards.rows import Row, rows_by
from cmvmon.text import Language

_DIGITS = 2  # significant ones of an estimated load; more would promise what a band of this width can't


@dataclass(frozen=True)
class Trace:
    """One trace: its kind, where it runs, how it looks."""

    kind: str
    xs: list[str]
    ys: list[float]
    look: dict[str, Any]


def course_traces(
    fitted: Sequence[Row], drawn: Sequence[Point], window: Window, axis: LogAxis, language: Language, *, interval: float
) -> tuple[Trace, ...]:
    """The traces of one compartment's trajectories: bands first, lines on top.

    Kinds: `band` and `fitted` up to the last result, `band:after` and `fitted:after` from there on. A band is one outline:
    its upper ends from left to right, its lower ends back. What lies below the foot of the axis is not drawn: the lane of
    what was not detected stands there. Only the newest series runs on after its last result: another assay has taken over.
    `interval`: the probability that the band holds.
    """
    bands, lines = [], []
    trajectories: dict[tuple[str, str], list[Row]] = {}
    for row in rows_by(fitted, "laboratory", "assay", "moment"):
        if row["moment"] >= window.start:
            trajectories.setdefault((row["laboratory"], row["assay"]), []).append(row)
    measured = {
        key: [row["moment"] for row in rows if not row["is_extrapolated"]] for key, rows in trajectories.items()
    }
    newest = max((moments[-1] for moments in measured.values() if moments), default=None)
    for (laboratory, assay), rows in trajectories.items():
        n_until = len(measured[(laboratory, assay)])
        is_newest = n_until > 0 and measured[(laboratory, assay)][-1] == newest
        limit = _lloq([p for p in drawn if p.series[1:] == (laboratory, assay)])
        for part, suffix, fill, dash in (
            (rows[:n_until], "", BAND, "solid"),
            (rows[max(n_until - 1, 0) :], ":after", BAND_AFTER, "dot"),
        ):
            foot = 10.0**axis.lowest
            if suffix and not is_newest:
                continue
            visible = [row for row in part if 10.0 ** row["load_high_log10"] > foot]
            line = [row for row in part if 10.0 ** row["load_log10"] >= foot]
            if len(visible) > 1:
                bands.append(_band(visible, f"band{suffix}", fill, foot, window))
            if len(line) > 1:
                look = {
                    "mode": "lines",
                    "line": {"color": TRAJECTORY, "width": 2.5, "dash": dash},
                    "hoverinfo": "text",
                    "hovertext": [_hover(row, limit, window, language, interval) for row in line],
                }
                xs = [window.x(row["moment"]) for row in line]
                lines.append(Trace(f"fitted{suffix}", xs, [10.0 ** row["load_log10"] for row in line], look))
    return (*bands, *lines)


def _band(rows: list[Row], kind: str, fill: str, foot: float, window: Window) -> Trace:
    xs = [window.x(row["moment"]) for row in rows]
    upper = [10.0 ** row["load_high_log10"] for row in rows]
    lower = [max(10.0 ** row["load_low_log10"], foot) for row in rows]
    look = {"mode": "lines", "fill": "toself", "fillcolor": fill, "line": {"width": 0}}
    return Trace(kind, xs + xs[::-1], upper + lower[::-1], look)


def _lloq(points: list[Point]) -> float | None:
    known: list[float] = [p.row["lloq_iu_per_ml"] for p in points if p.row["lloq_iu_per_ml"] is not None]
    return known[-1] if known else None


def _hover(row: Row, limit: float | None, window: Window, language: Language, interval: float) -> str:
    load, low, high = (_load(row[f"load{end}_log10"], limit, language) for end in ("", "_low", "_high"))
    said = language.say(
        "figure.fitted.after" if row["is_extrapolated"] else "figure.fitted.until",
        moment=language.moment(row["moment"], window.time_zone),
        load=load,
        interval=language.percent(interval),
        low=low,
        high=high,
    )
    return literal(said)


def _load(log10_load: float, limit: float | None, language: Language) -> str:
    """An estimated load to two significant digits; below the limit of quantification only that it is."""
    load = 10.0**log10_load
    if limit is not None and load < limit:
        return f"<{language.load(limit)}"
    return language.load(round(load, _DIGITS - 1 - math.floor(log10_load)))
