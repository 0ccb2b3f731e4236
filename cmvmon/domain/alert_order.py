"""In which order alerts and patients are told: one order for `alerts list`, the work list and the pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_NOW = 1  # the gravest tier


def as_listed(alert: Mapping[str, Any]) -> tuple[Any, ...]:
    """The sort key of an `alerts` row: by tier, age and identity."""
    return (alert["tier"], alert["opened_at"], alert["alert_id"])


def of_patient(open_alerts: Collection[Mapping[str, Any]]) -> tuple[Any, ...]:
    """The sort key of a patient who has open alerts: the gravest tier, then more alerts of tier 1, then the first as listed.

    >>> grave = {"tier": 1, "opened_at": 2, "alert_id": "b"}
    >>> of_patient([grave, grave | {"alert_id": "c"}]) < of_patient([grave | {"opened_at": 1}])
    True
    """
    tier, *first = min(as_listed(alert) for alert in open_alerts)
    return (tier, -sum(alert["tier"] == _NOW for alert in open_alerts), *first)
