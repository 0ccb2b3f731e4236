"""A count is low while a CMV drug is given or shortly after, or a patient on foscarnet has no recent ionised calcium or creatinine.

Watches the newest absolute neutrophil count and the newest platelet count of whoever gets a drug that treats CMV, whatever it is
given for, prophylaxis too, or got one in the last {after_last_dose_days} days; on foscarnet, when ionised calcium and creatinine
were last measured. Each is judged by itself. Letermovir and aciclovir are no such drugs.

Alerts at Tier 2 on three grounds. *low_neutrophils*: below {neutrophils_below_e9_per_l} x 10^9/L. *low_platelets*: below
{platelets_below_e9_per_l} x 10^9/L. *not_monitored*: on foscarnet, no value for longer than {unmonitored_h} hours, since the
newest one or since foscarnet began. Total calcium stands for no ionised one; a clearance was computed from a creatinine.

Clear when the newest count is not below its line, or the value not older. Not assessable when a count is older than
{value_holds_days} days (stale); when it is not known whether such a drug is given; when the table was never delivered; when no
ionised calcium was ever on record of anybody on the unit, since it is not known then whether they are sent; when a row could not be
read, or nothing came lately, and that would decide; under {exposure.adult_from_years} years.

Why: guide G16; the labels of ganciclovir start no treatment below these counts, and the marrow recovers in the days after the last
dose; foscarnet binds ionised calcium and injures the kidney. Not to be read as an order to stop or to give less: transplant
guidance does not lower the dose for low counts alone (Kotton 2025). Potassium, magnesium and phosphate are not watched, nor
calcium and creatinine once foscarnet has stopped.
"""

from cmvmon.facts import treatment
from cmvmon.facts.conditions import choose, fact, number, otherwise, truth
from cmvmon.facts.toxicity import COUNTS, SILENT, UNDER_AGE, UNKNOWN_BECAUSE, UNREAD, WITH_FOSCARNET
from cmvmon.rules.drugs_given import after, is_exposed, is_lately, is_told_as_treatment, lately, others, prophylactic
from cmvmon.rules.rulebook import Rule, say

analyte, unknown, last_at = fact("analyte"), fact("toxicity_unknown"), fact("last_value_at")
unseen_since, haemoglobin_at = fact("unseen_since_at"), fact("haemoglobin_at")
at_most, at_least, sign = (fact(f"count_{name}") for name in ("at_most_e9_per_l", "at_least_e9_per_l", "comparator"))
neutrophils_line, platelets_line = number("neutrophils_below_e9_per_l"), number("platelets_below_e9_per_l")
holds, unmonitored = number("value_holds_days").days, number("unmonitored_h").hours

is_count, is_monitored = analyte.is_in(COUNTS), analyte.is_in(WITH_FOSCARNET) & unseen_since.is_known()
is_neutrophils, is_fresh = analyte == "neutrophils", fact("as_of") - last_at <= holds
below = {line: (at_most < line) | ((sign == "<") & (at_most <= line)) for line in (neutrophils_line, platelets_line)}
is_low = choose(is_neutrophils, below[neutrophils_line], below[platelets_line])
is_not_low = choose(is_neutrophils, at_least >= neutrophils_line, at_least >= platelets_line)
is_counted = is_exposed & is_count & is_fresh
low_neutrophils, low_platelets = is_counted & is_neutrophils & is_low, is_counted & ~is_neutrophils & is_low
is_unseen = fact("as_of") - unseen_since > unmonitored
not_monitored = is_monitored & is_unseen & unknown.is_unknown()
is_seen = is_monitored & ~is_unseen & (unknown.is_unknown() | unknown.is_in([UNREAD, SILENT]))
no_calcium, no_creatinine = not_monitored & (analyte == "ionised_calcium"), not_monitored & (analyte == "creatinine")

RULE = Rule(
    code="toxicity_monitoring",
    subject="analyte",
    applies=(is_count & (is_exposed | ~treatment.is_off)) | is_monitored,
    fires={"low_neutrophils": low_neutrophils, "low_platelets": low_platelets, "not_monitored": not_monitored},
    unless={UNDER_AGE: unknown == UNDER_AGE},
    clears=(is_counted & ~is_low & is_not_low & unknown.is_unknown()) | is_seen,
    tier={2: otherwise},
    cannot_tell=(
        ("treatment_unknown", is_count & ~is_exposed),
        *((code, unknown == code) for code in UNKNOWN_BECAUSE),
        ("value_stale", is_count & ~is_fresh),
        ("beyond_limit", otherwise),
    ),
    says=(
        say("neutrophils", at_most, sign, last_at, when=low_neutrophils),
        say("platelets", at_most, sign, last_at, when=low_platelets),
        say("neutrophils_line", neutrophils_line, when=low_neutrophils),
        say("platelets_line", platelets_line, when=low_platelets),
        say("label", when=is_counted & truth("runs_ganciclovir")),
        say("calcium", last_at, fact("foscarnet_since"), when=no_calcium & last_at.is_known()),
        say("calcium_none", fact("foscarnet_since"), when=no_calcium & last_at.is_unknown()),
        say("creatinine", last_at, fact("foscarnet_since"), when=no_creatinine & last_at.is_known()),
        say("creatinine_none", fact("foscarnet_since"), when=no_creatinine & last_at.is_unknown()),
        say("monitoring_line", number("unmonitored_h"), when=not_monitored),
        say("runs", fact("running_drugs"), number("response_clock.interrupted_gap_h"), when=is_told_as_treatment),
        say("prophylaxis", prophylactic, when=prophylactic.is_known()),
        say("other", others, when=others.is_known()),
        say("lately", lately, fact("lately_until_at"), after, when=is_count & is_lately),
        say("guidance", when=low_neutrophils),
        say("haemoglobin", fact("haemoglobin_mmol_per_l"), haemoglobin_at, when=haemoglobin_at.is_known()),
    ),
    after_discharge=("low_neutrophils", "low_platelets"),
    leaflet=__doc__ or "",
)
