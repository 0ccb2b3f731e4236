"""The words of antiviral resistance: the genes that are looked at, the drugs that are spoken of, and how a change is written."""

from __future__ import annotations

GENES = ("UL97", "UL54", "UL56", "UL89", "UL51", "UL27")
DRUGS = ("ganciclovir", "cidofovir", "foscarnet", "maribavir", "letermovir")  # by the name of their group

_AMINO_ACID = "ACDEFGHIKLMNPQRSTVWY"
# As the published table writes them: A594V, E22* (a stop), del600, del595-603, D981del2.
CHANGE = rf"[{_AMINO_ACID}][1-9][0-9]{{0,3}}(?:[{_AMINO_ACID}*]|del[1-9][0-9]{{0,2}})|del[1-9][0-9]{{0,3}}(?:-[1-9][0-9]{{0,3}})?"

# What the published table says of ganciclovir, by how many times as much drug is needed; of no other drug.
BELOW_LOW, LOW, MODERATE, HIGH, CONFLICTING = "below_low", "low", "moderate", "high", "conflicting"
GRADES = (BELOW_LOW, LOW, MODERATE, HIGH, CONFLICTING)
