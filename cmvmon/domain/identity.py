"""What a delivered record names: its key as the store writes it, and as much of it as could be read of one that is set apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cmvmon.domain.columns import RowType

_JSON = json.JSONEncoder(sort_keys=True)
_OF_A_VERSION = ("reported_at", "result_status")
OF_A_SAMPLE = ("collected_at", "compartment")


def as_text(value: object) -> str:
    """A value as keys and hashes hold it; null is empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def record_key(row: Mapping[str, Any], rows: RowType) -> str:
    """The key of a record as the store writes it: its sender's own number (`row_key`) where it has one."""
    return str(row.get("row_key") or "") or "|".join(as_text(row[name]) for name in rows.key)


def row_key(feed: str, row_id: str) -> str:
    """The key of a record that its feed numbers itself, whatever else it says."""
    return f"{feed}|#{row_id}"


def content_hash(row: Mapping[str, Any], rows: RowType) -> str:
    """What tells two versions of a record apart: the hash of all that a row says, but for how and when it came."""
    content = {n: as_text(row[n]) for n in rows.content if n not in rows.came_later or row.get(n) is not None}
    if row.get("is_withdrawn"):
        content["is_withdrawn"] = as_text(True)
    return hashlib.sha256(_JSON.encode(content).encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Named:
    """What a record that is set apart names. It is of a patient: kept in the store, never shown, and no text of itself.

    Attributes:
        read: by column, its patient, the columns of its key and of its version that could be read, as text; empty = null.
        unread: by column of its key that could not be read, the cell as delivered.
        row_key: its key, where its feed numbers it (`row_key`).
        sample: of a result, when its sample was collected and what it is of, as far as they could be read. They name nothing: a
            record that is sent right may say another time.
        sent_at: of a result, when its message was made, as text; None = not known, or of before it was kept.
    """

    read: Mapping[str, str]
    unread: Mapping[str, str]
    row_key: str | None = None
    sample: Mapping[str, str] = field(default_factory=dict)
    sent_at: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any], rows: RowType) -> Named:
        """Of a record that could be read."""
        names = dict.fromkeys(("patient_id", *rows.key, *(name for name in _OF_A_VERSION if name in rows.schema)))
        of_sample = OF_A_SAMPLE if set(OF_A_SAMPLE) <= set(rows.schema) else ()
        sample = {name: as_text(row[name]) for name in of_sample if row[name] is not None}
        read = {name: as_text(row[name]) for name in names}
        return cls(read, {}, row.get("row_key"), sample, as_text(row.get("sent_at")) or None)

    def key(self, rows: RowType) -> str | None:
        """The key as the store writes it; None where a part of it could not be read."""
        if self.row_key is not None:
            return self.row_key
        return "|".join(self.read[name] for name in rows.key) if all(name in self.read for name in rows.key) else None

    def may_be(self, row: Mapping[str, Any]) -> bool:
        """Whether a stored record (`row`, with its `record_key`) can be the one that is named: nothing that was read
        contradicts it."""
        if self.row_key is not None:
            return bool(row["record_key"] == self.row_key)
        return all(as_text(row[name]) == text for name, text in self.read.items() if name in row and text)

    def written(self) -> str:
        """As JSON text."""
        said: dict[str, object] = {"read": dict(self.read), "unread": dict(self.unread)}
        if self.row_key is not None:
            said["row_key"] = self.row_key
        if self.sample:
            said["sample"] = dict(self.sample)
        if self.sent_at is not None:
            said["sent_at"] = self.sent_at
        return json.dumps(said, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Named:
        """What `written` wrote."""
        return cls(**json.loads(text))
