"""The ward page: who needs a look today and why, who could not be assessed, and first of all whether the data came in."""

from __future__ import annotations

from cmvmon.dashboards import feed_words, lately_words, page
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.samples_words import sample_lines
from cmvmon.dashboards.views import WORK, WardView
from cmvmon.dashboards.ward_row import OfTheWard, ward_row
from cmvmon.domain import words
from cmvmon.text import Language

_NOW, _TODAY, _INFORMATION = words.TIERS
_NEWS = ("new", "worse", "reopened")
_COLUMNS = ("bed", "patient")
_CELLS = ("what", "value", "course", "drug", "who")


def ward_page(view: WardView, *, language: Language, script: str | None = None, board: Board | None = None) -> str:
    """The ward page as HTML text: the same view and language give the same bytes.

    Args:
        script: file name of the shared script, which marks a page that has grown old; None = no script at all.

    Raises:
        MissingWords: the view holds a code that has no words.
    """
    changes = () if view.lately is None else view.lately.alerts
    news = {change.patient_id for change in changes if change.kind in _NEWS}
    wards = {row.ward for row in view.rows}
    ward = next(iter(wards)) if len(wards) == 1 else None
    around = OfTheWard.of(view, has_one=ward is not None)
    made = (ward_row(row, around, language, is_news=row.patient_id in news) for row in view.rows)
    rows = sorted(made, key=lambda row: row["order"])
    feeds = feed_words.feeds(view, language)
    beside = (feed_words.undelivered, feed_words.never_taken_in, feed_words.numbers)
    numbers = [line for lines in beside for line in lines(view, language)]
    has_no_results = feed_words.has_no_results(view)
    columns = {name: language.say(f"column.{name}") for name in _COLUMNS}
    return page.render(
        "ward.html",
        language,
        view=view,
        script=script,
        board=board,
        others=page.other_languages(dict(view.hrefs), language),
        disabled=page.disabled_in_words(view, language),
        as_of_text=language.say("ward.as_of", as_of=language.moment(view.as_of, view.time_zone)),
        as_of=page.instant(view.as_of),
        ward=ward,
        columns=columns | {name: language.say(f"row.{name}") for name in _CELLS},
        no_results=language.say("ward.no_results_ever") if has_no_results else "",
        troubled=feed_words.troubled(feeds, language),
        folded=[
            fold
            for fold in (
                feed_words.fold(
                    [feed["text"] for feed in feeds if not feed["trouble"]], feed_words.plain_feeds(view, language)
                ),
                feed_words.fold(*feed_words.never_came(view, language)),
            )
            if fold["lines"]
        ],
        apart=feed_words.apart(view, language),
        has_feeds=bool(feeds),
        lately=None if view.lately is None else lately_words.block(view.lately, view, language),
        has_trouble=any(feed["trouble"] for feed in feeds) or not view.feeds or has_no_results,
        troubled_numbers=[said["text"] for said in numbers if said["trouble"]],
        numbers=[said["text"] for said in numbers if not said["trouble"]],
        # With no list at all, an empty "now" would read as nobody in need of a look.
        has_list=bool(view.rows) or not any(feed.feed == WORK for feed in view.feeds),
        n_patients=language.count("ward.patients", view.n_patients),
        groups=[
            {"id": name, "title": language.say(f"ward.{name}"), "rows": [row for row in rows if row["tier"] == tier]}
            for name, tier in (("now", _NOW), ("today", _TODAY))
        ],
        samples=None if view.samples is None else sample_lines(view, language),
        unwatched=_unwatched(view, language),
        n_information=language.number(sum(row["has_information"] for row in rows), 0),
        not_assessable=[row for row in rows if row["unassessed"]],
        no_alert=language.say("ward.no_alert_else" if view.never_delivered else "ward.no_alert"),
        quiet=[row for row in rows if row["tier"] not in (_NOW, _TODAY) and not row["unassessed"]],
        has_courses=any(row["spark"]["svg"] for row in rows),
    )


def _unwatched(view: WardView, language: Language) -> str:
    """How many loads of the list no rule watches; empty where none."""
    n = sum(not latest.is_watched for row in view.rows for latest in row.latest)
    return language.count("ward.unwatched", n) if n else ""
