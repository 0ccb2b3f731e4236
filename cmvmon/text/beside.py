"""Numbers beside the lines that they are held against: as many decimals as it takes to stand on the right side of each. Pure.

So 0.399 is never said to be "0.4, below 0.4". A number that is nearer to its line than arithmetic is exact counts as equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

_EXACT = 1e-9  # of the greater of the two: nearer than this, numbers are one number that was computed in two ways
_MOST_DECIMALS = 12


def rounded(x: float, digits: int) -> float:
    """`x` rounded half away from zero, as people round by hand; -0.0 becomes 0.0."""
    scale = 10.0**digits
    return math.copysign(math.floor(abs(x) * scale + 0.5) / scale, x) + 0.0


def floored(x: float, digits: int) -> float:
    """`x` cut off after so many decimals, as what is full is counted."""
    scale = 10.0**digits
    return math.floor(x * scale * (1 + _EXACT)) / scale


def decimals(x: float, least: int, lines: Collection[float], rounding: Callable[[float, int], float] = rounded) -> int:
    """The fewest decimals, `least` or more, with which `x` is above, on or below each line as it is without rounding.

    >>> decimals(0.399, 1, (0.4,)), decimals(0.3, 1, (0.4,)), decimals(9.02, 0, (9.0,))
    (3, 1, 2)
    """
    if not lines:
        return least
    wanted = [side(x, line) for line in lines]
    for digits in range(least, _MOST_DECIMALS):
        if [side(rounding(x, digits), line) for line in lines] == wanted:
            return digits
    return least


def written_line(line: float, least: int, values: Collection[float]) -> float:
    """A line that was computed, with the fewest decimals, `least` or more, that leave each value on its side.

    >>> written_line(583.3333, 1, (580.0,)), written_line(583.3333, 1, (583.32,))
    (583.3, 583.33)
    """
    wanted = [(value, was) for value in values if (was := side(value, line))]
    for digits in range(least, _MOST_DECIMALS):
        found = rounded(line, digits)
        if all(side(value, found) == was for value, was in wanted):
            return found
    return line


def side(x: float, line: float) -> int:
    """Above its line 1, below it -1, on it 0."""
    return 0 if math.isclose(x, line, rel_tol=_EXACT, abs_tol=1e-12) else 1 if x > line else -1
