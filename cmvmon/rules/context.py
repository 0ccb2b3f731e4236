"""Context lines: what the ward's guide says of a patient like this one. No rule, no alert, no verdict; the patient page shows them.

A line is a sentence (`context.<key>` in cmvmon/text/languages), the guide's statement, and when it is said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from cmvmon.domain.cmv_serology import NEGATIVE, POSITIVE
from cmvmon.domain.errors import ProgramError
from cmvmon.facts import Facts
from cmvmon.facts.conditions import PROTOCOL, Condition, Value, fact, number, truth
from cmvmon.facts.context import CONTEXT
from cmvmon.facts.serostatus import SEROSTATUS
from cmvmon.protocol.numbers import ByFact, number_of


@dataclass(frozen=True)
class ContextLine:
    """One line: its key in the words, the statement of the guide, when it is said, and the number that it tells."""

    key: str
    guide: str
    when: Condition
    tells: Value | None = None


@dataclass(frozen=True)
class Said:
    """A line that is said of one patient, with its number."""

    key: str
    guide: str
    number: float | None


newborn, low_cd4 = number("context.newborn_under_days"), number("context.low_cd4_cells_per_ul")
serostatus, is_doubtful = fact("serostatus"), truth("serostatus_may_be_false")
donor, recipient = fact("donor_serostatus"), fact("recipient_serostatus")
found = truth("has_positive")

LINES: tuple[ContextLine, ...] = (
    ContextLine("newborn", "G3", found & (fact("age_days") < newborn), newborn),
    ContextLine("low_cd4", "G4", truth("has_hiv") & (fact("cd4_cells_per_ul") < low_cd4), low_cd4),
    ContextLine("eye_or_brain", "G4", truth("has_positive_eye_or_brain")),
    ContextLine("organs_hiv", "G4", truth("has_hiv")),
    ContextLine("organs_transplant", "G4", truth("is_transplanted")),
    ContextLine("seropositive", "G1", (serostatus == POSITIVE) & ~is_doubtful),
    ContextLine("seronegative", "G1", (serostatus == NEGATIVE) & ~is_doubtful),
    ContextLine("serostatus_doubtful", "G2", is_doubtful),
    ContextLine("donor_positive_recipient_negative", "G2", truth("is_donor_positive_recipient_negative")),
    ContextLine("donor_positive_recipient_positive", "G2", (donor == POSITIVE) & (recipient == POSITIVE)),
    ContextLine("donor_negative_recipient_positive", "G2", (donor == NEGATIVE) & (recipient == POSITIVE)),
    ContextLine("donor_negative_recipient_negative", "G2", (donor == NEGATIVE) & (recipient == NEGATIVE)),
    ContextLine("match_not_known", "G2", fact("serostatus_unknown_because").is_known()),
    ContextLine("letermovir_not_hsv", "G16", truth("is_on_letermovir")),
    ContextLine("trials", "G7", found),
)


def context_of(facts: Facts, patients: Collection[str]) -> dict[str, tuple[Said, ...]]:
    """The lines that are said of each of these patients, in order."""
    both = facts.of(CONTEXT).join(facts.of(SEROSTATUS), on="patient_id")
    rows = both.filter(pl.col("patient_id").is_in(list(patients)))
    numbers = {name: _one(facts, name) for name in sorted(_numbers())}
    asked = rows.with_columns(pl.lit(value).alias(f"{PROTOCOL}{name}") for name, value in numbers.items())
    is_said = asked.select("patient_id", *(line.when.expr.alias(line.key) for line in LINES))
    told = asked.select(line.tells.expr.alias(line.key) for line in LINES if line.tells is not None)
    return {
        said["patient_id"]: tuple(
            Said(line.key, line.guide, None if line.tells is None else float(tells[line.key]))
            for line in LINES
            if said[line.key]
        )
        for said, tells in zip(is_said.to_dicts(), told.to_dicts(), strict=True)
    }


def _one(facts: Facts, name: str) -> float:
    found = number_of(facts.protocol, "context", name)
    if isinstance(found, ByFact):
        raise ProgramError(f"a context line reads the number {name!r}, which is another one for each word of a fact")
    return found


def _numbers() -> set[str]:
    """Every number of the protocol that a line reads."""
    return {name.removeprefix(PROTOCOL) for line in LINES for name in line.when.columns if name.startswith(PROTOCOL)}
