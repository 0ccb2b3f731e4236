"""One patient as a row of the ward page: few words in its cells, and every sentence in its fold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cmvmon.dashboards import died, facts, few_words, never_delivered, not_assessed, page, sparkline
from cmvmon.dashboards.answers import answer_in_words
from cmvmon.dashboards.row_views import CoursePoint, LatestResult, NotAssessable
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import NeverDelivered, WardRow, WardView
from cmvmon.dashboards.words_for_results import capital
from cmvmon.domain import alert_order, words
from cmvmon.text import Language, alert_sentence, alert_title, of_stored
from cmvmon.text.values import value_in_words

_NOW, _INFORMATION = words.TIERS[0], words.TIERS[-1]
_VALUES = 2  # compartments that a row names; the others stand in its fold


@dataclass(frozen=True)
class OfTheWard:
    """All that a row takes from the ward around it: with the row it decides what is shown.

    Attributes:
        has_one: whether every patient lies on one ward, which is then named once, above.
        others: as `WardView` has them.
    """

    as_of: datetime
    time_zone: str
    handed_to: str
    never_delivered: tuple[NeverDelivered, ...]
    bal_line_iu_per_ml: float | None
    gap_days: float
    has_one: bool

    @classmethod
    def of(cls, view: WardView, *, has_one: bool) -> OfTheWard:
        return cls(
            as_of=view.as_of,
            time_zone=view.time_zone,
            handed_to=view.handed_to,
            never_delivered=view.never_delivered,
            bal_line_iu_per_ml=view.bal_line_iu_per_ml,
            gap_days=view.gap_days,
            has_one=has_one,
        )


_MOST_KEPT = 4_096
_kept: dict[tuple[str, str], tuple[WardRow, OfTheWard, bool, Row]] = {}  # by page of the patient and language


def ward_row(row: WardRow, ward: OfTheWard, language: Language, *, is_news: bool) -> Row:
    """One patient. `order`: as `alert_order.of_patient` has it of alerts that call for somebody; then by load, the highest first.

    Kept while nothing that it is made of changes, for after an answer the ward page says again what it said of everybody else. It is
    shared: nobody may change it.

    Args:
        is_news: whether something of the patient is new or worse since yesterday.
    """
    key = (row.href, language.code)
    kept = _kept.get(key)
    if kept is None or kept[1:3] != (ward, is_news) or kept[0] != row:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        kept = _kept[key] = (row, ward, is_news, _made(row, ward, language, is_news))
    return kept[3]


def _made(row: WardRow, ward: OfTheWard, language: Language, is_news: bool) -> Row:
    alerts = facts.alerts_in_order(row.open_alerts)
    tier = alerts[0]["tier"] if alerts else None
    told = [alert for alert in alerts if alert["tier"] != _INFORMATION]
    reasons = [_reason(alert, ward, language) for alert in told]
    missing = _unassessed(row, reasons, told, ward, language)
    answers = [_answer(alert, ward, language) for alert in told]
    is_overtaken = bool(told) and not answers[0] and bool(told[0].get("tells"))
    beside = language.say("row.unassessed", n=language.number(len(missing), 0)) if missing and told else ""
    return {
        "order": (*(alert_order.of_patient(told) if told else _by_load(row, ward)), row.patient_id, row.href),
        "tier": tier,
        "has_information": len(told) < len(alerts),
        "patient_id": row.patient_id,
        "place": _place(row, ward, language),
        "left": _left(row, ward, language),
        "href": row.href,
        "sign": language.say(f"row.sign.{told[0]['tier']}") if told else "",
        "reasons": reasons,
        "second": _second(told, reasons, beside, language),
        "notes": _notes(told, beside, is_news, ward, language) if told else [],
        "values": [few_words.latest(each, as_of=ward.as_of, language=language) for each in row.latest[:_VALUES]],
        "more_values": max(len(row.latest) - _VALUES, 0)
        and language.say("row.more_values", n=language.number(len(row.latest) - _VALUES, 0)),
        "latest": [_value(latest, ward, language) for latest in row.latest] or [language.say("ward.no_value")],
        "drugs": few_words.drugs(row.drugs, as_of=ward.as_of, time_zone=ward.time_zone, language=language),
        "spark": _spark(row, ward, language),
        "who": _who(answers, language, is_overtaken=is_overtaken),
        "unassessed": missing,
    }


def _by_load(row: WardRow, ward: OfTheWard) -> tuple[Any, ...]:
    """The order of a patient of whom no alert asks for anybody: the higher the highest of the latest loads that a rule watches, the
    earlier. What is older than a gap that begins a new segment does not count. It is an order of rows, and compares no two loads."""
    recent = [each for each in row.latest if each.is_watched and (ward.as_of - each.collected_at).days < ward.gap_days]
    loads = [each.viral_load_iu_per_ml or 0.0 for each in recent]
    above = [each.limit_iu_per_ml or 0.0 for each in recent if each.detection == words.ABOVE_ULOQ]
    return _INFORMATION, -max([*loads, *above], default=0.0)


def _left(row: WardRow, ward: OfTheWard, language: Language) -> str:
    """Of whoever has left: until when her alerts stand here, and who answers for them."""
    if row.left_at is None or row.died is not None:
        return ""
    key = "row.handed_over" if ward.handed_to else "row.handed_to_nobody"
    return language.say(key, date=language.date(row.left_at, ward.time_zone), who=ward.handed_to)


def bed_or_left(row: WardRow, time_zone: str, language: Language) -> str:
    """Where to go for a sample: the bed; of whoever has died or left, that and when; "" where no bed is known."""
    return died.in_place_of_a_bed_in_a_row(row, time_zone, language) or row.bed or ""


def _place(row: WardRow, ward: OfTheWard, language: Language) -> str:
    if row.left_at is not None or row.died is not None:
        return bed_or_left(row, ward.time_zone, language)
    parts = (row.bed,) if ward.has_one and row.bed else (row.bed, row.ward)  # the bed is never cut
    return " ".join(part for part in parts if part) or language.say("unknown")


def _notes(told: list[Row], beside: str, is_news: bool, ward: OfTheWard, language: Language) -> list[str]:
    """Beside the first title, two at most, for more don't fit in two lines: that it is new or since when, how many more alerts, how
    many rules that could not be assessed. Since when is left to the fold first, then what the list of those rules says again."""
    since = language.short_date(told[0]["opened_at"], ward.time_zone)
    first = language.say("row.news") if is_news else language.say("row.since", date=since)
    return list(filter(None, ("" if beside and not is_news else first, _more(told[1:], language), beside)))[:2]


def _second(told: list[Row], reasons: list[Row], beside: str, language: Language) -> Row | None:
    """The title of a second alert of now, in the row's second line, with what else there is; None where there is none.

    The row then says nothing of since when: its fold does, of each.
    """
    if len(told) < 2 or told[1]["tier"] != _NOW:
        return None
    title = language.say("row.second", title=reasons[1]["title"])
    return {"title": title, "more": _more(told[2:], language), "missing": beside}


def _more(told: list[Row], language: Language) -> str:
    """How many more alerts, and how many of them are of now."""
    if not told:
        return ""
    n, now = language.number(len(told), 0), sum(alert["tier"] == _NOW for alert in told)
    return language.say("row.more_now", n=n, now=language.number(now, 0)) if now else language.say("row.more", n=n)


def _reason(alert: Mapping[str, Any], ward: OfTheWard, language: Language) -> Row:
    title, sentence = _said(alert["rule"], alert["evidence"], ward.time_zone, language)
    return {
        "id": alert["alert_id"],
        "title": title,
        "sentence": sentence,
        "since": language.say("ward.since", since=language.date(alert["opened_at"], ward.time_zone)),
        "answer": answer_in_words(alert, as_of=ward.as_of, time_zone=ward.time_zone, language=language),
    }


@lru_cache(maxsize=4096)  # of one new result the ward page says again what it said of everybody else
def _said(rule: str, evidence: str, time_zone: str, language: Language) -> tuple[str, str]:
    found = json.loads(evidence)
    title = of_stored(alert_title, rule, found, language=language)
    return title, of_stored(alert_sentence, rule, found, language=language, time_zone=time_zone)


def _who(answers: list[str], language: Language, *, is_overtaken: bool) -> list[str]:
    """Who answered the first alert, or that nobody has, or not since; and how many of the others nobody has answered."""
    if not answers:
        return []
    waiting = sum(not each for each in answers[1:])
    lines = [answers[0] or language.say("row.reopened" if is_overtaken else "row.nobody")]
    if answers[0] and waiting:
        lines.append(language.say("row.others", n=language.number(waiting, 0)))
    return lines


def _answer(alert: Mapping[str, Any], ward: OfTheWard, language: Language) -> str:
    standing = alert.get("standing")
    if standing == words.SEEN:
        return language.say("row.seen")
    if standing == words.ACKNOWLEDGED:
        date = language.short_date(alert["answered_at"], ward.time_zone)
        return language.say("row.acknowledged", who=alert["answered_by"], date=date)
    if standing == words.SNOOZED and alert["until"] > ward.as_of:
        date = language.short_date(alert["until"], ward.time_zone)
        return language.say("row.snoozed", who=alert["answered_by"], date=date)
    return ""


def _unassessed(row: WardRow, reasons: list[Row], told: list[Row], ward: OfTheWard, language: Language) -> list[str]:
    """What could not be told, each line once; what is said of the whole site is not said again."""
    found = {alert["rule"]: reason["title"] for alert, reason in zip(told, reasons, strict=True)}
    return list(_missing(row.not_assessable, ward.never_delivered, tuple(found.items()), language))


@lru_cache(maxsize=4096)  # as `_said`
def _missing(
    items: tuple[NotAssessable, ...],
    never: tuple[NeverDelivered, ...],
    found: tuple[tuple[str, str], ...],
    language: Language,
) -> tuple[str, ...]:
    missing = [item for item in items if not never_delivered.is_for_want_of(item.reason, never)]
    return tuple(not_assessed.lines(missing, language, found=dict(found)))


def _spark(row: WardRow, ward: OfTheWard, language: Language) -> Row:
    """The drawing, and the values in it as text."""
    points = sparkline.recent(row.course, ward.as_of, ward.time_zone)
    if not points:
        return {"svg": "", "text": language.say("spark.none")}
    start, end = sparkline.shown_from(ward.as_of, ward.time_zone)
    compartment = row.latest[0].compartment
    line = ward.bal_line_iu_per_ml if compartment == "bal" else None
    where = capital(language.word("compartment", compartment))
    values = _in_words(points, ward.time_zone, language)
    return {
        "svg": sparkline.drawing(points, start, end, line, ward.gap_days),
        "text": language.say("spark.alternative", compartment=where, values=values),
    }


@lru_cache(maxsize=4096)  # as `sparkline.drawing`
def _in_words(points: tuple[CoursePoint, ...], time_zone: str, language: Language) -> str:
    return "; ".join(
        language.say(
            "spark.point",
            date=language.short_date(point.collected_at, time_zone),
            value=few_words.value(point.detection, point.viral_load_iu_per_ml, point.limit_iu_per_ml, language),
        )
        for point in points
    )


def _value(latest: LatestResult, ward: OfTheWard, language: Language) -> str:
    """One compartment in a full line: what its newest result says, where the load goes, of when it is."""
    said = value_in_words(latest.detection, latest.viral_load_iu_per_ml, latest.limit_iu_per_ml, language)
    if latest.way != "untold" and latest.since is not None:
        span = page.elapsed(latest.collected_at - latest.since, language)
        said = language.say("ward.value_way", value=said, way=language.word("way", latest.way), days=span)
    return language.say(
        "ward.value" if latest.is_watched else "ward.value_unwatched",
        compartment=capital(language.word("compartment", latest.compartment)),
        value=said,
        date=language.date(latest.collected_at, ward.time_zone),
        days=page.elapsed(ward.as_of - latest.collected_at, language),
    )
