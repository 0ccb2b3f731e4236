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
        results: current results, with `is_conflicting` (also of results of one minute that can't both be true) and
            `sigma_log10`, equal ones of one minute once, sorted by moment and id.
        shown: all of them and the preliminary ones, which a page shows and nothing judges.
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
