"""The unit page: how often CMV came up, how fast it went, what the alerts asked; each share of all who were followed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from cmvmon.dashboards import page, site_page
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.curves import Curve, Figure, plotly_figure, static_svg
from cmvmon.dashboards.site_page import Table
from cmvmon.dashboards.site_views import UnitView
from cmvmon.dashboards.unit_tables import acknowledged, cells, course_texts, courses, percent, spells, weeks
from cmvmon.kinetics.numerics.cumulative_incidence import CumulativeIncidence
from cmvmon.text import Language
from cmvmon.text.concordance import concordance_sentence
from cmvmon.unit.numbers import DAYS, FEW, Share, UnitNumbers, share_at
from cmvmon.unit.reactivation import EVERYONE, Reactivation

_DAYS_SHOWN = 42  # layout: how long a curve is drawn
_HIGHEST_SHARE = 1.08  # so that the name of a curve at the top stands within the figure
_OF_DEATHS = "{death}"
_WARNINGS = ("cause", "competing", "immortal", _OF_DEATHS, "sampling", "published")


@lru_cache(maxsize=1)
def published() -> Mapping[str, Any]:
    """What `published.toml` holds: numbers of the literature, by which nothing is judged."""
    return tomllib.loads(resources.files("cmvmon.dashboards").joinpath("published.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Group:
    """One group of patients in words: its section, figure (as JSON and SVG; empty = too few to draw) and tables."""

    id: str
    title: str
    headline: str
    notes: tuple[str, ...]
    figure: str
    svg: str
    tables: tuple[Table, ...]


def unit_page(view: UnitView, *, language: Language, script: str | None = None, board: Board | None = None) -> str:
    """The page as HTML text: the same view and language give the same bytes. Raises MissingWords."""
    numbers = view.numbers
    return site_page.render(
        "unit.html",
        view,
        language,
        script=script,
        board=board,
        title=language.say("unit.title"),
        span=_span(view, language),
        not_told=_not_told(numbers, language),
        groups=[] if numbers is None else _groups(numbers, language),
        courses=courses(numbers, language),
        courses_texts=course_texts(numbers, language),
        shapes=_shapes(language),
        concordance=_concordance(view, language),
        workload=None if numbers is None else weeks(numbers, language),
        acknowledged=[] if numbers is None else acknowledged(numbers, language),
        warnings=[language.say(f"unit.warning.{name}") for name in _warnings(numbers)],
    )


def _warnings(numbers: UnitNumbers | None) -> list[str]:
    """What the numbers must not be read as; of deaths, as they were delivered or never were, where an incidence is shown at all."""
    if numbers is None or not numbers.reactivation:
        return [name for name in _WARNINGS if name != _OF_DEATHS]
    has_deaths = any(one.died is not None for one in numbers.reactivation)
    return [name.format(death="death" if has_deaths else "no_deaths") for name in _WARNINGS]


def _span(view: UnitView, language: Language) -> str:
    numbers = view.numbers
    until = language.date(view.as_of, view.time_zone)
    if numbers is None or numbers.since is None:
        return language.say("data.as_of", as_of=until)
    return language.say("unit.span", since=language.date(numbers.since, view.time_zone), until=until)


def _not_told(numbers: UnitNumbers | None, language: Language) -> list[str]:
    if numbers is None:
        return [language.say("unit.not_judged")]
    said = []
    if not numbers.reactivation:
        said.append(language.say("unit.no_stays"))
    elif numbers.since is None:
        said.append(language.say("unit.nobody"))
    if numbers.serostatus is None:
        said.append(language.say("unit.no_serology"))
    else:
        known = numbers.serostatus
        counts = {"positive": known.n_positive, "negative": known.n_negative, "unknown": known.n_unknown}
        counts["n"] = sum(counts.values())
        if counts["n"]:
            said.append(language.say("unit.serostatus", **{name: language.number(n, 0) for name, n in counts.items()}))
    return said


def _groups(numbers: UnitNumbers, language: Language) -> list[Group]:
    shown = [one for one in numbers.reactivation if one.n_ventilated]
    if numbers.serostatus is None:
        shown = [one for one in shown if one.group == EVERYONE]
    return [_group(one, numbers, language) for one in shown]


def _group(one: Reactivation, numbers: UnitNumbers, language: Language) -> Group:
    found, interval = one.found, numbers.interval_probability
    drawn = None if found.n < FEW or not found.is_told(0) else _figure(one, interval, language)
    title = language.say(f"unit.group.{one.group}")
    notes = [_counted(one, language), _published(one.group, language)]
    if found.n >= FEW and found.total < FEW:
        notes.insert(0, language.say("unit.few_events", few=language.number(FEW, 0)))
    if found.n >= FEW:
        notes[:0] = _untold(one, language)
    return Group(
        one.group,
        title,
        _headline(share_at(found, DAYS[-1], interval), language),
        tuple(note for note in notes if note),
        "" if drawn is None else page.script_json(plotly_figure(drawn)),
        "" if drawn is None else static_svg(drawn, title=language.say("unit.figure.alt")),
        ()
        if found.n < FEW
        else (_by_day(one, interval, language), _by_year(one, interval, language), spells(one, language)),
    )


def _headline(share: Share, language: Language) -> str:
    counts = {"events": language.number(share.n_events, 0), "n": language.number(share.n, 0)}
    if share.is_few:
        return language.say("unit.few", few=language.number(FEW, 0), **counts)
    day = language.number(share.at, 0)
    if share.estimate is None:
        return language.say("unit.headline.untold", day=day, **counts)
    said = {"day": day, "share": percent(share.estimate, language)} | counts
    if share.low is None or share.high is None:
        return language.say("unit.headline.bare", **said)
    return language.say("unit.headline", low=percent(share.low, language), high=percent(share.high, language), **said)


def _untold(one: Reactivation, language: Language) -> list[str]:
    """Why some shares are not told: of the group, and of a year."""
    own = [] if one.found.empty_from is None else [(None, one.found.empty_from)]
    years = [
        (of.year, of.found.empty_from) for of in one.by_year if of.found.n >= FEW and of.found.empty_from is not None
    ]
    return [
        language.say("unit.why_untold", day=language.number(day, 1))
        if year is None
        else language.say("unit.why_untold.year", year=str(year), day=language.number(day, 1))
        for year, day in (*own, *years)
    ]


def _counted(one: Reactivation, language: Language) -> str:
    counts = {
        "ventilated": one.n_ventilated,
        "before": one.n_before,
        "unusable": one.n_unusable,
        "n": one.found.n,
        "unsampled": one.n_unsampled,
        "delayed": one.n_delayed,
    }
    return language.say("unit.counted", **{name: language.number(n, 0) for name, n in counts.items()})


def _published(group: str, language: Language) -> str:
    rows = [row for row in published()["reactivation"] if row["group"] == group]
    shares = "; ".join(
        language.say(
            "unit.published.one" if row["low"] == row["high"] else "unit.published.range",
            source=row["source"],
            low=percent(row["low"], language),
            **({} if row["low"] == row["high"] else {"high": percent(row["high"], language)}),
        )
        for row in rows
    )
    return language.say("unit.published", shares=shares) if shares else ""


def _figure(one: Reactivation, interval: float, language: Language) -> Figure:
    found, until = one.found, _drawn_until(one.found)
    bounds = [found.interval(float(t), interval) or (float(f), float(f)) for t, f in _steps(found)]
    curves: tuple[Curve, ...] = (
        Curve(
            "reactivated",
            language.say("unit.figure.reactivated"),
            *_xy(found),
            tuple(low for low, _ in bounds),
            tuple(high for _, high in bounds),
            until=until,
        ),
        Curve("left", language.say(_of_ends("unit.figure.left", one)), *_xy(one.left), until=until, is_main=False),
    )
    if one.died is not None:
        died = language.say("unit.figure.died")
        curves += (Curve("died", died, *_xy(one.died), until=until, is_main=False, is_dotted=True),)
    spans = tuple(
        (row["low"], row["high"], language.say("unit.figure.published"))
        for row in published()["reactivation"]
        if row["group"] == one.group and row["low"] < row["high"]
    )
    days = tuple((float(d), language.number(d, 0)) for d in range(0, _DAYS_SHOWN + 1, 7))
    shares = tuple((s / 4, percent(s / 4, language)) for s in range(5))
    return Figure(language.say("unit.figure.days"), float(_DAYS_SHOWN), days, _HIGHEST_SHARE, shares, curves, spans)


def _drawn_until(found: CumulativeIncidence) -> float | None:
    """The last event before which fewer than FEW were still followed ends the line, or the day from which nothing can be told;
    None = neither does."""
    few = [float(time) for time in found.times[found.n_at_risk < FEW][:1]]
    ends = few if found.empty_from is None else [*few, found.empty_from]
    return round(min(ends), 3) if ends else None


def _steps(found: CumulativeIncidence) -> list[tuple[float, float]]:
    return [(float(t), float(f)) for t, f in zip(found.times, found.incidence, strict=True) if found.is_told(float(t))]


def _xy(found: CumulativeIncidence) -> tuple[tuple[float, ...], tuple[float, ...]]:
    steps = _steps(found)
    return tuple(round(t, 3) for t, _ in steps), tuple(round(f, 5) for _, f in steps)


def _by_day(one: Reactivation, interval: float, language: Language) -> Table:
    columns = (*_columns(language, interval, "day"), language.say(_of_ends("unit.column.left", one)))
    ends = [one.left]
    if one.died is not None:
        columns, ends = (*columns, language.say("unit.column.died")), [one.left, one.died]
    rows = []
    for day in DAYS:
        others = [cells(share_at(end, day, interval), language)[0] for end in ends]
        rows.append((language.number(day, 0), *cells(share_at(one.found, day, interval), language), *others))
    return Table(columns, tuple(rows))


def _by_year(one: Reactivation, interval: float, language: Language) -> Table:
    day = DAYS[-1]
    rows = tuple((str(of.year), *cells(share_at(of.found, day, interval), language)) for of in one.by_year)
    caption = language.say("unit.by_year", day=language.number(day, 0))
    return Table(_columns(language, interval, "year"), rows, caption=caption)


def _columns(language: Language, interval: float, first: str) -> tuple[str, ...]:
    return (
        language.say(f"unit.column.{first}"),
        language.say("unit.column.share"),
        language.say("unit.column.interval", interval=language.percent(interval)),
        language.say("unit.column.events"),
    )


def _of_ends(key: str, one: Reactivation) -> str:
    """The key of the word for leaving: alive, where deaths are told apart."""
    return key if one.died is None else f"{key}.alive"


def _shapes(language: Language) -> str:
    of = published()["trajectories_from"]
    shapes = "; ".join(
        language.say(
            f"unit.shape.{row['shape']}",
            load=language.load(row["start_iu_per_ml"]),
            treated=language.percent(row["treated"]),
        )
        for row in published()["trajectories"]
    )
    return language.say("unit.shapes.line", source=of["source"], n=language.number(of["n"], 0), shapes=shapes)


def _concordance(view: UnitView, language: Language) -> list[str]:
    if view.numbers is None:
        return []
    policy = view.protocol.concordance
    said = [f"{concordance_sentence(row, language, policy=policy)}." for row in view.numbers.concordance]
    return said or [language.say("unit.concordance.none")]
