"""Units that laboratories deliver, and the step from them to IU/mL.

Copies become IU only with the factor of the assay, which belongs to an assay and a date (GLOSSARY "IU per copy").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cmvmon.feeds.numerals import Printed

IU = "iu"
COPIES = "copies"


@dataclass(frozen=True)
class Unit:
    """What one delivered unit means.

    Attributes:
        quantity: `iu` or `copies`, each per mL.
        is_log10: the number is the log10 of the quantity.
        times: how many of the quantity per mL one delivered unit is (1000 for kIU/mL); 1 for log10 units.
    """

    quantity: str
    is_log10: bool = False
    times: float = 1.0

    def linear(self, number: float) -> float:
        """`number` of this unit as quantity per mL; infinite where it is too large for a computer."""
        if not self.is_log10:
            return number * self.times
        return math.inf if number > 300 else 10.0**number


IU_PER_ML = Unit(IU)
KINDS: dict[str, Unit] = {
    "iu_per_ml": IU_PER_ML,
    "log10_iu_per_ml": Unit(IU, is_log10=True),
    "copies_per_ml": Unit(COPIES),
    "log10_copies_per_ml": Unit(COPIES, is_log10=True),
}


def to_iu_per_ml(number: float, unit: Unit, *, iu_per_copy: float | None) -> float | None:
    """`number` of `unit` in IU/mL; None for copies without a factor: none is assumed.

    >>> round(to_iu_per_ml(1000.0, KINDS["copies_per_ml"], iu_per_copy=0.58))
    580
    """
    linear = unit.linear(number)
    if unit.quantity == IU:
        return linear
    return None if iu_per_copy is None else linear * iu_per_copy


def agree(first: Printed, first_unit: Unit, second: Printed, second_unit: Unit) -> bool:
    """Whether two printed numbers of one quantity can be the same value: their rounding intervals meet.

    `<35 (<1.54 log)` agrees, because log10 35 = 1.544 prints as 1.54; `<35.4 (<1.54 log)` does not.
    """
    (low, high), (low_2, high_2) = _log10_interval(first, first_unit), _log10_interval(second, second_unit)
    slack = 1e-9  # the ends are computed in floating point; a printed half step is never this small
    return low <= high_2 + slack and low_2 <= high + slack


def _log10_interval(printed: Printed, unit: Unit) -> tuple[float, float]:
    low, high = printed.value - printed.half_step, printed.value + printed.half_step
    if unit.is_log10:
        return low, high
    low, high = low * unit.times, high * unit.times
    return (math.log10(low) if low > 0 else -math.inf), math.log10(high)
