"""The results that count at a moment: current, usable, each with its noise, and each sample time told once."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.domain.versions import current_results
from cmvmon.kinetics.noise.in_use import laboratory_sigma
from cmvmon.kinetics.noise.same_minute import count_twins_once, impossible_pairs, mark_pairs
from cmvmon.protocol import Protocol


def results_in_use(
    versions: pl.DataFrame, assays: pl.DataFrame, *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """The results that count at `as_of`: current, usable, collected by then, each with its noise (`laboratory_sigma`).

    Equal ones of one sample time count once; those of an impossible pair are `is_conflicting`. Row order is not defined.
    """
    return with_noise(current_results(versions.filter(pl.col("collected_at") <= as_of)), assays, protocol=protocol)


def with_noise(usable: pl.DataFrame, assays: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """Current usable results as `results_in_use` gives them, whenever they were collected."""
    noisy = laboratory_sigma(usable, assays)
    return told_once(noisy, impossible_pairs(noisy, protocol=protocol))


def told_once(usable: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Usable results with the impossible `pairs` among them marked, and equal ones of one sample time counted once."""
    return count_twins_once(mark_pairs(usable, pairs))
