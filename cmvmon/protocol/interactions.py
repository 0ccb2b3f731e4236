"""Pairs of drugs that are told of: for each an antiviral drug, what it is held against, within how many days, and its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmvmon.domain.co_medication import ROUTES
from cmvmon.domain.renal_replacement import ANTICOAGULANTS
from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import ATC, Flag, Listed, Number, Text
from cmvmon.protocol.sourced_rows import SourcedRows
from cmvmon.protocol.stanza import Provenance, key, stanza

ALERT, NOTE = TOLD_AS = ("alert", "note")
EFFECTS = ("seizures", "low_calcium", "low_calcium_by_mechanism", "nephrotoxic", "antagonism")
"""What is reported of a pair that alerts, as a word: each has its sentence in every language."""
NOTED_EFFECTS = (
    "both_harm_kidney",
    "both_prolong_qt",
    "both_harm_marrow",
    "both_harm_marrow_renal",
    "raised_by_letermovir",
    "raised_by_letermovir_dose",
    "lowered_by_letermovir",
)
"""The same of a pair that is only noted."""
_EFFECTS_OF = {ALERT: EFFECTS, NOTE: NOTED_EFFECTS}
_LISTS = {
    "other_atc": Listed(ATC, may_be_empty=True),
    "other_groups": Listed(Text(), may_be_empty=True),
    "other_anticoagulants": Listed(Text(ANTICOAGULANTS), may_be_empty=True),
    "other_routes": Listed(Text(ROUTES), may_be_empty=True),
}
_TEXTS = {
    "drug": Text(),
    "other": Text(),
    "told_as": Text(TOLD_AS),
    "effect": Text(),
}
_DAYS = Number(at_least=0.0, at_most=60.0)


@dataclass(frozen=True)
class Pair:
    """One antiviral drug, by its group, and another drug.

    Attributes:
        other: its name on the page and in the subject of an alert.
        other_atc: ATC codes, or the beginnings of some.
        other_groups: groups of [drugs]: it is an antiviral drug itself.
        other_anticoagulants: it is what keeps the circuit of renal replacement open.
        other_routes: the routes that count; empty: any.
        within_days: so far apart the two still count as given together.
        told_as: an alert, or a note on the patient page that no rule reads.
        effect: what is reported, as a word: of `EFFECTS` for an alert, of `NOTED_EFFECTS` for a note.
    """

    drug: str
    other: str
    other_atc: tuple[str, ...]
    other_groups: tuple[str, ...]
    other_anticoagulants: tuple[str, ...]
    other_routes: tuple[str, ...]
    within_days: float
    told_as: str
    effect: str
    source: str
    strength: str
    owner: str


class PairRows(SourcedRows[Pair]):
    """The rows, `[[interactions.pairs]]`; each pair once."""

    keys = (*_TEXTS, *_LISTS, "within_days")

    @property
    def says(self) -> str:
        return (
            "rows, each with `drug` (a group of [drugs]), `other` (a name), one or more of `other_atc`, `other_groups` and "
            "`other_anticoagulants`, `other_routes` where only some count, `within_days`, `told_as` (alert or note), `effect`, "
            "source, strength and owner"
        )

    def row(self, found: dict[str, Any], place: Place, **provenance: str) -> Pair | None:
        before = len(place.faults)
        texts = {name: kind.read(found.get(name), place.at(f"{place.key} {name}")) for name, kind in _TEXTS.items()}
        lists = {name: kind.read(found.get(name, []), place.at(f"{place.key} {name}")) for name, kind in _LISTS.items()}
        days = _DAYS.read(found.get("within_days"), place.at(f"{place.key} within_days"))
        if not any(lists[name] for name in ("other_atc", "other_groups", "other_anticoagulants")):
            place.refuse("names nothing that the drug is held against", remedy="add other_atc, such as ['P01CX01']")
        effects = _EFFECTS_OF.get(texts["told_as"] or "", ())
        if effects and texts["effect"] not in effects:
            place.refuse(
                f"told as {texts['told_as']}, must have an effect of {', '.join(effects)}", found=texts["effect"]
            )
        return Pair(**texts, **lists, within_days=days, **provenance) if len(place.faults) == before else None  # type: ignore[arg-type]

    def across(self, rows: Sequence[Pair], place: Place) -> None:
        named = [(row.drug, row.other) for row in rows]
        for drug, other in sorted({pair for pair in named if named.count(pair) > 1}):
            place.refuse("names one pair twice", found=f"{drug} with {other}", remedy="remove one, or name them apart")

    def show(self, value: Any) -> str:
        return "; ".join(
            f"{row.drug} with {row.other} ({row.told_as}; {', '.join(_held_against(row))}; {row.source}; {row.strength})"
            for row in value
        )


def _held_against(row: Pair) -> tuple[str, ...]:
    routes = (f"by {' or '.join(row.other_routes)}",) if row.other_routes else ()
    within = (f"within {row.within_days:g} days",) if row.within_days else ()
    circuit = tuple(f"anticoagulant {one}" for one in row.other_anticoagulants)
    return (*row.other_atc, *row.other_groups, *circuit, *routes, *within)


@stanza
class Interactions:
    """Antiviral drugs beside other drugs: which pairs the rule `interaction_note` tells of, and which are notes on the page."""

    show_notes: bool = key(
        Flag(), "whether the patient page shows the notes; where the prescribing system says them, false"
    )

    pairs: tuple[Pair, ...] = key(PairRows(), "one row a pair")
    provenance: Provenance
