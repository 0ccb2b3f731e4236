"""The load stands clearly above the lowest value since treatment began.

Watches, where a response is judged, the newest series since the running course began, through changes of drug; on
letermovir alone since it began: there too a rise is looked at, while no slope is. The lowest value is the lowest before the
latest sample, and at least the limit of quantification: from "not detected" a rise counts from that limit. Judged also
where no fall may be called: no baseline or one near the limit, interrupted weeks.

Alerts on two grounds. Observed: more than {rise_log10} log10 above the lowest, and {to_at_least_iu_per_ml} IU/mL reached or
the sample before it as high; in the lower airways, diluted unevenly, at least {lower_airway_rise_log10} log10, with the
sample before it or blood of the same days that rose itself. Computed (method `bank`, on treatment): at least
{probable_rise_log10} log10 above the lowest since the latest anchor ({probable_rise_lower_airway_log10} in the lower airways;
less is scatter) and a probability of a new rise at its calibrated threshold; never on a possible blip, a first load below
{to_at_least_iu_per_ml} IU/mL after two sample times below the limit. Clear when neither can hold. A rise beyond scatter
without a probability (method `line`, scatter of the assay not known, one sample since a change of drug) is left open. A
conflicting or replaced value never makes a rise; earlier conflicts leave open whether there was one, unless one shows.

Why: emerging resistance, missed doses, a wrong dose and a transient hump (Rose 2017) look alike. Not to be read as any of
them, nor as refractory disease, which counts from the first-week peak. BAL is described, never called refractory.
"""

from functools import partial

from cmvmon.domain import words
from cmvmon.facts import response, rises, treatment
from cmvmon.facts.conditions import choose, fact, number, otherwise, truth
from cmvmon.rules.airways import above, from_on, in_airways
from cmvmon.rules.rulebook import Rule
from cmvmon.rules.sentences import of_a_rise

rise, before, at_most = fact("rise_log10"), fact("previous_rise_log10"), fact("rise_at_most_log10")
load, probability = fact("latest_point_at_least_iu_per_ml"), fact("probability_rebound")
exceeds = partial(above, than=number("rise_log10"), in_airways_from=number("lower_airway_rise_log10"))
scatter, scatter_in_airways = number("probable_rise_log10"), number("probable_rise_lower_airway_log10")
beyond_scatter = partial(from_on, least=scatter, in_airways_from=scatter_in_airways)

by_blood = in_airways & (fact("parallel_blood_rise_log10") > number("rise_log10"))
observed = exceeds(rise) & (choose(in_airways, by_blood, load >= number("to_at_least_iu_per_ml")) | exceeds(before))
may_exceed = exceeds(at_most) | truth("latest_point_is_unbounded")
possible_blip = fact("first_positive_iu_per_ml") < number("to_at_least_iu_per_ml")
alarmed = treatment.is_on & (probability >= number("alarm.probability_rebound")) & ~possible_blip
computed = alarmed & beyond_scatter(fact("rise_since_anchor_log10"))
may_be_computed = alarmed & beyond_scatter(fact("rise_since_anchor_at_most_log10"))
has_probability = truth("on_letermovir_alone") | (probability.is_known() & rises.is_known_since_anchor)
not_computed = beyond_scatter(at_most) & ~has_probability

RULE = Rule(
    code="rebound",
    subject="series",
    applies=truth("is_judged_for_response") & (~treatment.is_off | truth("on_letermovir_alone")),
    fires={"observed": observed, "computed": computed},
    unless={"conflicting_values": truth("latest_conflicts")},
    clears=rises.can_be_ruled_out & ~(may_exceed | may_be_computed | not_computed | possible_blip),
    tier={2: otherwise},
    cannot_tell=(
        ("treatment_unknown", fact("treatment") == words.TREATMENT_UNKNOWN),
        ("no_series", ~truth("has_series")),
        ("conflicting_values", truth("has_conflict_since")),
        ("no_result_since_anchor", fact("n_points_since").is_unknown()),
        ("one_result_since_anchor", fact("n_points_since") == 1),
        ("blip_unconfirmed", possible_blip),
        ("rise_unconfirmed", exceeds(rise)),
        ("limit_missing", truth("has_limit_missing_since")),
        ("rise_not_computed", not_computed & ~may_exceed),
        ("rise_undecided", otherwise),
    ),
    says=of_a_rise(observed, computed, before=exceeds(before), blood=by_blood),
    rests_on=(((*response.WEEK_IDS, *rises.POINT_IDS), computed & response.has_results), (rises.POINT_IDS, otherwise)),
    also_tells=(fact("method"),),
    leaflet=__doc__ or "",
)
