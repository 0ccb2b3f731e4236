"""Random numbers by name: patient 7 draws the same whatever the number of patients and the length of the watch.

Each (seed, quantity, slot) has a PCG64 stream of its own, read from patient 1 on. A new quantity is added at the end of
`QUANTITIES`: a change of order there is another ward for the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

QUANTITIES: tuple[str, ...] = (
    "anchor_day",
    "anchor_minute",
    "admission",
    "discharge",
    "ventilated",
    "weaned",
    "ventilated_again",
    "affected",
    "class_bal",
    "class_plasma",
    "class_shared",
    "load_bal",
    "load_plasma",
    "growing",
    "doubling",
    "half_life_bal",
    "half_life_plasma",
    "early_bal",
    "early_plasma",
    "early_shared",
    "early_length",
    "non_responder_bal",
    "non_responder_plasma",
    "resistant_bal",
    "resistant_plasma",
    "rise_from",
    "switch",
    "switch_at",
    "after_switch_bal",
    "after_switch_plasma",
    "stop",
    "stop_at",
    "course_length",
    "phase_plasma",
    "phase_bal",
    "jitter_plasma",
    "jitter_bal",
    "missed_plasma",
    "missed_bal",
    "hour_plasma",
    "hour_bal",
    "noise_plasma",
    "noise_bal",
    "reported_plasma",
    "reported_bal",
    "corrected_plasma",
    "corrected_bal",
    "corrected_after_plasma",
    "corrected_after_bal",
)


@dataclass(frozen=True)
class Draws:
    """Streams for a number of patients under one seed. `slot` tells repeated draws of one quantity apart."""

    patients: int
    seed: int

    def _stream(self, quantity: str, slot: int) -> np.random.Generator:
        key = (QUANTITIES.index(quantity), slot)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def uniform(self, quantity: str, low: float = 0.0, high: float = 1.0, *, slot: int = 0) -> Numbers:
        """One number per patient, even over [low, high)."""
        return low + (high - low) * self._stream(quantity, slot).random(self.patients)

    def normal(self, quantity: str, *, slot: int = 0) -> Numbers:
        """One standard normal number per patient."""
        return self._stream(quantity, slot).standard_normal(self.patients)

    def happens(self, quantity: str, probability: float, *, slot: int = 0) -> NDArray[np.bool_]:
        """True for about that share of the patients."""
        return self.uniform(quantity, slot=slot) < probability
