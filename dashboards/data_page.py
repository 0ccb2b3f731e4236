"""The data page: what came in, what waits and for whom, which nights ran, how old the backup is. Counts, codes and moments alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from cmvmon.dashboards import site_page
from cmvmon.dashboards.board import Board
from cmvmon.dashboards.site_page import Table, ago
from cmvmon.dashboards.site_views import DataView, Feed
from cmvmon.feeds.owners import EITHER, NOBODY, SENDER, SITE
from cmvmon.text import Language
from cmvmon.text.moved_together import moved_in_words
from cmvmon.text.values import operations_in_words, table_in_words

_TROUBLED = ("silent", "never", "refused")
_COUNTS = ("received", "accepted", "quarantined", "duplicates", "ignored")
_OWNERS = {SENDER: "sender", SITE: "site", EITHER: "either", NOBODY: "nobody"}


@dataclass(frozen=True)
class Part:
    """One section: sentences, a table, and what must be known to read it."""

    id: str
    title: str
    texts: tuple[str, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()
    is_trouble: bool = False


def data_page(view: DataView, *, language: Language, script: str | None = None, board: Board | None = None) -> str:
    """The data page as HTML text: the same view and language give the same bytes. Raises MissingWords."""
    trouble = _trouble(view, language)
    headline = language.say("data.headline.trouble", what="; ".join(trouble)) if trouble else ""
    return site_page.render(
        "data.html",
        view,
        language,
        script=script,
        board=board,
        title=language.say("data.title"),
        as_of_text=language.say("data.as_of", as_of=language.moment(view.as_of, view.time_zone)),
        headline=headline or language.say("data.headline.well"),
        is_trouble=bool(trouble),
        parts=[
            _feeds(view, language),
            _conservation(view, language),
            _quarantine(view, language),
            _new_words(view, language),
            _rewritten(view, language),
            _nights(view, language),
            _keeping(view, language),
            _versions(view, language),
        ],
    )


def _trouble(view: DataView, language: Language) -> list[str]:
    counts = {
        "data.trouble.feeds": sum(feed.state in _TROUBLED for feed in view.feeds),
        "data.trouble.difference": sum(abs(feed.difference) for feed in view.feeds),
        "data.trouble.never": view.n_never_taken_in,
        "data.trouble.standing": view.n_deliveries_standing,
        "data.trouble.waiting": sum(one.n for one in view.waiting),
        "data.trouble.two_beds": view.n_in_two_beds,
    }
    said = [language.say(key, n=language.number(n, 0)) for key, n in counts.items() if n]
    if not view.feeds:
        said.insert(0, language.say("data.feeds.none").rstrip("."))
    if not view.nights or view.nights[0].state != "done":
        said.append(language.say("data.trouble.night"))
    if view.backup.state != "made" or view.backup.is_old:
        said.append(language.say("data.trouble.backup"))
    return said


def _feeds(view: DataView, language: Language) -> Part:
    if not view.feeds:
        return Part("feeds", language.say("data.feeds"), (language.say("data.feeds.none"),), is_trouble=True)
    days = language.number(view.deliveries_days, 0)
    ordered = sorted(view.feeds, key=lambda feed: feed.state not in _TROUBLED)
    columns = tuple(
        language.say(f"data.column.{name}", **({"days": days} if name == "deliveries" else {}))
        for name in ("feed", "table", "state", "last", "expected", "deliveries")
    )
    rows = tuple(
        (
            feed.feed,
            table_in_words(feed.table, language),
            _state(feed, language),
            language.say("data.state.never") if feed.last_at is None else ago(feed.last_at, view, language),
            language.say("data.not_agreed")
            if feed.expected_every_h is None
            else language.say(
                "data.hours.default" if feed.is_by_default else "data.hours",
                n=language.number(feed.expected_every_h, 0),
            ),
            language.say("data.deliveries.none")
            if not feed.n_deliveries
            else language.say(
                "data.deliveries",
                n=language.number(feed.n_deliveries, 0),
                refused=language.number(feed.n_refused, 0),
            ),
        )
        for feed in ordered
    )
    marks = tuple(feed.state in _TROUBLED for feed in ordered)
    n_unpromised = sum(feed.expected_every_h is None for feed in ordered)
    doubted = tuple(moved_in_words(one, language, view.time_zone) for one in view.in_doubt)
    said = (language.say("data.feeds.unpromised", n=language.number(n_unpromised, 0)),) if n_unpromised else ()
    beds = (language.say("data.two_beds", n=language.number(view.n_in_two_beds, 0)),) if view.n_in_two_beds else ()
    ahead = tuple(
        language.say("data.feeds.ahead", feed=feed.feed, n=language.number(feed.clock_ahead_s / 60, 0))
        for feed in ordered
        if feed.clock_ahead_s is not None
    )
    differ = tuple(
        language.say("data.feeds.differ", feed=feed.feed, n=language.number(feed.statuses_differ, 0))
        for feed in ordered
        if feed.statuses_differ
    )
    return Part(
        "feeds",
        language.say("data.feeds"),
        (*doubted, *beds, *said, *ahead, *differ),
        table=Table(columns, rows, marks, widths=(13, 19, 24, 16, 12, 16)),
    )


def _state(feed: Feed, language: Language) -> str:
    if feed.state == "refused":
        return language.say("data.state.refused", cause=operations_in_words(feed.code or "", language))
    return language.say(f"data.state.{feed.state}")


def _conservation(view: DataView, language: Language) -> Part:
    totals = {name: sum(getattr(feed, name) for feed in view.feeds) for name in _COUNTS}
    difference = sum(feed.difference for feed in view.feeds)
    numbers = {name: language.number(n, 0) for name, n in (totals | {"difference": difference}).items()}
    line = language.say("data.conservation.line", **numbers)
    names = (*_COUNTS, "difference")
    columns = tuple(language.say(f"data.column.{name}") for name in ("feed", "table", *names))
    rows = [
        (
            feed.feed,
            table_in_words(feed.table, language),
            *(language.number(getattr(feed, name), 0) for name in names),
        )
        for feed in view.feeds
    ]
    rows.append((language.say("data.total"), "", *(numbers[name] for name in names)))
    marks = (*(feed.difference != 0 for feed in view.feeds), difference != 0)
    widths = (14, 20, 11, 11, 11, 11, 11, 11)
    return Part(
        "conservation",
        language.say("data.conservation"),
        (line,),
        Table(columns, tuple(rows), marks, widths=widths),
        (language.say("data.conservation.note"),),
        is_trouble=difference != 0,
    )


def _quarantine(view: DataView, language: Language) -> Part:
    apart = ", ".join(
        language.say(f"data.apart.{answer}", n=language.number(n, 0)) for answer, n in sorted(view.apart.items())
    )
    notes = (language.say("data.apart", counts=apart),) if apart else ()
    title = language.say("data.quarantine")
    if not view.waiting:
        return Part("quarantine", title, (language.say("data.quarantine.none"),), notes=notes)
    columns = tuple(language.say(f"data.column.{name}") for name in ("feed", "table", "reason", "owner", "n", "oldest"))
    rows = tuple(
        (
            one.feed,
            table_in_words(one.table, language),
            f"{one.reason}: {one.remedy}",
            language.say(f"data.owner.{_OWNERS[one.owner]}"),
            language.number(one.n, 0),
            ago(one.oldest, view, language),
        )
        for one in view.waiting
    )
    table = Table(columns, rows, widths=(12, 14, 40, 12, 8, 14))
    return Part("quarantine", title, table=table, notes=(*notes, language.say("data.quarantine.show")))


def _new_words(view: DataView, language: Language) -> Part:
    title, n = language.say("data.new"), view.n_reasons_not_listed
    reasons = (language.say(f"data.stop_reasons.{'one' if n == 1 else 'other'}", n=language.number(n, 0)),) if n else ()
    if not view.new_words:
        return Part("new", title, reasons or (language.say("data.new.none"),))
    columns = tuple(language.say(f"data.column.{name}") for name in ("feed", "header", "sample", "n"))
    rows = tuple((one.feed, one.column, one.sample, language.number(one.n, 0)) for one in view.new_words)
    return Part("new", title, reasons, table=Table(columns, rows), notes=(language.say("data.new.note"),))


def _rewritten(view: DataView, language: Language) -> Part:
    days, title = language.number(view.rewritten_days, 0), language.say("data.rewritten")
    if not view.rewritten:
        return Part("rewritten", title, (language.say("data.rewritten.none", days=days),))
    has_board = any(one.n_viewers is not None for one in view.rewritten)
    named = ("fate", "results", "seen", *(["viewers"] if has_board else []))
    columns = tuple(language.say(f"data.column.{name}") for name in named)
    rows = tuple(
        (
            language.say(f"data.fate.{one.fate}"),
            language.number(one.n, 0),
            language.say("data.seen.unknown") if one.n_answered is None else language.number(one.n_answered, 0),
            *([language.number(one.n_viewers or 0, 0)] if has_board else []),
        )
        for one in view.rewritten
    )
    note = language.say("data.rewritten.note_board" if has_board else "data.rewritten.note", days=days)
    return Part("rewritten", title, table=Table(columns, rows), notes=(note,))


def _nights(view: DataView, language: Language) -> Part:
    title = language.say("data.nights")
    if not view.nights:
        return Part("nights", title, (language.say("data.nights.none"),), is_trouble=True)
    counts = {
        state: language.number(sum(night.state == state for night in view.nights), 0)
        for state in ("done", "stopped", "not_run")
    }
    line = language.say("data.nights.line", days=language.number(len(view.nights), 0), **counts)
    columns = tuple(language.say(f"data.column.{name}") for name in ("day", "state"))
    rows = tuple(
        (
            _day(night.day, language),
            language.say("data.night.stopped", cause=operations_in_words(night.code or "", language))
            if night.state == "stopped"
            else language.say(f"data.night.{night.state}"),
        )
        for night in view.nights
    )
    marks = tuple(night.state != "done" for night in view.nights)
    return Part("nights", title, (line,), Table(columns, rows, marks))


def _day(day: date, language: Language) -> str:
    """A local day, as the language writes dates."""
    return language.date(datetime.combine(day, time(12), UTC), "UTC")


def _keeping(view: DataView, language: Language) -> Part:
    backup = view.backup
    if backup.at is None:
        said = language.say(f"data.backup.{backup.state}")
    else:
        at = ago(backup.at, view, language)
        said = language.say("data.backup.old" if backup.is_old else "data.backup.made", at=at)
    is_trouble = backup.state != "made" or backup.is_old
    return Part("keeping", language.say("data.keeping"), (said,), None, (language.say("data.restore"),), is_trouble)


def _versions(view: DataView, language: Language) -> Part:
    none = language.say("data.none")
    files = ", ".join(f"{name} ({sha})" for name, sha in view.laboratory_files) or none
    return Part(
        "versions",
        language.say("data.versions"),
        (
            language.say(
                "data.version.program", code=view.code_version, python=view.python_version, schema=view.schema_version
            ),
            language.say("data.version.protocol", version=view.protocol_version, hash=view.protocol_hash),
            language.say("data.version.laboratories", files=files),
            language.say("data.version.tables", files=", ".join(view.table_files) or none),
        ),
    )
