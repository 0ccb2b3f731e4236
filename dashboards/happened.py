"""What happened since an earlier night, as the ward page tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AlertChange:
    """What became of one alert: `kind` is new, worse, reopened, resolved or closed; the rest as its last row in `alerts`."""

    kind: str
    patient_id: str
    rule: str
    compartment: str | None
    tier: int
    evidence: str
    cause: str | None


@dataclass(frozen=True)
class ResultChange:
    """A result that was rewritten: `fate` is corrected, withdrawn or moved; only a corrected one says something now."""

    patient_id: str
    fate: str
    compartment: str
    collected_at: datetime
    detection: str | None
    viral_load_iu_per_ml: float | None
    limit_iu_per_ml: float | None


@dataclass(frozen=True)
class Lately:
    """What happened since `since`, a night of an earlier day; None: there was none, and nothing is told."""

    since: datetime | None
    alerts: tuple[AlertChange, ...] = ()
    results: tuple[ResultChange, ...] = ()


@dataclass(frozen=True)
class Undelivered:
    """Messages to people that did not get through.

    Attributes:
        n_failing: that wait and were tried. since: when the first of them was queued; None: there is none.
        n_given_up: that were given up in the last `shown_for_days`, and never arrived.
    """

    n_failing: int = 0
    since: datetime | None = None
    n_given_up: int = 0
    shown_for_days: int = 7
