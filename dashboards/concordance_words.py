"""Whether blood follows the other compartments, for the patient page: one sentence each, beside where they are named."""

from __future__ import annotations

from cmvmon.dashboards import facts
from cmvmon.dashboards.rows import Row, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.domain import compartments, words
from cmvmon.text import Language
from cmvmon.text.concordance import concordance_sentence, no_pairs_sentence, standing_in_sentence


def standing_in(view: PatientView, language: Language) -> list[str]:
    """One sentence for each blood compartment that is judged for others."""
    return [standing_in_sentence(blood, others, language) for blood, others in view.standing_in]


def sentences(view: PatientView, language: Language) -> list[str]:
    """One sentence for each affected or paired compartment; the unit's too where the patient has too few pairs."""
    said: list[str] = []
    if view.concordance is None:
        return said
    policy = view.protocol.concordance
    rows = rows_of(view.concordance)
    own = [row for row in rows if row["scope"] == "patient"]
    named = {name for name in view.affected if name not in compartments.BLOOD} | {row["compartment"] for row in own}
    for compartment in facts.in_order(named, view.affected):
        mine = _most_pairs([row for row in own if row["compartment"] == compartment])
        followed = mine["followed_compartment"] if mine else _blood(view)
        if followed is None:
            continue
        if mine:
            said.append(_stop(concordance_sentence(mine, language, policy=policy)))
        else:
            said.append(_stop(no_pairs_sentence(compartment, followed, language, policy=policy)))
        if mine is None or mine["answer"] == words.TOO_FEW_PAIRS:
            place = ("unit", compartment, followed)
            said += [
                _stop(concordance_sentence(row, language, policy=policy))
                for row in rows
                if (row["scope"], row["compartment"], row["followed_compartment"]) == place
            ]
    return said


def _most_pairs(rows: list[Row]) -> Row | None:
    """The row with most pairs; on a tie plasma, then whole blood, then serum."""
    order = {name: i for i, name in enumerate(compartments.BLOOD)}
    return min(rows, key=lambda row: (-row["n_pairs"], order[row["followed_compartment"]]), default=None)


def _blood(view: PatientView) -> str | None:
    """The blood compartment that the patient has results of; plasma before whole blood before serum."""
    sampled = {row["compartment"] for row in rows_of(view.results)}
    return next((name for name in compartments.BLOOD if name in sampled), None)


def _stop(sentence: str) -> str:
    return f"{sentence}."
