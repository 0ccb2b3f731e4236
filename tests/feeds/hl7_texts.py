"""Made-up HL7 messages for tests, and a splitter so plain that it can be seen to be right."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from cmvmon.feeds.part import Part
from cmvmon.ingest import Intake
from tests import allowed
from tests.feeds.shipped import intake

FILES = sorted(p for p in (allowed.PUBLIC / "hl7").glob("*") if p.suffix in (".hl7", ".er7", ".bin"))
needs_public_messages = pytest.mark.public_data("hl7")

MSH = "MSH|^~\\&|LIS|EXAMPLE|CMVMON|ICU|{sent}||{kind}|{control}|P|2.5.1"
PID = "PID|1||{patient}^^^EXAMPLE^MR"


def message(
    *segments: str,
    patient: str = "SYNTH-1",
    kind: str = "ORU^R01^ORU_R01",
    control: str = "S1",
    sent: str = "20260503101500+0200",
) -> list[str]:
    """The segments of a message under its header and its patient."""
    return [MSH.format(kind=kind, control=control, sent=sent), PID.format(patient=patient), *segments]


def order(
    value: str = "12000",
    *,
    number: str = "F1",
    status: str = "F",
    of_order: str = "F",
    test: str = "CMVQ^CMV load^L",
    order_test: str = "CMVPAN^CMV-DNA^L",
    kind: str = "NM",
    unit: str = "[IU]/mL",
    flags: str = "",
    specimen: str = "PLAS",
    collected: str = "20260503080000",
    reported: str = "202605031000",
) -> list[str]:
    """One order with one result and its specimen."""
    return [
        f"OBR|1|P|{number}|{order_test}|||202605030800|||||||||||||||{reported}|||{of_order}",
        f"OBX|1|{kind}|{test}||{value}|{unit}||{flags}|||{status}||||||PCR-A",
        f"SPM|1|T1||{specimen}|||||||||||||{collected}",
    ]


def file_of(*messages: list[str], end: str = "\r") -> bytes:
    """Messages as the bytes of a file."""
    return "".join(segment + end for one in messages for segment in one).encode()


def read(data: bytes, to: str = "example_hl7", **changes: object) -> Intake:
    """What `ingest` makes of a file of messages, delivered on 2026-06-01."""
    return intake(data, to, form="hl7", **changes)


def results(data: bytes, to: str = "example_hl7", **changes: object) -> Part:
    """The part of it that holds results."""
    return next(part for part in read(data, to, **changes).parts if part.table == "viral_load_results")


def reasons(found: Intake | Part) -> list[str]:
    """The reasons of what was set apart, in the order of the records."""
    parts = found.parts if isinstance(found, Intake) else (found,)
    rows = [(row["record_number"], row["reason"]) for part in parts for row in part.quarantined.to_dicts()]
    return [reason for _, reason in sorted(rows)]


def refused(data: bytes) -> tuple[str, str] | None:
    """The code and the words of a file that is refused whole."""
    found = next((part.refused for part in read(data).parts if part.refused is not None), None)
    return None if found is None else (found.code, str(found))


def plainly_split(text: str) -> list[list[str]]:
    """The fields of each segment of one message, by nothing but the marks that it states; MSH-1 and MSH-2 stay in their places."""
    lines = [line for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r") if line.strip()]
    mark = lines[0][3]
    split = [line.split(mark) for line in lines]
    return [[one[0], mark, *one[1:]] if one[0] == "MSH" else one for one in split]


def plain_messages(data: bytes) -> list[tuple[str, list[bytes]]]:
    """The messages of a file with their ids (MSH-10): its lines, cut wherever one begins with MSH, past our reader."""
    found: list[tuple[str, list[bytes]]] = []
    for line in re.split(rb"[\r\n\x0b\x1c]+", data.removeprefix(b"\xef\xbb\xbf")):
        if line.startswith(b"MSH"):
            found.append((line.split(line[3:4])[9].decode(), [line]))
        elif found and line.strip() and line[:3] not in (b"FHS", b"BHS", b"BTS", b"FTS"):
            found[-1][1].append(line)
    return found


def observations_by_message(lines: Sequence[bytes]) -> int:
    """How many records the lines of one message are: each OBX and each OBR that has none; one where it holds no results."""
    if not re.match(rb"MSH.(?:[^|]*\|){7}(ORU|OUL)\b", lines[0]):
        return 1
    names = [line[:3] for line in lines if line[:3] in (b"OBR", b"OBX")]
    n_without = sum(name == b"OBR" and after != b"OBX" for name, after in zip(names, [*names[1:], b""], strict=True))
    return names.count(b"OBX") + n_without
