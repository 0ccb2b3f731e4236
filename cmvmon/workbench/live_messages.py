"""The HL7 messages of the live demo's simulated hospital. Every patient in them is made up, and every number says so.

Rule of this file: text out of facts, no clock and no chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

SENDING_APPLICATION, SENDING_FACILITY = "SIMULATOR", "SYNTHETIC"
WARD = "SYNTHETIC-ICU"
_NUMBER = "{0}^^^SYNTHETIC^MR"


def movement(trigger: str, patient: str, *, at: datetime, control: str, visit: str, bed: str) -> bytes:
    """ADT of one movement: `A01` came, `A03` left."""
    place = ["PV1", "1", "I", f"{WARD}^^{bed}", *[""] * 15, visit]
    return _message(f"ADT^{trigger}", at, control, f"EVN|{trigger}|{_moment(at)}", _pid(patient), "|".join(place))


def merge(old: str, new: str, *, at: datetime, control: str) -> bytes:
    """ADT^A40: the old number goes on as the new one."""
    return _message("ADT^A40^ADT_A39", at, control, f"EVN|A40|{_moment(at)}", _pid(new), f"MRG|{_NUMBER.format(old)}")


def sample_taken(patient: str, *, at: datetime, control: str, number: str, specimen: str) -> bytes:
    """OML: a sample was taken, and its result is still to come."""
    return _message(
        "OML^O21^OML_O21", at, control, _pid(patient),
        f"ORC|NW|{number}|||||||{_moment(at)}",
        f"OBR|1|{number}||CMVQ^CMV DNA, quantitative^L",
        "|".join(["SPM", "1", "", "", specimen, *[""] * 12, _moment(at)]),
    )  # fmt: skip


def result(row: Mapping[str, str], *, at: datetime, collected_at: datetime, control: str) -> bytes:
    """ORU of one result. `row`: patient_id, accession_number, specimen, assay, value, unit and status (OBX-11), as text."""
    status, value = row["status"], row["value"]
    kind = "NM" if value.replace(".", "", 1).isdigit() else "ST"
    return _message(
        "ORU^R01^ORU_R01", at, control, _pid(row["patient_id"]),
        f"OBR|1||{row['accession_number']}|CMVQ^CMV DNA, quantitative^L|||{_moment(collected_at)}|||||||||||||||"
        f"{_moment(at)}|||{_OF_ORDER.get(status, status)}",
        f"OBX|1|{kind}|CMVQ^CMV DNA^L||{value}|{row['unit']}|||||{status}||||||{row['assay']}",
        "|".join(["SPM", "1", "", "", row["specimen"], *[""] * 12, _moment(collected_at)]),
    )  # fmt: skip


def appointment(patient: str, *, at: datetime, control: str) -> bytes:
    """SIU^S12, which the contract with this sender does not name."""
    return _message("SIU^S12^SIU_S12", at, control, f"SCH|{control}", _pid(patient))


_OF_ORDER = {"W": "F"}  # one result of the order is withdrawn; the order is not


def _message(kind: str, at: datetime, control: str, *segments: str) -> bytes:
    header = f"MSH|^~\\&|{SENDING_APPLICATION}|{SENDING_FACILITY}|CMVMON|ICU|{_moment(at)}||{kind}|{control}|P|2.5.1"
    return "".join(f"{segment}\r" for segment in (header, *segments)).encode("ascii")


def _pid(patient: str) -> str:
    return f"PID|1||{_NUMBER.format(patient)}||SYNTHETIC^NOBODY"


def _moment(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}+0000"
