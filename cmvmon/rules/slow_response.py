"""The affected compartment's load falls more slowly than the ward's guide asks.

Watches the mean decline since the latest anchor, in its last treatment week, in each affected compartment; where none is
known, in the followed blood, which is said; and in blood that stands in where it was shown to follow (G20), with the ground.

Alerts on two grounds. By call: *not met*, the probability that the decline exceeds {decline.target_log10_per_week} log10
per week is at or below {decline.not_met_probability}. By odds of a trajectory that hardly falls against one that clearly
falls: at or above the compartment's calibrated threshold (method `bank`) while the call is open or *not met*, the latest
value is a load, and {odds_from_results} sample times after the anchor bear them. Odds never speak where no call is made:
no baseline, an interrupted week, a long gap, one sample, a load that fell below the limit of quantification. On simulated
wards they have so far added no alert; they say why such a load is watched. A first load below {low_load_iu_per_ml} IU/mL
after two sample times below the limit may be a blip: not assessable until a second result.

Clear when *met* with odds below their threshold, or when the last two results are below the limit of quantification. *Met*
against high odds is a contradiction and not assessable, so that an open alert stays open; so is everything between.

Tier 2 from {tier_2_from_days} days after the anchor on, by the last sample; else 3, and 3 while the latest load is low and
falling. Why: guide G19. Not failure of a drug, nor resistance, nor a consensus definition: the line is local and stricter
than any guideline; in VICTOR (Razonable 2013) the relative decline was not associated with faster resolution.
"""

from cmvmon.facts import response, samples, treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.rulebook import Rule, say
from cmvmon.rules.sentences import SLOPE, STANDS_IN, is_estimated_to_rise

call, status, latest = fact("call"), fact("status"), fact("latest_at_most_iu_per_ml")
odds, alarm = fact("odds_non_responder"), number("alarm.odds_non_responder")
target, probability = number("decline.target_log10_per_week"), fact("mean_probability_above_target")
since_anchor = fact("latest_collected_at") - fact("anchor_at")

is_met, odds_are_high = call == "met", odds >= alarm
enough_to_bear_odds = fact("n_used_after_anchor") >= number("odds_from_results")
possible_blip = fact("first_positive_iu_per_ml") < number("low_load_iu_per_ml")
low_and_falling = (latest < number("low_load_iu_per_ml")) & (latest < fact("previous_at_least_iu_per_ml"))
by_call = treatment.is_on & (call == "not_met")
is_open = call.is_in(["not_met", "indeterminate"])
by_odds = treatment.is_on & odds_are_high & is_open & samples.latest_is_load & enough_to_bear_odds

RULE = Rule(
    code="slow_response",
    subject="series",
    applies=truth("is_judged_for_response") & ~treatment.is_off,
    fires={"by_call": by_call, "by_odds": by_odds},
    unless={"blip_unconfirmed": possible_blip},
    clears=treatment.is_on & ((is_met & ~odds_are_high) | (status == "suppressed")),
    tier={2: (since_anchor >= number("tier_2_from_days").days) & ~low_and_falling, 3: otherwise},
    cannot_tell=(
        ("treatment_unknown", ~treatment.is_on),
        ("no_series", ~truth("has_series")),
        ("no_result_since_anchor", status.is_unknown()),
        (status, call.is_unknown()),
        ("odds_against_call", is_met),
        ("blip_unconfirmed", possible_blip),
        ("indeterminate", otherwise),
    ),
    says=(
        *SLOPE,
        say("guide", target),
        say("higher", when=is_estimated_to_rise),
        say("undecided", when=by_odds & ~by_call),
        say("probability", probability, target, when=probability.is_known()),
        STANDS_IN,
        say("censored", fact("n_censored"), when=fact("n_censored") > 0),
        say("low_and_falling", when=low_and_falling),
    ),
    rests_on=(((*response.WEEK_IDS, *response.USED_IDS), otherwise),),
    also_tells=(*response.OF_THE_WEEK, number("decline.not_met_probability")),
    leaflet=__doc__ or "",
)
