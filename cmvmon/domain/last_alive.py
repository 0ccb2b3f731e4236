"""When a patient is last known to have lived, by the clocks of what was delivered.

Rules of this file:
- What is done to a living body shows life: a sample of blood, airways or urine taken, a dose given, ventilation or a stay begun,
  oxygen measured. What is written, asked for, stopped or ended does not: orders and discharges are recorded after death too.
- Tissue and vitreous are taken after death as well (autopsy, donation of the eye): they show nothing.
- A result that was withdrawn, and a dose that was missed, show nothing.
- Every delivered table stands in `SIGNS`, one that shows nothing with no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.cmv_serology import CMV_SEROLOGY
from cmvmon.domain.co_medication import CO_MEDICATION
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.hsv_results import HSV_RESULTS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.laboratory_values import LABORATORY_VALUES
from cmvmon.domain.oxygenation import OXYGENATION
from cmvmon.domain.patient_links import PATIENT_LINKS
from cmvmon.domain.patient_movements import ADMISSION, ICU, PATIENT_MOVEMENTS, TRANSFER
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.domain.treatment_limitations import TREATMENT_LIMITATIONS
from cmvmon.domain.versions import current_versions, is_usable

AFTER_DEATH_TOO = ("tissue", "vitreous")
_OF_THE_LIVING = ~pl.col("compartment").is_in(AFTER_DEATH_TOO)


@dataclass(frozen=True)
class Sign:
    """The moments of a table at which its patient lived: these columns, of the rows of which `where` holds."""

    clocks: tuple[str, ...] = ()
    where: pl.Expr | None = None


_NONE = Sign()
SIGNS: dict[str, Sign] = {
    VIRAL_LOAD_RESULTS.name: Sign(("collected_at",), _OF_THE_LIVING),
    ANTIVIRAL_COURSES.name: Sign(("started_at",)),
    ICU_STAYS.name: Sign(("admitted_at", "ventilation_started_at")),
    # to the mortuary is a transfer too, elsewhere
    PATIENT_MOVEMENTS.name: Sign(
        ("moved_at",), pl.col("movement").is_in([ADMISSION, TRANSFER]) & (pl.col("unit") == ICU)
    ),
    HOST_STATUS.name: _NONE,
    BIRTH_DATES.name: _NONE,
    "deaths": _NONE,
    DOSES_GIVEN.name: Sign(("given_at",), pl.col("administered") == GIVEN),
    KIDNEY_FUNCTION.name: Sign(("measured_at",)),
    RENAL_REPLACEMENT.name: Sign(("started_at",)),
    DRUG_LEVELS.name: Sign(("sampled_at",)),
    LABORATORY_VALUES.name: Sign(("sampled_at",)),
    CO_MEDICATION.name: Sign(("started_at",)),
    RESISTANCE_REPORTS.name: _NONE,
    SAMPLES_ORDERED.name: Sign(("collected_at",), _OF_THE_LIVING),
    OXYGENATION.name: Sign(("measured_at",)),
    CMV_SEROLOGY.name: _NONE,  # of a donor as well, and stated rather than taken
    HSV_RESULTS.name: Sign(("collected_at",), _OF_THE_LIVING),
    TREATMENT_LIMITATIONS.name: _NONE,
    PATIENT_LINKS.name: _NONE,
}
SHOWS_LIFE = tuple(name for name, sign in SIGNS.items() if sign.clocks)
"""The tables that show life; the others need not be read for it."""


def last_alive(tables: Mapping[str, pl.DataFrame], patients: pl.Series) -> pl.DataFrame:
    """`patient_id` and `alive_at` (UTC) of those of these patients of whom anything shows life.

    `tables`: rows of delivered tables that had begun, by name; a table that is not there shows nothing.

    >>> last_alive({}, pl.Series(["SYNTHETIC-0001"])).height
    0
    """
    nobody = pl.DataFrame(schema={"patient_id": pl.String, "alive_at": VIRAL_LOAD_RESULTS.schema["collected_at"]})
    if patients.is_empty():  # nobody has died, as nearly always: nothing is asked of the tables
        return nobody
    found = [
        _moments(name, SIGNS[name], tables[name].filter(pl.col("patient_id").is_in(patients.implode())))
        for name in SHOWS_LIFE
        if name in tables
    ]
    return pl.concat([nobody, *found]).drop_nulls().group_by("patient_id").agg(pl.col("alive_at").max())


def _moments(name: str, sign: Sign, rows: pl.DataFrame) -> pl.DataFrame:
    if name == VIRAL_LOAD_RESULTS.name:
        rows = current_versions(rows).filter(is_usable())
    if sign.where is not None:
        rows = rows.filter(sign.where)
    return rows.select("patient_id", alive_at=pl.max_horizontal(*sign.clocks))
