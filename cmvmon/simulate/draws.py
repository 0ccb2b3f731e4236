"""Random numbers by name: patient 7 draws the same whatever the number of patients and the length of the watch.

Each (seed, quantity, slot) has a PCG64 stream of its own, read from patient 1 on. A new quantity is added at the end of
`QUANTITIES`: a change of order there is another ward for the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cmvmon.simulate.assumptions import assumed

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
    "family",
    "spontaneous",
    "spontaneous_clearance",
    "hump_plasma",
    "hump_bal",
    "hump_from_plasma",
    "hump_from_bal",
    "hump_length_plasma",
    "hump_length_bal",
    "biphasic_plasma",
    "biphasic_bal",
    "bend_plasma",
    "bend_bal",
    "two_changes_plasma",
    "two_changes_bal",
    "second_change_plasma",
    "second_change_bal",
    "on_its_own",
    "growing_plasma",
    "doubling_plasma",
    "early_length_plasma",
    "rise_from_plasma",
    "blip_plasma",
    "blip_bal",
    "blip_height_plasma",
    "blip_height_bal",
    "sampled_by_load",
    "sampling_ends",
    "death",
    "dilution_bal",
    "outlier_plasma",
    "outlier_bal",
    "outlier_error_plasma",
    "outlier_error_bal",
    "student_t",
    "tails_plasma",
    "tails_bal",
    "exposure",
    "kout_plasma",
    "kout_bal",
    "efficacy",
    "oral",
    "target_cell_resistant",
    "weight",
    "age",
    "clearance",
    "clearance_drift",
    "replacement",
    "replacement_length",
    "missed_dose",
    "under_dosed",
    "host",
    "covid",
    "genotyped",
    "with_change",
    "neutrophils",
    "platelets",
    "ionised_calcium",
)


@dataclass(frozen=True)
class Draws:
    """Streams for a number of patients under one seed. `slot` tells repeated draws of one quantity apart.

    `overrides` are the numbers that a scenario puts in the place of those in the table of assumptions.
    """

    patients: int
    seed: int
    overrides: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def assumed(self, name: str) -> float:
        """The value of one assumption under this scenario. Raises KeyError when the table has no such row."""
        return self.overrides[name] if name in self.overrides else assumed(name)

    def _stream(self, quantity: str, slot: int) -> np.random.Generator:
        key = (QUANTITIES.index(quantity), slot)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def uniform(self, quantity: str, low: float = 0.0, high: float = 1.0, *, slot: int = 0) -> Numbers:
        """One number per patient, even over [low, high)."""
        return low + (high - low) * self._stream(quantity, slot).random(self.patients)

    def normal(self, quantity: str, *, slot: int = 0) -> Numbers:
        """One standard normal number per patient."""
        return self._stream(quantity, slot).standard_normal(self.patients)

    def chi_square(self, quantity: str, degrees_of_freedom: float, *, slot: int = 0) -> Numbers:
        """One chi-square number per patient."""
        return self._stream(quantity, slot).chisquare(degrees_of_freedom, self.patients)

    def happens(self, quantity: str, probability: Numbers | float, *, slot: int = 0) -> NDArray[np.bool_]:
        """True for about that share of the patients, or with each patient's own probability."""
        if isinstance(probability, float) and probability == 0.0:
            return np.zeros(self.patients, dtype=np.bool_)  # most of what scenarios bring: not worth a stream
        return np.asarray(self.uniform(quantity, slot=slot) < probability)
