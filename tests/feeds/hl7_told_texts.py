"""Made-up ADT, OML and RAS messages for tests, and a feed that reads them. Every patient in them is made up."""

from __future__ import annotations

from pathlib import Path

import cmvmon
from cmvmon.feeds.part import Part
from cmvmon.feeds.table_file import TableFile, read_table_file
from cmvmon.ingest import Intake
from tests.feeds.shipped import intake

DRUGS = ("ganciclovir", "foscarnet", "valganciclovir")
EXAMPLE = Path(cmvmon.__file__).parent / "examples" / "hl7" / "example_adt.toml"
TEXT = EXAMPLE.read_text("utf-8")


def table_file(*pairs: tuple[str, str]) -> TableFile:
    """The example's table file with some texts of it changed."""
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return read_table_file(text, name="example_adt", drugs=frozenset(DRUGS))


def msh(kind: str, *, at: str = "20260503101500", control: str = "1", purpose: str = "P") -> str:
    return f"MSH|^~\\&|ZIS|EXAMPLE|CMVMON|ICU|{at}||{kind}|{control}|{purpose}|2.5.1"


def pid(patient: str = "SYNTH-1", *, by: str = "ZIS", born: str = "", died: str = "", is_dead: str = "") -> str:
    end = f"{'|' * 22}{died}|{is_dead}" if died or is_dead else ""
    return f"PID|1||{patient}^^^{by}^PI||Made^Up||{born}{end}"


def adt(
    trigger: str,
    *,
    recorded: str = "20260503101500",
    happened: str = "",
    ward: str = "IC1",
    bed: str = "3",
    visit: str = "V1",
    patient: str = "SYNTH-1",
    admitted: str = "",
    discharged: str = "",
    born: str = "",
    died: str = "",
    is_dead: str = "",
    left_by: str = "",
) -> list[str]:
    """One ADT message of one patient."""
    pv1 = ["PV1", "1", "I", f"{ward}^K1^{bed}", *[""] * 15, visit, *[""] * 16, left_by, *[""] * 7, admitted, discharged]
    assert len(pv1) == 46
    return [
        msh(f"ADT^{trigger}"),
        f"EVN|{trigger}|{recorded}||||{happened}",
        pid(patient, born=born, died=died, is_dead=is_dead),
        "|".join(pv1),
        "ZBE|1|not known here",
    ]


def merge(
    old: str, new: str, *, at: str = "20260503101500", trigger: str = "A40", by: tuple[str, str] = ("ZIS", "ZIS")
) -> list[str]:
    return [
        msh(f"ADT^{trigger}^ADT_A39"),
        f"EVN|{trigger}|{at}",
        pid(new, by=by[1]),
        f"MRG|{old}^^^{by[0]}^PI",
    ]


def unlink(one: str, other: str, *, at: str = "20260504101500") -> list[str]:
    return [msh("ADT^A37^ADT_A37"), f"EVN|A37|{at}", pid(one), pid(other)]


def order(
    control: str = "NW",
    *,
    number: str = "O1",
    test: str = "CMVPCR^CMV-DNA^L",
    at: str = "20260503101500",
    taken: str = "",
    specimen: str = "BAL",
    status: str = "",
    kind: str = "OML^O21^OML_O21",
    patient: str = "SYNTH-1",
) -> list[str]:
    spm = [] if not specimen else ["|".join(["SPM", "1", "", "", specimen, *[""] * 12, taken])]
    return [
        msh(kind),
        pid(patient),
        "PV1|1|I|IC1^K1^3",
        f"ORC|{control}|{number}|||{status}||||{at}",
        f"OBR|1|{number}||{test}",
        *spm,
    ]


def dose(
    amount: str = "350",
    unit: str = "mg",
    *,
    drug: str = "J05AB06^ganciclovir^ATC",
    at: str = "20260503080000",
    status: str = "CP",
    action: str = "A",
    kind: str = "RAS^O17^RAS_O17",
    patient: str = "SYNTH-1",
) -> list[str]:
    rxa = ["RXA", "0", "1", at, at, drug, amount, unit, *[""] * 12, status, action]
    return [msh(kind), pid(patient), "ORC|RE|P1", "RXE|^^^|" + drug, "|".join(rxa), "RXR|IV^intravenous^L"]


def file_of(*messages: list[str]) -> bytes:
    return "".join(segment + "\r" for one in messages for segment in one).encode()


def read(*messages: list[str], file: TableFile | None = None, to: str = "", **changes: object) -> Intake:
    """What `ingest` makes of a file of messages of a feed with the example's table file and no laboratory file."""
    return intake(file_of(*messages), to, form="hl7", table_file=file or table_file(), **changes)


def part(found: Intake, table: str) -> Part:
    return next(one for one in found.parts if one.table == table)


def told(found: Intake, table: str, *columns: str) -> list[tuple[object, ...]]:
    """Those columns of the accepted rows of one table, moments as short text in UTC."""
    rows = part(found, table).accepted.sort("record_number").select(*columns).rows()
    return [tuple(v.strftime("%d %H:%M") if hasattr(v, "strftime") else v for v in row) for row in rows]  # type: ignore[attr-defined]


def apart(found: Intake) -> list[tuple[str, str, str | None]]:
    """Table, reason and column of all that was set apart."""
    return [
        (one.table, row["reason"], row["column"])
        for one in found.parts
        for row in one.quarantined.sort("record_number").to_dicts()
    ]
