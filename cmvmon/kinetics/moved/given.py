"""What a patient was given between two samples, as far as it bears on whether her load rose or fell by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cmvmon.protocol import Protocol

_Course = tuple[datetime, datetime | None, bool]


@dataclass(frozen=True)
class Given:
    """Of one patient: from when until when (None = it runs) each drug was given, and whether it treats this virus."""

    courses: Sequence[_Course]

    def any_drug(self, since: datetime, until: datetime) -> bool:
        """Whether any drug was given in that time, also one that does not treat."""
        return any(start <= until and (stop is None or stop >= since) for start, stop, _ in self.courses)

    def without_treatment(self, since: datetime, until: datetime) -> timedelta:
        """How much of that time no drug was given that treats."""
        free, from_here = timedelta(0), since
        for start, stop, treats in sorted(self.courses, key=lambda course: course[0]):
            if treats and start < until:
                free += max(start - from_here, timedelta(0))
                from_here = max(from_here, until if stop is None else min(stop, until))
        return free + (until - from_here)


NOTHING = Given(())


def given_of(rows: pl.DataFrame, courses: pl.DataFrame, protocol: Protocol) -> Mapping[str, Given]:
    """By patient of `rows` what she was given; one who was given nothing is left out.

    Args:
        courses: `antiviral_courses`.
    """
    treats = protocol.treatment_drugs
    found: dict[str, list[_Course]] = {}
    theirs = courses.join(rows, on="patient_id", how="semi").select("patient_id", "drug", "started_at", "stopped_at")
    for patient, drug, start, stop in theirs.iter_rows():
        found.setdefault(patient, []).append((start, stop, drug in treats))
    return {patient: Given(each) for patient, each in found.items()}
