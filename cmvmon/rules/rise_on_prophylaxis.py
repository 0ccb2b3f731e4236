"""A load rises, or stays, while prophylaxis runs and no treatment.

Watches every blood, BAL, CSF and vitreous series since the prophylaxis began: letermovir whatever it is given for, and any
other antiviral drug that is given as prophylaxis. The lowest value is the lowest before the latest sample, and at least the limit
of quantification. Every series in use has its own verdict.

Alerts on two grounds. *rise*: more than {rise_log10} log10 above the lowest; in the lower airways, diluted unevenly, at
least {lower_airway_rise_log10}, and the sample before it too. *two_loads*: two results in a row of at least
{two_loads_iu_per_ml} IU/mL. A line that was reached counts until a load lies more than {watched.held_log10} log10 below it (in the
lower airways {watched.held_lower_airway_log10}), for at most {watched.held_within_days} days. No slope is called. Clear when neither
can hold, or when on treatment. Not assessable when it is unknown whether the patient is treated, and on one load since the
prophylaxis began, which nothing can be compared with.

Why: guide G16; on letermovir CMV DNA may be the remains of an aborted infection (Cassaniti 2021) or breakthrough. Not to be
read as breakthrough, nor as resistance.
"""

from functools import partial

from cmvmon.domain import compartments
from cmvmon.facts import rises, samples, treatment
from cmvmon.facts.conditions import choose, fact, number, otherwise, truth
from cmvmon.rules import held, newer_result
from cmvmon.rules.airways import above, in_airways
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say
from cmvmon.rules.sentences import POINTS

on = treatment.on_prophylaxis
exceeds = partial(above, than=number("rise_log10"), in_airways_from=number("lower_airway_rise_log10"))
rise, at_most, before = fact("rise_log10"), fact("rise_at_most_log10"), fact("previous_rise_log10")

observed_now = exceeds(rise) & (~in_airways | exceeds(before))
observed = choose(in_airways, exceeds(fact("held_two_rise_log10")), exceeds(fact("held_rise_log10")))
latest, previous = fact("latest_at_least_iu_per_ml"), fact("previous_at_least_iu_per_ml")
since, line, held_two = fact("watched_since"), number("two_loads_iu_per_ml"), fact("held_two_points_at_least_iu_per_ml")
are_since = fact("previous_collected_at") >= since
are_two = are_since & ~truth("last_two_conflict")
two_now = are_two & (latest >= line) & (previous >= line)
two_loads = two_now | (are_two & (held_two >= line))
is_held = (observed | two_loads) & ~observed_now & ~two_now
OF_TWO = (*rises.POINT_IDS, "previous_result_id", "latest_result_id")
may_exceed = exceeds(at_most) | truth("latest_point_is_unbounded")
may_be_two = are_since & (truth("last_two_conflict") | (latest >= line)) & ~(fact("previous_at_most_iu_per_ml") < line)
no_rise = rises.can_be_ruled_out & ~may_exceed
no_load_yet = (fact("n_points_since") == 1) & samples.latest_is_below
is_quiet = (no_rise | no_load_yet) & ~may_be_two & ~two_loads & ~observed & ~truth("last_two_contradict")

RULE = Rule(
    code="rise_on_prophylaxis",
    subject="series",
    applies=truth("has_series") & fact("compartment").is_in(compartments.WATCHED) & truth("has_prophylaxis"),
    fires={"rise": on & observed, "two_loads": on & two_loads},
    unless={"conflicting_values": truth("latest_conflicts"), "possible_lab_issue": truth("last_two_contradict")},
    clears=treatment.is_on | (on & (samples.both_below | is_quiet)),
    open_while=newer_result.open_while(but=treatment.is_on),
    tier={2: otherwise},
    cannot_tell=(
        ("treatment_unknown", ~on),
        ("possible_lab_issue", truth("last_two_contradict")),
        ("no_result_since_prophylaxis", fact("n_points_since").is_unknown()),
        ("conflicting_values", truth("has_conflict_since")),
        ("limit_missing", truth("has_limit_missing_since")),
        ("one_result_since_prophylaxis", fact("n_points_since") == 1),
        ("rise_unconfirmed", exceeds(rise)),
        ("rise_undecided", otherwise),
    ),
    says=(
        say("rise_from_limit", *POINTS, when=observed & rises.is_from_limit),
        say("rise", *POINTS, when=observed & ~rises.is_from_limit),
        say("loads", fact("compartment"), *samples.PREVIOUS, *samples.LATEST, when=~observed),
        held.reached(is_held, "held_point"),
        say("line", number("rise_log10"), line, when=~in_airways),
        say("line_airway", number("lower_airway_rise_log10"), line, when=in_airways),
        say("drugs", fact("prophylaxis_drugs"), since),
        say("letermovir", when=truth("on_letermovir_alone")),
    ),
    rests_on=(((*OF_TWO, "held_point_result_id"), is_held), (OF_TWO, otherwise)),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
