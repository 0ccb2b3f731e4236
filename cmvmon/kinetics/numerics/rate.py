"""The interval of a rate: so many events in so much time, counted in units (patients) of which one may bring several."""

from __future__ import annotations

import math
from collections.abc import Mapping

_Z = 1.959963984540054  # of 95 %


def rate_interval(events: Mapping[str, int], times: Mapping[str, float]) -> tuple[float, float]:
    """The 95 % interval of the rate of events, by Byar's formula for a Poisson count, of an *effective* count.

        n_eff = n / D, T_eff = T / D, where D = max(1, sum over units of (events - rate x time)^2 / n)

    D is the design effect: what the units truly scatter, as a multiple of what they would if events came independently.
    Events of one unit that come together widen the interval; where they don't, it is Byar's own.

    Args:
        events: how many, by unit; a unit that is not there had none.
        times: how long each unit was watched; not below 0, some above.

    Returns the two ends, in events per unit of time. Without any event the lower end is 0 and D is 1.
    Source: Breslow and Day 1987, IARC 82, page 69 (Byar); the effective count as Korn and Graubard 1998 have it for a share.

    >>> [round(end, 2) for end in rate_interval({"a": 10}, {"a": 1.0})]
    [4.79, 18.39]
    >>> [round(end, 2) for end in rate_interval({}, {"a": 10.0})]
    [0.0, 0.37]
    """
    count, time = sum(events.values()), sum(times.values())
    rate = count / time
    scatter = sum((events.get(unit, 0) - rate * span) ** 2 for unit, span in times.items())
    effect = max(1.0, scatter / count) if count else 1.0
    low, high = _byar(count / effect)
    return low * effect / time, high * effect / time


def _byar(count: float) -> tuple[float, float]:
    """The interval of a Poisson mean of which `count` events were seen."""
    above = count + 1.0
    high = above * (1.0 - 1.0 / (9.0 * above) + _Z / (3.0 * math.sqrt(above))) ** 3
    if count <= 0.0:
        return 0.0, high
    return max(0.0, count * (1.0 - 1.0 / (9.0 * count) - _Z / (3.0 * math.sqrt(count))) ** 3), high
