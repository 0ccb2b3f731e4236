"""What the pages of some patients are cut from: asked of each table once for all of them, so that none is asked for each patient.

A ward's pages are made for so many patients at a time: what stands in memory beside the assessment is of those alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import polars as pl

from cmvmon.assess import Assessment
from cmvmon.dashboards.row_views import SampleDue
from cmvmon.dashboards.rows import rows_by, rows_of
from cmvmon.domain.who_died import Death
from cmvmon.protocol import Protocol
from cmvmon.rules.context import Said, context_of
from cmvmon.run.ward.samples_waiting import samples_expected
from cmvmon.run.ward.ward_list import deaths_of, left_at, watched_by

Place = tuple[str | None, str | None]  # ward and bed


@dataclass(frozen=True)
class SomePatients:
    """Some of the patients of an assessment."""

    patients: tuple[str, ...]
    assessment: Assessment
    protocol: Protocol
    _parts: dict[int, tuple[pl.DataFrame, dict[str, pl.DataFrame]]] = field(default_factory=dict)

    def of_patient(self, patient_id: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
        """What gives the rows of that patient in a frame with `patient_id`, in the frame's order."""

        def rows(frame: pl.DataFrame) -> pl.DataFrame:
            found = self._of(frame).get(patient_id)
            return self._nothing_of(frame) if found is None else found

        return rows

    def _of(self, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
        found = self._parts.get(id(frame))
        if found is None:  # the frame is kept beside its parts, so that no other one can have its id
            mine = self.among(frame)
            parts = mine.partition_by("patient_id", as_dict=True, maintain_order=True) if mine.height else {}
            cut = {str(key): rows for (key,), rows in parts.items()}
            found = self._parts[id(frame)] = (frame, cut | {"": frame.clear()})
        return found[1]

    def _nothing_of(self, frame: pl.DataFrame) -> pl.DataFrame:
        return self._of(frame)[""]

    def among(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of these patients."""
        return frame.filter(pl.col("patient_id").is_in(list(self.patients)))

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Ward and bed of each one's latest stay."""
        return places(self._stays)

    @cached_property
    def _stays(self) -> pl.DataFrame | None:
        return None if self.assessment.stays is None else self.among(self.assessment.stays)

    @cached_property
    def left_at(self) -> Mapping[str, datetime]:
        """When each one's last stay ended, of those who have left."""
        return left_at(self._stays)

    @cached_property
    def died(self) -> Mapping[str, Death]:
        """Who is known to have died."""
        return deaths_of(self.assessment)

    @cached_property
    def context(self) -> Mapping[str, tuple[Said, ...]]:
        """What the ward's guide says of each."""
        return context_of(self.assessment.facts, self.patients)

    @cached_property
    def watched(self) -> Mapping[str, frozenset[str]]:
        """The compartments of each whose load a rule watches."""
        found: dict[str, set[str]] = {}
        for patient_id, compartment in self._watched.iter_rows():
            found.setdefault(patient_id, set()).add(compartment)
        return {patient_id: frozenset(names) for patient_id, names in found.items()}

    @cached_property
    def due(self) -> Mapping[str, tuple[SampleDue, ...]]:
        """The samples that are expected of each."""
        expected = samples_expected(self.among(self.assessment.results), self._watched, protocol=self.protocol)
        found: dict[str, list[SampleDue]] = {}
        for row in expected.iter_rows(named=True):
            found.setdefault(row["patient_id"], []).append(SampleDue(**row))
        return {patient_id: tuple(samples) for patient_id, samples in found.items()}

    def concordance(self, patient_id: str) -> pl.DataFrame:
        """The rows of the unit, and of that patient."""
        own = self.of_patient(patient_id)(self.assessment.concordance)
        return pl.concat([self._of_unit, own]) if own.height else self._of_unit

    @cached_property
    def _of_unit(self) -> pl.DataFrame:
        return self.assessment.concordance.filter(pl.col("scope") == "unit")

    @cached_property
    def _watched(self) -> pl.DataFrame:
        return watched_by(self.among(self.assessment.verdicts))


def places(stays: pl.DataFrame | None) -> dict[str, Place]:
    """Ward and bed of each patient's latest stay."""
    ordered = rows_by(() if stays is None else rows_of(stays), "admitted_at", "ventilation_started_at", "stay_id")
    return {row["patient_id"]: (row["ward"], row["bed"]) for row in ordered}
