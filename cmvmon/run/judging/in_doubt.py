"""Laboratories whose results moved together: asked of the whole unit at each assessment, and one alert of the work of each.

Where that turns, whoever has such results is judged again: what they had alerted ends with that cause, and what was held back is
judged once the laboratory no longer is in doubt. A person who says that the laboratory confirmed its results ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME, LEADING
from cmvmon.domain.moved_together import MovedTogether, word_stands
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.kinetics.moved.corrected import before_corrections
from cmvmon.kinetics.moved.steps import begins, earliest_read, steps
from cmvmon.kinetics.moved.together import moved_together
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.shell.alerts import alert_store, work_facts
from cmvmon.shell.alerts.alert_history import events_of
from cmvmon.shell.alerts.answered import confirmed_by_laboratory
from cmvmon.shell.alerts.work_facts import is_about
from cmvmon.shell.as_known import known
from cmvmon.shell.as_known.sampled_lately import sampled_lately
from cmvmon.shell.work.opening import OpenSite


def laboratories_in_doubt(opened: OpenSite, *, as_of: datetime) -> tuple[MovedTogether, ...]:
    """The laboratories whose results had moved together at `as_of`, as everybody's results said it then, and not confirmed by then."""
    return _asked(opened, as_of=as_of)[0]


def _asked(opened: OpenSite, *, as_of: datetime) -> tuple[tuple[MovedTogether, ...], frozenset[str]]:
    """The laboratories in doubt, and which others would be, had they not confirmed their results."""
    protocol = opened.protocol
    with opened.reading() as connection:
        sampled = sampled_lately(connection, since=begins(protocol, as_of), as_of=as_of)
        enough = (whom for whom in sampled.values() if len(whom) >= protocol.moved_together.least_patients)
        patients = frozenset[str]().union(*enough)
        if not patients:
            return (), frozenset()
        versions = known.known_table(connection, LEADING, as_of=as_of, patients=patients)
        if versions is None:
            return (), frozenset()
        versions = versions.filter(versions["collected_at"] > earliest_read(protocol, as_of))
        assays = known.assays_in_use(opened.site, versions)
        courses = known.known_table(connection, BY_NAME[ANTIVIRAL_COURSES.name], as_of=as_of, patients=patients)

    def steps_of(told: pl.DataFrame) -> pl.DataFrame:
        return steps(
            results_in_use(told, assays, protocol=protocol, as_of=as_of), courses, protocol=protocol, as_of=as_of
        )

    of_each = steps_of(versions)
    before = before_corrections(versions, steps_of)
    moved = moved_together(of_each, before, protocol=protocol)
    if not moved:  # nearly always
        return (), frozenset()
    with opened.reading() as connection:
        confirmed = confirmed_by_laboratory(connection, since=begins(protocol, as_of), as_of=as_of)
    found = moved_together(of_each, before, protocol=protocol, confirmed=confirmed)
    return found, frozenset({one.laboratory for one in moved} - {one.laboratory for one in found})


@dataclass(frozen=True)
class Doubt:
    """What one assessment finds, which holds the site until it has noted it.

    Attributes:
        found: the laboratories in doubt.
        to_note: those, and those in doubt by the alerts that stand; none where a later moment is recorded.
        turned_for: whom it concerns that the two differ.
        confirmed: the laboratories that are none of those found because they confirmed their results.
    """

    found: tuple[MovedTogether, ...]
    to_note: tuple[MovedTogether, ...]
    turned_for: frozenset[str]
    confirmed: frozenset[str] = frozenset()


def doubt(opened: OpenSite, *, as_of: datetime) -> Doubt:
    """The laboratories in doubt at `as_of`. It turns for nobody where a later moment is recorded."""
    found, confirmed = _asked(opened, as_of=as_of)
    with opened.reading() as connection:
        stood = _standing(connection)
        if not (found or stood) or not _is_latest(connection, as_of):
            return Doubt(found, (), frozenset(), confirmed)
        now, before = ({one.held: one for one in each} for each in (found, stood))
        turned = [(now | before)[held] for held in now.keys() ^ before.keys()]
        whom = _sampled_since(connection, turned, as_of)
    return Doubt(found, (*found, *stood), whom, confirmed)


def concerned(opened: OpenSite, evidence: str, *, as_of: datetime) -> frozenset[str]:
    """Whom an alert about a laboratory in doubt concerns, by its evidence: whoever has a result of those assays since then."""
    moved = (work_facts.moved_of(fact) for fact in work_facts.each_fact(evidence))
    with opened.reading() as connection:
        return _sampled_since(connection, [one for one in moved if one is not None], as_of)


def _sampled_since(connection: sa.Connection, moved: Iterable[MovedTogether], as_of: datetime) -> frozenset[str]:
    whom: set[str] = set()
    for one in moved:
        sampled = sampled_lately(connection, since=one.since, as_of=as_of)
        whom |= sampled.get((one.laboratory, one.assay), set())
    return frozenset(whom)


def note(connection: sa.Connection, opened: OpenSite, of: Doubt, *, as_of: datetime) -> None:
    """One alert of the work for each laboratory in doubt, and none any more for the others. The caller holds the transaction."""
    for laboratory in sorted({one.laboratory for one in of.to_note}):
        facts = [
            {
                "code": words.LABORATORY_IN_DOUBT,
                "feed": laboratory,
                "table_name": LEADING.name,
                "assay": one.assay,
                "way": one.way,
                "since": one.since.isoformat(),
                "n_moved": one.n_moved,
                "n_patients": one.n_patients,
                "within_days": one.within_days,
                "n_back": one.n_back,
                "n_waiting": one.n_waiting,
            }
            | ({} if one.until is None else {"until": one.until.isoformat()})
            | ({} if one.corrected_at is None else {"corrected_at": one.corrected_at.isoformat()})
            for one in of.found
            if one.laboratory == laboratory
        ]
        evidence = work_facts.evidence_of(facts) if facts else None
        feed = work_facts.of_doubt(laboratory)
        is_word = evidence is None and laboratory in of.confirmed and _is_answered_so(connection, feed)
        cause = words.LABORATORY_CONFIRMED if is_word else None
        stamp = opened.stamp(as_of)
        alert_store.record_operations(connection, feed=feed, evidence=evidence, stamp=stamp, cause=cause)


def _is_answered_so(connection: sa.Connection, feed: str) -> bool:
    """Whether a person said of the open alert itself that the laboratory confirmed its results, and not of an earlier one only."""
    mine = (one for one in alert_store.alerts(connection, states={"open"}) if is_about(one, feed))
    return any(word_stands(events_of(connection, alert_id=one["alert_id"])) for one in mine)


def _standing(connection: sa.Connection) -> tuple[MovedTogether, ...]:
    """The laboratories in doubt by the alerts of the work that stand."""
    return work_facts.laboratories_in_doubt(alert_store.alerts(connection, states={"open"}))


def _is_latest(connection: sa.Connection, as_of: datetime) -> bool:
    last = alert_store.last_as_of(connection)
    return last is None or as_of >= last
