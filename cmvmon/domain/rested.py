"""What rested on a result that was taken back since: the alerts, and what persons had said of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Said:
    """What one person said of an alert while it rested on the result.

    Attributes:
        event: seen, acknowledged, snoozed, read_back or not_reached.
        recipient: who was called; None where nobody was.
    """

    event: str
    actor: str
    at: datetime
    recipient: str | None


@dataclass(frozen=True)
class RestedAlert:
    """An alert that rested on the result.

    Attributes:
        tier: the gravest that it had then.
        evidence: what it said last while it rested on the result, as JSON text.
        said: in the order of time; none where nobody said anything.
    """

    alert_id: str
    rule: str
    tier: int
    opened_at: datetime
    evidence: str
    said: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Rested:
    """What rested on one result.

    Attributes:
        alerts: by their opening.
        n_judged: assessments of the patient while it stood: after each one the page was written with it. None = since when it
            stood is not known.
    """

    alerts: tuple[RestedAlert, ...]
    n_judged: int | None
