"""Whether so many patients of a laboratory moved one way at once that it is a question to the laboratory, and not to forty wards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import polars as pl

from cmvmon.domain.moved_together import WAYS, MovedTogether
from cmvmon.protocol import Protocol

_OF = ("laboratory", "assay")


_Confirmed = Mapping[tuple[str, str, str], datetime]
_NOBODY: _Confirmed = {}


def moved_together(
    steps: pl.DataFrame, *, protocol: Protocol, confirmed: _Confirmed = _NOBODY
) -> tuple[MovedTogether, ...]:
    """Every laboratory and assay whose results moved together, by way, in order.

    From a moment on, of all patients of whom it is known, at least the protocol's share moved that way, and at least its number of
    patients. Of several such moments the one after which most moved beyond that share, of equal ones the last.

    Args:
        steps: `cmvmon.kinetics.moved.steps.steps` of every patient of the unit.
        confirmed: by laboratory, assay and way, when the laboratory confirmed such results (UTC): those of samples until then are
            not asked about.
    """
    return tuple(sorted(_found(steps, protocol, confirmed)))


def _found(steps: pl.DataFrame, protocol: Protocol, confirmed: _Confirmed) -> Iterator[MovedTogether]:
    policy = protocol.moved_together
    for (laboratory, assay), of_assay in steps.group_by(_OF):
        for way in WAYS:
            patients = _patients(of_assay, way)
            moved = patients["moved_at"].drop_nulls()
            if moved.len() < policy.least_patients:
                continue
            since = moved.unique().sort()
            answered = confirmed.get((str(laboratory), str(assay), way))
            if answered is not None:
                since = since.filter(since > answered)
            if since.is_empty():
                continue
            moved_at, newest_at = (each.to_physical().to_numpy() for each in (moved, patients["newest_at"]))
            starts = since.to_physical().to_numpy()
            n_moved = np.array([int((moved_at >= start).sum()) for start in starts])
            n_patients = np.array([int((newest_at >= start).sum()) for start in starts])
            beyond = np.round(n_moved - policy.least_share_moved * n_patients, 9)
            is_so = (n_moved >= policy.least_patients) & (beyond >= 0)
            if is_so.any():
                best = int(np.flatnonzero(is_so & (beyond == beyond[is_so].max()))[-1])
                counts = int(n_moved[best]), int(n_patients[best]), policy.within_days
                yield MovedTogether(str(laboratory), str(assay), way, since[best], *counts)


def _patients(steps: pl.DataFrame, way: str) -> pl.DataFrame:
    """Each patient of whom it is known, with `newest_at` and `moved_at`: null where no series moved, or one did not that was sampled
    since."""
    at, newest = pl.col(f"{way}_at"), pl.col("newest_at")
    known = steps.filter(f"{way}_is_known").with_columns(moved_at=at.max().over("patient_id"))
    stayed = (at.is_null() & (newest >= pl.col("moved_at"))).fill_null(False).any()
    return known.group_by("patient_id").agg(newest.max(), moved_at=pl.when(~stayed).then(pl.col("moved_at").first()))
