"""How the components of a mixture lie in the room where `mixture` works on them. No numba here: who makes the room needs none.

A processor does as many components at once as it can, if their number is constant and like numbers lie side by side: LANES
weights, LANES means, LANES of 1 / sd, then what is worked out at one point (LOW) and at another (HIGH); then the next LANES
components. Places are unsigned, for numba reads a negative one from the array's end and would ask each time.
"""

from __future__ import annotations

import numpy as np

LANES, ONE = np.uint64(16), np.uint64(1)
MEAN, PER_SD, LOW, HIGH = LANES, np.uint64(32), np.uint64(48), np.uint64(112)  # from a component's weight on
DENSITY, BEND, TWIST = (
    LANES,
    np.uint64(32),
    np.uint64(48),
)  # from LOW or HIGH on, where the distribution function's terms stand
ROOM = np.uint64(176)  # of LANES components


def room_for(n: int) -> int:
    """How many numbers of room n components need."""
    return -(-n // int(LANES)) * int(ROOM)
