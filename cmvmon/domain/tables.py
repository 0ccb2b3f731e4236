"""Every row type by name, in the order of docs/tables.md."""

from __future__ import annotations

from cmvmon.domain.columns import RowType
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.results import ALERTS, CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, ICU_STAYS, QUARANTINED_RECORDS, VIRAL_LOAD_RESULTS

TABLES: tuple[RowType, ...] = (
    VIRAL_LOAD_RESULTS,
    ANTIVIRAL_COURSES,
    ICU_STAYS,
    ASSAYS,
    WEEKLY_DECLINE,
    CONCORDANCE,
    NEXT_SAMPLE,
    VERDICTS,
    ALERTS,
    QUARANTINED_RECORDS,
)
BY_NAME: dict[str, RowType] = {table.name: table for table in TABLES}
DELIVERED: tuple[str, ...] = (VIRAL_LOAD_RESULTS.name, ANTIVIRAL_COURSES.name, ICU_STAYS.name)
