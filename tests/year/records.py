"""What a made-up hospital sends: plain records, the files that hold them, and the nights on which they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FIRST_NIGHT = datetime(2025, 3, 1, 5, tzinfo=UTC)
SNAPSHOT_HOLDS = timedelta(days=60)
"""The pharmacy's export leaves out what ended longer ago."""
MAX_WITHDRAWN_SHARE = 0.3


@dataclass(frozen=True)
class Result:
    """`status` P, F, C or W. `value` as printed; a result that is not `readable` prints something that is no value."""

    accession: str
    patient: str
    specimen: str
    value: str
    collected: datetime
    reported: datetime
    status: str = "F"
    readable: bool = True


@dataclass(frozen=True)
class Course:
    """`indication` None = not stated. One that is not `readable` has no start that can be read."""

    patient: str
    drug: str
    indication: str | None
    started: datetime
    stopped: datetime | None = None
    readable: bool = True


@dataclass(frozen=True)
class Stay:
    """One row of a stay: of the admission (`ventilated` None), or of a period of ventilation in it."""

    stay_id: str
    patient: str
    admitted: datetime
    discharged: datetime | None = None
    ventilated: datetime | None = None


@dataclass(frozen=True)
class Link:
    old: str
    new: str
    merged: datetime
    ended: datetime | None = None


Record = Result | Course | Stay | Link


@dataclass(frozen=True)
class File:
    """One file as it comes: all of its records of one table, and when it was written."""

    table: str
    name: str
    records: tuple[Record, ...]
    written: datetime


@dataclass(frozen=True)
class Policy:
    """The numbers of the two rules that the model says again, under the label of their protocol."""

    label: str = "icu_cmv_2024.12"
    overdue_after_days: float = 9.0
    bal_within_days: float = 7.0


@dataclass(frozen=True)
class Night:
    """`at`: the true moment. `clock`: what the machine's clock says where nobody states the moment; None = it is stated.
    `happened`: the kinds of events that this night's files show first."""

    number: int
    at: datetime
    files: tuple[File, ...]
    policy: Policy
    clock: datetime | None = None
    happened: tuple[str, ...] = field(default=())
