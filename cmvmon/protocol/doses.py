"""Doses by kidney function: for each drug the rows of its label, each with its half-open band, regimens and source."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from cmvmon.domain.kidney_function import ML_PER_MIN, ML_PER_MIN_PER_KG
from cmvmon.domain.renal_replacement import MODALITIES
from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import Listed, Text
from cmvmon.protocol.sourced_rows import SourcedRows
from cmvmon.protocol.stanza import Provenance, key, stanza

if TYPE_CHECKING:  # whoever only reads a protocol does not load the frame library
    import polars as pl

MG_PER_KG, MG = "mg/kg", "mg"
INDUCTION, MAINTENANCE = "induction", "maintenance"
_HOURS_IN_A_WEEK = 168.0
_NUMBER = r"\d+(?:\.\d+)?"
_REGIMEN = re.compile(rf"({_NUMBER}) (mg/kg|mg) (?:q({_NUMBER})h|({_NUMBER})/week)")
_BAND = re.compile(rf"([\[(])({_NUMBER}), ({_NUMBER}|inf)([\])])")


@dataclass(frozen=True)
class Regimen:
    """One way to give a drug: `5 mg/kg q12h`, `450 mg 2/week`."""

    dose: float
    unit: str
    every_h: float

    @property
    def per_day(self) -> float:
        """The dose of 24 hours, in its unit."""
        return self.dose * 24.0 / self.every_h

    def __str__(self) -> str:
        often = _HOURS_IN_A_WEEK / self.every_h
        is_weekly = self.every_h > 48.0 and often == round(often)
        return f"{self.dose:g} {self.unit} " + (f"{often:g}/week" if is_weekly else f"q{self.every_h:g}h")


@dataclass(frozen=True)
class KidneyBand:
    """From `lower` to `upper`; which of the two belong to it is said by the bracket: `[50, 70)`, `(1, 1.4]`."""

    lower: float
    upper: float
    has_lower: bool
    has_upper: bool

    @property
    def label(self) -> str:
        return f"{'[' if self.has_lower else '('}{self.lower:g}, {self.upper:g}{']' if self.has_upper else ')'}"

    @overload
    def holds(self, number: float) -> bool: ...
    @overload
    def holds(self, number: pl.Expr) -> pl.Expr: ...
    def holds(self, number: Any) -> Any:
        """Whether it holds the number, or each of a column; null where that is null."""
        above = number >= self.lower if self.has_lower else number > self.lower
        return above & (number <= self.upper if self.has_upper else number < self.upper)


@dataclass(frozen=True)
class DoseRow:
    """One row of a drug's table: of a band of kidney function, or of kinds of renal replacement.

    No regimen = there is none: `note` says why.
    """

    band: KidneyBand | None
    replacement: tuple[str, ...]
    induction: tuple[Regimen, ...]
    maintenance: tuple[Regimen, ...]
    note: str
    source: str
    strength: str
    owner: str

    @property
    def label(self) -> str:
        """What it is for: its band, or the kinds of renal replacement."""
        return "; ".join(self.replacement) if self.band is None else self.band.label

    def regimens(self, purpose: str) -> tuple[Regimen, ...]:
        return self.induction if purpose == INDUCTION else self.maintenance


class DoseRows(SourcedRows[DoseRow]):
    """The rows of one drug, `[[doses.<drug>.rows]]`; the bands cover 0 to infinity without gap or overlap."""

    keys = ("kidney", "replacement", INDUCTION, MAINTENANCE, "note")

    @property
    def says(self) -> str:
        return (
            "rows, each with `kidney` (a band such as '[50, 70)' or '(1, 1.4]') or `replacement` (kinds of renal replacement), "
            "`induction` and `maintenance` (lists such as ['5 mg/kg q12h'], empty where there is none), source, strength and owner"
        )

    def row(self, found: dict[str, Any], place: Place, **provenance: str) -> DoseRow:
        if ("kidney" in found) == ("replacement" in found):
            place.refuse("must hold `kidney` or `replacement`, and one of them only")
        regimens = {purpose: _regimens(found.get(purpose), place, purpose) for purpose in (INDUCTION, MAINTENANCE)}
        return DoseRow(
            _band(found["kidney"], place) if "kidney" in found else None,
            Listed(Text(MODALITIES)).read(found["replacement"], place) or () if "replacement" in found else (),
            regimens[INDUCTION],
            regimens[MAINTENANCE],
            str(found.get("note", "")),
            **provenance,
        )

    def across(self, rows: Sequence[DoseRow], place: Place) -> None:
        reached, is_held = 0.0, False
        bands = [row.band for row in rows if row.band is not None]
        for band in sorted(bands, key=lambda band: (band.lower, band.upper)):
            if band.lower != reached or band.has_lower == is_held:
                place.refuse(f"has a gap or an overlap at {band.label}", remedy="let the bands touch, each end in one")
            reached, is_held = band.upper, band.has_upper
        if not math.isinf(reached):
            place.refuse(f"ends at {reached:g}", remedy="let the last band end at inf")

    def show(self, value: Any) -> str:
        return "; ".join(
            f"{row.label}: {', '.join(map(str, row.induction)) or 'none'} "
            f"(maintenance {', '.join(map(str, row.maintenance)) or 'none'})"
            for row in value
        )


@stanza
class DoseTable:
    """The doses of one drug by kidney function."""

    kidney_in: str = key(Text((ML_PER_MIN, ML_PER_MIN_PER_KG)), "what the bands are of")
    rows: tuple[DoseRow, ...] = key(DoseRows(), "one row a band, or kind of renal replacement")
    provenance: Provenance

    def place_of(self, kidney: pl.Expr, modality: pl.Expr) -> pl.Expr:
        """The number of the row, from 0, that holds: that of the renal replacement where one runs, else of the band.

        Null where none does: no kidney function is known, or the drug has no row for that renal replacement.
        """
        import polars as pl

        found = pl.lit(None, dtype=pl.Int64)
        for place, row in enumerate(self.rows):
            holds = (
                modality.is_in(list(row.replacement))
                if row.band is None
                else modality.is_null() & row.band.holds(kidney)
            )
            found = pl.when(holds.fill_null(False)).then(pl.lit(place, dtype=pl.Int64)).otherwise(found)
        return found


def dose_unit(tables: Mapping[str, DoseTable], drug: str) -> str:
    """In which unit the drug's regimens are: mg/kg or mg."""
    return next(regimen.unit for row in tables[drug].rows for regimen in row.induction)


def _band(found: object, place: Place) -> KidneyBand | None:
    ends = _BAND.fullmatch(found) if isinstance(found, str) else None
    if ends is None or not float(ends[2]) < float(ends[3]):
        place.refuse(
            "has no band that can be read", found=found, remedy="write '[50, 70)': from 50, up to but not with 70"
        )
        return None
    return KidneyBand(float(ends[2]), float(ends[3]), ends[1] == "[", ends[4] == "]")


def _regimens(found: object, place: Place, purpose: str) -> tuple[Regimen, ...]:
    if not isinstance(found, list):
        place.refuse(f"must hold a list `{purpose}`, empty where there is none", found=found)
        return ()
    read = [_REGIMEN.fullmatch(entry) if isinstance(entry, str) else None for entry in found]
    if None in read:
        place.refuse(
            f"has a regimen in `{purpose}` that can't be read", remedy="write '5 mg/kg q12h' or '450 mg 2/week'"
        )
    return tuple(
        Regimen(float(parts[1]), parts[2], float(parts[3]) if parts[3] else _HOURS_IN_A_WEEK / float(parts[4]))
        for parts in read
        if parts is not None
    )
