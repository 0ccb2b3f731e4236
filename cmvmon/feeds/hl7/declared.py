"""What a laboratory file of format `hl7` says by itself, and what it must not say: its columns are addresses."""

from __future__ import annotations

from collections.abc import Mapping

from cmvmon.feeds.declared_statuses import Statuses
from cmvmon.feeds.hl7.message import address_of
from cmvmon.feeds.hl7.statuses import OF_ORDERS, OF_RESULTS
from cmvmon.feeds.toml_reading import StrictTable

KNOWN_STATUSES = Statuses(OF_RESULTS, OF_ORDERS)
_BESIDE = {"order_status": "OBR-25", "sent_at": "MSH-7"}


def default_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns, with the status of a result, that of its order and when its message was made (OBX-11, OBR-25, MSH-7) where
    none is declared."""
    own = {"result_status": "OBX-11"} | dict(columns)
    return {field: place for field, place in _BESIDE.items() if place not in own.values()} | own


def check_addresses(table: StrictTable, columns: Mapping[str, str]) -> None:
    """Notes each column that is no address, and each that would read something else than it is declared as."""
    found = {field: address_of(header) for field, header in columns.items()}
    for field, address in found.items():
        if address is None:
            table.fault(field, "is no place in an HL7 message; write it as OBX-3.1, PID-3[2].1 or PID-3[5=MR].1")
    test, value = found.get("test"), found.get("value")
    if test is not None and test.segment != "OBX":
        table.fault("test", "is not that of a result: one order has several; take it from OBX-3")
    if value is not None and (value.segment, value.field) != ("OBX", 5):
        table.fault("value", "is not that of a result; take it from OBX-5")
    elif value is not None and value != address_of("OBX-5"):
        table.fault("value", "leaves a part of the value unread, as the < of a structured number; take OBX-5")
