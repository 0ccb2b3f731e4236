"""The lines of the bank as the kernels take them: one row of numbers each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cmvmon.protocol.trajectory_priors import MOST_CHANGES, RESPONSES, TrajectoryLine

Array = npt.NDArray[np.float64]
MOST_SIZE = 2 + MOST_CHANGES  # load at the anchor and the decline of each piece
STATE_COLUMNS = 1 + MOST_SIZE + MOST_SIZE * (MOST_SIZE + 1) // 2  # log weight, mean, covariance


def bank_numbers(lines: Sequence[TrajectoryLine], at_least: int = 0) -> Array:
    """The lines as `bank.update` takes them, one row each; rows up to `at_least` are lines of no weight."""
    rows = [_line_numbers(line) for line in lines]
    rows += [_line_numbers(_NOTHING)] * (at_least - len(rows))
    return np.array(rows, dtype=np.float64)


_NOTHING = TrajectoryLine("nothing", "none", RESPONSES[0], (), 0.0, (0.0, 0.0), (1.0, 0.0, 1.0))


def _line_numbers(line: TrajectoryLine) -> list[float]:
    """log weight, size, two changes, whether late, response, mean, covariance; what a line lacks is filled up with 0."""
    weight = math.log(line.weight) if line.weight > 0 else -math.inf
    size = len(line.mean)
    changes = [*line.changes_at_weeks, math.inf, math.inf][:MOST_CHANGES]
    covariance = np.zeros((MOST_SIZE, MOST_SIZE))
    covariance[_upper(size)] = line.covariance
    mean = [*line.mean, *[0.0] * (MOST_SIZE - size)]
    kind = [float(line.change == "late"), float(RESPONSES.index(line.response))]
    return [weight, float(size), *changes, *kind, *mean, *covariance[_upper(MOST_SIZE)]]


@lru_cache(maxsize=MOST_SIZE)
def _upper(size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the upper triangle of a matrix of that size lies: asked twice for each of a few hundred lines."""
    return np.triu_indices(size)
