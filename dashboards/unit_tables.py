"""The unit page's tables of treatment and alerts, and how a share of counted people is written."""

from __future__ import annotations

from datetime import UTC, datetime, time

from cmvmon.dashboards.site_page import Table
from cmvmon.dashboards.words_for_results import capital
from cmvmon.text import Language
from cmvmon.unit.courses import CourseTimes
from cmvmon.unit.numbers import DAYS, FEW, Share, UnitNumbers, share_at
from cmvmon.unit.reactivation import Reactivation, Spell


def percent(share: float, language: Language) -> str:
    """A share of counted people: none is none, and all are all."""
    return f"{language.number(100 * share, 0)}%" if share in (0.0, 1.0) else language.percent(share)


def cells(share: Share, language: Language) -> tuple[str, str, str]:
    """Share, interval and count of one share."""
    count = f"{language.number(share.n_events, 0)} / {language.number(share.n, 0)}"
    if share.is_few:
        return f"< {language.number(FEW, 0)}", language.say("unit.no_interval"), count
    low_high = language.say("unit.no_interval")
    if share.estimate is None:
        return language.say("unit.untold"), low_high, count
    if share.low is not None and share.high is not None:
        low_high = f"{percent(share.low, language)} – {percent(share.high, language)}"
    return percent(share.estimate, language), low_high, count


def courses(numbers: UnitNumbers | None, language: Language) -> list[Table]:
    if numbers is None or numbers.courses is None:
        return []
    return [_course(one, numbers.interval_probability, language) for one in numbers.courses]


def _course(one: CourseTimes, interval: float, language: Language) -> Table:
    response, clearance = language.say("unit.column.response"), language.say("unit.column.clearance")
    events = language.say("unit.column.events")
    columns = (language.say("unit.column.day"), response, f"{response}: {events}", clearance, f"{clearance}: {events}")
    rows = []
    for day in DAYS:
        both = [cells(share_at(found, day, interval), language) for found in (one.response, one.clearance)]
        rows.append(
            (language.number(day, 0), *(text for share, low_high, n in both for text in (f"{share} ({low_high})", n)))
        )
    caption = language.say(
        "unit.series",
        compartment=capital(language.word("compartment", one.compartment)),
        n=language.number(one.n_series, 0),
        never=language.number(one.n_never_called, 0),
    )
    medians = {
        name: language.say("unit.median.never")
        if (median := found.quantile(0.5)) is None or found.n < FEW
        else language.say("unit.median.days", day=language.number(median, 0))
        for name, found in (("response", one.response), ("clearance", one.clearance))
    }
    return Table(columns, tuple(rows), caption=f"{caption}. {language.say('unit.median', **medians)}")


def course_texts(numbers: UnitNumbers | None, language: Language) -> list[str]:
    if numbers is None:
        return []
    if numbers.courses is None:
        return [language.say("unit.courses.none")]
    return [language.say("unit.courses.note" if numbers.courses else "unit.courses.nobody")]


def weeks(numbers: UnitNumbers, language: Language) -> Table:
    tiers = tuple(language.say("unit.column.tier", tier=str(tier)) for tier in (1, 2, 3))
    rows = tuple(
        (
            language.date(datetime.combine(week.first_day, time(12), UTC), "UTC"),
            *(language.number(n, 0) for n in week.opened),
        )
        for week in numbers.workload.weeks
    )
    return Table((language.say("unit.column.week"), *tiers), rows)


def acknowledged(numbers: UnitNumbers, language: Language) -> list[str]:
    said = []
    for tier, found in enumerate(numbers.workload.acknowledged, start=1):
        median = found.quantile(0.5)
        told = language.say("unit.acknowledged.never")
        if median is not None:
            told = language.say("unit.acknowledged.hours", hours=language.number(median, 1))
        if found.n < FEW:
            told = language.say("unit.acknowledged.few", few=language.number(FEW, 0))
        said.append(
            language.say(
                "unit.acknowledged",
                tier=str(tier),
                n=language.number(found.n, 0),
                weeks=language.number(len(numbers.workload.weeks), 0),
                events=language.number(found.total, 0),
                median=told,
            )
        )
    return said


def spells(one: Reactivation, language: Language) -> Table:
    """Time without and with CMV in blood, and how it ended."""
    told = ["status", "patients", "icu_days", "ends", "rate"]
    if one.died is not None:
        told = ["status", "patients", "icu_days", "ends.alive", "rate.alive", "ends.died", "rate.died"]
    columns = tuple(language.say(f"unit.column.{name}") for name in told)
    rows = []
    for status, spell in (("before", one.before), ("after", one.after)):
        ends = [n for n in (spell.n_left, spell.n_died) if n is not None]
        rows.append(
            (
                language.say(f"unit.status.{status}"),
                language.number(spell.n, 0),
                language.number(spell.days, 0),
                *(text for n in ends for text in (language.number(n, 0), _rate(n, spell, language))),
            )
        )
    return Table(columns, tuple(rows), caption=language.say("unit.status"))


def _rate(n: int, spell: Spell, language: Language) -> str:
    """So many per hundred days; of few patients none is told."""
    if spell.n < FEW:
        return f"< {language.number(FEW, 0)}"
    return language.say("unit.no_interval") if not spell.days else language.number(100 * n / spell.days, 1)
