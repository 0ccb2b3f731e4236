"""What concordance counts: by side, and of a whole unit as a tally, which is as short for ten million patients as for a thousand.

A tally holds sums, and how often each combination of counts occurs. Tallies of groups of patients add up to that of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.kinetics.numerics.rank_correlation import Comparisons

Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

PLACE = ("compartment", "followed_compartment")
# Tallies as a table that any engine adds up: by place, what is counted and its key, the sum of `n`.
TALLIES: dict[str, pl.DataType] = {
    **dict.fromkeys((*PLACE, "what", "counted"), pl.String()),
    "n": pl.Int64(),
}
_SUM = "sum"
_WIDTHS = {"clear": 2, "signed": 2, "ranks": 3}

COUNTS = (
    "n_pairs",
    "n_quantified",
    "n_changes",
    "n_clear",
    "n_agreeing",
    "n_blood_up",
    "n_other_up",
    "n_signed",
    "n_signed_agreeing",
)


@dataclass(frozen=True)
class Sums:
    """Counts by side (a patient's compartment beside her blood), and what the rank correlation and the lag need.

    Attributes:
        n_...: one number per side.
        pair_side, items: for each pair its side, and its comparisons with the other pairs of that side.
        lag_side, lag_right: for each change that the lag is told from its side, and at which shifts blood agreed.
    """

    n_pairs: Whole
    n_quantified: Whole
    n_changes: Whole
    n_clear: Whole
    n_agreeing: Whole
    n_blood_up: Whole
    n_other_up: Whole
    n_signed: Whole
    n_signed_agreeing: Whole
    pair_side: Whole
    items: Comparisons
    lag_side: Whole
    lag_right: Truths


@dataclass(frozen=True)
class Often:
    """`of`: different rows of whole numbers, sorted. `each`: how often each of them occurs."""

    of: Whole
    each: Whole


@dataclass(frozen=True)
class Tally:
    """What the unit's row needs of all sides of one pair of compartments.

    Attributes:
        sums: by name, the sums of the counts, and how many sides have a pair, and a clear change.
        clear, signed: of each side with such changes, how many agree and how many there are.
        ranks: of each side with an order on both sides, its comparisons: together, first, second.
        lags: of each change that the lag is told from, at which shifts blood agreed (1) and at which not (0).
    """

    sums: Mapping[str, int]
    clear: Often
    signed: Often
    ranks: Often
    lags: Often


def tally_of(sides: Whole, sums: Sums) -> Tally:
    """The tally of these sides."""
    n_sides = len(sums.n_pairs)
    ranks = np.stack(
        [
            np.bincount(sums.pair_side, weights=x, minlength=n_sides).astype(np.int64)[sides] // 2
            for x in (sums.items.together, sums.items.first, sums.items.second)
        ],
        axis=1,
    )
    wanted = np.zeros(n_sides, dtype=np.bool_)
    wanted[sides] = True
    of_all = {name: int(getattr(sums, name)[sides].sum()) for name in COUNTS}
    of_all |= {
        "n_patients": int((sums.n_pairs[sides] > 0).sum()),
        "n_patients_clear": int((sums.n_clear[sides] > 0).sum()),
    }
    clear, signed = (
        np.stack([getattr(sums, agreeing)[sides], getattr(sums, n)[sides]], axis=1)
        for agreeing, n in (("n_agreeing", "n_clear"), ("n_signed_agreeing", "n_signed"))
    )
    return Tally(
        of_all,
        often(clear[clear[:, 1] > 0]),
        often(signed[signed[:, 1] > 0]),
        often(ranks[(ranks[:, 1] > 0) & (ranks[:, 2] > 0)]),
        often(sums.lag_right[wanted[sums.lag_side]].astype(np.int64)),
    )


def often(rows: Whole, each: Whole | None = None) -> Often:
    """The different ones of these rows, and how often each occurs. `each`: how many each row stands for; None = one."""
    if not len(rows):
        return Often(rows, np.zeros(0, dtype=np.int64))
    of, place = np.unique(rows, axis=0, return_inverse=True)
    weights = None if each is None else each.astype(np.float64)
    return Often(of, np.bincount(place.ravel(), weights=weights, minlength=len(of)).astype(np.int64))


def tallies(places: pl.DataFrame, sums: Sums) -> pl.DataFrame:
    """The tallies of all sides, by pair of compartments, in the layout TALLIES. `places`: the compartments of each side."""
    rows: list[tuple[str, str, str, str, int]] = []
    for (one, other), of_place in places.select(PLACE).with_row_index("side").group_by(*PLACE):
        tally = tally_of(of_place["side"].sort().to_numpy().astype(np.int64), sums)
        at = (str(one), str(other))
        rows += [(*at, _SUM, name, n) for name, n in tally.sums.items()]
        for what in (*_WIDTHS, "lags"):
            found: Often = getattr(tally, what)
            keys = (" ".join(map(str, row)) for row in found.of.tolist())
            rows += [(*at, what, key, n) for key, n in zip(keys, found.each.tolist(), strict=True)]
    return pl.DataFrame(rows, schema=TALLIES, orient="row")


def tallies_added(told: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The tallies of groups of patients as one, each patient in one group."""
    by = [name for name in TALLIES if name != "n"]
    return pl.concat([pl.DataFrame(schema=TALLIES), *told]).group_by(by).agg(pl.col("n").sum()).select(list(TALLIES))


def tally_from(rows: pl.DataFrame) -> Tally:
    """The tally that these rows of TALLIES tell, all of one pair of compartments, each count once."""
    parts = {str(what): part for (what,), part in rows.group_by("what")}
    empty = rows.clear()

    def told(what: str) -> Often:
        part = parts.get(what, empty)
        of = np.array([list(map(int, key.split())) for key in part["counted"]], dtype=np.int64)
        return often(of.reshape(part.height, -1 if part.height else _WIDTHS.get(what, 0)), part["n"].to_numpy())

    sums = dict(parts[_SUM].select("counted", "n").iter_rows())
    return Tally(sums, told("clear"), told("signed"), told("ranks"), told("lags"))
