"""One row of `concordance` from its counts: estimates, intervals, and the answer. Definitions: `cmvmon.kinetics.concordance.table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import words
from cmvmon.kinetics.concordance.lag import Lag, lag_of
from cmvmon.kinetics.concordance.tally import COUNTS, Sums, Tally, tally_of
from cmvmon.kinetics.numerics.proportion import exact_interval
from cmvmon.kinetics.numerics.rank_correlation import Comparisons, tau
from cmvmon.protocol import Concordance, Protocol

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Row = dict[str, object]

_UNTOLD = ("n_blood_up", "n_other_up", "n_signed_agreeing")
_TOLD_AS = {
    "n_quantified": "n_pairs_both_quantified",
    "n_clear": "n_changes_clear",
    "n_agreeing": "n_changes_agreeing",
    "n_signed": "n_changes_signed",
}
_NO_LAG = Lag(None, None, None, "too_few_changes")


@dataclass(frozen=True)
class _Enough:
    """The least numbers that an answer needs. As many clear changes as the least number of pairs could give."""

    pairs: float
    changes: float
    patients: float


@dataclass(frozen=True)
class _Effects:
    """Design effects of the clear and of the signed changes, one of each per row."""

    clear: Numbers
    signed: Numbers


def patient_rows(sums: Sums, protocol: Protocol) -> pl.DataFrame:
    """The rows of all patients, in the order of the sides, without their names and series."""
    policy = protocol.concordance
    n_sides = len(sums.n_pairs)
    enough = _Enough(policy.patient_min_pairs, policy.patient_min_pairs - 1, 1)
    ends = np.searchsorted(sums.lag_side, np.arange(n_sides + 1))
    lags = [_NO_LAG] * n_sides
    for side in np.flatnonzero(np.diff(ends) >= enough.changes):
        lags[side] = _lag(sums.lag_right[ends[side] : ends[side + 1]], enough, protocol)
    effects = _Effects(np.ones(n_sides), np.ones(n_sides))
    rank = tau(sums.items, sums.pair_side, n_sides, shared=2, probability=policy.interval_probability)
    counts = {name: getattr(sums, name) for name in COUNTS}
    counts |= {
        "n_patients": (sums.n_pairs > 0).astype(np.int64),
        "n_patients_clear": (sums.n_clear > 0).astype(np.int64),
    }
    return _rows("patient", counts, effects, lags, rank, protocol, enough=enough)


def unit_row(sides: Whole, sums: Sums, protocol: Protocol) -> Row:
    """The row of the unit: the sides of all patients, each compared within herself."""
    return tallied_row(tally_of(sides, sums), protocol)


def tallied_row(tally: Tally, protocol: Protocol) -> Row:
    """The row of the unit from its tally: the same to the bit in whatever parts the patients were tallied."""
    policy = protocol.concordance
    enough = _Enough(policy.unit_min_pairs, policy.unit_min_pairs - policy.unit_min_patients, policy.unit_min_patients)
    lag = _lag(tally.lags.of.astype(np.bool_), enough, protocol, each=tally.lags.each)
    rho = policy.within_patient_correlation
    effects = _Effects(
        *(
            np.array([design_effect(*some.of.T, least_correlation=rho, each=some.each)])
            for some in (tally.clear, tally.signed)
        )
    )
    patients = Comparisons(*tally.ranks.of.T)
    of_unit = np.zeros(len(patients.together), dtype=np.int64)
    rank = tau(patients, of_unit, 1, shared=1, probability=policy.interval_probability, each=tally.ranks.each)
    counts = {name: np.array([n], dtype=np.int64) for name, n in tally.sums.items()}
    return _rows("unit", counts, effects, [lag], rank, protocol, enough=enough).row(0, named=True)


def design_effect(successes: Whole, n: Whole, *, least_correlation: float, each: Whole | None = None) -> float:
    """How much less several observations of one patient tell than as many independent ones; at least 1.

        estimated  G / (G - 1) sum (k_g - p n_g)^2 / (p (1 - p) n), where p = k / n is neither 0 nor 1 and G > 1
        least      1 + (m - 1) rho, m = sum n_g^2 / sum n_g

    The least one holds where all patients agree: then nothing can be estimated, and nothing is certain either.
    All sums are of whole numbers, so that the order of the patients changes no bit.

    Args:
        each: how many patients have these counts; None = one.

    >>> design_effect(np.array([3, 3, 3]), np.array([3, 3, 3]), least_correlation=0.2)
    1.4
    """
    often = np.ones(len(n), dtype=np.int64) if each is None else each
    counts: list[tuple[int, int, int]] = list(zip(successes.tolist(), n.tolist(), often.tolist(), strict=True))
    told = [one for one in counts if one[1] > 0]
    groups, total = sum(m for *_, m in told), sum(m * n_g for _, n_g, m in told)
    if total == 0:
        return 1.0
    k, n_squared = sum(m * k_g for k_g, _, m in told), sum(m * n_g * n_g for _, n_g, m in told)
    effect = max(1.0, 1.0 + (n_squared / total - 1.0) * least_correlation)
    if groups > 1 and 0 < k < total:
        scatter = sum(m * (k_g * total - k * n_g) ** 2 for k_g, n_g, m in told)  # times total squared
        effect = max(effect, groups * scatter / ((groups - 1) * total * k * (total - k)))
    return effect


def _rows(
    scope: str,
    counts: Mapping[str, Whole],
    effects: _Effects,
    lags: Sequence[Lag],
    rank: tuple[Numbers, Numbers, Numbers],
    protocol: Protocol,
    *,
    enough: _Enough,
) -> pl.DataFrame:
    policy = protocol.concordance
    clear = counts["n_clear"]
    share, low, high = _agreement(counts["n_agreeing"], clear, effects.clear, policy)
    signed, signed_low, _ = _agreement(counts["n_signed_agreeing"], counts["n_signed"], effects.signed, policy)
    with np.errstate(invalid="ignore", divide="ignore"):
        blood, other = counts["n_blood_up"] / clear, counts["n_other_up"] / clear
        by_chance = blood * other + (1.0 - blood) * (
            1.0 - other
        )  # if each side went up independently, as often as it did
        beyond_chance = (share - by_chance) / (1.0 - by_chance)
    has_enough = (
        (counts["n_pairs"] >= enough.pairs)
        & (clear >= enough.changes)
        & (counts["n_patients_clear"] >= enough.patients)
    )
    line = policy.follows_agreement
    is_beyond = (by_chance == 1.0) | (beyond_chance >= policy.least_agreement_beyond_chance)
    follows = (low >= line) & (signed_low >= line) & is_beyond
    answer = np.where(has_enough, np.where(follows, words.FOLLOWS, words.FOLLOWS_NOT), words.TOO_FEW_PAIRS)
    shares = {
        "direction_agreement": share,
        "direction_agreement_low": low,
        "direction_agreement_high": high,
        "agreement_by_chance": by_chance,
        "signed_agreement": signed,
        "signed_agreement_low": signed_low,
        **dict(zip(("rank_correlation", "rank_correlation_low", "rank_correlation_high"), rank, strict=True)),
    }
    return pl.DataFrame(
        {"scope": [scope] * len(lags)}
        | {_TOLD_AS.get(name, name): values for name, values in counts.items() if name not in _UNTOLD}
        | {name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in shares.items()}
        | {
            "lag_days": pl.Series([lag.days for lag in lags], dtype=pl.Float64),
            "lag_low_days": pl.Series([lag.low for lag in lags], dtype=pl.Float64),
            "lag_high_days": pl.Series([lag.high for lag in lags], dtype=pl.Float64),
            "lag_reason": pl.Series([lag.reason for lag in lags], dtype=pl.String),
            "answer": pl.Series(answer.tolist(), dtype=pl.String),
        }
    )


def _agreement(agreeing: Whole, n: Whole, effect: Numbers, policy: Concordance) -> tuple[Numbers, Numbers, Numbers]:
    """Shares and their exact intervals, NaN where n is 0; each interval is computed once for all rows that share it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = agreeing / n
    low, high = np.full(len(n), np.nan), np.full(len(n), np.nan)
    told = np.flatnonzero(n > 0)
    keys = np.stack([agreeing[told], n[told], effect[told]], axis=1)
    distinct, place = np.unique(keys, axis=0, return_inverse=True)
    ends = np.array(
        [exact_interval(float(k / d), float(total / d), policy.interval_probability) for k, total, d in distinct]
    ).reshape(-1, 2)
    low[told], high[told] = ends[place.ravel(), 0], ends[place.ravel(), 1]
    return share, low, high


def _lag(right: Truths, enough: _Enough, protocol: Protocol, *, each: Whole | None = None) -> Lag:
    policy = protocol.concordance
    return lag_of(
        right,
        each=each,
        longest=round(policy.longest_lag_days),
        n_least=round(enough.changes),
        probability=policy.interval_probability,
    )
