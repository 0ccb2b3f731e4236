"""The words of antiviral resistance: the genes that are looked at, the drugs that are spoken of, and how a change is written."""

from __future__ import annotations

GENES = ("UL97", "UL54", "UL56", "UL89", "UL51", "UL27")
DRUGS = ("ganciclovir", "cidofovir", "foscarnet", "maribavir", "letermovir")  # by the name of their group

# As the published table writes a change: A594V, E22* (a stop), del600, del595-603, D981del2. Spelled out without classes in
# brackets, which the engines that hold a row to its contract may read differently.
_AMINO_ACID = f"(?:{'|'.join('ACDEFGHIKLMNPQRSTVWY')})"
_POSITION = f"(?:{'|'.join('123456789')})(?:{'|'.join('0123456789')}){{0,3}}"
CHANGE = rf"{_AMINO_ACID}{_POSITION}(?:{_AMINO_ACID}|\*|del{_POSITION})|del{_POSITION}(?:-{_POSITION})?"
# One amino acid for another one, or for the same: then the gene differs, and the protein does not.
SUBSTITUTION = rf"{_AMINO_ACID}{_POSITION}{_AMINO_ACID}"

# What the published table says of ganciclovir, by how many times as much drug is needed; of no other drug.
BELOW_LOW, LOW, MODERATE, HIGH, CONFLICTING = "below_low", "low", "moderate", "high", "conflicting"
GRADES = (BELOW_LOW, LOW, MODERATE, HIGH, CONFLICTING)
