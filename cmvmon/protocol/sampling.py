"""What a protocol file says of moments of sampling, and of what stands beside a load on the patient page."""

from __future__ import annotations

from collections.abc import Iterator

from cmvmon.domain import words
from cmvmon.protocol.kinds import Listed, Number, Text
from cmvmon.protocol.stanza import Provenance, key, stanza

_POSITIVE = Number(above=0)


@stanza
class Sampling:
    """Which days of ventilation are held against each other, and when an order and a result are of one sample."""

    same_ventilation_h: float = key(_POSITIVE, "periods of ventilation at most so far apart are one")
    early_to_day: float = key(_POSITIVE, "the first days of ventilation end here", unit="day of ventilation")
    late_from_day: float = key(_POSITIVE, "the days around day 7 begin here", unit="day of ventilation")
    late_to_day: float = key(_POSITIVE, "and end here", unit="day of ventilation")
    same_sample_h: float = key(
        _POSITIVE, "an order and a result of one compartment so close together are of one sample"
    )
    provenance: Provenance

    def misfits(self) -> Iterator[str]:
        if not self.early_to_day < self.late_from_day <= self.late_to_day:
            yield "early_to_day, late_from_day and late_to_day must rise"


@stanza
class Ventilation:
    """What counts as off the ventilator, and as ventilation that a moment of sampling is counted by."""

    off_ventilator: tuple[str, ...] = key(
        Listed(Text(words.VENTILATION_KIND), may_be_empty=True), "kinds that count as off the ventilator"
    )
    invasive: tuple[str, ...] = key(
        Listed(Text(words.VENTILATION_KIND)), "kinds that count as invasive; one that is not on record counts too"
    )
    provenance: Provenance

    def misfits(self) -> Iterator[str]:
        if both := sorted(set(self.off_ventilator) & set(self.invasive)):
            yield f"off_ventilator and invasive both list {', '.join(both)}"


@stanza
class Context:
    """From which values on a context line of the patient page is said."""

    newborn_under_days: float = key(_POSITIVE, "a patient younger than this")
    low_cd4_cells_per_ul: float = key(_POSITIVE, "a CD4 count below this", unit="cells/uL")
    provenance: Provenance
