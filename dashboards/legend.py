"""What the marks of a figure mean, in a line of text beneath it: those that stand in it, and no others."""

from __future__ import annotations

from cmvmon.dashboards.figure import Plot
from cmvmon.dashboards.lanes import NONE, UNKNOWN
from cmvmon.dashboards.rows import rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import words
from cmvmon.text import Language


def legend(plot: Plot, view: PatientView, language: Language) -> str:
    """Scale and zone, then each kind of mark that is drawn."""
    points = [point for _, drawn in plot.panels for point in drawn]
    seen = {point.row["detection"] for point in points}
    limited = (words.BELOW_LLOQ, words.ABOVE_ULOQ)
    lanes, marks = plot.lanes, [mark for lane in plot.lanes for mark in lane.marks]
    bars = [bar for lane in lanes for bar in lane.bars]
    shown = {
        words.QUANTIFIED: words.QUANTIFIED in seen,
        words.BELOW_LLOQ: words.BELOW_LLOQ in seen,
        words.NOT_DETECTED: words.NOT_DETECTED in seen,
        words.ABOVE_ULOQ: words.ABOVE_ULOQ in seen,
        "limit_unknown": any(point.row["detection"] in limited and not point.limit for point in points),
        "preliminary": any(point.is_preliminary for point in points),
        "corrected": any(point.row["result_status"] == words.CORRECTED for point in points),
        "fitted": any(row["moment"] >= plot.window.start for row in rows_of(view.fitted)),
        "bars": bool(bars),
        "unsure": any(bar.is_unsure for bar in bars),
        "trough": any(mark.is_trough for mark in marks),
        "other_level": any(not mark.is_trough for mark in marks),
        "none": any(lane.is_empty and lane.state == NONE for lane in lanes),
        "unknown": any(lane.is_empty and lane.state == UNKNOWN for lane in lanes),
    }
    interval = language.percent(view.protocol.decline.interval_probability)
    told = "; ".join(language.say(f"legend.{kind}", interval=interval) for kind, is_shown in shown.items() if is_shown)
    return f"{language.say('legend.scale', time_zone=view.time_zone)} {told[:1].upper()}{told[1:]}."
