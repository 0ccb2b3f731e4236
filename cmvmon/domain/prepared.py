"""What the mathematics made of what was known: computed once in an assessment, read by facts, pages and queries."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cmvmon.domain.known import Known


@dataclass(frozen=True)
class Prepared:
    """Current results, clocks and declines at one moment.

    Attributes:
        begun: the delivered rows that had begun, ends after the moment read as null.
        results: current results, with `is_conflicting` and `sigma_log10`, sorted by moment and id.
        shown: the same and the preliminary ones, which a page shows and nothing judges.
        clocks: one row per patient and anchor.
        weekly_decline: as its row type, sorted by its key.
        concordance: whether blood follows other compartments, by patient and for the unit, as its row type.
    """

    begun: Known
    results: pl.DataFrame
    shown: pl.DataFrame
    clocks: pl.DataFrame
    weekly_decline: pl.DataFrame
    concordance: pl.DataFrame
