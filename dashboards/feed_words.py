"""The state of the feeds in words: what troubles each, what never came, what must be known of the patients' numbers."""

from __future__ import annotations

from collections.abc import Sequence

from cmvmon.dashboards import never_delivered
from cmvmon.dashboards.row_views import FeedState
from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.views import WORK, WardView
from cmvmon.domain.delivered import LEADING
from cmvmon.text import Language
from cmvmon.text.moved_together import moved_in_words
from cmvmon.text.values import operations_in_words, table_in_words

_TROUBLES_OPEN = 2  # more warnings than these would stand before the first patient
_ONE_LINE = 150  # characters: a longer sentence, of many tables, would stand as several lines before the first patient
_NIGHT_NOT_DONE = ("night_missed", "night_stopped")


def never_taken_in(view: WardView, language: Language) -> list[Row]:
    n = view.n_never_taken_in
    return [{"trouble": True, "text": language.count("ward.never_taken_in", n)}] if n else []


def undelivered(view: WardView, language: Language) -> list[Row]:
    """That messages to people do not get through, or were given up: else their silence would read as nothing to be told."""
    found, said = view.undelivered, []
    if found.n_failing and found.since is not None:
        since = language.moment(found.since, view.time_zone)
        said.append(language.count("ward.undelivered", found.n_failing, since=since))
    if found.n_given_up:
        days = language.number(found.shown_for_days, 0)
        said.append(language.count("ward.given_up", found.n_given_up, days=days))
    return [{"trouble": True, "text": text} for text in said]


def has_no_results(view: WardView) -> bool:
    """Whether no result of a load ever came: then no load of anybody is judged, and an empty list says nothing."""
    return any(table.table == LEADING.name for table in view.never_delivered)


def never_came(view: WardView, language: Language) -> tuple[list[str], str]:
    """A sentence for each table that never came and without which a rule can't judge, and the line that they are folded under."""
    if not view.rows:
        return [], ""
    said = never_delivered.on_the_ward([row.not_assessable for row in view.rows], view.never_delivered, language)
    return list(said.values()), never_delivered.in_one_line(said, language)


def plain_feeds(view: WardView, language: Language) -> str:
    """One line for the tables of feeds with which nothing is wrong: how many, and when the newest and the oldest of them came."""
    plain = [feed for feed in view.feeds if not (feed.n_quarantined or _feed(feed, view, language)["trouble"])]
    moments = [feed.last_received_at for feed in plain if feed.last_received_at is not None]
    if not moments:
        return ""
    n = language.number(len(plain), 0)
    last, oldest = (language.moment(at, view.time_zone) for at in (max(moments), min(moments)))
    key = "ward.feeds.alike" if last == oldest else "ward.feeds.plain"
    return language.say(key, n=n, feeds=", ".join(sorted({feed.feed for feed in plain})), last=last, oldest=oldest)


def fold(lines: list[str], summary: str) -> Row:
    """Lines under one; a short line alone needs none."""
    is_long = len(lines) > 1 or any(len(line) > _ONE_LINE for line in lines)
    return {"summary": summary if is_long else "", "lines": lines}


def troubled(lines: list[Row], language: Language) -> Row:
    """The feeds with trouble, the gravest first: the work itself, a refused file, a feed that is silent or never came, records
    apart. Up to two stand open; more are one line with their count and the gravest, and fold.

    `summary`: empty where they stand open. `lines`: every sentence.
    """
    texts = [line["text"] for line in sorted(lines, key=lambda line: line["grave"]) if line["trouble"]]
    if len(texts) <= _TROUBLES_OPEN:
        return {"summary": "", "lines": texts}
    n = language.number(len(texts), 0)
    return {"summary": language.say("ward.feeds.troubled", n=n, gravest=texts[0]), "lines": texts}


def numbers(view: WardView, language: Language) -> list[Row]:
    """What must be known of the patients' numbers, a sentence each."""
    numbers = view.numbers
    n = language.number(numbers.n_without_result, 0)
    said = [{"trouble": False, "text": language.say("ward.without_result", n=n)}] if numbers.n_without_result else []
    if numbers.n_off_list:
        days = language.number(numbers.listed_for_days, 0)
        said.append({"trouble": False, "text": language.count("ward.off_list", numbers.n_off_list, days=days)})
    alike = [language.say("and").join((", ".join(group[:-1]), group[-1])) for group in numbers.alike]
    said += [{"trouble": True, "text": language.say("ward.alike", numbers=group)} for group in alike]
    unused = [
        language.say("ward.link_unused", old=old, new=new, why=language.word("link", why))
        for old, new, why in numbers.unused
    ]
    return said + [{"trouble": True, "text": text} for text in unused]


def feeds(view: WardView, language: Language) -> list[Row]:
    """A line for each table of a feed; one for all those of a feed that came at one moment and of which nothing is agreed."""
    lines: dict[object, list[FeedState]] = {}
    for feed in sorted(view.feeds, key=lambda f: (f.feed != WORK, f.feed, f.table_name)):
        is_plain = feed.is_fresh is None and not (feed.operations_code or feed.n_quarantined)
        alike = is_plain and feed.last_received_at is not None
        lines.setdefault((feed.feed, feed.last_received_at) if alike else feed, []).append(feed)
    return [
        _feed(feeds[0], view, language, [feed.table_name for feed in feeds]) | {"grave": _gravity(feeds[0])}
        for feeds in lines.values()
    ]


def _gravity(feed: FeedState) -> int:
    """How grave the trouble of a feed is, the gravest least."""
    if feed.feed == WORK or feed.operations_code == "clock_behind" or feed.moved is not None:
        return 0
    if feed.operations_code is not None:
        return 1
    return 2 if feed.last_received_at is None or feed.is_fresh is False else 3


def _feed(feed: FeedState, view: WardView, language: Language, tables: Sequence[str] = ()) -> Row:
    """The state of one feed, and how many of its records nobody can use yet. `tables`: all that the line is about."""
    said = _state(feed, view, language, tables or (feed.table_name,))
    if not feed.n_quarantined:
        return said
    apart = language.say("ward.feed.quarantined", n=language.number(feed.n_quarantined, 0))
    return said | {"text": f"{said['text']} {apart}"}


def apart(view: WardView, language: Language) -> str:
    """One line for the records that feeds without trouble of their own brought and nobody can use yet: the list may lack something,
    and it is the data team that can act. Empty where there are none; of a feed in trouble its own line says so.
    """
    n_of: dict[str, int] = {}
    for feed in view.feeds:
        if feed.n_quarantined and not _feed(feed, view, language)["trouble"]:
            n_of[feed.table_name] = n_of.get(feed.table_name, 0) + feed.n_quarantined
    if not n_of:
        return ""
    tables = ", ".join(table_in_words(name, language) for name in sorted(n_of))
    return language.count("ward.apart", sum(n_of.values()), tables=tables)


def _state(feed: FeedState, view: WardView, language: Language, tables: Sequence[str]) -> Row:
    said = {"feed": feed.feed, "table": ", ".join(table_in_words(name, language) for name in tables)}
    last = language.moment(feed.last_received_at, view.time_zone) if feed.last_received_at else None
    if feed.operations_code == "clock_behind":
        return {"trouble": True, "text": language.say("ward.clock_behind")}
    if feed.operations_code == "protocol_unusable":
        key = "ward.work.protocol" if last else "ward.work.protocol_at_first"
        where = feed.file_name or language.say("unknown")
        return {"trouble": True, "text": language.say(key, since=last or "", where=where)}
    if feed.moved is not None:
        return {"trouble": True, "text": moved_in_words(feed.moved, language, view.time_zone)}
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
