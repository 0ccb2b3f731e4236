"""One result printed on two rows, in a quantity and in its log10: the second row repeats the first where they agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmvmon.feeds.numerals import Printed
from cmvmon.feeds.units import Unit, agree
from cmvmon.feeds.value_grammar import Reading, ValueGrammar, parse_value


def is_log10_of(linear: Mapping[str, Any], log10: Mapping[str, Any], *, grammar: ValueGrammar) -> bool:
    """Whether the second row prints as log10 what the first prints as it is, within the rounding of both.

    Their detection must be the same, and their quantity: IU and copies can't be checked against each other.

    Args:
        linear, log10: rows with `delivered_value` and `delivered_unit` (None: no unit was delivered).
    """
    first, second = _printed(linear, grammar), _printed(log10, grammar)
    if first is None or second is None:
        return False
    (detection, number, unit), (other_detection, other_number, other_unit) = first, second
    are_two_scales = not unit.is_log10 and other_unit.is_log10 and unit.quantity == other_unit.quantity
    return are_two_scales and detection == other_detection and agree(number, unit, other_number, other_unit)


def _printed(row: Mapping[str, Any], grammar: ValueGrammar) -> tuple[str, Printed, Unit] | None:
    """Detection, number and unit; None where no number was printed, or it can't be read now."""
    reading = parse_value(row["delivered_value"] or "", row["delivered_unit"], grammar=grammar)
    if not isinstance(reading, Reading) or reading.unit is None or reading.half_step is None:
        return None
    number = reading.limit if reading.value is None else reading.value
    return None if number is None else (reading.detection, Printed(number, reading.half_step), reading.unit)
