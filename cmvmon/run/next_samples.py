"""When one more sample would settle the open calls of an assessment; for pages and analyses alike."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl

from cmvmon.assess import Assessment
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.kinetics import treatment_courses
from cmvmon.kinetics.next_sample import next_sample
from cmvmon.protocol import Protocol


def next_samples(
    assessment: Assessment, patients: Collection[str], *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """`next_sample` of these patients; no row where no call is open, or the declines were not the bank's."""
    if assessment.courses is None:
        return NEXT_SAMPLE.empty()
    clocks = treatment_courses(assessment.courses, protocol=protocol, as_of=as_of)
    weekly = assessment.weekly_decline.filter(pl.col("patient_id").is_in(sorted(patients)))
    return next_sample(assessment.results, clocks, weekly, protocol=protocol, as_of=as_of)
