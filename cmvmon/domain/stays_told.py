"""Stays on the ICU out of statements of movements: the same stays in whichever order the statements arrived.

Rules of this file:
- Statements are taken in the order in which they were recorded (`stated_at`), movements in the order in which they were.
- What takes a movement back takes the one of its visit and kind that it names by its moment; without one, or where that is the
  moment at which somebody took it back, the last that was recorded before it.
- Where the one that it names is not there, a transfer is left; of discharges the only one is taken back, so that nobody leaves a
  list by a doubt. Either way it is not clear what stands (`stays_unclear`).
- A cancelled admission takes back everything that was recorded of its visit before it. An admission of the same moment stands.
- Of movements recorded at the very moment of what takes one back those before it are meant.
- A visit that was stated whole replaces all that was recorded of it before. Where fewer movements are known than were stated with it
  it does not hold, and what stood before does; either way that is not clear, and so it is where more are known.
- A stay whose beginning nobody stated is none: of when it began nothing is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from cmvmon.domain.patient_movements import (
    ADMISSION,
    CANCELS,
    DISCHARGE,
    ELSEWHERE,
    ICU,
    MOVES,
    PATIENT_MOVEMENTS,
    RESTATED,
)
from cmvmon.domain.rows import ICU_STAYS

_Row = Mapping[str, Any]
_CLICK = timedelta(minutes=1)
"""So long before it was recorded somebody may have taken a movement back: some senders give that moment as the one that is meant."""


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
    stays = [stay for rows in _visits(movements) for stay in _stays(_standing(rows)[0], max(rows, key=_known))]
    return ICU_STAYS.conform(pl.DataFrame(stays, schema=ICU_STAYS.schema)).sort("patient_id", "admitted_at")


def stays_unclear(movements: pl.DataFrame) -> pl.DataFrame:
    """Of whom a statement takes a movement back and it can't be told which: `patient_id` and `received_at` of each such statement.

    >>> stays_unclear(pl.DataFrame(schema=PATIENT_MOVEMENTS.schema)).columns
    ['patient_id', 'received_at']
    """
    schema = {name: PATIENT_MOVEMENTS.schema[name] for name in ("patient_id", "received_at")}
    unclear = [{name: row[name] for name in schema} for rows in _visits(movements) for row in _standing(rows)[1]]
    return pl.DataFrame(unclear, schema=schema).sort(*schema)


def _visits(movements: pl.DataFrame) -> list[list[_Row]]:
    """The statements of each visit to the ICU."""
    visit = ["patient_id", "visit_number"]
    on_icu = movements.filter(pl.col("unit") == ICU).select(visit).unique()
    of_visit: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in movements.join(on_icu, on=visit, how="semi").to_dicts():
        of_visit[row["patient_id"], row["visit_number"]].append(row)
    return list(of_visit.values())


def _known(row: _Row) -> tuple[Any, ...]:
    return row["received_at"] is not None, row["received_at"], row["stated_at"], row["movement"]


def _standing(rows: Sequence[_Row]) -> tuple[list[_Row], list[_Row]]:
    """The movements of one visit that nothing took back, and the statements of which it can't be told what they leave."""
    rows, unclear = _since_stated_whole(rows)
    left = [row for row in rows if row["movement"] in MOVES and row["moved_at"] is not None]
    takes_back = [row for row in rows if row["movement"] in CANCELS]
    for cancel in sorted(takes_back, key=lambda row: (row["stated_at"], row["movement"], row["moved_at"] is None)):
        of_admission = CANCELS[cancel["movement"]] == ADMISSION
        meant, is_clear = _of_visit(cancel, left) if of_admission else _of_kind(cancel, left)
        left = [row for row in left if not any(row is one for one in meant)]
        if not is_clear:
            unclear.append(cancel)
    return left, unclear


def _since_stated_whole(rows: Sequence[_Row]) -> tuple[list[_Row], list[_Row]]:
    """What was recorded of a visit since it was last stated whole, and what states it whole and is not as it says."""
    unclear: list[_Row] = []
    wholes = [row for row in rows if row["movement"] == RESTATED]
    for whole in sorted(wholes, key=lambda row: (row["stated_at"], row["n_movements"]), reverse=True):
        beside = [row for row in rows if row["stated_at"] == whole["stated_at"] and row["movement"] in MOVES]
        if len(beside) != whole["n_movements"]:
            unclear.append(whole)
        if len(beside) >= whole["n_movements"]:
            return [row for row in rows if row["stated_at"] >= whole["stated_at"]], unclear
        rows = [row for row in rows if row["stated_at"] != whole["stated_at"]]
    return list(rows), unclear


def _of_visit(cancel: _Row, left: Sequence[_Row]) -> tuple[list[_Row], bool]:
    """All that a cancelled admission takes back, and whether that is clear."""
    earlier = [row for row in left if row["stated_at"] < cancel["stated_at"]]
    tied = [row for row in left if row["stated_at"] == cancel["stated_at"]]
    anew = [row for row in tied if row["movement"] == ADMISSION]
    if not anew:
        return [*earlier, *tied], True
    is_clear = any(row["movement"] == ADMISSION for row in earlier)
    return earlier, is_clear


def _of_kind(cancel: _Row, left: Sequence[_Row]) -> tuple[list[_Row], bool]:
    """The statements of the movement that is taken back, none where it is not there, and whether that is clear."""
    kind, at, stated_at = CANCELS[cancel["movement"]], cancel["moved_at"], cancel["stated_at"]
    tied = [row for row in left if row["movement"] == kind and row["stated_at"] <= stated_at]
    before = [row for row in tied if row["stated_at"] < stated_at] or tied
    named = [row for row in before if row["moved_at"] == at] or [row for row in tied if row["moved_at"] == at]
    is_clear = True
    if not named and before:
        last = max(before, key=lambda row: (row["stated_at"], row["moved_at"]))
        names_none = at is None or at >= stated_at - _CLICK
        # After a discharge was recorded nobody is discharged once more: a later moment is none of another discharge.
        is_clear = names_none or (kind == DISCHARGE and at >= last["stated_at"])
        is_only = kind == DISCHARGE and len({row["moved_at"] for row in before}) == 1
        named = [last] if is_clear or is_only else []
    if not named:
        return [], False
    meant = max(named, key=lambda row: (row["stated_at"], row["moved_at"]))
    # It may have been stated more than once.
    return [row for row in (before if meant in before else tied) if row["moved_at"] == meant["moved_at"]], is_clear


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
