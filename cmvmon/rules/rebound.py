"""The load stands clearly above the lowest value since treatment began.

Watches, on treatment, every blood, BAL, CSF and vitreous series and what the team stated, whatever leads, since the course
began, through changes of drug. The lowest value is the lowest before the latest sample, and at least the limit of
quantification. Judged also where no fall may be called: no baseline or one near the limit, interrupted weeks.

Alerts on two grounds. Observed: more than {rise_log10} log10 above the lowest, and {to_at_least_iu_per_ml} IU/mL reached or
the sample before it as high; in the lower airways, diluted unevenly, at least {lower_airway_rise_log10} log10, with the
sample before it or blood of the same days that rose itself. Computed (method `bank`): at least {probable_rise_log10} log10
above the lowest since the latest anchor ({probable_rise_lower_airway_log10} in the lower airways; less is scatter) and a
probability of a new rise at its calibrated threshold; never on a first load below {to_at_least_iu_per_ml} IU/mL after two
sample times below the limit. Tier 2 where observed, or {seen_rise_log10} log10 above that lowest
({seen_rise_lower_airway_log10} in the lower airways); else Tier 3. Clear when neither can hold. A rise beyond scatter without
a probability (method `line`, scatter not known) is left open. A line of the observed rise that was reached counts until a load lies
more than {watched.held_log10} log10 below it ({watched.held_lower_airway_log10} in the lower airways), for at most
{watched.held_within_days} days. A conflicting or replaced value never makes a rise.

Why: emerging resistance, missed doses, a wrong dose and a transient hump (Rose 2017) look alike. Not to be read as any of
them, nor as refractory disease, which counts from the first-week peak. BAL is described, never called refractory.
"""

from functools import partial

from cmvmon.domain import words
from cmvmon.facts import response, rises, samples, treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import held, newer_result
from cmvmon.rules.airways import from_on
from cmvmon.rules.observed_rise import HELD_IDS, before, by_blood, exceeds, is_held, observed, rise, to_load
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule
from cmvmon.rules.sentences import of_a_rise

at_most = fact("rise_at_most_log10")
scatter = number("probable_rise_log10")
seen = partial(from_on, least=number("seen_rise_log10"), in_airways_from=number("seen_rise_lower_airway_log10"))
beyond_scatter = partial(from_on, least=scatter, in_airways_from=number("probable_rise_lower_airway_log10"))

may_exceed = exceeds(at_most) | truth("latest_point_is_unbounded")
possible_blip = fact("first_positive_iu_per_ml") < to_load
alarmed = (fact("probability_rebound") >= number("alarm.probability_rebound")) & ~possible_blip
computed = treatment.is_on & alarmed & beyond_scatter(fact("rise_since_anchor_log10"))
may_be_computed = alarmed & beyond_scatter(fact("rise_since_anchor_at_most_log10"))
not_computed = beyond_scatter(at_most) & ~(fact("probability_rebound").is_known() & rises.is_known_since_anchor)
may_fire, contradicts = may_exceed | may_be_computed | not_computed | possible_blip, truth("last_two_contradict")

RULE = Rule(
    code="rebound",
    subject="series",
    applies=truth("is_judged_for_response") & ~treatment.is_off,
    fires={"observed": observed, "computed": computed},
    unless={"conflicting_values": truth("latest_conflicts"), "possible_lab_issue": contradicts},
    clears=samples.both_below | (rises.can_be_ruled_out & ~contradicts & ~may_fire & ~observed),
    open_while=newer_result.open_while(),
    tier={2: observed | seen(fact("rise_since_anchor_log10")), 3: otherwise},
    cannot_tell=(
        ("treatment_unknown", fact("treatment") == words.TREATMENT_UNKNOWN),
        ("no_series", ~truth("has_series")),
        ("possible_lab_issue", contradicts),
        ("conflicting_values", truth("has_conflict_since")),
        ("no_result_since_anchor", fact("n_points_since").is_unknown()),
        ("one_result_since_anchor", fact("n_points_since") == 1),
        ("blip_unconfirmed", possible_blip),
        ("rise_unconfirmed", exceeds(rise)),
        ("limit_missing", truth("has_limit_missing_since")),
        ("rise_not_computed", not_computed & ~may_exceed),
        ("rise_undecided", otherwise),
    ),
    says=(*of_a_rise(observed, computed, before=exceeds(before), blood=by_blood), held.reached(is_held, "held_point")),
    rests_on=(
        ((*response.WEEK_IDS, *HELD_IDS), computed & response.has_results & is_held),
        (HELD_IDS, is_held),
        ((*response.WEEK_IDS, *rises.POINT_IDS), computed & response.has_results),
        (rises.POINT_IDS, otherwise),
    ),
    also_tells=(fact("method"),),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
