"""The load falls little, or rises, in a patient whose virus may have changed, and no genotype is on record.

Watches every patient on treatment. Suspected by one of two: *response* alerts on one of its grave grounds after at least
{exposure_days} days of one drug in all known rows, prophylaxis included; or *rebound* sees a rise on treatment in a patient who had
prophylaxis (letermovir too) before this course, of whom a change was reported before it, or whose donor carries CMV while the
patient did not (D+/R-). What was given elsewhere is not known, so exposure is at least so long.

Alerts at Tier 2 on three grounds. *none_on_record*: neither UL97 nor UL54 nor a phenotype was reported, or asked for, since the
course began. *gene_missing*: one of UL97 and UL54 was, and nothing waits: UL97 alone misses changes of UL54. *overdue*: a request
waits for longer than {genotype_days} days, a culture for longer than {culture_days}.

Clear when not suspected, when both genes or a phenotype are on record, or while a request waits within its time. Not assessable when
it is unknown whether the patient is treated; when *response* or *rebound* can't be judged and would decide; when the load rises after
a transplanted organ and the serostatus of donor or patient is not known; or when reports were never delivered, or one of the patient
could not be read.

Why: guide G15; transplant guidance tests UL97 and UL54 after four to six weeks of a drug (Kotton 2025). Such changes are rare:
{base_rate_changes} of {base_rate_patients} on ganciclovir, day {base_rate_from_days} to {base_rate_to_days} (Chou 2025). Not to be
read as a probable change: host, dose and level come first. A stated failure of a drug is said beside it, and is no ground.
"""

from cmvmon.domain import resistance_reports, words
from cmvmon.facts import treatment
from cmvmon.facts.conditions import AnyOf, choose, fact, number, otherwise, truth
from cmvmon.facts.genotype_record import NEVER, UNREAD
from cmvmon.facts.serostatus import UNKNOWN_BECAUSE as SEROSTATUS_UNKNOWN
from cmvmon.rules.little_fall import GRAVE
from cmvmon.rules.rulebook import Rule, alerts_by, say, verdict_of

exposure, unknown_because, waited = fact("exposure_days"), fact("genotype_unknown_because"), fact("days_since_request")
prophylaxis, earlier = fact("earlier_prophylaxis_drugs"), fact("earlier_mutations")
falls_little = AnyOf(tuple(alerts_by("response", ground) for ground in GRAVE))
rises = alerts_by("rebound", "observed")
is_mismatched, no_serostatus = truth("is_donor_positive_recipient_negative"), fact("serostatus_unknown_because")
is_at_risk = prophylaxis.is_known() | earlier.is_known() | is_mismatched
may_be_at_risk = ~is_at_risk & no_serostatus.is_known()
by_fall, by_rise = falls_little & (exposure >= number("exposure_days")), rises & is_at_risk
may_fall_little = falls_little | (verdict_of("response") == words.NOT_ASSESSABLE)
may_rise = rises | (verdict_of("rebound") == words.NOT_ASSESSABLE)
may_be_by_fall = may_fall_little & ~(exposure < number("exposure_days"))
is_not_suspected = ~may_be_by_fall & ~(may_rise & is_at_risk) & ~(rises & may_be_at_risk)
is_asked, failed = treatment.is_on & unknown_because.is_unknown() & (by_fall | by_rise), fact("failed_drugs")
ul97, ul54 = truth("has_ul97_result"), truth("has_ul54_result")
is_on_record = (ul97 & ul54) | truth("has_phenotype")
is_culture = fact("request_method") == resistance_reports.CULTURE
is_late = choose(is_culture, waited > number("culture_days"), waited > number("genotype_days"))
is_missing = is_asked & ~is_on_record & waited.is_unknown()
none_on_record, gene_missing = is_missing & ~ul97 & ~ul54, is_missing & (ul97 | ul54)
overdue = is_asked & ~is_on_record & is_late

RULE = Rule(
    code="genotype_not_on_record",
    subject="patient",
    applies=~treatment.is_off,
    fires={"none_on_record": none_on_record, "gene_missing": gene_missing, "overdue": overdue},
    clears=treatment.is_on
    & (is_not_suspected | (unknown_because.is_unknown() & (is_on_record | (waited.is_known() & ~is_late)))),
    tier={2: otherwise},
    cannot_tell=(
        ("treatment_unknown", ~treatment.is_on),
        ("reports_never_delivered", unknown_because == NEVER),
        ("report_unread", unknown_because == UNREAD),
        *((code, rises & may_be_at_risk & (no_serostatus == code)) for code in SEROSTATUS_UNKNOWN),
        ("response_not_judged", otherwise),
    ),
    says=(
        say("falls_little", exposure, fact("exposed_drug"), when=by_fall),
        say("rises_after_prophylaxis", prophylaxis, when=by_rise & prophylaxis.is_known()),
        say("rises_after_change", earlier, when=by_rise & earlier.is_known()),
        say("rises_mismatched", when=by_rise & is_mismatched),
        say("stated_failure", failed, when=failed.is_known()),
        say("none", fact("course_started_at"), when=none_on_record),
        say("ul97_alone", fact("course_started_at"), when=gene_missing & ul97),
        say("ul54_alone", fact("course_started_at"), when=gene_missing & ul54),
        say("overdue", fact("request_waits_since"), waited, when=overdue),
        say("guidance"),
        say("base_rate", *(number(f"base_rate_{part}") for part in ("changes", "patients", "from_days", "to_days"))),
    ),
    leaflet=__doc__ or "",
)
