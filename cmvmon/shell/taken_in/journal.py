"""landing/journal.ndjson: when each delivery was taken in, and what was said of its records and of rules, one line after the
other.

Beside the bytes it is all that the delivered tables follow from: `cmvmon rebuild` reads it from the first line to the last.
A line is on the disk before the transaction ends that it tells of. One that was cut off tells of none that ended.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from cmvmon.domain.errors import SiteError
from cmvmon.shell.basis.files import append_line, read_bytes
from cmvmon.shell.folder.landing import Landed, landed
from cmvmon.shell.taken_in.arrivals import Arrival

NAME = "journal.ndjson"


@dataclass(frozen=True)
class Taking:
    """A landed delivery was taken in, or came again. `read_with`: the fingerprint of the feed's files, empty where it was
    only noted that it came; `arrival`: how it came, where that was new; `arrived_at`: when, if not when it was received."""

    landed: Landed
    received_at: datetime
    read_with: str
    arrival: Arrival | None
    arrived_at: datetime | None

    @property
    def at(self) -> datetime:
        return self.received_at


@dataclass(frozen=True)
class _Spoken:
    """What a person said, as the row of the store that keeps it. `said_at`: which of its columns says when; `moments`: which others
    hold a moment."""

    row: Mapping[str, Any]
    said_at: ClassVar[str]
    moments: ClassVar[tuple[str, ...]] = ()

    @property
    def at(self) -> datetime:
        moment: datetime = self.row[self.said_at]
        return moment


class Answer(_Spoken):
    """What a person said of a record in quarantine: a row of `quarantine_answers`."""

    said_at = "answered_at"


class Switching(_Spoken):
    """That somebody switched a rule off, or on again: a row of `rule_switches`."""

    said_at = "changed_at"


class LandingAnswer(_Spoken):
    """What a person said of a delivery that was never judged: a row of `landing_answers`."""

    said_at = "answered_at"


class Trial(_Spoken):
    """That somebody tried a protocol: a row of `protocol_trials`."""

    said_at = "tried_at"


class Approving(_Spoken):
    """That somebody approved a protocol: a row of `protocol_approvals`."""

    said_at = "approved_at"
    moments = ("tried_at",)


class DoubtAnswer(_Spoken):
    """That a laboratory confirmed its results, or that this was taken back: a row of `alert_events`."""

    said_at = "changed_at"
    moments = ("opened_at", "said_at", "answered_at", "until")


Said = Answer | Switching | LandingAnswer | Trial | Approving | DoubtAnswer
Step = Taking | Said
_OF_KIND: Mapping[str, type[Said]] = {
    "answer": Answer,
    "rule": Switching,
    "landing": LandingAnswer,
    "trial": Trial,
    "approval": Approving,
    "doubt": DoubtAnswer,
}


def note_taking(landing: Path, taking: Taking) -> None:
    """Adds that line. Raises SiteError when it can't be written."""
    came = taking.arrival
    facts = {
        "what": "taken_in",
        "delivery_id": taking.landed.delivery_id,
        "feed": taking.landed.feed,
        "kept_as": taking.landed.kept_as,
        "received_at": taking.received_at.isoformat(),
        "read_with": taking.read_with,
        "arrived_at": None if taking.arrived_at is None else taking.arrived_at.isoformat(),
        "arrival": None
        if came is None
        else {
            "file_name": came.file_name,
            "modified_at": came.modified_at.isoformat(),
            "is_overtaken": came.is_overtaken,
        },
    }
    append_line(landing / NAME, json.dumps(facts, sort_keys=True))


def note_answers(landing: Path, rows: Collection[Mapping[str, Any]]) -> None:
    """Adds a line for each of these rows of `quarantine_answers`. Raises SiteError when it can't be written."""
    for row in rows:
        _note_said(landing, "answer", row)


def note_switching(landing: Path, row: Mapping[str, Any]) -> None:
    """Adds a line for that row of `rule_switches`. Raises SiteError when it can't be written."""
    _note_said(landing, "rule", row)


def note_landing_answer(landing: Path, row: Mapping[str, Any]) -> None:
    """Adds a line for that row of `landing_answers`. Raises SiteError when it can't be written."""
    _note_said(landing, "landing", row)


def note_trial(landing: Path, row: Mapping[str, Any]) -> None:
    """Adds a line for that row of `protocol_trials`. Raises SiteError when it can't be written."""
    _note_said(landing, "trial", row)


def note_approval(landing: Path, row: Mapping[str, Any]) -> None:
    """Adds a line for that row of `protocol_approvals`. Raises SiteError when it can't be written."""
    _note_said(landing, "approval", row)


def note_doubt_answer(landing: Path, row: Mapping[str, Any]) -> None:
    """Adds a line for that row of `alert_events`. Raises SiteError when it can't be written."""
    _note_said(landing, "doubt", row)


def _note_said(landing: Path, what: str, row: Mapping[str, Any]) -> None:
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    append_line(landing / NAME, json.dumps({"what": what} | plain, sort_keys=True))


def lines(landing: Path) -> Iterator[Step | None]:
    """What the journal says, in its order; None for a line that can't be read, or names what has not landed."""
    path = landing / NAME
    for line in read_bytes(path).splitlines() if path.exists() else ():
        try:
            facts = json.loads(line)
            what = facts.pop("what")
            yield _said(what, facts) if what in _OF_KIND else _taking(landing, facts)
        except (ValueError, KeyError, TypeError, AttributeError, SiteError):
            yield None


def _said(what: str, facts: dict[str, Any]) -> Said:
    kind = _OF_KIND[what]
    moments = (kind.said_at, *(name for name in kind.moments if facts[name] is not None))
    return kind(facts | {name: datetime.fromisoformat(facts[name]) for name in moments})


def _taking(landing: Path, facts: Mapping[str, Any]) -> Taking:
    (way,) = (
        way
        for way in landed(landing, facts["delivery_id"])
        if (way.feed, way.kept_as) == (facts["feed"], facts["kept_as"])
    )
    came = facts["arrival"]
    arrival = None
    if came is not None:
        modified_at = datetime.fromisoformat(came["modified_at"])
        arrival = Arrival(str(came["file_name"]), modified_at, bool(came["is_overtaken"]))
    arrived_at = None if facts["arrived_at"] is None else datetime.fromisoformat(facts["arrived_at"])
    return Taking(way, datetime.fromisoformat(facts["received_at"]), str(facts["read_with"]), arrival, arrived_at)
