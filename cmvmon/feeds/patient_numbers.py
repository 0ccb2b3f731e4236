"""How a feed writes patients' numbers (`[patient_ids]`): each is brought into the one form that everybody else uses."""

from __future__ import annotations

_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold_number(number: str) -> str:
    """A number without blanks, leading zeros and capitals: two numbers that are alike then may be one patient.

    Letters beside A to Z stay as they are, so that every database folds alike.

    >>> [fold_number(number) for number in ("0012345", "12 345", "A12", "a12")]
    ['12345', '12345', 'a12', 'a12']
    """
    return number.replace(" ", "").lstrip("0").translate(_SMALL)
