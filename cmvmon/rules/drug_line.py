"""A drug is given where its label has no dose, or letermovir is the only drug while disease is stated.

Watches foscarnet and cidofovir that run, and letermovir where nothing else does. Alerts on four grounds. *no_label_dose*: for the
kidney function of now the label has none (foscarnet: not recommended; cidofovir: contraindicated, on renal replacement always), and
it had none a day before. *creatinine_above*: cidofovir, and creatinine above {cidofovir_creatinine_umol_per_l} umol/L, in whatever
unit it was reported. *check_missing*: cidofovir, and no creatinine in the {creatinine_before_dose_h} hours before the dose.
*letermovir_alone*: given as treatment, or while the team states an affected compartment.

Clear when the label has a dose for the kidney function (foscarnet), and when no disease is stated (letermovir). Cidofovir is never
clear: urine protein and probenecid are no input. Not assessable under {exposure.adult_from_years} years, without a clearance of
the last {exposure.kidney_value_holds_days} days, where it is not in a steady state, for one day only, for foscarnet on renal
replacement, and where stays or treatment are not known (letermovir).

Why: guide G14, G16. A dose above its band is `exposure_high`, drugs beside it `interaction_note`. Not to be read as an order to stop.
"""

from cmvmon.facts import drug_lines, treatment
from cmvmon.facts.conditions import denied, fact, number, otherwise, truth
from cmvmon.rules.rulebook import Rule, say

drug, is_child, why = fact("drug"), truth("is_child"), fact("line_unknown_because")
is_foscarnet, is_cidofovir = drug == drug_lines.FOSCARNET, drug == drug_lines.CIDOFOVIR
is_letermovir, runs = drug == drug_lines.LETERMOVIR, truth("drug_runs")
on_replacement = truth("runs_on_replacement")
clearance = (fact("kidney_function_now"), fact("kidney_unit_now"), fact("no_dose_up_to"))
creatinine = fact("creatinine_umol_per_l")
dose_at, before_h = fact("checked_dose_at"), fact("creatinine_before_dose_h")
stated, disease_unknown = fact("stated_affected"), fact("disease_unknown_because")

is_without = denied("label_has_dose")
no_label_dose = is_without & ~truth("label_had_dose")
creatinine_above = is_cidofovir & (creatinine > number("cidofovir_creatinine_umol_per_l"))
check_missing = is_cidofovir & dose_at.is_known() & ~(before_h <= number("creatinine_before_dose_h"))
is_alone = is_letermovir & treatment.is_off
letermovir_alone = is_alone & (truth("is_for_treatment") | stated.is_known())

RULE = Rule(
    code="drug_line",
    subject="drug",
    applies=runs & (is_foscarnet | is_cidofovir | (is_letermovir & ~treatment.is_on)),
    fires={
        "no_label_dose": no_label_dose,
        "creatinine_above": creatinine_above,
        "check_missing": check_missing,
        "letermovir_alone": letermovir_alone,
    },
    unless={"under_age": is_child},
    clears=~is_child
    & ((is_foscarnet & truth("label_has_dose")) | (is_alone & ~letermovir_alone & disease_unknown.is_unknown())),
    tier={2: otherwise},
    cannot_tell=(
        ("under_age", is_child),
        ("treatment_unknown", is_letermovir & ~treatment.is_off),
        *((code, is_letermovir & (disease_unknown == code)) for code in drug_lines.DISEASE_UNKNOWN),
        *((code, why == code) for code in drug_lines.WHY_UNKNOWN),
        ("one_day_only", is_without),
        ("check_not_on_record", otherwise),
    ),
    says=(
        say("given", drug, fact("drug_runs_since"), when=~is_letermovir),
        say("not_recommended", *clearance, when=no_label_dose & is_foscarnet),
        say("contraindicated", *clearance, when=no_label_dose & is_cidofovir & ~on_replacement),
        say("on_replacement", when=no_label_dose & is_cidofovir & on_replacement),
        say(
            "creatinine_above",
            creatinine,
            fact("creatinine_mg_per_dl"),
            fact("creatinine_at"),
            number("cidofovir_creatinine_umol_per_l"),
            when=creatinine_above,
        ),
        say("check_missing", dose_at, number("creatinine_before_dose_h"), when=check_missing),
        say("letermovir_treats", fact("drug_runs_since"), when=letermovir_alone & truth("is_for_treatment")),
        say("letermovir_disease", stated, when=letermovir_alone & stated.is_known()),
        say("not_on_record", when=is_cidofovir),
        say("age_unknown", when=fact("is_child").is_unknown()),
    ),
    also_tells=(fact("treatment"),),
    leaflet=__doc__ or "",
)
