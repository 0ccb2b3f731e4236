"""The data page's view, from what other questions of the site already answer: nothing is counted here a second time."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa

from cmvmon.assess import Assessment
from cmvmon.dashboards.site_views import Backup, DataView, Feed, NewWord, NightDone, Rewritten, Waiting
from cmvmon.domain import words
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.facts.taken_back import TAKEN_BACK
from cmvmon.run.asking.quarantine_list import STANDS, counted_apart, listed_quarantine
from cmvmon.run.health.backup_checkup import IS_OLD_AFTER
from cmvmon.run.health.feed_health import FeedHealth, feed_health
from cmvmon.run.ward.two_beds import n_in_two_beds
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.work_facts import laboratories_in_doubt
from cmvmon.shell.as_known.lately import last_night_before, rewritten
from cmvmon.shell.boards.audit_log import viewers, was_kept
from cmvmon.shell.folder.site import Site
from cmvmon.shell.keeping.last_backup import last_backup
from cmvmon.shell.store import database
from cmvmon.shell.taken_in.delivered_counts import DeliveredCounts, delivered_counts, nights_between, stops_between
from cmvmon.shell.taken_in.never_taken_in import never_taken_in
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import ASSESSMENT_FEED, OpenSite

# How far back the page looks. Layout, not policy.
NIGHTS, DELIVERIES_SINCE, REWRITTEN_SINCE = 14, timedelta(days=30), timedelta(days=7)
_NOTHING = DeliveredCounts(0, 0, 0, 0, 0, 0, 0)
_FATES = (words.CORRECTED, words.WITHDRAWN, words.MOVED)
_IS_NEW = ("unknown_", "undeclared_", "unlisted_")  # how the reasons begin that say: no file names this word
Row = Mapping[str, Any]


def data_view(
    opened: OpenSite, assessment: Assessment | None, *, as_of: datetime, shared: Mapping[str, Any]
) -> DataView:
    """The view at `as_of`. `assessment`: of everybody, None = it was stopped; `shared`: the fields of `SiteView`."""
    site, zone = opened.site, ZoneInfo(opened.site.settings().time_zone)
    with opened.reading() as connection:
        counts = delivered_counts(connection, as_of=as_of, since=as_of - DELIVERIES_SINCE)
        feeds = tuple(
            _feed(each, counts.get((each.feed, each.table), _NOTHING))
            for each in feed_health(connection, site, at=as_of)
        )
        nights = _nights(connection, as_of, zone)
        changed = rewritten(connection, as_of - REWRITTEN_SINCE, as_of)
        seen_by = _viewers(connection, changed, as_of)
        n_never = never_taken_in(connection, as_of=as_of)
        in_doubt = laboratories_in_doubt(alert_store.alerts(connection, states={"open"}))
        one = links(connection, as_of=as_of)
    listed = [row for row in listed_quarantine(site.root) if datetime.fromisoformat(row["since"]) <= as_of]
    waiting = [row for row in listed if row["reason"] != STANDS]
    return DataView(
        **shared,
        feeds=feeds,
        in_doubt=in_doubt,
        n_in_two_beds=0 if assessment is None else n_in_two_beds(assessment.facts.prepared.begun[ICU_STAYS], one),
        waiting=_waiting(waiting),
        n_deliveries_standing=len(listed) - len(waiting),
        n_never_taken_in=n_never,
        apart=counted_apart(site.root),
        new_words=_new_words(waiting),
        n_reasons_not_listed=_reasons_not_listed(assessment),
        rewritten=tuple(
            replace(one, n_viewers=None if seen_by is None else len(seen_by[one.fate]))
            for one in _rewritten(changed, assessment, as_of)
        ),
        rewritten_days=REWRITTEN_SINCE.days,
        deliveries_days=DELIVERIES_SINCE.days,
        nights=nights,
        backup=_backup(opened, as_of),
        schema_version=str(database.SCHEMA_VERSION),
        python_version=sys.version.split()[0],
        protocol_hash=opened.protocol.sha256[:8],
        laboratory_files=_laboratory_files(site, {feed.feed for feed in feeds}),
        table_files=tuple(sorted(path.stem for path in (site.root / "tables").glob("*.toml"))),
    )


def _laboratory_files(site: Site, feeds: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Name and hash of the laboratory file of each feed, of the site or of the package, and of those that no feed used yet; `?`
    for one that can't be read, which is told as a fault of its own."""
    found = []
    for name in sorted({*feeds, *(path.stem for path in (site.root / "labs").glob("*.toml"))}):
        try:
            laboratory = site.laboratory(name)
            sha = None if laboratory is None else laboratory.fingerprint[:8]
        except ProtocolError:
            sha = "?"
        if sha is not None:
            found.append((name, sha))
    return tuple(found)


def _feed(each: FeedHealth, counts: DeliveredCounts) -> Feed:
    state = "unpromised" if each.is_silent is None else "silent" if each.is_silent else "fresh"
    if each.refused is not None:
        state = "refused"
    elif each.last_at is None:
        state = "never"
    return Feed(
        each.feed, each.table, state, each.refused, each.last_at, each.expected_every_h, **vars(counts),
        clock_ahead_s=each.clock_ahead_s, statuses_differ=each.statuses_differ, is_by_default=each.is_by_default,
    )  # fmt: skip


def _nights(connection: sa.Connection, as_of: datetime, zone: ZoneInfo) -> tuple[NightDone, ...]:
    """The last days, the newest first, as far back as there was a night: whether it ran on each, or what stopped it."""
    today = as_of.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(NIGHTS)]
    since = datetime.combine(days[-1], datetime.min.time(), zone) - timedelta(microseconds=1)
    done = {at.astimezone(zone).date() for at in nights_between(connection, since, as_of)}
    stopped = {
        at.astimezone(zone).date(): code for at, code in stops_between(connection, since, as_of, feed=ASSESSMENT_FEED)
    }
    first = min([*done, *stopped], default=None)
    if last_night_before(connection, since) is not None:
        first = days[-1]
    return tuple(_night(day, done, stopped) for day in days if first is not None and day >= first)


def _night(day: date, done: set[date], stopped: Mapping[date, str]) -> NightDone:
    """A day on which one was stopped and a later one was done is done: the list of that day stands."""
    if day in done:
        return NightDone(day, "done")
    return NightDone(day, "stopped", stopped[day]) if day in stopped else NightDone(day, "not_run")


def _waiting(rows: list[dict[str, Any]]) -> tuple[Waiting, ...]:
    """By feed, table and reason, the oldest first."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["feed"], row["table_name"], row["reason"]), []).append(row)
    found = [
        Waiting(
            *of,
            remedy=mine[0]["remedy"],
            owner=mine[0]["owner"],
            n=len(mine),
            oldest=min(datetime.fromisoformat(row["since"]) for row in mine),
        )
        for of, mine in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.oldest, one.feed, one.table, one.reason)))


def _new_words(rows: list[dict[str, Any]]) -> tuple[NewWord, ...]:
    """Words that wait because no file of the site names them, the most frequent first: as the work list shows them."""
    named = [row for row in rows if row["sample"] and row["column"] and row["reason"].startswith(_IS_NEW)]
    counts = Counter((row["feed"], row["column"], row["sample"]) for row in named)
    return tuple(NewWord(*of, n=n) for of, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _reasons_not_listed(assessment: Assessment | None) -> int:
    """Of the courses that stand: they are not set apart for it, so no list of what waits has them."""
    if assessment is None:
        return 0
    courses = assessment.facts.prepared.begun[ANTIVIRAL_COURSES]
    return int((courses["stop_reason"] == words.NOT_LISTED).sum())


def _viewers(connection: sa.Connection, changed: pl.DataFrame, as_of: datetime) -> dict[str, set[str]] | None:
    """By what befell a result, to whom the board had shown something of its patient since it came; None: no board was ever used."""
    if not was_kept(connection):
        return None
    found: dict[str, set[str]] = {fate: set() for fate in _FATES}
    one = links(connection, as_of=as_of, about=changed["patient_id"].to_list())
    for row in changed.iter_rows(named=True):
        for number in one.family([row["patient_id"]]):  # it may have been shown under another
            found[row["fate"]] |= viewers(connection, number, row["came_at"], row["rewritten_at"])
    return found


def _rewritten(changed: pl.DataFrame, assessment: Assessment | None, as_of: datetime) -> tuple[Rewritten, ...]:
    """How many of each kind, and of how many that were taken back somebody had answered an alert that rested on them."""
    counts = Counter(changed["fate"].to_list())
    if assessment is None:
        return tuple(Rewritten(fate, counts[fate], None) for fate in _FATES if counts[fate])
    since = pl.lit(as_of - REWRITTEN_SINCE).cast(pl.Datetime("us", "UTC"))
    back = assessment.facts.of(TAKEN_BACK).filter(pl.col("taken_back_at") > since)
    answered = Counter(back.filter("was_answered_for")["taken_back_how"].to_list())
    return tuple(
        Rewritten(fate, counts[fate], None if fate == words.CORRECTED else answered[fate])
        for fate in _FATES
        if counts[fate]
    )


def _backup(opened: OpenSite, as_of: datetime) -> Backup:
    try:
        last = last_backup(opened.site.root)
    except SiteError:
        return Backup("not_told")
    if last is None:
        return Backup("never")
    return Backup("made", last.taken_at, as_of - last.taken_at > IS_OLD_AFTER)
