"""How a load moved, in few words: the same on the ward's page and on the patient's, with the span that is meant."""

from __future__ import annotations

import math
from datetime import timedelta

from cmvmon.dashboards import doubted, facts
from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.page import elapsed
from cmvmon.dashboards.result_rows import result_row, value
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import words
from cmvmon.text import Language
from cmvmon.text.beside import rounded
from cmvmon.text.values import change_in_words


def course_sentence(latest: Point | None, shown: list[Point], view: PatientView, language: Language) -> str:
    """Where the load stands: how it moved since an earlier load of the series, else what the latest result says; of a series in doubt
    that its laboratory is asked."""
    if latest is None:
        return language.say("headline.nothing")
    where = language.word("compartment", latest.row["compartment"])
    course = facts.course_to(latest, shown, view.protocol)
    is_doubted = latest.series in doubted.of_view(view)
    if course is None or is_doubted:
        date = language.date(latest.row["collected_at"], view.time_zone)
        said = language.say("headline.latest", compartment=where, value=value(latest, language), date=date)
        return f"{said} {doubted.asked(view, language)}" if is_doubted else said
    return language.say(
        f"headline.{course.way}",
        compartment=where,
        from_load=language.load(course.since.row["viral_load_iu_per_ml"]),
        to_load=language.load(latest.row["viral_load_iu_per_ml"]),
        days=elapsed(latest.row["collected_at"] - course.since.row["collected_at"], language),
    )


def latest_row(pair: tuple[Point, Point | None], shown: list[Point], view: PatientView, language: Language) -> Row:
    """One line of the table of latest values, with how the load moved, as the ward page says it."""
    latest, before = pair
    return result_row(latest, view, language) | {"change": _change(latest, before, shown, view, language)}


def _change(latest: Point, before: Point | None, shown: list[Point], view: PatientView, language: Language) -> str:
    """The way that the load went and over which span; else the step since the result before it in the same series."""
    if latest.series in doubted.of_view(view):
        return language.say("change.in_doubt")
    if before is None:
        return language.say("change.none")
    course = facts.course_to(latest, shown, view.protocol)
    since = course.since if course else before
    loads = [p.row["viral_load_iu_per_ml"] for p in (since, latest) if p.row["detection"] == words.QUANTIFIED]
    if len(loads) < 2:
        return language.say("change.censored", value=value(before, language))
    span = latest.row["collected_at"] - since.row["collected_at"]
    said = {
        "from_load": language.load(loads[0]),
        "to_load": language.load(loads[1]),
        "change": change_in_words(loads[0], loads[1], language),
    }
    way = way_in_words(course.way, span, language) if course else ""
    if way:
        return language.say("change.way", way=way, **said)
    return language.say("change.log10", days=elapsed(span, language), **said)


def way_in_words(way: str, span: timedelta, language: Language) -> str:
    """Which way a load went and over which span, in few words, on every page alike; empty where nothing can be told of it."""
    return "" if way == "untold" else language.say(f"row.way.{way}", days=days_in_short(span, language))


def days_in_short(span: timedelta, language: Language) -> str:
    """A span in whole days, rounded as the full sentences round it."""
    whole = math.floor(rounded(span / timedelta(days=1), 0))
    return language.say("row.days", n=language.number(whole, 0)) if whole else language.say("row.days.less_than_one")
