"""Units in which the amount of a dose is read, and the amount in milligrams: the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

MG: Mapping[str, Decimal] = {
    "mg": Decimal(1),
    "g": Decimal(1000),
    "ug": Decimal("0.001"),
    "mcg": Decimal("0.001"),
    "\u00b5g": Decimal("0.001"),  # the micro sign
    "\u03bcg": Decimal("0.001"),  # the Greek letter
}
"""Unit -> milligrams in one of it. Nothing is computed from a volume, a rate or a weight."""


def in_mg(amount: str, factor: Decimal) -> str | None:
    """An amount as text in milligrams, without needless zeros; None where it is no number.

    >>> in_mg("0.35", MG["g"]), in_mg("6", MG["g"]), in_mg("350000", MG["ug"]), in_mg("1,5", MG["g"])
    ('350', '6000', '350', None)
    """
    try:
        return format((Decimal(amount) * factor).normalize(), "f")
    except InvalidOperation:
        return None
