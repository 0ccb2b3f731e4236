"""What goes on the first sheet of paper: how high the figure may be, and how many alerts stand there.

The heights are estimates from the letters of each part, on the wide side: what is estimated too low flows on to a second
sheet, and nothing is ever cut. The sizes are those of `@media print` in `style.css`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cmvmon.dashboards.look import width_px
from cmvmon.dashboards.rows import Row

_SHEET_PX = 1054  # A4 between margins of 9 mm
_WIDTH_PX = 718
_SPARE_PX = 18  # for what letters of another font take more
_TEXT_PX, _LINE_PX, _HEADING_PX, _HEADLINE_PX = 10.7, 13, 17, 16
_ROW_PX = 3  # the border and padding of a row of a table
TITLE_PX = 14  # of a table of weeks
_STRIP_PX, _FOOTER_PX = 26, 34


@dataclass(frozen=True)
class Sheet:
    """The plan of a first sheet."""

    figure_px: int
    n_alerts: int


def lines(text: str, *, width: float = _WIDTH_PX, font_px: float = _TEXT_PX) -> int:
    """About how many lines a text takes; none where it is empty."""
    return math.ceil(width_px(text, font_px) / width) if text else 0


def table_px(rows: Sequence[Sequence[str]], shares: Sequence[int], *, has_head: bool = True) -> int:
    """How high a table is, of columns that have so many percent of the width."""
    heights = [
        max(lines(cell, width=_WIDTH_PX * share / 100 - 6) for cell, share in zip(row, shares, strict=True))
        for row in rows
    ]
    return sum(max(n, 1) * _LINE_PX + _ROW_PX for n in heights) + has_head * (_LINE_PX + _ROW_PX)


def alert_px(alert: Row) -> int:
    """One alert: title, tier, its brief sentence, since when and who answered run on in a line; what rested on a result below."""
    said = " ".join((alert["title"], alert["tier"], alert["brief"], alert["since"], alert["answer"], " " * 6))
    return lines(said, width=_WIDTH_PX - 20) * _LINE_PX + sum(lines(text) * _LINE_PX for text in alert["rested"]) + 7


def plan(
    *,
    strip: Sequence[str],
    headline: Sequence[str],
    texts: Sequence[str],
    tables_px: int,
    n_headings: int,
    alerts: Sequence[Row],
    lowest_figure_px: int,
    highest_figure_px: int,
) -> Sheet:
    """The figure gets what all else leaves, between its bounds; where that is too little, alerts go to the second sheet.

    Args:
        strip: lines above the first sentence, beside the identity of the patient.
        headline: its lines; texts: every other line of text.
    """
    used = _STRIP_PX + _FOOTER_PX + tables_px + n_headings * _HEADING_PX + _SPARE_PX
    used += sum(lines(text) * _LINE_PX for text in (*strip, *texts))
    used += sum(lines(text, width=_WIDTH_PX - 24, font_px=13) * _HEADLINE_PX for text in headline)
    room = _SHEET_PX - used
    heights = [alert_px(alert) for alert in alerts]
    if sum(heights) + lowest_figure_px <= room:
        return Sheet(min(max(room - sum(heights), lowest_figure_px), highest_figure_px), len(alerts))
    left, n = room - lowest_figure_px - _LINE_PX, 0
    while n < len(heights) and sum(heights[: n + 1]) <= left:
        n += 1
    return Sheet(lowest_figure_px, n)
