"""landing/journal.ndjson: when each delivery was taken in, and what was said of its records and of rules, one line after the
other.

Beside the bytes it is all that the delivered tables follow from: `cmvmon rebuild` reads it from the first line to the last.
A line is on the disk before the transaction ends that it tells of. One that was cut off tells of none that ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.shell.basis.files import append_line, read_bytes
from cmvmon.shell.folder.landing import Landed, landed
from cmvmon.shell.taken_in.arrivals import Arrival

NAME = "journal.ndjson"
_SAID = {
    "answer": "answered_at",
    "rule": "changed_at",
    "landing": "answered_at",
    "trial": "tried_at",
    "approval": "approved_at",
}  # what persons said, and the column that says when


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
class Answer:
    """What a person said of a record in quarantine: a row of `quarantine_answers`."""

    row: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        moment: datetime = self.row["answered_at"]
        return moment


@dataclass(frozen=True)
class Switching:
    """That somebody switched a rule off, or on again: a row of `rule_switches`."""

    row: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        moment: datetime = self.row["changed_at"]
        return moment


@dataclass(frozen=True)
class LandingAnswer:
    """What a person said of a delivery that was never judged: a row of `landing_answers`."""

    row: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        moment: datetime = self.row["answered_at"]
        return moment


@dataclass(frozen=True)
class Trial:
    """That somebody tried a protocol: a row of `protocol_trials`."""

    row: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        moment: datetime = self.row["tried_at"]
        return moment


@dataclass(frozen=True)
class Approving:
    """That somebody approved a protocol: a row of `protocol_approvals`."""

    row: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        moment: datetime = self.row["approved_at"]
        return moment


Said = Answer | Switching | LandingAnswer | Trial | Approving
Step = Taking | Said
_OF_KIND: Mapping[str, Callable[[Mapping[str, Any]], Said]] = {
    "answer": Answer,
    "rule": Switching,
    "landing": LandingAnswer,
    "trial": Trial,
    "approval": Approving,
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
            yield _said(what, facts) if what in _SAID else _taking(landing, facts)
        except (ValueError, KeyError, TypeError, AttributeError, SiteError):
            yield None


def _said(what: str, facts: dict[str, Any]) -> Said:
    moments = (_SAID[what], *(["tried_at"] if what == "approval" else []))
    return _OF_KIND[what](facts | {name: datetime.fromisoformat(facts[name]) for name in moments})


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
