"""Every row type by name, in the order of docs/tables.md."""

from __future__ import annotations

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import DELIVERED
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.results import ALERTS, CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ASSAYS, QUARANTINED_RECORDS

TABLES: tuple[RowType, ...] = (
    *(table.rows for table in DELIVERED),
    ASSAYS,
    WEEKLY_DECLINE,
    CONCORDANCE,
    NEXT_SAMPLE,
    VERDICTS,
    ALERTS,
    QUARANTINED_RECORDS,
)
BY_NAME: dict[str, RowType] = {table.name: table for table in TABLES}
