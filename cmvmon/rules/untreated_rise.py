"""CMV in blood is high, or rises, or is found in CSF, the eye or tissue, while no treatment drug runs.

Watches every blood, CSF, vitreous and tissue series in use of a patient who had no course of treatment, or none since the
latest sample: what comes back after a course, or after it had been cleared, is `recurrence`. A treatment drug counts when it was
given with treatment intent in the last {response_clock.interrupted_gap_h} hours; prophylaxis does not count.

Alerts on three grounds, on a result of the last {within_days} days. *high*: blood, at least {high_iu_per_ml} IU/mL, in anyone.
*rise*: blood, at least {rising_iu_per_ml} IU/mL, and more than {rise_log10} log10 above the lowest sample of
{watched.rise_from_days} to {watched.rise_to_days} days before, counted from the limit of quantification at least. A gap ends no
comparison: where none was taken for more than {watched.rise_to_days} days, the one before that gap is compared with as well.
*elsewhere*: CMV detected in CSF, vitreous fluid or tissue, below the limit of quantification too. Tier 2; but tier 3 where
blood only rises and the patient is stated to have been immunocompetent.

A line that was reached counts until a load lies more than {watched.held_log10} log10 below it, for at most
{watched.held_within_days} days. Clear when none holds, or on treatment. Not assessable when it is unknown whether the patient is
treated, without a result in those days, when its values conflict or the one before it, less than a day apart, contradicts it; and
where blood of at least {rising_iu_per_ml} IU/mL can't be compared, or stands so far above one of less than
{watched.rise_from_days} days before.

Why: rules.md 3.0 and 3.1, guide G2 and G9. The ward's guide acts on BAL; the trial of treating blood above 500 IU/mL showed no
benefit (76 patients). Not to be read as an indication to treat.
"""

from cmvmon.domain import words
from cmvmon.facts import host, samples, treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import held, newer_result
from cmvmon.rules import untreated_load as of
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say
from cmvmon.rules.sentences import HOST, NOT_STATED
from cmvmon.rules.untreated_load import elsewhere, high, is_held, rises

ended, cleared_for = fact("treatment_ended_at"), fact("days_below")
is_cleared = (cleared_for >= number("watched.cleared_from_days")) & truth("had_load_before")
none_since = ended.is_unknown() | (of.taken <= ended)

RULE = Rule(
    code="untreated_rise",
    subject="series",
    applies=truth("has_series") & (of.is_blood | of.is_elsewhere) & (treatment.is_on | (none_since & ~is_cleared)),
    fires={"high": high, "rise": rises, "elsewhere": elsewhere},
    clears=(of.is_judged & ~high & ~rises & ~elsewhere & ~of.may_rise) | treatment.is_on,
    open_while=newer_result.open_while(but=treatment.is_on),
    tier={2: high | elsewhere | ~host.is_sound, 3: otherwise},
    cannot_tell=(
        ("treatment_unknown", fact("treatment") == words.TREATMENT_UNKNOWN),
        ("no_recent_result", ~of.is_recent),
        ("possible_lab_issue", truth("last_two_contradict")),
        ("conflicting_values", truth("latest_is_conflicting")),
        ("rise_too_new", of.at_once),
        ("nothing_to_compare", of.not_compared),
        ("load_before_unknown", otherwise),
    ),
    says=(
        say("rise", *samples.told_of("days_before"), *samples.LATEST, fact("compartment"), when=rises),
        say("load", *samples.LATEST, fact("compartment"), when=~rises & ~elsewhere),
        say("elsewhere", *samples.LATEST, fact("compartment"), when=elsewhere & ~of.is_tissue),
        say("tissue", *samples.LATEST, fact("compartment"), when=elsewhere & of.is_tissue),
        held.reached(is_held),
        NOT_STATED,
        say("line_high", of.high_line, when=high),
        say("line_rise", of.rising_line, of.far, when=rises & ~high),
        say("no_treatment", number("response_clock.interrupted_gap_h")),
        say("prophylaxis", fact("prophylaxis_drugs"), when=treatment.on_prophylaxis),
        *HOST,
        say("trial", when=of.is_blood),
    ),
    rests_on=(
        (("days_before_result_id", "held_result_id", "latest_result_id"), is_held),
        (("days_before_result_id", "latest_result_id"), rises),
        (("latest_result_id",), otherwise),
    ),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
