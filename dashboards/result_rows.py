"""One result as a row of words: what it says, what it said before, its limits and how settled it is."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import itemgetter

from cmvmon.dashboards.facts import Point
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import words
from cmvmon.text import Language
from cmvmon.text.values import value_in_words


def value(point: Point, language: Language) -> str:
    """What one result says."""
    if point.row["is_conflicting"]:
        return language.say("conflicting.value")
    row = point.row
    return _value(row["detection"], row["viral_load_iu_per_ml"], row["lod_iu_per_ml"], point.limit, language)


@lru_cache(maxsize=8192)  # a page says a result in its table, in its figure and on paper
def _value(detection: str, load: float | None, lod: float | None, limit: float | None, language: Language) -> str:
    if detection == words.QUANTIFIED and load is not None:
        return language.say("value.with_log10", load=language.load(load), log10=language.number(math.log10(load), 2))
    if detection == words.NOT_DETECTED and lod is not None:
        word = language.word("detection", words.NOT_DETECTED)
        return language.say("value.not_detected", word=word, limit=language.load(lod))
    return value_in_words(detection, None, limit, language)


def result_row(point: Point, view: PatientView, language: Language) -> Row:
    """One line of the results table."""
    row = point.row
    collected = language.moment(row["collected_at"], view.time_zone)
    usual = _usual_row(*_what_it_says(row), row["reported_at"] is not None, point.limit, language)
    if point.is_drawn and row.get("fate") != words.CORRECTED:
        return {"collected": collected, **usual}
    return {
        "collected": collected,
        **usual,
        "value": _gone(point, view, language) if point.is_gone else value(point, language),
        "is_gone": point.is_gone,
        "before": _before(point, view, language),
    }


_what_it_says = itemgetter(
    *("compartment", "laboratory", "assay", "detection", "viral_load_iu_per_ml"),
    *("lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml", "result_status"),
)


@lru_cache(maxsize=8192)  # most results of a ward say what some other one says
def _usual_row(
    compartment: str,
    laboratory: str,
    assay: str,
    detection: str,
    load: float | None,
    lod: float | None,
    lloq: float | None,
    uloq: float | None,
    status: str,
    has_report_time: bool,
    limit: float | None,
    language: Language,
) -> Row:
    """The line without its moment, of a result that never said anything else and stands against no other one."""
    return {
        "compartment": language.word("compartment", compartment),
        "value": _value(detection, load, lod, limit, language),
        "is_gone": False,
        "before": "",
        "limits": _limits(lloq, uloq, language),
        "status": _status(status, has_report_time, language),
        "assay": f"{laboratory}, {assay}",
    }


@lru_cache(maxsize=1024)
def _limits(lloq: float | None, uloq: float | None, language: Language) -> str:
    limits = {"lloq": lloq, "uloq": uloq}
    known = {name: language.load(limit) for name, limit in limits.items() if limit is not None}
    return language.say(f"limits.{'both' if len(known) == 2 else next(iter(known))}", **known) if known else ""


def _status(status: str, has_report_time: bool, language: Language) -> str:
    """How settled a result is, and where no report time says which of its corrections is the last."""
    if status == words.MOVED:
        return language.say("result.not_this_patient")
    word = language.word("result_status", status)
    if status != words.CORRECTED or has_report_time:
        return word
    return language.say("result_status_by_receipt", status=word)


def _gone(point: Point, view: PatientView, language: Language) -> str:
    """What a result said that is none any more, and since when."""
    row = point.row
    said = value_in_words(row["detection"], row["viral_load_iu_per_ml"], point.limit, language)
    return language.say(
        f"result.{row['result_status']}", value=said, date=language.date(row["replaced_at"], view.time_zone)
    )


def _before(point: Point, view: PatientView, language: Language) -> str:
    """What a corrected result said before, so far as it said something else, and when the correction came."""
    was = point.before
    if was is None:
        return ""
    row, now = was.row, point.row
    parts = []
    if row["compartment"] != now["compartment"]:
        parts.append(language.word("compartment", row["compartment"]))
    parts.append(value_in_words(row["detection"], row["viral_load_iu_per_ml"], was.limit, language))
    if row["collected_at"] != now["collected_at"]:
        parts.append(language.moment(row["collected_at"], view.time_zone))
    return language.say(
        "result.corrected", before=", ".join(parts), date=language.date(now["replaced_at"], view.time_zone)
    )
