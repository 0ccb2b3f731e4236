"""Who has died, out of the store, and stays of which those of the dead are ended by their death."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.last_alive import SHOWS_LIFE
from cmvmon.domain.patient_links import Links
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.who_died import ended, who_died
from cmvmon.shell.as_known import known

_DEATHS = BY_NAME[DEATHS.name]


def ended_stays(
    connection: sa.Connection,
    stays: pl.DataFrame,
    *,
    as_of: datetime,
    patients: Collection[str],
    one: Links | None = None,
) -> pl.DataFrame:
    """The same stays, with an end where a death that was known at `as_of` ended one.

    `stays`: rows of `icu_stays` of these patients that had begun. `one`: as `known.known_table` has it.
    """
    return ended(stays, died(connection, stays, as_of=as_of, patients=patients, one=one))


def died(
    connection: sa.Connection,
    stays: pl.DataFrame | None,
    *,
    as_of: datetime,
    patients: Collection[str],
    one: Links | None = None,
) -> pl.DataFrame:
    """Which of these patients were known to have died at `as_of` (`cmvmon.domain.who_died.who_died`).

    `stays`, `one`: as `ended_stays` takes them; None = stays were never delivered.
    """
    deaths = known.known_table(connection, _DEATHS, as_of=as_of, patients=patients, one=one)
    deaths = DEATHS.empty() if deaths is None else _DEATHS.begun(deaths, as_of)
    them, tables = set(deaths["patient_id"]), {DEATHS.name: deaths}
    if stays is not None:
        tables[ICU_STAYS.name] = stays
    if not them:
        return who_died(tables)
    for name in SHOWS_LIFE:  # of the few of whom a death is on record
        if name in tables:
            continue
        found = known.known_table(connection, BY_NAME[name], as_of=as_of, patients=them, one=one)
        if found is not None:
            tables[name] = BY_NAME[name].begun(found, as_of)
    return who_died(tables)
