"""Amounts of one dose that can be what they say: outside them a dose in mg/kg, or in g, was written as mg, or the other way round.

No clinical line: the lightest weight is the least that `doses_given` takes, and no label or protocol comes near the limits.
"""

from __future__ import annotations

from collections.abc import Mapping

LOOKS_LIKE_ANOTHER_UNIT = "dose_looks_like_another_unit"
MG: Mapping[tuple[str, ...], tuple[float, float]] = {
    ("ganciclovir", "cidofovir"): (10.0, 4_000.0),
    ("foscarnet",): (300.0, 40_000.0),
    ("valganciclovir", "maribavir", "letermovir"): (50.0, 4_000.0),
}
MG_PER_KG: Mapping[tuple[str, ...], tuple[float, float]] = {
    ("ganciclovir", "cidofovir"): (0.1, 25.0),
    ("foscarnet",): (5.0, 250.0),
}


def looks_like_another_unit(drug: str, dose_mg: float | None, dose_mg_per_kg: float | None) -> bool:
    """Whether one of the amounts lies outside what one dose of the drug can be; a drug without limits, and no amount, never does.

    >>> looks_like_another_unit("ganciclovir", 5.0, None), looks_like_another_unit("ganciclovir", 350.0, 5.0)
    (True, False)
    """
    told = ((MG, dose_mg), (MG_PER_KG, dose_mg_per_kg))
    limits = [
        (low, amount, high)
        for table, amount in told
        for drugs, (low, high) in table.items()
        if amount is not None and drug.lower() in drugs
    ]
    return any(not low <= amount <= high for low, amount, high in limits)
