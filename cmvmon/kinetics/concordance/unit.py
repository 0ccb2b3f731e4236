"""The unit's rows of `concordance` from several groups of patients, for tables that do not fit into memory at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from cmvmon.domain.results import CONCORDANCE
from cmvmon.kinetics.concordance.rows import COUNTS, Row, Sums, unit_row
from cmvmon.kinetics.concordance.sample_pairs import sample_pairs
from cmvmon.kinetics.concordance.table import READS, sums_of
from cmvmon.kinetics.numerics.rank_correlation import Comparisons
from cmvmon.protocol import Protocol

_PLACE = ("compartment", "followed_compartment")


@dataclass(frozen=True)
class Part:
    """What the unit needs of one group of patients: the two compartments of each side, and its counts."""

    places: pl.DataFrame
    sums: Sums


def part_of(results: pl.DataFrame, *, protocol: Protocol, as_of: datetime) -> Part | None:
    """The counts of these patients; None when none of them has both blood and another compartment.

    Args:
        results: as `concordance` takes them, all rows of each patient.
    """
    known = set(results.columns)
    light = results.filter(pl.col("collected_at") <= pl.lit(as_of).cast(pl.Datetime("us", "UTC"))).select(
        *READS, *(name for name in ("is_conflicting", "sigma_log10") if name in known)
    )
    paired = sample_pairs(light, protocol=protocol)
    return None if paired.sides.is_empty() else Part(paired.sides.select(_PLACE), sums_of(paired, protocol))


def unit_rows(parts: Sequence[Part], *, protocol: Protocol) -> pl.DataFrame:
    """The rows of the unit, as `concordance` gives them for all patients at once, to the bit.

    Args:
        parts: groups of patients, each patient in one, in the order of `patient_id`.
    """
    if not parts:
        return CONCORDANCE.empty()
    sums = _joined([part.sums for part in parts])
    places = pl.concat([part.places for part in parts]).with_row_index("side")
    rows: list[Row] = []
    for place, of_place in places.group_by(*_PLACE):
        sides = of_place["side"].sort().to_numpy().astype(np.int64)
        if sums.n_pairs[sides].any():
            told = dict(zip(_PLACE, place, strict=True)) | {"protocol_version": protocol.version}
            rows.append(told | unit_row(sides, sums, protocol))
    table = pl.DataFrame(rows, infer_schema_length=None, schema=CONCORDANCE.schema)
    return CONCORDANCE.conform(table).sort(*CONCORDANCE.key, nulls_last=True)


def _joined(sums: Sequence[Sums]) -> Sums:
    """The sides of all parts, one after the other."""
    first = np.cumsum([0, *(len(part.n_pairs) for part in sums)])
    return Sums(
        **{name: np.concatenate([getattr(part, name) for part in sums]) for name in COUNTS},
        pair_side=np.concatenate([part.pair_side + start for part, start in zip(sums, first, strict=False)]),
        items=Comparisons(
            *(np.concatenate([getattr(part.items, name) for part in sums]) for name in ("together", "first", "second"))
        ),
        lag_side=np.concatenate([part.lag_side + start for part, start in zip(sums, first, strict=False)]),
        lag_right=np.concatenate([part.lag_right for part in sums]),
    )
