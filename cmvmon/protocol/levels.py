"""Targets of drug levels: for each drug a row by purpose, and by kind of renal replacement, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmvmon.domain.renal_replacement import MODALITIES
from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import Listed, Number, Text
from cmvmon.protocol.sourced_rows import SourcedRows
from cmvmon.protocol.stanza import Provenance, key, stanza

TREATMENT, PROPHYLAXIS = PURPOSES = ("treatment", "prophylaxis")
_LEVEL = Number(above=0)
_FROM, _TO = "trough_from_mg_per_l", "trough_to_mg_per_l"


@dataclass(frozen=True)
class LevelRow:
    """One target: a trough from, up to and with, for a purpose; of `replacement` = only on these kinds of it."""

    purpose: str
    replacement: tuple[str, ...]
    trough_from_mg_per_l: float
    trough_to_mg_per_l: float
    note: str
    source: str
    strength: str
    owner: str


class LevelRows(SourcedRows[LevelRow]):
    """The rows of one drug, `[[levels.<drug>.rows]]`; no two of one purpose for one kind of renal replacement."""

    keys = ("purpose", "replacement", _FROM, _TO, "note")

    @property
    def says(self) -> str:
        return (
            f"rows, each with `purpose` (one of {', '.join(PURPOSES)}), `{_FROM}` below `{_TO}`, source, strength and owner; "
            "`replacement` (kinds of renal replacement) where it holds on these only"
        )

    def row(self, found: dict[str, Any], place: Place, **provenance: str) -> LevelRow:
        purpose = Text(PURPOSES).read(found.get("purpose"), place)
        ends = [_LEVEL.read(found.get(name), place.at(name)) for name in (_FROM, _TO)]
        if None not in ends and not ends[0] < ends[1]:  # type: ignore[operator]
            place.refuse(f"has {_FROM} not below {_TO}")
        kinds = Listed(Text(MODALITIES)).read(found["replacement"], place) if "replacement" in found else ()
        note = str(found.get("note", ""))
        return LevelRow(purpose or "", kinds or (), ends[0] or 0.0, ends[1] or 0.0, note, **provenance)

    def across(self, rows: Sequence[LevelRow], place: Place) -> None:
        asked = [(row.purpose, kind) for row in rows for kind in (row.replacement or ("",))]
        if len(set(asked)) < len(asked):
            place.refuse("has two rows of one purpose", remedy="keep one for each kind of renal replacement")

    def show(self, value: Any) -> str:
        return "; ".join(
            f"{', '.join((row.purpose, *row.replacement))}: {row.trough_from_mg_per_l:g} to {row.trough_to_mg_per_l:g} mg/L "
            f"({row.source})"
            for row in value
        )


@stanza
class LevelTable:
    """The targets of one group of drugs; a drug without a table is measured and not judged."""

    rows: tuple[LevelRow, ...] = key(LevelRows(), "one row a purpose, or a kind of renal replacement")
    provenance: Provenance


@stanza
class LevelTiming:
    """When a level is a trough, and of which dose and kidney function it speaks."""

    trough_within_h: float = key(_LEVEL, "taken no longer than this before the next dose")
    one_dose_days: float = key(_LEVEL, "so long on one dose, in one kidney state, before it is judged")
    one_dose_on_replacement_days: float = key(_LEVEL, "the same on continuous renal replacement")
    level_holds_days: float = key(_LEVEL, "an older level is not judged")
    same_dose_share: float = key(Number(above=0, below=1), "doses that differ by no more of the smaller are one")
    same_interval_share: float = key(
        Number(above=0, below=1), "so far from the usual interval, as a share of it, is still it"
    )
    replacement_gap_h: float = key(_LEVEL, "a shorter interruption of renal replacement is none")
    held_share: float = key(
        Number(at_least=0, at_most=0.5), "a trough inside its target by this share of its line ends an alert"
    )
    provenance: Provenance
