"""Stays on the ICU out of statements of movements: the same stays in whichever order the statements arrived.

Rules of this file:
- Statements are taken in the order in which they were recorded (`stated_at`), movements in the order in which they were.
- What takes a movement back takes the one of its visit and kind that it names by its moment; without one, the last that was
  recorded before it. Where that one has not arrived yet nothing else is taken back in its place.
- A cancelled admission takes back everything that was recorded of its visit before it.
- A stay whose beginning nobody stated is none: of when it began nothing is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from cmvmon.domain.patient_movements import ADMISSION, CANCELS, DISCHARGE, ELSEWHERE, ICU, MOVES
from cmvmon.domain.rows import ICU_STAYS

_Row = Mapping[str, Any]


def stays_told(movements: pl.DataFrame) -> pl.DataFrame:
    """One row of `icu_stays` for each time that a patient was on the ICU, by what is known of their movements.

    Args:
        movements: rows of `patient_movements` that stand, in any order.

    Returns:
        Rows of `icu_stays`, by patient and admission. Of ventilation and of affected compartments nothing is said in
        them. `stay_id` is made of the visit, the patient and the admission. A row is known since the last statement of its visit.

    >>> stays_told(pl.DataFrame(schema=PATIENT_MOVEMENTS.schema)).height
    0
    """
    visit = ["patient_id", "visit_number"]
    on_icu = movements.filter(pl.col("unit") == ICU).select(visit).unique()
    of_visit: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in movements.join(on_icu, on=visit, how="semi").to_dicts():
        of_visit[row["patient_id"], row["visit_number"]].append(row)
    stays = [stay for rows in of_visit.values() for stay in _stays(_standing(rows), max(rows, key=_known))]
    return ICU_STAYS.conform(pl.DataFrame(stays, schema=ICU_STAYS.schema)).sort("patient_id", "admitted_at")


def _known(row: _Row) -> tuple[Any, ...]:
    return row["received_at"] is not None, row["received_at"], row["stated_at"], row["movement"]


def _standing(rows: Sequence[_Row]) -> list[_Row]:
    """The movements of one visit that nothing took back."""
    left = [row for row in rows if row["movement"] in MOVES and row["moved_at"] is not None]
    takes_back = [row for row in rows if row["movement"] in CANCELS]
    for cancel in sorted(takes_back, key=lambda row: (row["stated_at"], row["movement"], row["moved_at"] is None)):
        if CANCELS[cancel["movement"]] == ADMISSION:
            left = [row for row in left if row["stated_at"] > cancel["stated_at"]]
        elif (meant := _meant(cancel, left)) is not None:
            said = (meant["movement"], meant["moved_at"])  # it may have been stated more than once
            left = [
                row
                for row in left
                if (row["movement"], row["moved_at"]) != said or row["stated_at"] > cancel["stated_at"]
            ]
    return left


def _meant(cancel: _Row, left: Sequence[_Row]) -> _Row | None:
    """The movement that is taken back; None where it is not there."""
    kind, at = CANCELS[cancel["movement"]], cancel["moved_at"]
    before = [row for row in left if row["movement"] == kind and row["stated_at"] <= cancel["stated_at"]]
    # Some senders give the moment at which they took it back: no movement is named by that.
    named = before if at is None or at >= cancel["stated_at"] else [row for row in before if row["moved_at"] == at]
    return max(named, key=lambda row: (row["stated_at"], row["moved_at"]), default=None)


def _stays(moves: Sequence[_Row], last: _Row) -> list[dict[str, Any]]:
    """The times on the ICU of one visit."""
    stays: list[dict[str, Any]] = []
    stay: dict[str, Any] | None = None
    for row in sorted(moves, key=lambda row: (row["moved_at"], row["stated_at"], MOVES.index(row["movement"]))):
        if row["movement"] == DISCHARGE or row["unit"] == ELSEWHERE:
            if stay is not None:
                stay["discharged_at"] = row["moved_at"]
            stay = None
        elif row["unit"] == ICU:
            if stay is None:
                stay = _begun(row, last)
                stays.append(stay)
            stay |= {"ward": row["ward"], "bed": row["bed"]}
    return stays


def _begun(row: _Row, last: _Row) -> dict[str, Any]:
    named = f"{row['visit_number']}|{row['patient_id']}|{row['moved_at'].isoformat()}"
    of_last = {name: last[name] for name in ("received_at", "delivery_id")}
    return {"stay_id": named, "patient_id": row["patient_id"], "admitted_at": row["moved_at"], **of_last}
