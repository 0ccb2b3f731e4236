"""Draws the lanes beneath the panels: the name of each above its bars, marks or small line, all on the panels' axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cmvmon.dashboards.drawing import Drawing
from cmvmon.dashboards.lanes import NONE, UNKNOWN, Bar, Lane
from cmvmon.dashboards.look import BREATHING, DATA, INK, LINE, THERAPY, VEIL, Sizes, literal, width_px

_EMPTY_LANE = 0.62  # a lane without anything in it, as a share of one: its words, and a line beneath them
_GAP_PX = 12  # between the last panel and the lanes
# A mark of a level that counts as a trough, and of one that does not: filled and open.
TROUGH, OTHER_LEVEL = "diamond", "diamond-open"


def lanes_px(lanes: Sequence[Lane], sizes: Sizes) -> int:
    """How high they are together; 0 where there is none."""
    return round(sizes.lane_px * sum(_height(lane) for lane in lanes)) + _GAP_PX if lanes else 0


def _height(lane: Lane) -> float:
    return _EMPTY_LANE if lane.is_empty else 1.0


def draw_lanes(drawing: Drawing, lanes: Sequence[Lane]) -> None:
    """Adds an axis of their own, one unit a lane from the top down, and each lane to it."""
    if not lanes:
        return
    sizes, y = drawing.sizes, f"y{drawing.n_panels + 1}"
    total = sum(_height(lane) for lane in lanes)
    drawing.axes[f"yaxis{drawing.n_panels + 1}"] = {
        "domain": [0, sizes.lane_px * total / drawing.plot_px],
        "range": [total, 0],
        "showticklabels": False,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
    top = 0.0
    for lane in lanes:
        text = lane.label if len(lane.label) <= sizes.longest_label else lane.short or lane.label
        text = text if len(text) <= sizes.longest_label else f"{text[: sizes.longest_label - 1]}…"
        place = {"yanchor": "top", "bgcolor": VEIL, "xshift": sizes.label_shift_px}
        drawing.label(literal(text), 0, top + 0.02, "x domain", y, **place)
        _draw(drawing, lane, y, top)
        top += _height(lane)


def _draw(drawing: Drawing, lane: Lane, y: str, top: float) -> None:
    text = drawing.sizes.text_px / drawing.sizes.lane_px  # the height of a line of text, in lanes
    low, high = top + 0.96, top + text + 0.04
    if lane.is_empty:
        ends = [drawing.window.x(drawing.window.start), drawing.window.x(drawing.window.end)]
        dash = {UNKNOWN: "dot", NONE: "solid"}.get(lane.state, "solid")
        height = top + _EMPTY_LANE - 0.05
        look = {"color": LINE, "width": 1.5, "dash": dash}
        drawing.trace(y, f"{lane.kind}:{lane.state}", ends, [height, height], mode="lines", line=look)
    for bar in lane.bars:
        _bar(drawing, lane.kind, bar, y, low, high)
    _texts(drawing, lane, y, (low + high) / 2)
    _marks(drawing, lane, y, (low + high) / 2)
    _line(drawing, lane, y, low, high)


def _bar(drawing: Drawing, kind: str, bar: Bar, y: str, low: float, high: float) -> None:
    """Solid until the data end, dotted after: whether it went on is not known. Dotted and empty: nor is why it was given."""
    fill = BREATHING if kind == "ventilation" else THERAPY
    as_of, end = drawing.view.as_of, drawing.window.end
    stop = bar.stop or as_of
    if stop <= drawing.window.start:
        return
    _box(
        drawing,
        kind,
        bar.start,
        stop,
        y,
        low,
        high,
        "dot" if bar.is_unsure else "solid",
        None if bar.is_unsure else fill,
        bar.said,
    )
    if bar.stop is None:
        _box(drawing, f"{kind}:on", as_of, end, y, low, high, "dot", None)


def _box(
    drawing: Drawing,
    kind: str,
    start: datetime,
    stop: datetime,
    y: str,
    low: float,
    high: float,
    dash: str,
    fill: str | None,
    said: str = "",
) -> None:
    left, right = drawing.window.x(start), drawing.window.x(stop)
    look = {"mode": "lines", "line": {"color": INK, "width": 1, "dash": dash}}
    filled = {"fill": "toself", "fillcolor": fill} if fill else {}
    told = {"hoverinfo": "text", "hovertext": [literal(said)] * 5, "hoveron": "points"} if said else {}
    drawing.trace(y, kind, [left, right, right, left, left], [high, high, low, low, high], **look, **filled, **told)


def _texts(drawing: Drawing, lane: Lane, y: str, height: float) -> None:
    """The text on each bar that has room for it; of the last bar always, to the left of its end where it would run out."""
    window, sizes = drawing.window, drawing.sizes
    span = (window.end - window.start).total_seconds()
    shown = [bar for bar in lane.bars if bar.text and (bar.stop or drawing.view.as_of) > window.start]
    taken = window.end
    for bar in reversed(shown):
        start = max(bar.since or bar.start, window.start)
        needed = window.end - window.start
        needed = needed * (width_px(bar.text, sizes.font_px) + 8) / sizes.plot_px
        is_last = bar is shown[-1]
        if is_last and start + needed > window.end:
            drawing.label(
                literal(bar.text),
                window.x(window.end),
                height,
                "x",
                y,
                xanchor="right",
                yanchor="middle",
                xshift=-3,
                bgcolor=VEIL,
            )
            taken = window.end - needed
        elif is_last or (span > 0 and start + needed <= min(bar.stop or window.end, taken)):
            drawing.label(literal(bar.text), window.x(start), height, "x", y, yanchor="middle", xshift=3)
            taken = start


def _marks(drawing: Drawing, lane: Lane, y: str, height: float) -> None:
    """A diamond for each value, filled for a trough; its number right of it where the next one leaves room."""
    window, sizes = drawing.window, drawing.sizes
    visible = [mark for mark in lane.marks if mark.at >= window.start]
    room = {}
    taken = window.end
    for mark in reversed(visible):
        needed = (window.end - window.start) * (width_px(mark.text, sizes.font_px) + sizes.marker_px) / sizes.plot_px
        is_last = mark is visible[-1]
        room[mark.at] = (
            "left" if is_last and mark.at + needed > window.end else "right" if mark.at + needed <= taken else ""
        )
        taken = mark.at - needed if room[mark.at] == "left" else mark.at
    for is_trough, symbol in ((True, TROUGH), (False, OTHER_LEVEL)):
        chosen = [mark for mark in visible if mark.is_trough == is_trough]
        if chosen:
            drawing.trace(
                y,
                f"level:{'trough' if is_trough else 'other'}",
                [window.x(mark.at) for mark in chosen],
                [height] * len(chosen),
                mode="markers+text",
                marker={"symbol": symbol, "size": sizes.marker_px, "color": DATA, "line": {"width": 2, "color": DATA}},
                text=[mark.text if room[mark.at] else "" for mark in chosen],
                textposition=[f"middle {room[mark.at] or 'right'}" for mark in chosen],
                textfont={"color": INK},
                cliponaxis=False,
                hoverinfo="text",
                hovertext=[literal(mark.said) for mark in chosen],
            )


def _line(drawing: Drawing, lane: Lane, y: str, low: float, high: float) -> None:
    """A small line of its own scale, the least value at the foot of the lane; each value a small dot."""
    visible = [(at, share, said) for at, share, said in lane.line if at >= drawing.window.start]
    if not visible:
        return
    drawing.trace(
        y,
        lane.kind,
        [drawing.window.x(at) for at, _, _ in visible],
        [low - (low - high) * share for _, share, _ in visible],
        mode="lines+markers",
        line={"color": LINE, "width": 1.5},
        marker={"symbol": "circle", "size": max(drawing.sizes.marker_px // 3, 3), "color": LINE},
        cliponaxis=False,
        hoverinfo="text",
        hovertext=[literal(said) for _, _, said in visible],
    )
