"""A report of the virus's genotype or phenotype names a drug, or a change whose effect it does not say.

Watches every change of a gene, and every phenotype, that was reported, for as long as it is on record. Alerts on three grounds.
*names_running*, Tier 1: the report calls the virus resistant, or of reduced susceptibility, to a drug that is running, by its
group (valganciclovir is ganciclovir here). *names_other*, Tier 2: to a drug that is not known to run. *effect_not_said*, Tier 2: a
change is reported, and the report says of no drug what it does. A change that leaves the amino acid as it was (A594A) is none.

Beside what the report says stands what is published of the change (HerpesDRG-DB): how many times as much drug, in how many rows,
and its cells of words as they are. Classes (from {resistance.low_from_fold}, {resistance.moderate_from_fold} and
{resistance.high_from_fold} times) are those of ganciclovir; rows on both sides of a border are *conflicting*. A change that is not
listed has an unknown effect.

Clear when the reports name no drug and say of one that the virus is susceptible. Not assessable where no mutation was found:
that excludes nothing, and is never read as susceptible; the same of a change that leaves the protein as it was; nor where a
report is uncertain.

Why: guide G15; UL97 by itself misses changes of UL54. Not to be read as the cause of a slow fall. No dose is spoken of.
"""

from cmvmon.domain import resistance_reports as reports
from cmvmon.domain import words
from cmvmon.domain.resistance import DRUGS
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say

finding, named, since = fact("resistance_finding"), fact("named_drugs"), fact("named_running_since")
running = fact("named_running_drugs")
is_change = finding == reports.MUTATION
names_running = running.is_known()
names_other = named.is_known() & ~names_running
is_said = named.is_known() | truth("says_susceptible") | truth("says_uncertain")
is_silent = truth("is_silent_change")
effect_not_said = is_change & ~is_silent & ~is_said
treatment_unknown = fact("treatment") == words.TREATMENT_UNKNOWN
grade = fact("ganciclovir_grade")
reported = (fact("finding_reported_at"), fact("finding_compartments"))
borders = tuple(number(f"resistance.{name}_from_fold") for name in ("low", "moderate", "high"))
columns = {
    drug: tuple(fact(f"{drug}_{part}") for part in ("n_rows", "fold_low", "fold_high", "table_says")) for drug in DRUGS
}

RULE = Rule(
    code="resistance_found",
    subject="mutation",
    applies=finding.is_known(),
    fires={"names_running": names_running, "names_other": names_other, "effect_not_said": effect_not_said},
    clears=named.is_unknown() & truth("says_susceptible") & (is_change | (finding == reports.PHENOTYPE)),
    tier={1: names_running, 2: otherwise},
    cannot_tell=(
        ("no_mutation_found", finding == reports.NO_MUTATION),
        ("silent_change", is_silent),
        ("report_uncertain", otherwise),
    ),
    says=(
        say("change", fact("gene"), fact("mutation"), *reported, when=is_change),
        say("phenotype", *reported, when=~is_change),
        say("running", named, running, since, fact("n_named_running"), when=names_running),
        say("not_running", named, when=names_other & ~treatment_unknown),
        say("running_unknown", named, when=names_other & treatment_unknown),
        say("effect_not_said", when=effect_not_said),
        say("unlisted", when=is_change & ~is_silent & ~truth("is_listed")),
        *(say(drug, *columns[drug], when=columns[drug][0].is_known() | columns[drug][3].is_known()) for drug in DRUGS),
        say("grade", grade, *borders, when=grade.is_known()),
        say("ul97_alone", when=(fact("gene") == "UL97") & ~truth("has_ul54_result")),
    ),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
