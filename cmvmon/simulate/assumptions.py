"""Every number that the synthetic ward rests on, in one table: value, unit, source, and how far the source carries it.

None of these is a finding about patients on an ICU. Strength: `seen` = read in the named publication, of another
population unless it says ICU; `computed` = arithmetic on its figures; `guide` = the ward's guide; `assumption` = chosen
so that a ward can be simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ASSUMED = "chosen here; no published value was found"
_DEFAULTS = "engineering default of this project's clinical reference"
_LODDING = "Lodding 2015, EBioMedicine: first infection after transplantation"
_GUIDE = "the ward's guide, G14"
_ROSE = "shape after Rose 2017, PLoS Pathog (a rise after the first fall); number chosen here"
_KOLOSKOFF = "Koloskoff 2025, Clin Pharmacokinet: children after transplantation, as carried by a public model library"
_EMERY = "Emery 2000, PNAS: blood after transplantation, simplified model"


@dataclass(frozen=True)
class Assumption:
    """One number with its unit, where it came from and how far that source carries it."""

    name: str
    value: float
    unit: str
    source: str
    strength: str


def _assume(
    name: str, value: float, unit: str = "", source: str = _ASSUMED, strength: str = "assumption"
) -> Assumption:
    return Assumption(name, value, unit, source, strength)


ASSUMPTIONS: tuple[Assumption, ...] = (
    # Which trajectory a load takes. The shares add up to 1.
    _assume("share_responder", 0.55, "share of series"),
    _assume("share_slow", 0.20, "share of series"),
    _assume("share_non_responder", 0.15, "share of series"),
    _assume("share_rebound", 0.10, "share of series"),
    _assume("plasma_takes_class_of_bal", 0.70, "probability; otherwise drawn afresh with the same shares"),
    # The load when treatment starts.
    _assume("plasma_at_anchor_mean", 4.0, "log10 IU/mL"),
    _assume("plasma_at_anchor_sd", 0.8, "log10 IU/mL"),
    _assume("bal_at_anchor_mean", 5.0, "log10 IU/mL"),
    _assume("bal_at_anchor_sd", 0.8, "log10 IU/mL"),
    _assume("correlation_of_compartments", 0.5, "correlation of load at the anchor, and of log half-life"),
    _assume("highest_load", 9.0, "log10 IU/mL; a rising load stays there"),
    # Growth without treatment.
    _assume("doubling_time_median", 4.3, "days", _LODDING, "seen"),
    _assume(
        "doubling_time_log_sd", 0.84, "natural log", "from the quartiles 2.5 and 7.8 days of " + _LODDING, "computed"
    ),
    _assume("doubling_time_shortest", 1.0, "days", "Emery 1999, J Exp Med: about one day in frequent samples", "seen"),
    _assume("share_growing_at_anchor", 0.5, "share of patients; the others stand still before treatment"),
    # Fall under treatment.
    _assume("fast_half_life_median", 2.0, "days", _DEFAULTS + ", after Mattes 2005 and Humar 2002"),
    _assume("slow_half_life_median", 8.0, "days", _DEFAULTS + ", after VICTOR (half-lives of 10 to 12 days)"),
    _assume("half_life_log_sd", 0.4, "natural log; of fast, slow and after a change of drug"),
    _assume(
        "share_early_rise", 0.24, "share of falling series", "Park 2011, J Clin Microbiol: 23 of 97 after HCT", "seen"
    ),
    _assume(
        "plasma_shares_early_rise", 0.7, "probability that plasma rises early when BAL does; otherwise drawn afresh"
    ),
    _assume("early_rise_shortest", 2.0, "days"),
    _assume("early_rise_longest", 7.0, "days", "Park 2011: rise after the first week", "seen"),
    # No fall, and fall that ends.
    _assume("non_responder_decline_mean", 0.0, "log10 per week"),
    _assume("non_responder_decline_sd", 0.2, "log10 per week"),
    _assume("share_resistant", 0.5, "share of non-responders that first fall and then rise"),
    _assume("resistant_half_life", 4.0, "days", "Emery 2000, PNAS: efficacy 62 %, simplified model", "computed"),
    _assume("resistant_rise_earliest", 5.0, "days after the anchor"),
    _assume("resistant_rise_latest", 10.0, "days after the anchor"),
    _assume("rebound_earliest", 14.0, "days after the anchor"),
    _assume("rebound_latest", 21.0, "days after the anchor"),
    _assume("growth_under_drug", 0.5, "of the patient's untreated growth, in early rise, rebound and resistance"),
    # Drugs.
    _assume("course_shortest", 21.0, "days", "the ward's guide, G18: at least three weeks", "guide"),
    _assume("course_longest", 35.0, "days"),
    _assume("ganciclovir_dose", 5.0, "mg/kg", _GUIDE, "guide"),
    _assume("ganciclovir_interval", 12.0, "h", _GUIDE, "guide"),
    _assume("foscarnet_dose", 60.0, "mg/kg", _GUIDE, "guide"),
    _assume("foscarnet_interval", 8.0, "h", _GUIDE, "guide"),
    _assume("share_switched_failing", 0.4, "share of patients whose BAL does not respond or rebounds"),
    _assume("share_switched_other", 0.05, "share of other patients: switch for toxicity, decline unchanged"),
    _assume("switch_earliest", 14.0, "days after the anchor; failing patients"),
    _assume("switch_latest", 24.0, "days after the anchor; failing patients"),
    _assume("switch_other_earliest", 5.0, "days after the anchor; other patients"),
    _assume("half_life_after_switch_median", 4.0, "days; failing patients"),
    _assume("course_after_switch_shortest", 14.0, "days"),
    _assume("share_stopped_early", 0.05, "share of patients whose BAL responds, fast or slowly"),
    _assume("stopped_earliest", 7.0, "days after the anchor"),
    _assume("stopped_latest", 13.0, "days after the anchor"),
    # Stays.
    _assume("anchors_within", 0.75, "share of the watch in which treatments start, evenly spread"),
    _assume(
        "admission_to_anchor_median", 12.0, "days", "Limaye 2008, JAMA: first positive plasma, day 12 (3-57)", "seen"
    ),
    _assume("admission_to_anchor_log_sd", 0.5, "natural log"),
    _assume("admission_to_anchor_shortest", 3.0, "days", "Limaye 2008, JAMA", "seen"),
    _assume("admission_to_anchor_longest", 40.0, "days"),
    _assume("anchor_to_discharge_median", 25.0, "days"),
    _assume("anchor_to_discharge_log_sd", 0.5, "natural log"),
    _assume("anchor_to_discharge_shortest", 5.0, "days"),
    _assume("ventilated_within", 2.0, "days of admission"),
    _assume("weaned_earliest", 0.4, "share of the time from anchor to discharge"),
    _assume("weaned_latest", 0.9, "share of the time from anchor to discharge"),
    _assume("share_ventilated_again", 0.2, "share of patients"),
    _assume("share_affected_bal", 0.80, "share of stays for which the team states bal"),
    _assume("share_affected_none", 0.05, "share of stays for which the team states none; the others state nothing"),
    # Samples.
    _assume("plasma_interval", 3.5, "days", "twice a week"),
    _assume("plasma_from", 7.0, "days before the anchor"),
    _assume("plasma_jitter", 0.5, "days, either way"),
    _assume("bal_interval", 7.0, "days", "weekly"),
    _assume("bal_before_anchor_longest", 2.0, "days from the BAL that leads to treatment to the anchor"),
    _assume("bal_jitter", 0.5, "days, either way; samples after the anchor"),
    _assume("share_bal_a_week_earlier", 0.5, "share of patients"),
    _assume("share_missed", 0.05, "share of planned samples"),
    _assume("plasma_collected_from", 5.0, "h UTC"),
    _assume("plasma_collected_to", 7.0, "h UTC"),
    _assume("bal_collected_from", 9.0, "h UTC"),
    _assume("bal_collected_to", 15.0, "h UTC"),
    _assume("reported_earliest", 6.0, "h after collection"),
    _assume("reported_latest", 30.0, "h after collection"),
    _assume("share_corrected", 0.01, "share of quantified results first reported a factor too high"),
    _assume("corrected_factor", 10.0, "as a missed dilution gives"),
    _assume("corrected_earliest", 12.0, "h after the first report"),
    _assume("corrected_latest", 48.0, "h after the first report"),
    # The assay.
    _assume("plasma_sd", 0.13, "log10", _DEFAULTS + ", after Burd 2010 and Lee 2023"),
    _assume("plasma_sd_at_lloq", 0.22, "log10, at and below LLOQ", "middle of 0.16-0.28; " + _DEFAULTS),
    _assume("plasma_sd_falls_over", 0.5, "log10 above LLOQ, evenly"),
    _assume("bal_sd", 0.4, "log10", _DEFAULTS),
    _assume("plasma_lloq", 35.0, "IU/mL"),
    _assume("bal_lloq", 200.0, "IU/mL"),
    _assume("lod_of_lloq", 0.5, "LOD as a share of LLOQ"),
    _assume(
        "hit_rate_point", 1.645, "SD", "95 % point of a normal: the LOD is the load that 95 % of tests find", "computed"
    ),
    _assume("plasma_uloq", 1e7, "IU/mL"),
    _assume("bal_uloq", 1e8, "IU/mL"),
    # What other scenarios than the ward bring. A share of 0 or a switch of 0 here: it does not happen in the ward.
    _assume("share_hump", 0.0, "share of responders and slow series that rise in between and then fall on"),
    _assume("hump_earliest", 8.0, "days after the anchor", _ROSE),
    _assume("hump_latest", 14.0, "days after the anchor", _ROSE),
    _assume("hump_shortest", 3.0, "days", _ROSE),
    _assume("hump_longest", 7.0, "days", _ROSE),
    _assume("share_biphasic", 0.0, "share of responders that fall steeply, then less so"),
    _assume("bend_earliest", 4.0, "days after the fall began"),
    _assume("bend_latest", 10.0, "days after the fall began"),
    _assume("decline_after_bend", 0.25, "of the decline before it"),
    _assume("share_spontaneous", 0.0, "share of patients whose load goes as without a drug; named slow"),
    _assume(
        "spontaneous_clearance_median",
        26.0,
        "days from the anchor to the LLOQ",
        "von Müller 2006, Emerg Infect Dis: 8 of 25 with septic shock on an ICU, controlled without antivirals",
        "seen",
    ),
    _assume("spontaneous_clearance_log_sd", 0.4, "natural log"),
    _assume("spontaneous_lowest_gap", 0.5, "log10; a load nearer to the LLOQ falls as from here"),
    _assume("share_two_changes", 0.0, "share of series with two late changes: rise then fall, or rest then fall"),
    _assume("second_change_earliest", 5.0, "days after the first"),
    _assume("second_change_latest", 10.0, "days after the first"),
    _assume("share_plasma_on_its_own", 0.0, "share of patients whose plasma shares no time and no growth with BAL"),
    _assume(
        "share_blips",
        0.0,
        "share of samples below LLOQ that read low positive; published 0.022 of transitions",
        "January 2022: 2.2 % of transitions from below LLOQ to quantifiable",
        "seen",
    ),
    _assume("blip_highest", 1.0, "log10 above LLOQ; from 0, evenly"),
    _assume("share_sampled_by_load", 0.0, "share of patients whose planned samples are taken as the load asks"),
    _assume("kept_at_least", 0.15, "probability that a planned sample is taken when the load is low"),
    _assume("kept_half_way_at", 3.0, "log10 IU/mL, of the load some days before"),
    _assume("kept_scale", 0.7, "log10; of the logistic between low and high loads"),
    _assume("kept_per_rise", 2.0, "log10 of load for each log10 per week of rise"),
    _assume("load_known_after", 2.0, "days; what the team knows when it plans"),
    _assume("share_sampling_ends", 0.0, "share of patients not sampled again after two results below LLOQ in a row"),
    _assume("death_per_day_at_4_log10", 0.0, "hazard per day under treatment, by plasma load"),
    _assume("death_per_log10", 0.7, "natural log of the hazard for each log10 of plasma load"),
    _assume("assay_changed_after", 1.0, "share of the watch after which another assay is used; 1 = never"),
    _assume(
        "other_assay_offset",
        0.4,
        "log10, added to what is measured",
        "inside the spread of results between laboratories, SD about 0.6: Preiksaitis 2016",
        "computed",
    ),
    _assume("other_assay_lloq", 4.0, "times the LLOQ of the first assay"),
    _assume("bal_dilution_sd", 0.0, "log10, of each lavage"),
    _assume("share_outliers", 0.0, "share of results with a further error"),
    _assume("outlier_sd", 1.0, "log10"),
    _assume("share_student_t", 0.0, "share of patients whose results scatter as Student's t, of the same scale"),
    _assume("degrees_of_freedom", 4.0, "of that t"),
    # Two other families of curves, for whole patients; treatment then goes on as it began.
    _assume("share_koloskoff", 0.0, "share of patients"),
    _assume("share_target_cell", 0.0, "share of patients"),
    _assume("lowest_load_of_families", -2.0, "log10 IU/mL; a falling load stays there"),
    _assume(
        "responder_half_life_longest", 4.0, "days, by the mean fall to day 14; names the class of a family's series"
    ),
    _assume("slow_half_life_longest", 16.0, "days; the same"),
    _assume("family_rise_smallest", 0.5, "log10 above the lowest load: from there a family's series is named rebound"),
    _assume("koloskoff_kin", 0.00087, "log10 copies/mL per hour", _KOLOSKOFF, "seen"),
    _assume("koloskoff_kout", 0.00023, "per hour", _KOLOSKOFF, "seen"),
    _assume("koloskoff_kout_log_sd", 0.14, "natural log", _KOLOSKOFF, "seen"),
    _assume("koloskoff_emax", 16.3, "", _KOLOSKOFF, "seen"),
    _assume("koloskoff_ec50", 23.5, "mg.h/L", _KOLOSKOFF, "seen"),
    _assume("koloskoff_ec50_log_sd", 1.36, "natural log", _KOLOSKOFF, "seen"),
    _assume("koloskoff_auc", 23.7, "mg.h/L, median", _KOLOSKOFF, "seen"),
    _assume("koloskoff_auc_log_sd", 0.4, "natural log"),
    _assume("koloskoff_at_anchor", 3.61, "log10 copies/mL, median; taken as log10 IU/mL in plasma", _KOLOSKOFF, "seen"),
    _assume("target_cell_virion_clearance", 2.0, "per day"),
    _assume("target_cell_reproduction", 2.0, "infected cells per infected cell", _EMERY, "computed"),
    _assume("target_cell_renewal", 0.1, "per day"),
    _assume("target_cell_half_infected_at", 8.0, "log10 IU/mL at which infection takes cells as fast as they renew"),
    _assume("efficacy_wild_iv", 0.915, "", _EMERY, "seen"),
    _assume("efficacy_wild_iv_sd", 0.0128, "from the interval 0.89-0.94", _EMERY, "computed"),
    _assume("efficacy_wild_oral", 0.465, "", _EMERY, "seen"),
    _assume("efficacy_resistant_iv", 0.62, "", _EMERY, "seen"),
    _assume("efficacy_resistant_oral", 0.35, "", _EMERY, "seen"),
    _assume("share_oral", 0.15, "share of patients of the target-cell family"),
    _assume("share_target_cell_resistant", 0.15, "share of patients of the target-cell family, from resistant_rise on"),
    # What is written at the bedside beside the ward: nothing of it moves a load.
    _assume("weight_mean", 80.0, "kg, the weight that the pharmacy doses by"),
    _assume("weight_sd", 14.0, "kg"),
    _assume("weight_least", 45.0, "kg"),
    _assume("weight_most", 140.0, "kg"),
    _assume("age_mean", 62.0, "years"),
    _assume("age_sd", 13.0, "years"),
    _assume("age_least", 19.0, "years"),
    _assume("age_most", 88.0, "years"),
    _assume("clearance_median", 85.0, "mL/min, Cockcroft-Gault, at admission"),
    _assume("clearance_log_sd", 0.45, "natural log"),
    _assume("clearance_least", 8.0, "mL/min"),
    _assume("clearance_most", 180.0, "mL/min"),
    _assume("clearance_drift_sd", 0.012, "natural log per day, one drift per patient"),
    _assume("creatinine_times_clearance", 7000.0, "umol/L times mL/min; one falls as the other rises"),
    _assume("kidney_hour", 5.0, "h UTC, each day"),
    _assume("neutrophils_median", 7.0, "10^9/L, each morning"),
    _assume("neutrophils_log_sd", 0.4, "natural log, of patients"),
    _assume("platelets_median", 190.0, "10^9/L, each morning"),
    _assume("platelets_log_sd", 0.45, "natural log, of patients"),
    _assume("ionised_calcium_mean", 1.15, "mmol/L, each morning"),
    _assume("ionised_calcium_sd", 0.05, "mmol/L, of patients"),
    _assume("potassium", 4.0, "mmol/L, each morning of a stay with foscarnet"),
    _assume("magnesium", 0.8, "mmol/L, the same"),
    _assume("phosphate", 0.9, "mmol/L, the same"),
    _assume("share_replacement", 0.06, "share of patients with a period of CVVH"),
    _assume("replacement_from", 1.0, "days after admission"),
    _assume("replacement_longest", 9.0, "days"),
    _assume("replacement_effluent", 2000.0, "mL/h"),
    _assume("share_missed_dose", 0.02, "share of doses"),
    _assume("share_under_dosed", 0.05, "share of courses given at half the dose"),
    _assume("share_sound_host", 0.85, "share of patients who were immunocompetent before"),
    _assume("share_covid", 0.25, "share of patients"),
    _assume("share_genotyped", 0.6, "share of non-responders and rebounding patients"),
    _assume("genotype_asked", 15.0, "days after the anchor"),
    _assume("genotype_takes", 9.0, "days from request to report"),
    _assume("share_with_change", 0.3, "share of reports that name a change"),
)

_VALUES: Mapping[str, float] = MappingProxyType({assumption.name: assumption.value for assumption in ASSUMPTIONS})


def assumed(name: str) -> float:
    """The value of one assumption. Raises KeyError when the table has no such row.

    >>> assumed("bal_lloq")
    200.0
    """
    return _VALUES[name]
