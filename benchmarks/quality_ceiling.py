"""The ceiling of the series that are judged, shared over the cores: whole series each, so that no number depends on it."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.ceiling import Ceiling, Observations, Particles, ceiling, particles
from cmvmon.simulate.hosts import REBOUND

Numbers = NDArray[np.float64]
PIECES = 8  # of one compartment's series: small enough that no core waits long for the last
SHAPES_SEED_IS = 7919  # added to the seed of the ward: shapes and series are drawn apart


@dataclass(frozen=True)
class _Piece:
    seen: Observations
    compartment: str
    n: int
    seed: int
    days: tuple[float, ...]
    stands_for_days: float


def ceilings(
    seen: dict[str, Observations],
    *,
    n: int,
    seed: int,
    days: tuple[float, ...],
    stands_for_days: float,
    processes: int,
) -> dict[str, Ceiling]:
    """The ceiling of each compartment's series, from `n` shapes of the scenario `ward`."""
    pieces = [
        _Piece(part, name, n, seed + SHAPES_SEED_IS, days, stands_for_days)
        for name, every in seen.items()
        for part in _cut(every)
    ]
    if processes == 1:
        done = [_of_piece(piece) for piece in pieces]
    else:
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
            done = list(pool.map(_of_piece, pieces))
    return {
        name: _joined([got for piece, got in zip(pieces, done, strict=True) if piece.compartment == name])
        for name in seen
    }


def _of_piece(piece: _Piece) -> Ceiling:
    shapes = _shapes(piece.compartment, piece.n, piece.seed)
    return ceiling(piece.seen, shapes, piece.days, stands_for_days=piece.stands_for_days)


def _shapes(compartment: str, n: int, seed: int) -> Particles:
    """Shapes of which only those named rebound count as rising: that is the cause which the alarms are judged by."""
    made = particles(compartment, n, seed)
    return replace(made, rising_from_days=np.where(made.response == REBOUND, made.rising_from_days, np.inf))


def _cut(seen: Observations) -> list[Observations]:
    ends = np.linspace(0, seen.offsets.size - 1, PIECES + 1).astype(int)
    return [_part(seen, a, b) for a, b in pairwise(ends)]


def _part(seen: Observations, a: int, b: int) -> Observations:
    rows = slice(seen.offsets[a], seen.offsets[b])
    return Observations(
        offsets=seen.offsets[a : b + 1] - seen.offsets[a],
        t_weeks=seen.t_weeks[rows],
        state=seen.state[rows],
        value=seen.value[rows],
        lod=seen.lod[rows],
        lloq=seen.lloq[rows],
        uloq=seen.uloq[rows],
    )


def _joined(parts: list[Ceiling]) -> Ceiling:
    return Ceiling(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def with_ceiling(rows: pl.DataFrame, found: Ceiling, days: tuple[float, ...]) -> pl.DataFrame:
    """The judged rows with the ceiling's estimates, under the names that the scores read."""
    place, day = rows["place"].to_numpy(), rows["day"].replace_strict({d: k for k, d in enumerate(days)}).to_numpy()
    taken = {
        "decline": found.mean,
        "low": found.mean_low,
        "high": found.mean_high,
        "p": found.mean_probability,
        "week_low": found.week_low,
        "week_high": found.week_high,
    }
    return rows.with_columns(
        pl.Series(f"ceiling_{name}", np.asarray(values[place, day], dtype=np.float64)).fill_nan(None)
        for name, values in taken.items()
    )
