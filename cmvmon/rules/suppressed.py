"""The last two results of a series are below the limit of quantification.

Watches the newest series of each compartment. A state, and no alert: it stands on the patient page and in the evidence of the
verdict, names its compartment, and a state in plasma never resolves an alert on BAL. Not so when either of the last two has a load
(quantified, or above range). Not assessable with fewer than two results, or when the values of one of the two conflict.

Why: in VICTOR suppression at day 7, 14 or 21 went with faster resolution of disease after transplantation. Not to be read
as cured, nor as virus absent: "not detected" does not exclude virus below the limit of detection.
"""

from cmvmon.facts import samples
from cmvmon.facts.conditions import fact, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import Rule, say

has_nothing = ~truth("patient_has_series") & fact("compartment").is_unknown()
is_readable = (fact("n_series_results") >= 2) & ~truth("last_two_conflict")
both_below = samples.latest_is_below & samples.previous_is_below

RULE = Rule(
    code="suppressed",
    subject="series",
    applies=(truth("has_series") & ~truth("is_older")) | has_nothing,
    fires={"both_below": is_readable & both_below},
    clears=is_readable & ~both_below,
    open_while=newer_result.open_while(),
    tier={},
    cannot_tell=(("conflicting_values", truth("last_two_conflict")), ("fewer_than_two_results", otherwise)),
    says=(
        say(
            "both_below",
            fact("compartment"),
            fact("previous_collected_at"),
            fact("previous_detection"),
            fact("latest_collected_at"),
            fact("latest_detection"),
        ),
    ),
    rests_on=((("previous_result_id", "latest_result_id"), otherwise),),
    is_state=True,
    leaflet=__doc__ or "",
)
