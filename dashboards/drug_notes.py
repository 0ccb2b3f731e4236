"""Antiviral drugs beside other drugs on the patient page: what the hospital's prescribing system says too. No alert rests on it."""

from __future__ import annotations

from cmvmon.dashboards.rows import rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.text import Language


def drug_notes(view: PatientView, language: Language) -> list[str]:
    """One line for each noted pair that is given together now, and one for each drug and reason where that is not known."""
    together, unknown = [], []
    for row in rows_by(rows_of(view.noted_pairs), "drug", "other_drug"):
        if row["are_together"]:
            other = f"other_drug.{row['other_drug']}"
            together.append(
                language.say(
                    f"noted.{row['pair_effect']}",
                    drugs=" + ".join(row["pair_drugs"].split(";")).capitalize(),
                    other=language.say(other) if language.has(other) else row["other_drug"],
                )
            )
        elif row["pair_unknown_because"]:
            why = language.word("reason", row["pair_unknown_because"])
            unknown.append(language.say("noted.unknown", drug=row["drug"].capitalize(), why=why))
    return [*together, *dict.fromkeys(unknown)]
