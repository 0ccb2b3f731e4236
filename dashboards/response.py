"""How each compartment responds, row by row: the sentences are those of `cmvmon.text`, which decides what holds."""

from __future__ import annotations

from cmvmon.dashboards import doubted, facts
from cmvmon.dashboards.facts import Point, Series
from cmvmon.dashboards.moved import way_in_words
from cmvmon.dashboards.rows import Row, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.dashboards.words_for_results import capital
from cmvmon.domain.series import SERIES_KEY
from cmvmon.text import Language
from cmvmon.text.next_sample import next_sample_sentence
from cmvmon.text.response import decline_sentence, rebound_sentence, states_rate

_REBOUND = "rebound"  # the rule


def response_rows(shown: list[Point], view: PatientView, language: Language) -> list[Row]:
    """One row for each compartment: its name, and sentences on its decline, on a new rise, on an open call (or none). Of a series in
    doubt, which the view has no decline of any more, that its laboratory is asked."""
    rows = [_in_doubt(series, view, language) for series in sorted(doubted.of_view(view))]
    for row, n_series in facts.latest_weeks(view.weekly_decline, shown, view.affected):
        name = language.word("compartment", row["compartment"])
        if n_series > 1:
            name = language.say("response.series", compartment=name, laboratory=row["laboratory"], assay=row["assay"])
        is_alerted = any(
            alert["rule"] == _REBOUND and alert["compartment"] == row["compartment"]
            for alert in rows_of(view.open_alerts)
        )
        last_used = facts.collected_at(row["last_result_id"], shown)
        latest = _latest(row, shown)
        decline = decline_sentence(row, language, time_zone=view.time_zone, protocol=view.protocol)
        is_of_before = latest is not None and last_used is not None and last_used < latest.row["collected_at"]
        if is_of_before and last_used is not None:
            until = language.date(last_used, view.time_zone)
            key = "response.until" if states_rate(row) else "response.until_no_rate"
            decline, rebound = language.say(key, said=decline, date=until), ""
        else:
            rebound = rebound_sentence(
                row, language, last_used=last_used, is_alerted=is_alerted, protocol=view.protocol
            )
            decline = _now(latest, row, shown, view, language) + decline
        rows.append(
            {
                "compartment": name[0].upper() + name[1:],
                "decline": decline,
                "rebound": rebound,
                "next_sample": _next_sample(row, view, language),
            }
        )
    return rows


def _in_doubt(series: Series, view: PatientView, language: Language) -> Row:
    """The row of a series whose laboratory is asked: of its load nothing else is said."""
    said = {"decline": doubted.asked(view, language), "rebound": "", "next_sample": ""}
    return {"compartment": capital(language.word("compartment", series[0]))} | said


def _latest(row: Row, shown: list[Point]) -> Point | None:
    """The newest result in use of that series; None where none is shown."""
    series = (row["compartment"], row["laboratory"], row["assay"])
    mine = [point for point in shown if point.is_used and point.series == series]
    return max(mine, key=lambda point: point.row["collected_at"], default=None)


def _now(latest: Point | None, row: Row, shown: list[Point], view: PatientView, language: Language) -> str:
    """Which way the load went lately, where that is not the way of the mean since the start, which alone would be read as of now."""
    course = None if latest is None else facts.course_to(latest, shown, view.protocol)
    mean, low, high = (row[f"mean_decline{end}_log10_per_week"] for end in ("", "_low", "_high"))
    if latest is None or course is None or mean is None or low is None or high is None:
        return ""
    is_other_way = {"rises": mean > 0, "falls": mean < 0, "within_noise": low > 0 or high < 0}.get(course.way, False)
    span = latest.row["collected_at"] - course.since.row["collected_at"]
    return language.say("response.now", way=way_in_words(course.way, span, language)) if is_other_way else ""


def _next_sample(row: Row, view: PatientView, language: Language) -> str:
    """When one more sample would settle the series' open call; empty where nothing is open."""
    of = (*SERIES_KEY, "anchor_at")
    mine = [found for found in rows_of(view.next_sample) if all(found[key] == row[key] for key in of)]
    return "".join(
        next_sample_sentence(found, language, protocol=view.protocol, time_zone=view.time_zone) for found in mine
    )
