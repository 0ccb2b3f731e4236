"""The shipped laboratory files and one way to deliver bytes to them, for the tests of feeds and ingest."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import cmvmon.feeds
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.part import Part
from cmvmon.ingest import Intake, ingest

LABS = Path(cmvmon.feeds.__file__).parent / "labs"
NAMES = tuple(sorted(path.stem for path in LABS.glob("*.toml")))
LANDED = datetime(2026, 6, 1, 12, tzinfo=UTC)


@cache
def laboratory(name: str) -> Laboratory:
    return read_laboratory((LABS / f"{name}.toml").read_text("utf-8"), name=name)


def deliver(data: bytes, to: str = "synthetic", table: str = "viral_load_results", **changes: object) -> Part:
    """What `ingest` makes of a file of one table, delivered on 2026-06-01 to a shipped laboratory (`to` = "" for none)."""
    (part,) = intake(data, to, table, **changes).parts
    return part


def intake(data: bytes, to: str = "synthetic", table: str | None = None, **changes: object) -> Intake:
    """What `ingest` makes of a delivery of any format, with a part for each of its tables."""
    arguments: dict[str, object] = {
        "feed": to or "pharmacy",
        "table": table,
        "laboratory": laboratory(to) if to else None,
        "delivery_id": "d" * 64,
        "received_at": LANDED,
        "landed_at": LANDED,
    }
    return ingest(data, **(arguments | changes))  # type: ignore[arg-type]


def csv_bytes(to: str, rows: Sequence[dict[str, str]], *, template: dict[str, str] | None = None) -> bytes:
    """Rows (our field -> text) as a file of that laboratory; fields left out are taken from `template`, else empty."""
    lab = laboratory(to)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=lab.separator)
    writer.writerow(lab.columns.values())
    for row in rows:
        whole = (template or {}) | row
        writer.writerow(whole.get(field, "") for field in lab.columns)
    return out.getvalue().encode(lab.encoding)
