"""The alerts of one policy, moment by moment: what is said brings about events, and nothing is written anywhere.

The same pieces decide as in a night (cmvmon.shell.alerts.alert_decisions, cmvmon.episodes). Kept is what stands open, and of each
alert one short line: no evidence, so that a year needs little room. What an alert said before is kept as long as it may go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.episodes import OPEN, SNOOZE_OVER, Word, subject_of
from cmvmon.shell.alerts.alert_decisions import decided
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.alerts.not_lost import may_stand_again
from cmvmon.shell.alerts.words_back import SaidBefore, nothing_before
from cmvmon.shell.rows.stamp import Stamp

Row = Mapping[str, Any]
LISTED = words.TIERS[:-1]  # a named person must answer, or on today's list; not what is for information only


@dataclass(frozen=True)
class Told:
    """One alert, from its opening to its end.

    Attributes:
        tier: the gravest that it had.
        listed_at: when it first had a tier of LISTED in the replay; None = never, or it had one before.
        ended_at, end, cause: null while it is open; `end` is `resolved` or `closed`; `cause` is null where it was judged clear.
        stood_before: it was open when the replay began, so it is none of those that opened in it.
    """

    rule: str
    subject_kind: str
    patient_id: str
    compartment: str | None
    subject: str
    tier: int
    opened_at: datetime
    listed_at: datetime | None = None
    ended_at: datetime | None = None
    end: str | None = None
    cause: str | None = None
    stood_before: bool = False

    @property
    def about(self) -> tuple[str, str]:
        """The rule and the subject: two alerts of one of these are the same thing said again."""
        return self.rule, self.subject


class Ledger:
    """What one policy says over moments that come in order."""

    def __init__(
        self, standing: Iterable[Row] = (), stand_again: Iterable[str] = (), *, before: SaidBefore = nothing_before
    ) -> None:
        """`standing`: the last rows of alerts about patients that stood open before the first moment, or had been closed.
        `stand_again`: ids of alerts that began until then with one of `words.STANDS_AGAIN`.
        `before`: the events of an alert until the first moment, the last first."""
        self._latest: dict[tuple[Any, ...], Row] = {subject_of(row): row for row in standing}
        self._stand_again = set(stand_again)
        self._before, self._said = before, dict[str, list[Row]]()
        open_ones = (row for row in self._latest.values() if row["state"] == OPEN)
        self._told = {row["alert_id"]: _opened(row, stood_before=True) for row in open_ones}

    @property
    def told(self) -> tuple[Told, ...]:
        """Every alert, by the moment of its opening."""
        return tuple(sorted(self._told.values(), key=lambda one: (one.opened_at, one.rule, one.subject)))

    def say(
        self, verdicts: Collection[Row], ends: Ends, *, stamp: Stamp, patients: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """The events that these verdicts bring about. `patients`: whom they cover, after a delivery; None = everyone.

        A moment must not lie before the one that was said last: nothing is late here.
        """
        met = {subject: row for subject, row in self._latest.items() if _is_met(row, stamp.as_of, ends)}
        mine = {s: row for s, row in met.items() if patients is None or row["patient_id"] in patients}
        events = decided(
            mine,
            verdicts,
            ends,
            stamp=stamp,
            judged_at={},
            brings_news=patients is not None,
            said_before=self._said_before,
            stands_again=self._stand_again,
        )
        self._latest = met
        going_on = {row["alert_id"] for row in met.values()}
        self._said = {alert_id: said for alert_id, said in self._said.items() if alert_id in going_on}
        for event in events:
            self._note(event)
        snoozed = [row for row in self._latest.values() if row["state"] == OPEN and row["until"] is not None]
        is_over = Word(SNOOZE_OVER, stamp.as_of, cause=words.SNOOZE_OVER)
        ended = [episodes.event(row, row, is_over) for row in snoozed if row["until"] <= stamp.as_of]
        over = [event for event in ended if event is not None]
        for event in over:
            self._note(event)
        return [*events, *over]

    def take_over(self, event: Row) -> None:
        """What a person said of an alert, as it is stored; of one that does not stand open here it says nothing."""
        latest = self._latest.get(subject_of(event))
        if latest is not None and latest["state"] == OPEN and latest["alert_id"] == event["alert_id"]:
            self._note(dict(event) | {"sequence": latest["sequence"] + 1})

    def opens_as_standing(self) -> None:
        """What has opened until now counts as having stood before."""
        self._told = {name: replace(one, stood_before=True, listed_at=None) for name, one in self._told.items()}

    def _said_before(self, alert: Row) -> list[Row]:
        return [*reversed(self._said.get(alert["alert_id"], [])), *self._before(alert)]

    def _note(self, event: Row) -> None:
        self._said.setdefault(event["alert_id"], []).append(event)
        self._latest[subject_of(event)] = event
        if event["cause"] in words.STANDS_AGAIN:
            self._stand_again.add(event["alert_id"])
        before = self._told.get(event["alert_id"])
        if before is None:
            self._told[event["alert_id"]] = _opened(event, stood_before=event["event"] != episodes.OPENED)
            return
        is_open, is_newly_listed = event["state"] == OPEN, event["tier"] in LISTED and before.tier not in LISTED
        self._told[event["alert_id"]] = replace(
            before,
            tier=min(before.tier, event["tier"]),
            listed_at=event["changed_at"] if is_newly_listed else before.listed_at,
            ended_at=None if is_open else event["changed_at"],
            end=None if is_open else event["state"],
            cause=None if is_open else event["cause"],
        )


def _is_met(row: Row, as_of: datetime, ends: Ends) -> bool:
    """Whether a word of that moment may meet it, as in the store: open, ended so lately that it may go on, or by what may be taken
    back."""
    return bool(row["state"] == OPEN or row["changed_at"] >= as_of - ends.met_within or may_stand_again(row))


def _opened(row: Row, *, stood_before: bool = False) -> Told:
    names = ("rule", "subject_kind", "patient_id", "compartment", "subject", "tier", "opened_at")
    is_listed = row["tier"] in LISTED and not stood_before
    return Told(
        **{name: row[name] for name in names},
        listed_at=row["opened_at"] if is_listed else None,
        stood_before=stood_before,
    )
