"""The true load of one made-up patient of `benchmarks.unit_year` in one compartment, and one result; nothing of cmvmon is imported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.alert_patients import BAL, PLASMA, Pieces, Place, true_log10

Numbers = npt.NDArray[np.float64]

NOTHING_LOG10 = -9.0  # no virus: a sample of it is not detected
TREATED_FROM = {PLASMA.name: 1_000.0, BAL.name: 10_000.0}  # IU/mL, a known result of which asks for treatment


@dataclass(frozen=True)
class Sample:
    """One result; `day` of its collection."""

    day: float
    place: Place
    detection: str
    viral_load_iu_per_ml: float | None

    @property
    def is_high(self) -> bool:
        """Whether it asks for treatment."""
        least = TREATED_FROM[self.place.name]
        return self.detection == "above_uloq" or (self.viral_load_iu_per_ml or 0.0) >= least

    def row(self, patient_id: str) -> dict[str, object]:
        """As `viral_load_results`."""
        limits = {f"{name}_iu_per_ml": getattr(self.place, name) for name in ("lod", "lloq", "uloq")}
        return limits | {
            "patient_id": patient_id,
            "day": self.day,
            "compartment": self.place.name,
            "detection": self.detection,
            "viral_load_iu_per_ml": self.viral_load_iu_per_ml,
            "laboratory": "synthetic-laboratory",
            "assay": "synthetic-pcr",
            "result_status": "final",
        }


@dataclass(frozen=True)
class Load:
    """The true load of one patient in one compartment, log10 IU/mL."""

    place: Place
    shift: float
    begins: float
    rise: float
    turns: float | None
    anchor: float = np.inf
    pieces: Pieces = ()
    stops: float = np.inf
    again: float | None = None
    again_rise: float = 0.0

    def at(self, days: Numbers) -> Numbers:
        """At each of these days."""
        found = self._untreated(days)
        if np.isfinite(self.anchor):
            start = self._untreated(np.array([self.anchor]))
            treated = true_log10(
                start, self.pieces, (np.clip(days, self.anchor, self.stops) - self.anchor)[None], self.place
            )
            found = np.where(days >= self.anchor, treated[0], found)
            found = np.where(days > self.stops, self._after(days, treated[0]), found)
        return found

    def _untreated(self, days: Numbers) -> Numbers:
        top = days if self.turns is None else np.minimum(days, self.turns)
        load = np.minimum(1.0 + self.rise * (top - self.begins) / 7.0, 7.0) + self.shift
        load = load - 0.7 * np.maximum(days - top, 0.0) / 7.0
        return np.asarray(np.where(days < self.begins, NOTHING_LOG10, load))

    def _after(self, days: Numbers, at_stop: Numbers) -> Numbers:
        turns = np.inf if self.again is None else self.again
        fallen = np.maximum(
            at_stop - 0.3 * (np.minimum(days, turns) - self.stops) / 7.0, np.log10(self.place.lloq) - 1.0
        )
        return np.asarray(np.minimum(fallen + self.again_rise * np.maximum(days - turns, 0.0) / 7.0, 7.0 + self.shift))
