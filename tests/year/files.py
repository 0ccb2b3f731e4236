"""The files of a night as the made-up hospital writes them, and what its site declares of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from importlib import resources
from pathlib import Path

from cmvmon.shell.folder.protocol_files import SHIPPED
from tests.patients import HEADERS, iso
from tests.year.records import MAX_WITHDRAWN_SHARE, SNAPSHOT_HOLDS, Course, File, Link, Policy, Record, Result, Stay

FEED = {
    "viral_load_results": "synthetic",
    "antiviral_courses": "pharmacy",
    "icu_stays": "ward",
    "patient_links": "admission",
}
PHARMACY = f"""feed = "pharmacy"
description = "Made-up pharmacy: each night all that holds or ended of late"
[antiviral_courses]
sends = "snapshot"
max_withdrawn_share = {MAX_WITHDRAWN_SHARE}
holds_days = {SNAPSHOT_HOLDS.days}
"""
_KEPT_FOR_NIGHTS = 6 * 86400


def new_site(root: Path) -> None:
    """A site that declares how its pharmacy sends; everything else stands as it is made."""
    (root / "tables").mkdir(parents=True)
    (root / "tables" / "pharmacy.toml").write_text(PHARMACY, encoding="utf-8")


def put(root: Path, file: File) -> None:
    """Writes it into the drop folder, with its time of modification; what lies there for longer than a few nights goes."""
    path = root / "drop" / FEED[file.table] / file.table / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "\n".join([HEADERS[file.table], *(_line(record) for record in file.records)]) + "\n", encoding="utf-8"
    )
    os.utime(path, (file.written.timestamp(), file.written.timestamp()))
    for other in path.parent.iterdir():
        if other.stat().st_mtime < file.written.timestamp() - _KEPT_FOR_NIGHTS:
            other.unlink()


def state_policy(root: Path, policy: Policy) -> None:
    """The site's own protocol: the shipped one with that label and these numbers."""
    text = resources.files("cmvmon.protocol").joinpath(SHIPPED).read_text(encoding="utf-8")
    for old, new in (
        ('version = "icu_cmv_2024.12"', f'version = "{policy.label}"'),
        ("overdue_after_days = 9.0", f"overdue_after_days = {policy.overdue_after_days}"),
        ("10000.0\nwithin_days = 7.0", f"10000.0\nwithin_days = {policy.bal_within_days}"),
    ):
        if text.count(old) != 1:
            raise ValueError(f"the shipped protocol does not hold {old!r} once")
        text = text.replace(old, new)
    (root / "protocol").mkdir(exist_ok=True)
    (root / "protocol" / "own.toml").write_text(text, encoding="utf-8")


def _line(record: Record) -> str:
    return _LINES[type(record)](record)


def _end(at: datetime | None) -> str:
    return "" if at is None else iso(at)


def _result(one: Result) -> str:
    sampled, told = iso(one.collected), iso(one.reported)
    return f"{one.patient},{one.accession},{one.specimen},{one.value},{sampled},CMVQ,synthetic-pcr,IU/mL,{told},{one.status}"


def _course(one: Course) -> str:
    start = iso(one.started) if one.readable else "soon"
    return f"{one.patient},{one.drug},{one.indication or ''},,5,12,iv,{start},{_end(one.stopped)}"


def _stay(one: Stay) -> str:
    spans = f"{iso(one.admitted)},{_end(one.discharged)}"
    return f"{one.stay_id},{one.patient},{spans},ICU,{one.stay_id[-2:]},{_end(one.ventilated)},,bal"


def _link(one: Link) -> str:
    return f"{one.old},{one.new},{iso(one.merged)},{_end(one.ended)},admission office"


_LINES: dict[type, Callable[..., str]] = {Result: _result, Course: _course, Stay: _stay, Link: _link}
