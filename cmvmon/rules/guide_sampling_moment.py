"""A moment at which the ward's guide asks for a sample has come, and none is on record.

Watches patients on days {from_day} to {until_day} of invasive ventilation (by a tube or a tracheostomy; a kind that is not on record
counts) with COVID-19 or ARDS, and those with a weakened defence and a stated affected organ. Silent after discharge and under a
limit to treatment that ends sampling.

Alerts on three grounds. *covid*, for information (Tier 3): the median PaO2/FiO2 of the days around day 7 is not at least
{least_improvement_percent} % above that of the first days, and no BAL was taken since day {bal_from_day}. *ards*, an extension
(Tier 3): the same with ARDS of another cause. *organ*, an extension (Tier 2): in a weakened defence, and not known to be on
treatment, blood or the stated organ was not sampled for {sampled_within_days} days. A sample without a result yet counts as taken.

Clear when sampled or improved. Not assessable when BAL is stated not to be feasible, or when ventilation, the host or oxygenation is
not known.

Why: guide G13 (COVID), G12 (weakened defence). "No improvement" has no published measure: this one is a proposal. Not to be read as
advice to lavage: whether the patient bears it is not on record.
"""

from cmvmon.domain import words
from cmvmon.facts import host, treatment
from cmvmon.facts.conditions import denied, fact, number, otherwise, truth
from cmvmon.facts.ventilation import NEVER, NOT_MEASURED
from cmvmon.rules.rulebook import Rule, say

day, change, bal_ordered = fact("ventilation_day"), fact("pao2_fio2_change_percent"), fact("bal_ordered_at")
within, improved_by, line = (number(n) for n in ("sampled_within_days", "least_improvement_percent", "from_day"))
organ_at, blood_at, organ = fact("organ_taken_at"), fact("blood_taken_at"), fact("organ_compartment")
has_left = truth("is_discharged") | truth("sampling_is_limited")
has_covid, has_ards = truth("has_covid_19"), truth("has_ards")
is_acute, is_other = has_covid | has_ards, denied("has_covid_19") & denied("has_ards")
is_unclear = fact("is_ventilated").is_unknown()
is_moment = (day >= line) & (day <= number("until_day"))
has_bal = fact("bal_ventilation_day") >= number("bal_from_day")
has_signs = truth("has_organ_signs") & ~host.is_sound
organ_due = organ.is_known() & ~(fact("as_of") - organ_at <= within.days)
blood_due = ~(fact("as_of") - blood_at <= within.days)

lung = ~has_left & is_moment & ~has_bal & (change < improved_by)
by_organ = ~has_left & ~treatment.is_on & has_signs & host.is_weak & (organ_due | blood_due)
lung_is_told = (~is_moment & ~(is_acute & is_unclear)) | has_bal | is_other | (change >= improved_by)
organ_is_told = ~has_signs | treatment.is_on | (~organ_due & ~blood_due)
by_lung = (lung & is_acute) & ~by_organ

RULE = Rule(
    code="guide_sampling_moment",
    subject="patient",
    applies=is_moment | has_signs | (is_acute & is_unclear),
    fires={"covid": lung & has_covid, "ards": lung & has_ards & ~has_covid, "organ": by_organ},
    unless={"bal_not_feasible": truth("bal_is_not_feasible") & ~by_organ},
    clears=has_left | (lung_is_told & organ_is_told),
    tier={2: by_organ, 3: otherwise},
    cannot_tell=(
        ("conditions_unknown", has_signs & ~organ_is_told),
        ("ventilation_unknown", is_acute & is_unclear),
        ("conditions_unknown", ~is_acute),
        (NEVER, fact("oxygenation_unknown") == NEVER),
        (NOT_MEASURED, otherwise),
    ),
    says=(
        say("organ", organ, fact("host_conditions"), when=by_organ & organ_due),
        say("organ_taken", organ_at, when=by_organ & organ_due & organ_at.is_known()),
        say("blood_alone", fact("host_conditions"), when=by_organ & ~organ_due),
        say("blood_never", when=by_organ & blood_due & blood_at.is_unknown()),
        say("blood_taken", blood_at, when=by_organ & blood_due & blood_at.is_known()),
        say("guide_organ", within, when=by_organ),
        say("covid", day, when=by_lung & has_covid),
        say("ards", day, when=by_lung & ~has_covid),
        say("oxygenation", fact("early_pao2_fio2_mmhg"), fact("late_pao2_fio2_mmhg"), change, when=by_lung),
        say("no_bal", number("bal_from_day"), when=~by_organ & bal_ordered.is_unknown()),
        say("bal_ordered", bal_ordered, when=by_lung & bal_ordered.is_known()),
        say("kind_unknown", when=by_lung & ~truth("is_kind_on_record")),
        say("guide", line, improved_by, when=by_lung),
    ),
    also_tells=(fact("ventilated_since"),),
    no_longer=words.MOMENT_OVER,
    leaflet=__doc__ or "",
)
