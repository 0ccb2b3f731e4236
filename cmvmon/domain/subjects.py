"""What a verdict or an alert can be about: the kinds of subject, and the columns that tell one subject from another.

A subject is written as canonical JSON text (keys sorted, moments in UTC), so that store, tables and pages name the same
thing by the same text. To add a kind: one entry here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import polars as pl

from cmvmon.domain.series import SERIES_KEY

KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "series": SERIES_KEY,
        "compartment": ("patient_id", "compartment"),
        "patient": ("patient_id",),
        "course": ("patient_id", "course_started_at"),
        "drug": ("patient_id", "drug"),
        "drug_pair": ("patient_id", "drug", "other_drug"),
        "analyte": ("patient_id", "analyte"),
        "mutation": ("patient_id", "gene", "mutation"),
        "sample": ("patient_id", "result_id"),
        "stay": ("patient_id", "stay_id"),
        "feed": ("feed",),
    }
)
_MOMENTS = ("course_started_at",)
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def subject_text(kind: str, key: Mapping[str, Any]) -> str:
    """The subject of that kind as canonical JSON text. A part of the key that is not known is null.

    >>> subject_text("compartment", {"patient_id": "SYNTHETIC-1", "compartment": "bal", "drug": "not read"})
    '{"compartment":"bal","patient_id":"SYNTHETIC-1"}'
    """
    parts = {name: _written(key.get(name)) for name in KINDS[kind]}
    return json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def subject_expr(kind: str) -> pl.Expr:
    """The same for every row of a frame that holds the kind's key columns: a column `subject`."""
    parts = [
        (
            pl.col(name).dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
            if name in _MOMENTS
            else pl.col(name)
        )
        for name in sorted(KINDS[kind])
    ]
    return pl.struct(parts).struct.json_encode().alias("subject")


def subject_key(text: str) -> dict[str, Any]:
    """The key columns of a subject from its text; moments with their zone."""
    parts: dict[str, Any] = json.loads(text)
    for name in _MOMENTS:
        if parts.get(name) is not None:
            parts[name] = datetime.strptime(parts[name], _FORMAT).replace(tzinfo=UTC)
    return parts


def identity(rule: str, text: str, opened_at: datetime) -> str:
    """What an alert episode is named by: its rule, its subject, and the moment it opened."""
    key = subject_key(text)
    first = [str(key.pop(name, None) or "") for name in (*SERIES_KEY, "feed")]
    others = [f"{name}={_written(value)}" for name, value in sorted(key.items())]
    return "|".join([rule, *first, *others, opened_at.isoformat()])


def _written(value: Any) -> Any:
    return value.astimezone(UTC).strftime(_FORMAT) if isinstance(value, datetime) else value
