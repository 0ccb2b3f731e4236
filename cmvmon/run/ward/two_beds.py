"""Patients who lie in two beds since their numbers were merged: a stay was not ended, or two persons are shown as one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.patient_links import Links
from cmvmon.run.ward.placing import places


def beds_of_two(connection: sa.Connection, old: str, new: str, *, at: datetime) -> tuple[str, str] | None:
    """The beds in which two numbers lie at that moment, where these differ; None: one of them lies in none, or they are one."""
    found = places(connection, (old, new), at=at)
    here = [place for place in map(found.get, (old, new)) if place is not None and place.left_at is None]
    beds = [" ".join(filter(None, (place.ward, place.bed))) for place in here if place.bed is not None]
    return (beds[0], beds[1]) if len(set(beds)) > 1 else None


def n_in_two_beds(stays: pl.DataFrame, one: Links) -> int:
    """How many patients whose numbers were merged have stays in different beds that nobody has ended.

    `stays`: rows of `icu_stays` that had begun, each under the number that goes on, those of the dead ended. Of one stay the bed of
    its last ventilation counts.
    """
    beds = (
        stays.filter(pl.col("discharged_at").is_null(), pl.col("patient_id").is_in(_merged_into(one)))
        .sort("ventilation_started_at", nulls_last=False, maintain_order=True)
        .group_by("patient_id", "stay_id", maintain_order=True)
        .agg(pl.col("ward", "bed").last())
        .drop_nulls("bed")
    )
    several = beds.group_by("patient_id").agg(n=pl.struct("ward", "bed").n_unique())
    return several.filter(pl.col("n") > 1).height


def _merged_into(one: Links) -> Collection[str]:
    return sorted(set(one.into.values()))
