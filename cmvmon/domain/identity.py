"""What a delivered record names: its key as the store writes it, and as much of it as could be read of one that is set apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.domain.columns import RowType

NOT_CONTENT = frozenset({"received_at", "delivery_id", "delivered_value", "delivered_unit", "landed_at"})
"""The columns that say how and when a row came."""
_OF_A_VERSION = ("reported_at", "result_status")


def as_text(value: object) -> str:
    """A value as keys and hashes hold it; null is empty."""
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def record_key(row: Mapping[str, Any], rows: RowType) -> str:
    """The key of a record as the store writes it."""
    return "|".join(as_text(row[name]) for name in rows.key)


def content_hash(row: Mapping[str, Any], rows: RowType) -> str:
    """What tells two versions of a record apart: the hash of all that a row says, but for how and when it came."""
    content = {column.name: as_text(row[column.name]) for column in rows.columns if column.name not in NOT_CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Named:
    """What a record that is set apart names. It is of a patient: kept in the store, never shown, and no text of itself.

    Attributes:
        read: by column, its patient, the columns of its key and of its version that could be read, as text; empty = null.
        unread: by column of its key that could not be read, the cell as delivered.
    """

    read: Mapping[str, str]
    unread: Mapping[str, str]

    @classmethod
    def of(cls, row: Mapping[str, Any], rows: RowType) -> Named:
        """Of a record that could be read."""
        names = dict.fromkeys(("patient_id", *rows.key, *(name for name in _OF_A_VERSION if name in rows.schema)))
        return cls({name: as_text(row[name]) for name in names}, {})

    def key(self, rows: RowType) -> str | None:
        """The key as the store writes it; None where a part of it could not be read."""
        return "|".join(self.read[name] for name in rows.key) if all(name in self.read for name in rows.key) else None

    def written(self) -> str:
        """As JSON text."""
        return json.dumps({"read": dict(self.read), "unread": dict(self.unread)}, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Named:
        """What `written` wrote."""
        return cls(**json.loads(text))
