"""The rows of the protocol's tables that an alert rests on: a band of a label, a target of a level, a pair of drugs.

A rule names numbers of the protocol by key; a row is chosen by the facts of a patient, and is found again here by the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cmvmon.protocol import Protocol
from cmvmon.protocol.doses import DoseRow
from cmvmon.protocol.levels import TREATMENT

_LEVEL = ("trough_from_mg_per_l", "trough_to_mg_per_l")


def rows_of(protocol: Protocol, evidence: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each row with its `stanza`, what it says (`row`), `source`, `strength` and `owner`; none where the evidence names none.

    Args:
        evidence: of the alert, with the key of its subject.

    On renal replacement the evidence does not hold of which kind: every row of the drug for one is given.
    """
    return [*_doses(protocol, evidence), *_levels(protocol, evidence), *_pairs(protocol, evidence)]


def _doses(protocol: Protocol, evidence: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    drug = evidence.get("drug")
    table = protocol.doses.get(drug) if isinstance(drug, str) else None
    if table is None:
        return
    for row in table.rows:
        if _is_of_doses(row, table.kidney_in, evidence):
            where = f"{row.label} {table.kidney_in}" if row.band is not None else row.label
            regimens = [
                f"{purpose} {' or '.join(map(str, row.regimens(purpose))) or 'none'}"
                for purpose in ("induction", "maintenance")
            ]
            told = "; ".join((*regimens, *([row.note] if row.note else [])))
            yield _told(f"doses.{drug}", f"{where}: {told}", row)


def _is_of_doses(row: DoseRow, unit: str, evidence: Mapping[str, Any]) -> bool:
    if row.band is None:
        return bool(evidence.get("is_on_replacement"))
    said, value = evidence.get("exposure_band"), evidence.get("kidney_function_now")
    if said == f"{row.band.label} {unit}":
        return True
    return evidence.get("no_dose_up_to") is not None and isinstance(value, int | float) and row.band.holds(value)


def _levels(protocol: Protocol, evidence: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    drug = evidence.get("level_drug")
    table = protocol.levels.get(drug) if isinstance(drug, str) else None
    ends = tuple(evidence.get(name) for name in _LEVEL)
    for row in table.rows if table is not None else ():
        if row.purpose == TREATMENT and ends == (row.trough_from_mg_per_l, row.trough_to_mg_per_l):
            where = ", ".join((row.purpose, *row.replacement))
            target = f"trough {row.trough_from_mg_per_l:g} to {row.trough_to_mg_per_l:g} mg/L"
            yield _told(f"levels.{drug}", "; ".join((f"{where}: {target}", *([row.note] if row.note else []))), row)


def _pairs(protocol: Protocol, evidence: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for row in protocol.interactions.pairs:
        if (row.drug, row.other) == (evidence.get("drug"), evidence.get("other_drug")):
            days = f", within {row.within_days:g} days" if row.within_days else ""
            yield _told("interactions", f"{row.drug} with {row.other}: {row.effect}{days}", row)


def _told(stanza: str, says: str, row: Any) -> dict[str, str]:
    return {"stanza": stanza, "row": says, "source": row.source, "strength": row.strength, "owner": row.owner}
