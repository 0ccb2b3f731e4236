"""The facts of one made-up patient, told in the language of tests/patients.py."""

from __future__ import annotations

from typing import Any

import polars as pl

from cmvmon.assess import prepared
from cmvmon.domain.columns import RowType, split_by_promises
from cmvmon.domain.known import Known
from cmvmon.facts import Facts, facts_at
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.patients import moment

PROTOCOL = Protocol.shipped()


def facts(results: str, *, courses: str = "never", stays: str = "never", day: float = 40.0) -> Facts:
    """Every fact of the patient on that day, by the method `line`."""
    return facts_of(patients.known(results, courses=courses, stays=stays), day=day)


def facts_of(known: Known, *, day: float = 40.0) -> Facts:
    """The same of any known rows."""
    as_of = moment(day)
    made = prepared(known, protocol=PROTOCOL, as_of=as_of, method="line")
    return facts_at(made, protocol=PROTOCOL, as_of=as_of)


def told(rows: RowType, results: str, **given: Any) -> list[dict[str, Any]]:
    """The rows of one fact table; moments as days since day 0. Each row keeps the promises of the table."""
    found = facts(results, **given).of(rows)
    _, broken = split_by_promises(found, rows)
    assert broken.is_empty()
    return in_days(found)


def in_days(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows, each moment as the number of days since day 0."""
    since = (pl.selectors.datetime() - moment(0)).dt.total_seconds() / 86_400
    return frame.with_columns(since).to_dicts()


def one(rows: RowType, results: str, *, compartment: str | None = None, **given: Any) -> dict[str, Any]:
    """The one row, of that compartment where there are several."""
    (row,) = (row for row in told(rows, results, **given) if compartment in (None, row.get("compartment")))
    return row
