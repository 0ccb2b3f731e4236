"""Two drugs were given together of which the protocol's list of pairs says something.

Watches each antiviral drug that runs, or was given in the course that runs, beside each other drug that `[interactions]` pairs it with
as an alert: foscarnet with intravenous pentamidine or with citrate in the circuit, cidofovir within days of a drug that can harm the
kidney (foscarnet among them), ganciclovir with imipenem, maribavir with (val)ganciclovir. Codes, routes, days and sources are data.

Alerts when the two overlapped, or lay less than the pair's days apart. Told once for each pair and course: it stands until the
course ends, at Tier 2 while they are together, at Tier 3 afterwards.

Clear when they were not together. Not assessable under {exposure.adult_from_years} years; when other drugs, or renal replacement
(citrate), were never delivered, could not be read or are silent; and when a route or an anticoagulant that would decide is not known.

Why: guide G16. Citrate rests on the mechanism alone. Not to be read as all interactions: what a prescribing system says by itself is
left to it. What is given elsewhere is not known.
"""

from cmvmon.facts.conditions import fact, otherwise, truth
from cmvmon.facts.drug_pairs import UNKNOWN_BECAUSE
from cmvmon.protocol.interactions import EFFECTS
from cmvmon.rules.rulebook import Rule, say

drugs, other, why, effect = fact("pair_drugs"), fact("other_drug"), fact("pair_unknown_because"), fact("pair_effect")
since, until = fact("pair_drug_since"), fact("pair_drug_until")
other_since, other_until = fact("other_drug_since"), fact("other_drug_until")
within, is_child = fact("pair_within_days"), truth("is_child")
were_together = truth("were_together")

RULE = Rule(
    code="interaction_note",
    subject="drug_pair",
    applies=otherwise,
    fires={"together": were_together},
    unless={"under_age": is_child},
    clears=~were_together & why.is_unknown() & ~is_child,
    tier={2: truth("are_together"), 3: otherwise},
    cannot_tell=(
        ("under_age", is_child),
        *((code, why == code) for code in UNKNOWN_BECAUSE[:-1]),
        (UNKNOWN_BECAUSE[-1], otherwise),
    ),
    says=(
        say("drug_runs", drugs, since, when=until.is_unknown()),
        say("drug_ran", drugs, since, until, when=until.is_known()),
        say("other_runs", other, other_since, when=other_until.is_unknown()),
        say("other_ran", other, other_since, other_until, when=other_until.is_known()),
        say("nephrotoxic", within, when=effect == "nephrotoxic"),
        *(say(one, when=effect == one) for one in EFFECTS if one != "nephrotoxic"),
    ),
    also_tells=(fact("treatment"),),
    leaflet=__doc__ or "",
)
