"""A site with made-up patients, as the laboratory's files would have filled it, and with a long past."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from tests import patients, sites

DAYS = (0, 3, 7, 10, 14, 21, 28)  # of the results, from the first dose on
NIGHT = sites.day(28.5)
_PLANTED = "planted"


def patient(number: int) -> str:
    return f"SYNTHETIC-{number:04d}"


def fill(root: Path, patients: int) -> None:
    """Drops results, courses and stays of so many patients; one in three falls too slowly."""
    names = [patient(number) for number in range(patients)]
    falls = [(0.3, 1.1, 1.6)[number % 3] for number in range(patients)]
    results = [line for name, fall in zip(names, falls, strict=True) for line in sites.falling(name, fall, DAYS)]
    sites.drop(root, "viral_load_results", results)
    sites.drop(root, "antiviral_courses", [sites.course(name) for name in names])
    sites.drop(root, "icu_stays", [sites.stay(name, bed=f"S-{at}") for at, name in enumerate(names)])


def new_result(number: int, at_day: float) -> bytes:
    """A delivery of one new result of one patient."""
    line = sites.result(patient(number), at_day, 20_000 + number, reported=sites.text(sites.day(at_day + 0.01)))
    return f"{patients.HEADERS['viral_load_results']}\n{line}\n".encode()


def plant_past(root: Path, count: int, *, until: datetime) -> None:
    """So many past deliveries, and so many alerts of patients long gone, opened and resolved: copies of a stored one."""
    with sqlite3.connect(root / "cmvmon.sqlite") as connection:
        _copy(connection, "deliveries", count, {"delivery_id": f"printf('{_PLANTED}-%057d', n)"})
        _copy(
            connection,
            "alert_events",
            count,
            {"alert_id": f"printf('{_PLANTED}-%d', n)", "patient_id": f"printf('{_PLANTED}-%d', n)"},
        )
        ended = {
            "alert_id": f"printf('{_PLANTED}-%d', n)",
            "patient_id": f"printf('{_PLANTED}-%d', n)",
            "sequence": "2",
            "state": "'resolved'",
            "standing": "NULL",
            "changed_at": f"'{until:%Y-%m-%dT%H:%M:%S}.000000Z'",
        }
        _copy(connection, "alert_events", count, ended)


def _copy(connection: sqlite3.Connection, table: str, count: int, changed: dict[str, str]) -> None:
    """Copies the table's first row so many times, with those columns as the SQL of copy number `n` says."""
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(name, name) for name in names)
    connection.execute(  # names from the database itself, numbers and texts of this module
        f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "  # noqa: S608
        f"INSERT INTO {table} SELECT {values} FROM numbers, (SELECT * FROM {table} ORDER BY rowid LIMIT 1)"
    )
