"""Timing of peers in one run: every repeat runs each of them once, so that a slow moment of the machine hits all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timed:
    """Seconds of every repeat of one thing."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    def __str__(self) -> str:
        unit, name = (1.0, "s") if self.median >= 1.0 else (1e3, "ms")
        low, high = min(self.seconds) * unit, max(self.seconds) * unit
        return f"{self.median * unit:.3g} {name} ({low:.3g}-{high:.3g})"


def timed_together(
    peers: Mapping[str, Callable[[], object]],
    *,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
    warmed: bool = False,
) -> dict[str, Timed]:
    """Seconds by that clock of each peer in each of `repeats` rounds.

    Each runs once before the first round, untimed, unless that has been done (`warmed`).
    """
    for run in () if warmed else peers.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, run in peers.items():
            begun = clock()
            run()
            seconds[name].append(clock() - begun)
    return {name: Timed(tuple(values)) for name, values in seconds.items()}


def ratio(slow: Timed, fast: Timed) -> str:
    """How many times longer `slow` took: the ratio of the medians, and the range of the ratios of the rounds."""
    rounds = [a / b for a, b in zip(slow.seconds, fast.seconds, strict=True)]
    return f"{_digits(slow.median / fast.median)} ({_digits(min(rounds))}-{_digits(max(rounds))})"


def _digits(number: float) -> str:
    """Two digits after the point below 10, one below 100, none above."""
    return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f}"
