"""The unit's rows of `concordance` from the counts of groups of patients, or of single patients, kept as text.

For tables that do not fit into memory at once, and for a site that adds one result to thousands of patients' counts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.results import CONCORDANCE
from cmvmon.kinetics.concordance.rows import Row, tallied_row
from cmvmon.kinetics.concordance.sample_pairs import with_both
from cmvmon.kinetics.concordance.table import paired_samples, rows_of_patients, sums_of
from cmvmon.kinetics.concordance.tally import COUNTS, PLACE, Sums, tallies, tallies_added, tally_from
from cmvmon.kinetics.numerics.rank_correlation import Comparisons
from cmvmon.protocol import Protocol

_COMPARED = ("together", "first", "second")

Whole = npt.NDArray[np.int64]


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
    paired = paired_samples(results, protocol=protocol, as_of=as_of)
    return None if paired.sides.is_empty() else Part(paired.sides.select(PLACE), sums_of(paired, protocol))


def counts_by_patient(
    results: pl.DataFrame, *, protocol: Protocol, as_of: datetime
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The rows of `concordance` of each patient who has both blood and another compartment, and the counts that the unit
    needs of them, as JSON text by patient (`part_of_texts` reads it).

    Args:
        results: as `concordance` takes them, all rows of each patient.
    """
    if with_both(results).is_empty():  # often, of one patient: there is nothing to compare
        return CONCORDANCE.empty(), {}
    paired = paired_samples(results, protocol=protocol, as_of=as_of)
    if paired.sides.is_empty():
        return CONCORDANCE.empty(), {}
    sums = sums_of(paired, protocol)
    patients = paired.sides["patient_id"].to_list()
    places = paired.sides.select(PLACE).rows()
    starts = [i for i, patient in enumerate(patients) if i == 0 or patients[i - 1] != patient]
    stops = [*starts[1:], len(patients)]
    texts = {
        patients[a]: json.dumps({"places": places[a:b]} | _numbers_of(sums, a, b), separators=(",", ":"))
        for a, b in zip(starts, stops, strict=True)
    }
    return rows_of_patients(paired, sums, protocol), texts


def part_of_texts(texts: Sequence[str]) -> Part | None:
    """The counts of these patients together; None when there are none. `texts`: in the order of `patient_id`."""
    told = [json.loads(text) for text in texts]
    if not told:
        return None
    first = np.cumsum([0, *(len(one["places"]) for one in told)])

    def joined(name: str) -> Whole:
        return np.array([x for one in told for x in one[name]], dtype=np.int64)

    def placed(name: str) -> Whole:
        return np.array([x + int(a) for one, a in zip(told, first, strict=False) for x in one[name]], dtype=np.int64)

    right = [[sign == "1" for sign in line] for one in told for line in one["lag_right"]]
    sums = Sums(
        **{name: joined(name) for name in COUNTS},
        pair_side=placed("pair_side"),
        items=Comparisons(*(joined(name) for name in _COMPARED)),
        lag_side=placed("lag_side"),
        lag_right=np.array(right, dtype=np.bool_) if right else np.zeros((0, told[0]["n_shifts"]), dtype=np.bool_),
    )
    places = pl.DataFrame([place for one in told for place in one["places"]], schema=list(PLACE), orient="row")
    return Part(places, sums)


def _numbers_of(sums: Sums, first: int, stop: int) -> dict[str, object]:
    """The counts of these sides, numbered from 0."""
    pairs = slice(*np.searchsorted(sums.pair_side, [first, stop]))
    lags = slice(*np.searchsorted(sums.lag_side, [first, stop]))
    return {
        **{name: getattr(sums, name)[first:stop].tolist() for name in COUNTS},
        "pair_side": (sums.pair_side[pairs] - first).tolist(),
        **{name: getattr(sums.items, name)[pairs].tolist() for name in _COMPARED},
        "lag_side": (sums.lag_side[lags] - first).tolist(),
        "lag_right": ["".join("1" if right else "0" for right in line) for line in sums.lag_right[lags].tolist()],
        "n_shifts": int(sums.lag_right.shape[1]),
    }


def unit_rows(parts: Sequence[Part], *, protocol: Protocol) -> pl.DataFrame:
    """The rows of the unit, as `concordance` gives them for all patients at once, to the bit.

    Args:
        parts: groups of patients, each patient in one.
    """
    return rows_of_tallies(tallies_added([tallies(part.places, part.sums) for part in parts]), protocol=protocol)


def rows_of_tallies(tallied: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """The same from the tallies of all patients (`TALLIES`), each count once: what an engine adds up from its workers."""
    rows: list[Row] = []
    for place, of_place in tallied.group_by(*PLACE):
        tally = tally_from(of_place)
        if tally.sums["n_pairs"]:
            told = dict(zip(PLACE, place, strict=True)) | {"protocol_version": protocol.version}
            rows.append(told | tallied_row(tally, protocol))
    table = pl.DataFrame(rows, infer_schema_length=None, schema=CONCORDANCE.schema)
    return CONCORDANCE.conform(table).sort(*CONCORDANCE.key, nulls_last=True)
