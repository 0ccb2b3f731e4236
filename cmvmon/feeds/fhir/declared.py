"""What a laboratory file of format `fhir` says by itself, and what it must not say: its columns are addresses."""

from __future__ import annotations

from collections.abc import Mapping

from cmvmon.feeds.declared_statuses import Statuses
from cmvmon.feeds.fhir.addresses import address_of
from cmvmon.feeds.fhir.observations import KINDS
from cmvmon.feeds.fhir.result_records import ORDER_STATUS, SENT_AT, STATUS, UNITS, VALUE
from cmvmon.feeds.fhir.statuses import OF_REPORTS, OF_RESULTS
from cmvmon.feeds.toml_reading import StrictTable

KNOWN_STATUSES = Statuses(OF_RESULTS, OF_REPORTS)


def default_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns, with the status of a result, that of its report and when it was last changed where none is declared."""
    own = {"result_status": STATUS} | dict(columns)
    beside = {"order_status": ORDER_STATUS, "sent_at": SENT_AT}
    return {field: place for field, place in beside.items() if place not in own.values()} | own


def check_addresses(table: StrictTable, columns: Mapping[str, str]) -> None:
    """Notes each column that is no address, and each that would read something else than it is declared as."""
    for field, header in columns.items():
        address = address_of(header)
        if address is not None and address.kind not in KINDS:
            table.fault(field, f"is of a resource that no result refers to; take one of {', '.join(KINDS)}")
        elif address is None:
            table.fault(
                field,
                "is no place in a FHIR resource; write it as Observation.issued or Patient.identifier[use=usual].value",
            )
    test = columns.get("test")
    if test is not None and not test.startswith("Observation.code."):
        table.fault("test", "is not that of a result: one report has several; take it from Observation.code")
    if "value" in columns and columns["value"] != VALUE:
        table.fault("value", f"leaves a part of the value unread, as the < of a quantity; take {VALUE}")
    if "unit" in columns and columns["unit"] not in UNITS:
        table.fault("unit", f"is not that of a value; take {' or '.join(UNITS)}")
