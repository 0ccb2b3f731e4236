"""The load falls less than a treated load should, in any compartment that is watched.

Watches, on treatment, every blood, BAL, CSF and vitreous series and what the team stated, whatever leads; every series in use has
its own verdict. Held against the baseline, or, where treatment began before the first sample,
against a later sample that stands in for it; judged from a sample on day {response_clock.judged_from_days} on.

Alerts at tier 2 where the latest load is at least {low_load_iu_per_ml} IU/mL, the call is not *met*, and one of these holds.
*low_fall*: since the response clock began the load fell by no more than {least_fall_log10} log10 in all: as estimated, or as
reported where there is no estimate; nor by more from the peak of the first {response_clock.peak_within_days} days (in the
lower airways by {peak_fall_lower_airway_log10}); above range at both ends is no fall shown. *flat_through_drugs*: the same since the
course began, from day {response_clock.whole_course_from_days} on, for a patient whose drug was changed. *low_fall_lately*: after
day {response_clock.lately_from_days}, by the last {response_clock.lately_days} days instead. *still_high*: treated for
{response_clock.whole_course_from_days} days, nothing to hold against, and two such loads in a row. At tier 3,
*below_local_line*: the leading compartment's call is *not met*, the probability of more than
{decline.target_log10_per_week} log10 per week at or below {decline.not_met_probability}; without a call, less as reported.

In blood, after {exposure.adequate_days} days of a dose that is not below the band of each day, *refractory*, at tier 1: more than
{refractory_rise_log10} log10 above the peak of the first {response_clock.peak_within_days} days, in two results or at
{refractory_one_load_iu_per_ml} IU/mL; *probable_refractory*: at or above that peak.

Clear when *met*, when the last two results are below the limit of quantification, or when the load is below that line or fell by
more; not by a load of at most {watched.held_log10} log10 below the line that was reached in {watched.held_within_days} days before
({watched.held_lower_airway_log10} in the lower airways); not while the leading compartment's call is undecided and its estimate
stands below the ward's line, so that no night without a sample ends an alert. Until day {response_clock.judged_from_days} only the
call of the leading compartment is judged. A first load below {low_load_iu_per_ml} IU/mL after two sample times below the limit may
be a blip.

Why: guide G19; so little a fall is the entry of the SOLSTICE trial (Kotton 2025), a criterion of a trial. Refractory is the
definition of transplant medicine (Chemaly 2019): where doses are not on record, low or not known, it is not judged. Not
to be read as failure of a drug, nor resistance. BAL is described.
"""

from cmvmon.domain import words
from cmvmon.facts import falls, response, treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import little_fall, newer_result
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule

call, status = fact("call"), fact("status")
possible_blip = fact("first_positive_iu_per_ml") < little_fall.low
fires = little_fall.is_grave | little_fall.below_local_line
is_lower = little_fall.is_low & ~little_fall.is_just_below
is_not_grave = little_fall.is_late & ~possible_blip & ~truth("last_two_contradict") & (is_lower | little_fall.fell)
refuted = is_not_grave & ~little_fall.is_near_line
ends = little_fall.is_met | (status == "suppressed") | refuted

RULE = Rule(
    code="response",
    subject="series",
    applies=truth("is_judged_for_response") & ~treatment.is_off,
    fires={**little_fall.GRAVE, "below_local_line": little_fall.below_local_line},
    unless={"blip_unconfirmed": possible_blip, "possible_lab_issue": truth("last_two_contradict")},
    clears=treatment.is_on & ~fires & ends,
    open_while=newer_result.open_while(),
    tier={1: little_fall.refractory, 2: little_fall.is_grave, 3: otherwise},
    cannot_tell=(
        ("treatment_unknown", ~treatment.is_on),
        ("no_series", ~truth("has_series")),
        ("blip_unconfirmed", possible_blip),
        ("possible_lab_issue", truth("last_two_contradict")),
        ("no_result_since_anchor", status.is_unknown()),
        ("just_below_line", little_fall.is_just_below & little_fall.is_late),
        (status, call.is_unknown()),
        (words.TOO_EARLY, ~little_fall.is_late & ~truth("is_leading")),
        ("indeterminate", otherwise),
    ),
    says=little_fall.SAYS,
    rests_on=(
        ((*response.WEEK_IDS, *response.USED_IDS, *falls.FALL_IDS), response.has_results),
        ((*response.USED_IDS, *falls.FALL_IDS), otherwise),
    ),
    also_tells=(*response.OF_THE_WEEK, number("decline.not_met_probability")),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
