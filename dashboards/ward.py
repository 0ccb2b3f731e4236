"""The ward page: who needs a look today and why, who could not be assessed, and first of all whether the data came in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.text import Language, alert_sentence, alert_title, of_stored
from cmvmon.text.values import operations_in_words, table_in_words, value_in_words
from dashboards import facts, lately_words, never_delivered, page
from dashboards.answers import answer_in_words
from dashboards.facts import Row
from dashboards.views import WORK, FeedState, LatestResult, WardRow, WardView
from dashboards.words_for_results import capital, unassessed

_NOW, _TODAY, _INFORMATION = words.TIERS
_NIGHT_NOT_DONE = ("night_missed", "night_stopped")


def ward_page(view: WardView, *, language: Language, script: str | None = None) -> str:
    """The ward page as HTML text: the same view and language give the same bytes.

    Args:
        script: file name of the shared script, which marks a page that has grown old; None = no script at all.

    Raises:
        MissingWords: the view holds a code that has no words.
    """
    rows = sorted((_row(row, view, language) for row in view.rows), key=lambda row: row["order"])
    feeds = _feeds(view, language)
    return page.render(
        "ward.html",
        language,
        view=view,
        script=script,
        others=page.other_languages(dict(view.hrefs), language),
        disabled=page.disabled_in_words(view, language),
        as_of_text=language.say("ward.as_of", as_of=language.moment(view.as_of, view.time_zone)),
        as_of=page.instant(view.as_of),
        columns={name: language.say(f"column.{name}") for name in ("bed", "patient", "latest", "reason")},
        no_results=language.say("ward.no_results_ever") if _has_no_results(view) else "",
        troubled=[feed for feed in feeds if feed["trouble"]],
        folded=[
            fold
            for fold in (
                _fold([feed["text"] for feed in feeds if not feed["trouble"]], _plain_feeds(view, language)),
                _fold(*_never_delivered(view, language)),
            )
            if fold["lines"]
        ],
        has_feeds=bool(feeds),
        lately=None if view.lately is None else lately_words.block(view.lately, view, language),
        has_trouble=any(feed["trouble"] for feed in feeds) or not view.feeds or _has_no_results(view),
        numbers=[*_never_taken_in(view, language), *_numbers(view, language)],
        # With no list at all, an empty "now" would read as nobody in need of a look.
        has_list=bool(view.rows) or not any(feed.feed == WORK for feed in view.feeds),
        n_patients=language.count("ward.patients", view.n_patients),
        groups=[
            {"id": "now", "title": language.say("ward.now"), "rows": [row for row in rows if row["tier"] == _NOW]},
            {
                "id": "today",
                "title": language.say("ward.today"),
                "rows": [row for row in rows if row["tier"] == _TODAY],
            },
        ],
        unwatched=_unwatched(view, language),
        n_information=language.number(sum(row["has_information"] for row in rows), 0),
        not_assessable=[row for row in rows if row["unassessed"]],
        no_alert=language.say("ward.no_alert_else" if view.never_delivered else "ward.no_alert"),
        quiet=[row for row in rows if row["tier"] not in (_NOW, _TODAY) and not row["unassessed"]],
    )


def _unwatched(view: WardView, language: Language) -> str:
    """How many loads of the list no rule watches; empty where none."""
    n = sum(not latest.is_watched for row in view.rows for latest in row.latest)
    return language.count("ward.unwatched", n) if n else ""


def _never_taken_in(view: WardView, language: Language) -> list[Row]:
    n = view.n_never_taken_in
    return [{"trouble": True, "text": language.count("ward.never_taken_in", n)}] if n else []


def _has_no_results(view: WardView) -> bool:
    """Whether no result of a load ever came: then no load of anybody is judged, and an empty list says nothing."""
    return any(table.table == LEADING.name for table in view.never_delivered)


def _never_delivered(view: WardView, language: Language) -> tuple[list[str], str]:
    """A sentence for each table that never came and without which a rule can't judge, and the line that they are folded under."""
    if not view.rows:
        return [], ""
    said = never_delivered.on_the_ward([row.not_assessable for row in view.rows], view.never_delivered, language)
    return list(said.values()), never_delivered.in_one_line(said, language)


def _plain_feeds(view: WardView, language: Language) -> str:
    """One line for the tables of feeds with which nothing is wrong: how many, and when the newest and the oldest of them came."""
    plain = [feed for feed in view.feeds if not _feed(feed, view, language)["trouble"]]
    moments = [feed.last_received_at for feed in plain if feed.last_received_at is not None]
    if not moments:
        return ""
    n = language.number(len(plain), 0)
    last, oldest = (language.moment(at, view.time_zone) for at in (max(moments), min(moments)))
    key = "ward.feeds.alike" if last == oldest else "ward.feeds.plain"
    return language.say(key, n=n, feeds=", ".join(sorted({feed.feed for feed in plain})), last=last, oldest=oldest)


def _fold(lines: list[str], summary: str) -> Row:
    """Lines under one; a line alone needs none."""
    return {"summary": summary if len(lines) > 1 else "", "lines": lines}


def _numbers(view: WardView, language: Language) -> list[Row]:
    """What must be known of the patients' numbers, a sentence each."""
    numbers = view.numbers
    n = language.number(numbers.n_without_result, 0)
    said = [{"trouble": False, "text": language.say("ward.without_result", n=n)}] if numbers.n_without_result else []
    alike = [language.say("and").join((", ".join(group[:-1]), group[-1])) for group in numbers.alike]
    said += [{"trouble": True, "text": language.say("ward.alike", numbers=group)} for group in alike]
    unused = [
        language.say("ward.link_unused", old=old, new=new, why=language.word("link", why))
        for old, new, why in numbers.unused
    ]
    return said + [{"trouble": True, "text": text} for text in unused]


def _feeds(view: WardView, language: Language) -> list[Row]:
    """A line for each table of a feed; one for all those of a feed that came at one moment and of which nothing is agreed."""
    lines: dict[object, list[FeedState]] = {}
    for feed in sorted(view.feeds, key=lambda f: (f.feed != WORK, f.feed, f.table_name)):
        is_plain = feed.is_fresh is None and not (feed.operations_code or feed.n_quarantined)
        alike = is_plain and feed.last_received_at is not None
        lines.setdefault((feed.feed, feed.last_received_at) if alike else feed, []).append(feed)
    return [_feed(feeds[0], view, language, [feed.table_name for feed in feeds]) for feeds in lines.values()]


def _feed(feed: FeedState, view: WardView, language: Language, tables: Sequence[str] = ()) -> Row:
    """The state of one feed, and how many of its records nobody can use yet. `tables`: all that the line is about."""
    said = _state(feed, view, language, tables or (feed.table_name,))
    if not feed.n_quarantined:
        return said
    apart = language.say("ward.feed.quarantined", n=language.number(feed.n_quarantined, 0))
    return {"trouble": True, "text": f"{said['text']} {apart}"}


def _state(feed: FeedState, view: WardView, language: Language, tables: Sequence[str]) -> Row:
    said = {"feed": feed.feed, "table": ", ".join(table_in_words(name, language) for name in tables)}
    last = language.moment(feed.last_received_at, view.time_zone) if feed.last_received_at else None
    if feed.operations_code == "clock_behind":
        return {"trouble": True, "text": language.say("ward.clock_behind")}
    if feed.operations_code == "protocol_unusable":
        key = "ward.work.protocol" if last else "ward.work.protocol_at_first"
        where = feed.file_name or language.say("unknown")
        return {"trouble": True, "text": language.say(key, since=last or "", where=where)}
    if feed.operations_code is not None:
        cause = operations_in_words(feed.operations_code, language)
        if feed.operations_code in _NIGHT_NOT_DONE:  # the list of the last assessment stands
            return {"trouble": True, "text": language.say("ward.work.night", cause=cause)}
        if feed.feed == WORK:
            return {"trouble": True, "text": language.say("ward.work.stopped", table=said["table"], cause=cause)}
        cause = language.say("ward.feed.file", cause=cause, file=feed.file_name) if feed.file_name else cause
        return {"trouble": True, "text": language.say("ward.feed.operations", cause=cause, **said)}
    if last is None:
        return {"trouble": True, "text": language.say("ward.feed.never", **said)}
    if feed.is_fresh is None:
        return {"trouble": False, "text": language.say("ward.feed.unpromised", last=last, **said)}
    state = "fresh" if feed.is_fresh else "silent"
    return {"trouble": not feed.is_fresh, "text": language.say(f"ward.feed.{state}", last=last, **said)}


def _row(row: WardRow, view: WardView, language: Language) -> Row:
    """One patient. `order`: tier, then the oldest of that tier's alerts, then patient; nothing else moves a row."""
    alerts = facts.alerts_in_order(row.open_alerts)
    tier = alerts[0]["tier"] if alerts else None
    opened: datetime = min((alert["opened_at"] for alert in alerts if alert["tier"] == tier), default=view.as_of)
    return {
        "order": (tier if tier is not None else _INFORMATION + 1, opened, row.patient_id, row.href),
        "tier": tier,
        "has_information": any(alert["tier"] == _INFORMATION for alert in alerts),
        "patient_id": row.patient_id,
        "place": " ".join(part for part in (row.ward, row.bed) if part) or language.say("unknown"),
        "href": row.href,
        "reasons": [
            _reason(alert["rule"], alert["evidence"], alert["opened_at"], view.time_zone, language)
            | {"answer": answer_in_words(alert, as_of=view.as_of, time_zone=view.time_zone, language=language)}
            for alert in alerts
            if alert["tier"] != _INFORMATION
        ],
        "latest": _latest(row, view, language),
        "unassessed": dict.fromkeys(
            unassessed(item.rule, item.compartment, item.reason, language)
            for item in sorted(row.not_assessable, key=lambda item: (item.rule, item.compartment or "", item.reason))
            if not never_delivered.is_for_want_of(item.reason, view.never_delivered)
        ),
    }


def _reason(rule: str, evidence: str, opened_at: datetime, time_zone: str, language: Language) -> Row:
    title, sentence = _said(rule, evidence, time_zone, language)
    return {
        "title": title,
        "sentence": sentence,
        "since": language.say("ward.since", since=language.date(opened_at, time_zone)),
    }


@lru_cache(maxsize=4096)  # of one new result the ward page says again what it said of everybody else
def _said(rule: str, evidence: str, time_zone: str, language: Language) -> tuple[str, str]:
    found = json.loads(evidence)
    title = of_stored(alert_title, rule, found, language=language)
    return title, of_stored(alert_sentence, rule, found, language=language, time_zone=time_zone)


def _latest(row: WardRow, view: WardView, language: Language) -> list[str]:
    """One line for each compartment: what its newest result says, where the load goes, of when it is."""
    return [_value(latest, view, language) for latest in row.latest] or [language.say("ward.no_value")]


def _value(latest: LatestResult, view: WardView, language: Language) -> str:
    said = value_in_words(latest.detection, latest.viral_load_iu_per_ml, latest.limit_iu_per_ml, language)
    if latest.way != "untold" and latest.since is not None:
        span = page.elapsed(latest.collected_at - latest.since, language)
        said = language.say("ward.value_way", value=said, way=language.word("way", latest.way), days=span)
    return language.say(
        "ward.value" if latest.is_watched else "ward.value_unwatched",
        compartment=capital(language.word("compartment", latest.compartment)),
        value=said,
        date=language.date(latest.collected_at, view.time_zone),
        days=page.elapsed(view.as_of - latest.collected_at, language),
    )
