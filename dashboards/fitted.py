"""The fitted trajectory in a panel: a line with its band, lighter after the last result, never below the foot of the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from cmvmon.dashboards.axes import LogAxis, Window
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.look import BAND, BAND_AFTER, TRAJECTORY, literal
from cmvmon.dashboards.rows import Row, once_a_frame, rows_by, rows_of
from cmvmon.text import Language

_DIGITS = 2  # significant ones of an estimated load; more would promise what a band of this width can't


@dataclass(frozen=True)
class Trace:
    """One trace: its kind, where it runs, how it looks."""

    kind: str
    xs: list[str]
    ys: list[float]
    look: dict[str, Any]


class _Told(NamedTuple):
    """What one point of a line says: the load and its ends as they are told; None = below the limit of quantification."""

    moment: datetime
    is_extrapolated: bool
    loads: tuple[float | None, float | None, float | None]
    limit: float | None


@dataclass(frozen=True)
class _Stretch:
    """A trace before its words. `told`: what is said at each point of a line, of a band nothing."""

    trace: Trace
    told: tuple[_Told, ...] = ()


def course_traces(
    fitted: pl.DataFrame,
    compartment: str,
    drawn: Sequence[Point],
    window: Window,
    axis: LogAxis,
    language: Language,
    *,
    interval: float,
) -> tuple[Trace, ...]:
    """The traces of one compartment's trajectories: bands first, lines on top.

    Kinds: `band` and `fitted` up to the last result, `band:after` and `fitted:after` from there on. A band is one outline:
    its upper ends from left to right, its lower ends back. What lies below the foot of the axis is not drawn: the lane of
    what was not detected stands there. Only the newest series runs on after its last result: another assay has taken over.

    Args:
        fitted: rows of `fitted_trajectory`; drawn: the compartment's results.
        interval: the probability that the band holds.
    """
    limits = {p.series[1:]: p.row["lloq_iu_per_ml"] for p in drawn if p.row["lloq_iu_per_ml"] is not None}
    stretches = _stretches(fitted, compartment, tuple(limits.items()), window, axis)
    percent, zone = language.percent(interval), window.time_zone
    return tuple(
        replace(
            stretch.trace,
            look=stretch.trace.look | {"hovertext": [_hover(told, percent, zone, language) for told in stretch.told]},
        )
        if stretch.told
        else stretch.trace
        for stretch in stretches
    )


@once_a_frame  # a page has the same ones in each language
def _stretches(
    fitted: pl.DataFrame,
    compartment: str,
    limits: tuple[tuple[tuple[str, str], float], ...],
    window: Window,
    axis: LogAxis,
) -> tuple[_Stretch, ...]:
    """Bands, then lines. `limits`: the last limit of quantification of each laboratory and assay."""
    bands, lines = [], []
    trajectories: dict[tuple[str, str], list[Row]] = {}
    mine = [row for row in rows_of(fitted) if row["compartment"] == compartment and row["moment"] >= window.start]
    for row in rows_by(mine, "laboratory", "assay", "moment"):
        trajectories.setdefault((row["laboratory"], row["assay"]), []).append(row)
    measured = {
        key: [row["moment"] for row in rows if not row["is_extrapolated"]] for key, rows in trajectories.items()
    }
    newest = max((moments[-1] for moments in measured.values() if moments), default=None)
    foot = 10.0**axis.lowest
    for series, rows in trajectories.items():
        n_until = len(measured[series])
        is_newest = n_until > 0 and measured[series][-1] == newest
        limit = dict(limits).get(series)
        for part, suffix, fill, dash in (
            (rows[:n_until], "", BAND, "solid"),
            (rows[max(n_until - 1, 0) :], ":after", BAND_AFTER, "dot"),
        ):
            if suffix and not is_newest:
                continue
            visible = [row for row in part if 10.0 ** row["load_high_log10"] > foot]
            line = [row for row in part if 10.0 ** row["load_log10"] >= foot]
            if len(visible) > 1:
                bands.append(_Stretch(_band(visible, f"band{suffix}", fill, foot, window)))
            if len(line) > 1:
                look = {
                    "mode": "lines",
                    "line": {"color": TRAJECTORY, "width": 2.5, "dash": dash},
                    "hoverinfo": "text",
                }
                xs = [window.x(row["moment"]) for row in line]
                trace = Trace(f"fitted{suffix}", xs, [10.0 ** row["load_log10"] for row in line], look)
                lines.append(_Stretch(trace, tuple(_told(row, limit) for row in line)))
    return (*bands, *lines)


def _band(rows: list[Row], kind: str, fill: str, foot: float, window: Window) -> Trace:
    xs = [window.x(row["moment"]) for row in rows]
    upper = [10.0 ** row["load_high_log10"] for row in rows]
    lower = [max(10.0 ** row["load_low_log10"], foot) for row in rows]
    look = {"mode": "lines", "fill": "toself", "fillcolor": fill, "line": {"width": 0}}
    return Trace(kind, xs + xs[::-1], upper + lower[::-1], look)


def _told(row: Row, limit: float | None) -> _Told:
    load, low, high = (_load(row[f"load{end}_log10"], limit) for end in ("", "_low", "_high"))
    return _Told(row["moment"], row["is_extrapolated"], (load, low, high), limit)


def _load(log10_load: float, limit: float | None) -> float | None:
    """An estimated load to two significant digits; None below the limit of quantification."""
    load: float = 10.0**log10_load
    if limit is not None and load < limit:
        return None
    return round(load, _DIGITS - 1 - math.floor(log10_load))


def _hover(told: _Told, percent: str, time_zone: str, language: Language) -> str:
    load, low, high = (f"<{language.load(told.limit or 0.0)}" if x is None else language.load(x) for x in told.loads)
    said = language.say(
        "figure.fitted.after" if told.is_extrapolated else "figure.fitted.until",
        moment=language.moment(told.moment, time_zone),
        load=load,
        interval=percent,
        low=low,
        high=high,
    )
    return literal(said)
