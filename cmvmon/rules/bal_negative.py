"""No CMV was detected in BAL, and no antiviral drug ran before it.

Watches the latest BAL of the last {within_days} days, of each laboratory and assay in use. Alerts for information (Tier 3) when it
is *not detected* and no antiviral drug, prophylaxis included, had run for more than {drug_free_days} days before it.

Clear when CMV was detected in it, below the limit of quantification too. Not assessable when its values conflict, when a drug ran
in those days, or when it is unknown what was given. A test that was inhibited or not valid is no result and is not read here; how much
fluid came back is not on record.

Why: guide G11. The limit of detection is told, because the negative predictive values that are published belong to other limits.
Not to be read as the exclusion of CMV pneumonia: fluid that reached another segment says nothing of this one.
"""

from cmvmon.domain import words
from cmvmon.facts import samples
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import Rule, say

taken, detection, lod = fact("latest_collected_at"), fact("latest_detection"), fact("latest_lod_iu_per_ml")
is_readable = ~truth("latest_is_conflicting")
is_negative = is_readable & (detection == words.NOT_DETECTED)
is_known = fact("treatment").is_in((words.TREATMENT_ON, words.TREATMENT_OFF))
had_drug = fact("drug_free_days_before_latest") <= number("drug_free_days")

RULE = Rule(
    code="bal_negative",
    subject="series",
    applies=truth("has_series")
    & (fact("compartment") == "bal")
    & (fact("as_of") - taken <= number("within_days").days)
    & ~truth("is_discharged"),
    fires={"not_detected": is_negative & is_known & ~had_drug},
    unless=newer_result.open_while(),
    clears=is_readable & detection.is_in((words.BELOW_LLOQ, words.QUANTIFIED, words.ABOVE_ULOQ)),
    open_while=newer_result.open_while(),
    tier={3: otherwise},
    cannot_tell=(
        ("conflicting_values", ~is_readable),
        ("drug_before_sample", had_drug),
        ("treatment_unknown", otherwise),
    ),
    says=(
        say("negative", *samples.LATEST, fact("compartment")),
        say("limit", lod, when=lod.is_known()),
        say("limit_unknown", when=lod.is_unknown()),
        say("guide"),
        say("no_drug", number("drug_free_days")),
    ),
    rests_on=((("latest_result_id",), otherwise),),
    no_longer=words.RESULT_OLD,
    leaflet=__doc__ or "",
)
