"""Which tables a site never delivered, and which rules then can't judge: said once on a page, not once for every patient.

To add a table: the reason that a rule gives where it never came, in `BECAUSE`, unless that is `<table>_never_delivered`; and in
`NOBODY_WITHOUT` the rules that have no subject without it, and so no verdict that could say why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa

from cmvmon.dashboards.views import NeverDelivered
from cmvmon.domain.cmv_serology import CMV_SEROLOGY
from cmvmon.domain.delivered import DELIVERED
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.shell.as_known import known

_ENDS = "_never_delivered"
BECAUSE: Mapping[str, str] = MappingProxyType(
    {
        "treatment_unknown": ANTIVIRAL_COURSES.name,
        "doses_never_delivered": DOSES_GIVEN.name,
        "stays_never_delivered": ICU_STAYS.name,
        "ventilation_unknown": ICU_STAYS.name,
        "host_unknown": HOST_STATUS.name,
        "conditions_unknown": HOST_STATUS.name,
        "kidney_function_unknown": KIDNEY_FUNCTION.name,
        "orders_never_delivered": SAMPLES_ORDERED.name,
        "reports_never_delivered": RESISTANCE_REPORTS.name,
        "serology_never_delivered": CMV_SEROLOGY.name,
        **{f"{table.name}{_ENDS}": table.name for table in DELIVERED},
    }
)
"""The table for want of which a rule gives that reason, where it was never delivered."""
NOBODY_WITHOUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        VIRAL_LOAD_RESULTS.name: ("result_withdrawn_after_use",),
        ANTIVIRAL_COURSES.name: ("drug_line", "interaction_note", "toxicity_monitoring"),
        DOSES_GIVEN.name: ("exposure_low", "exposure_high"),
        RESISTANCE_REPORTS.name: ("resistance_found",),
    }
)
"""By table, the rules whose subjects it lists: without it they say nothing of anybody."""


def never_delivered(
    connection: sa.Connection, *, as_of: datetime, switched_off: Collection[str]
) -> tuple[NeverDelivered, ...]:
    """The tables of which nothing was taken in by then and without which a rule can't judge, in the order of the tables."""
    reasons: dict[str, set[str]] = {}
    for reason, table in BECAUSE.items():
        reasons.setdefault(table, set()).add(reason)
    came = known.delivered_tables(connection, as_of=as_of)
    missing = [
        table.name
        for table in DELIVERED
        if table.name in {*reasons, *NOBODY_WITHOUT}
        and came.isdisjoint({table.name, *([] if table.told is None else [table.told.by])})
    ]
    return tuple(
        NeverDelivered(
            name,
            frozenset(reasons.get(name, ())),
            tuple(rule for rule in NOBODY_WITHOUT.get(name, ()) if rule not in switched_off),
        )
        for name in missing
    )
