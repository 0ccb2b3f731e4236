"""From which numbers on a laboratory is in doubt, within limits beyond which its patients would be silenced for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from cmvmon.protocol.kinds import Number
from cmvmon.protocol.stanza import Provenance, key, stanza


@stanza
class MovedTogether:
    """When the results of a laboratory moved together, so that it is asked before anything is said of its patients."""

    within_days: float = key(Number(at_least=1, at_most=14), "results of samples of the last days", unit="days")
    before_days: float = key(
        Number(at_least=1, at_most=28), "the first is held against the last of so many days before", unit="days"
    )
    rise_log10: float = key(
        Number(at_least=0.3, at_most=3), "up: a rise by more, of who had no drug since the result before"
    )
    rise_on_treatment_log10: float = key(Number(at_least=0.1, at_most=3), "the same of who had one")
    growth_log10_per_week: float = key(
        Number(at_least=0.5, at_most=5), "what a load rises by itself without treatment, on top of that"
    )
    fall_log10: float = key(Number(at_least=0.3, at_most=3), "down: a fall by more, of who had no drug since")
    fall_on_treatment_log10: float = key(Number(at_least=1, at_most=5), "the same of who had one")
    least_patients: float = key(Number(at_least=4, whole=True), "so many patients at least moved the same way")
    least_share_moved: float = key(Number(above=0.5, at_most=1), "and this share of those of whom it is known")
    least_corrected: float = key(
        Number(at_least=2, whole=True), "where so many of them were corrected back, they count as moved still"
    )
    provenance: Provenance

    def misfits(self) -> Iterator[str]:
        if self.rise_on_treatment_log10 > self.rise_log10:
            yield "rise_on_treatment_log10 must not be above rise_log10: treatment hides a rise"
        if self.fall_log10 > self.fall_on_treatment_log10:
            yield "fall_log10 must not be above fall_on_treatment_log10: treatment makes loads fall"
