"""The patient has left the ICU, and a CMV PCR or a test of resistance has no result yet.

Watches every patient who was discharged in the last {within_days} days. What is open at a discharge is easily lost: its result
comes to a ward that no longer asks.

Alerts at tier 2 on two grounds. *pcr*: a sample that was taken has no result, nor has a later one of its compartment.
*resistance*: a genotype or phenotype was asked for at most {within_days} days before the discharge, and nothing of it is
reported. It stands until the results have come, or somebody has acknowledged it. The results themselves alert by the rules
that watch them.

Clear when nothing waits. Not assessable when orders or reports were never delivered, or one of the patient could not be read,
unless something is known to wait. Drug levels are not watched: no table says that one was asked for.

Why: rules.md section 1 (a discharge hands over what is pending), a proposal of this project. Not to be read as a delay of the
laboratory.
"""

from cmvmon.domain import words
from cmvmon.facts.conditions import fact, number, otherwise
from cmvmon.facts.pending import UNKNOWN_BECAUSE
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say

left, n_pcr = fact("left_at"), fact("n_pending_pcr")
since, unknown = fact("pending_resistance_since"), fact("pending_unknown_because")
has_left = left.is_known() & (fact("as_of") - left <= number("within_days").days)
pcr, resistance = n_pcr >= 1, left - since <= number("within_days").days

RULE = Rule(
    code="pending_at_discharge",
    subject="patient",
    applies=has_left,
    fires={"pcr": pcr, "resistance": resistance},
    clears=~pcr & ~resistance & unknown.is_unknown(),
    tier={2: otherwise},
    cannot_tell=(*((code, unknown == code) for code in UNKNOWN_BECAUSE[:-1]), (UNKNOWN_BECAUSE[-1], otherwise)),
    says=(
        say("left", left),
        say("pcr", n_pcr, fact("pending_pcr_compartment"), fact("pending_pcr_collected_at"), when=pcr),
        say("resistance", since, when=resistance),
    ),
    no_longer=words.MOMENT_OVER,
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
