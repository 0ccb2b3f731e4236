"""What every analysis writes to OUT, by name of table."""

FACTS = tuple(
    f"facts_of_{kind}" for kind in ("analyte", "drug", "drug_pair", "mutation", "patient", "sample", "series")
)
ALWAYS = ("weekly_decline", "verdicts", "concordance", *FACTS, "quarantined")
