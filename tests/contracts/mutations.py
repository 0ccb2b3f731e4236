"""For every promise about one row: rows that break it and nothing else. All synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cmvmon.domain.columns import RowType
from cmvmon.domain.conditional import BetweenInUnit, BetweenWhen, OneOfWhen
from cmvmon.domain.constraints import Between, Constraint, Matches, NotBefore, NotNull, OneOf, Ordered
from cmvmon.domain.tables import BY_NAME
from tests.contracts.valid_tables import Row, at, bare, full

NAN, INFINITY = float("nan"), float("inf")
TOO_EARLY = datetime(1899, 12, 30, tzinfo=UTC)
TOO_LATE = datetime(2202, 3, 1, tzinfo=UTC)


def _doses(drug: str, *doses_mg: float) -> list[Row]:
    return [full("doses_given") | {"drug": drug, "dose_mg": dose} for dose in doses_mg]


def _levels(drug: str, unit: str, *values: float) -> list[Row]:
    return [full("drug_levels") | {"drug": drug, "unit": unit, "level_value": value} for value in values]


def _laboratory(analyte: str, unit: str, *values: float) -> list[Row]:
    row = full("laboratory_values") | {"analyte": analyte, "unit": unit}
    return [row | {"analyte_value": value} for value in values]


# Promises for which the general mutation below would break another one as well, or that only these columns can break.
_OWN: dict[str, dict[str, list[Row]]] = {
    "viral_load_results": {
        "NotNull detection": [bare("viral_load_results") | {"detection": None}],
        "OneOf detection": [bare("viral_load_results") | {"detection": "negative"}],
        "Between viral_load_iu_per_ml": [
            bare("viral_load_results") | {"detection": "quantified", "viral_load_iu_per_ml": value}
            for value in (NAN, INFINITY, -INFINITY, 0.0, -1.0, 1.1e12)
        ],
        "Requires viral_load_iu_per_ml detection": [full("viral_load_results") | {"viral_load_iu_per_ml": None}],
        "NullUnless viral_load_iu_per_ml detection": [
            full("viral_load_results") | {"detection": detection}
            for detection in ("not_detected", "below_lloq", "above_uloq")
        ],
        "Ordered lloq_iu_per_ml uloq_iu_per_ml": [
            bare("viral_load_results") | {"lloq_iu_per_ml": 35.0, "uloq_iu_per_ml": uloq} for uloq in (35.0, 34.0)
        ],
        "OrderedWhen lloq_iu_per_ml viral_load_iu_per_ml detection": [
            full("viral_load_results") | {"viral_load_iu_per_ml": 34.9}
        ],
        "OrderedWhen viral_load_iu_per_ml uloq_iu_per_ml detection": [
            full("viral_load_results") | {"viral_load_iu_per_ml": 1.1e7}
        ],
        "Ordered collected_at reported_at": [full("viral_load_results") | {"reported_at": at(16)}],
    },
    "antiviral_courses": {
        "OneOf stop_reason": [
            full("antiviral_courses") | {"stop_reason": word} for word in ("rash", "Toxicity", "bijwerking", "")
        ],
        "Ordered started_at stopped_at": [full("antiviral_courses") | {"stopped_at": at(-1)}],
    },
    "icu_stays": {
        "OneOf ventilation_kind": [
            full("icu_stays") | {"ventilation_kind": word} for word in ("tube", "INVASIVE", "niv", "")
        ],
        "OnlyWith ventilation_kind ventilation_started_at": [bare("icu_stays") | {"ventilation_kind": "invasive"}],
        "Matches affected_compartments": [
            full("icu_stays") | {"affected_compartments": text}
            for text in ("lung", "bal;", "bal; plasma", "bal\n", "none;bal", "BAL")
        ],
        "Ordered admitted_at discharged_at": [full("icu_stays") | {"discharged_at": at(-1)}],
        "Ordered ventilation_started_at ventilation_stopped_at": [
            full("icu_stays") | {"ventilation_stopped_at": at(0)}
        ],
    },
    "host_status": {
        "NullUnless cd4_cells_per_ul condition": [full("host_status") | {"condition": "chemotherapy"}],
        "Ordered stated_at ended_at": [full("host_status") | {"ended_at": at(-1)}],
    },
    "birth_dates": {
        "Matches born_on": [
            full("birth_dates") | {"born_on": text}
            for text in (
                "",
                "30-05-1961",
                "1961-02-30",
                "1961-04-31",
                "1961-13-01",
                "1861-05-30",
                "2161-05-30",
                "1961-5-30",
            )
        ],
    },
    "deaths": {
        "NotBefore died_at": [full("deaths") | {"died_at": TOO_EARLY}],
        "Matches died_on": [
            full("deaths") | {"died_on": text}
            for text in ("", "01-03-2026", "2026-3-1", "2026-13-01", "2026-03-32", "1826-03-01")
        ],
        "OneOf says": [full("deaths") | {"says": word} for word in ("dead", "DIED", "")],
        "RequiresUnless died_at says": [
            full("deaths") | {"died_at": None},
            full("deaths") | {"died_at": None, "says": None},
        ],
        "Ordered died_at stated_at": [full("deaths") | {"died_at": at(10)}],
        "NullWhen died_at says": [bare("deaths") | {"died_at": at(9)}],
        "NullWhen died_on says": [bare("deaths") | {"died_on": "2026-03-10"}],
    },
    "doses_given": {
        "NotNull administered": [bare("doses_given") | {"administered": None}],
        "OneOf administered": [bare("doses_given") | {"administered": word} for word in ("withheld", "GIVEN", "")],
        "Between dose_mg": [
            full("doses_given") | {"drug": "aciclovir", "dose_mg": value}
            for value in (NAN, INFINITY, -INFINITY, 0.0, -1.0, 100_001.0)
        ],
        "Requires dose_mg administered": [full("doses_given") | {"dose_mg": None}],
        "NullUnless dose_mg administered": [full("doses_given") | {"administered": "missed"}],
        # 5 mg and 60 mg are 5 and 60 mg/kg that were written as mg.
        "BetweenWhen dose_mg drug ganciclovir": _doses("ganciclovir", 5.0, 9.9, 4_000.1),
        "BetweenWhen dose_mg drug foscarnet": _doses("foscarnet", 60.0, 90.0, 299.9, 40_001.0),
        "BetweenWhen dose_mg drug valganciclovir": _doses("valganciclovir", 0.9, 49.9, 4_001.0),
    },
    "kidney_function": {
        "NotNull method": [full("kidney_function") | {"method": None}],
        "OneOf method": [full("kidney_function") | {"method": word} for word in ("mdrd", "CREATININE", "")],
        "NotNull unit": [full("kidney_function") | {"unit": None}],
        "Between kidney_value": [],
        "OneOf unit": [],
        "OneOfWhen unit method measured_urinary_crcl": [
            full("kidney_function") | {"method": "measured_urinary_crcl", "unit": "mL/min/1.73m2"}
        ],
        "OneOfWhen unit method foscarnet_label": [
            full("kidney_function") | {"method": "foscarnet_label", "unit": "mL/min"}
        ],
        "OneOfWhen unit method egfr_per_1_73_m2": [
            full("kidney_function") | {"method": "egfr_per_1_73_m2", "unit": "mL/min"}
        ],
        "OneOfWhen unit method creatinine": [full("kidney_function") | {"unit": "mL/min"}],
        "BetweenWhen kidney_value unit mL/min": [
            full("kidney_function") | {"method": "cockcroft_gault", "unit": "mL/min", "kidney_value": 400.1}
        ],
        "BetweenWhen kidney_value unit mL/min/kg": [
            full("kidney_function") | {"method": "foscarnet_label", "unit": "mL/min/kg", "kidney_value": 98.0}
        ],
        # 1.5 mg/dL and 133 umol/L are one creatinine.
        "BetweenWhen kidney_value unit umol/L": [full("kidney_function") | {"kidney_value": 1.5}],
        "BetweenWhen kidney_value unit mg/dL": [full("kidney_function") | {"unit": "mg/dL", "kidney_value": 133.0}],
    },
    "renal_replacement": {
        "Ordered started_at stopped_at": [full("renal_replacement") | {"stopped_at": at(1)}],
    },
    "drug_levels": {
        "OneOf comparator": [full("drug_levels") | {"comparator": word} for word in ("<=", "lt", "")],
        "Between level_value": [
            full("drug_levels") | {"drug": "aciclovir", "level_value": value}
            for value in (NAN, INFINITY, -INFINITY, 0.0, -1.0, 100_001.0)
        ],
        "OneOf unit": [full("drug_levels") | {"drug": "aciclovir", "unit": word} for word in ("ug/mL", "MG/L", "")],
        "OneOfWhen unit drug ganciclovir": _levels("valganciclovir", "umol/L", 9.4),
        # 2,400 ug/L that was written as mg/L, and 2.4 that was divided by 1,000.
        "BetweenInUnit level_value drug unit ganciclovir mg/L": _levels("ganciclovir", "mg/L", 2_400.0, 60.1, 0.0024),
        "BetweenInUnit level_value drug unit foscarnet mg/L": _levels("foscarnet", "mg/L", 589.0, 0.4),
        "BetweenInUnit level_value drug unit foscarnet umol/L": _levels("foscarnet", "umol/L", 0.589, 4_001.0),
        "NotBefore last_dose_at": [full("drug_levels") | {"last_dose_at": TOO_EARLY}],
        "Ordered last_dose_at sampled_at": [full("drug_levels") | {"last_dose_at": at(3, 9)}],
        "Ordered sampled_at next_dose_at": [full("drug_levels") | {"next_dose_at": at(2)}],
        "NotBefore sampled_at": [bare("drug_levels") | {"sampled_at": moment} for moment in (TOO_EARLY, TOO_LATE)],
        "NotBefore next_dose_at": [full("drug_levels") | {"next_dose_at": TOO_LATE}],
    },
    "laboratory_values": {
        "OneOf comparator": [full("laboratory_values") | {"comparator": word} for word in ("<=", "lt", "")],
        "NotNull analyte": [full("laboratory_values") | {"analyte": None}],
        "OneOf analyte": [full("laboratory_values") | {"analyte": word} for word in ("calcium", "sodium", "IGG", "")],
        "NotNull unit": [full("laboratory_values") | {"unit": None}],
        "OneOf unit": [],
        "Between analyte_value": [],
        "OneOfWhen unit analyte neutrophils": _laboratory("neutrophils", "g/L", 20.0),
        "OneOfWhen unit analyte platelets": _laboratory("platelets", "g/dL", 20.0),
        "OneOfWhen unit analyte lymphocytes": _laboratory("lymphocytes", "mmol/L", 20.0),
        "OneOfWhen unit analyte haemoglobin": _laboratory("haemoglobin", "10^9/L", 8.0),
        "OneOfWhen unit analyte ionised_calcium": _laboratory("ionised_calcium", "g/L", 1.2),
        "OneOfWhen unit analyte total_calcium": _laboratory("total_calcium", "10^9/L", 2.3),
        "OneOfWhen unit analyte igg": _laboratory("igg", "g/dL", 1.0),
        "OneOfWhen unit analyte potassium": _laboratory("potassium", "mg/dL", 4.0),
        "OneOfWhen unit analyte magnesium": _laboratory("magnesium", "g/L", 0.9),
        "OneOfWhen unit analyte phosphate": _laboratory("phosphate", "mEq/L", 1.1),
        "OneOfWhen unit analyte qtc": _laboratory("qtc", "mmol/L", 440.0),
        # 0.5 K/uL that was written as 0.5 /uL, and 500 /uL that was written as K/uL.
        "BetweenInUnit analyte_value analyte unit neutrophils 10^9/L": _laboratory("neutrophils", "K/uL", 500.0),
        "BetweenInUnit analyte_value analyte unit neutrophils /uL": _laboratory(
            "neutrophils", "/uL", 0.5, 9.9, 100_001.0
        ),
        "BetweenInUnit analyte_value analyte unit platelets 10^9/L": _laboratory("platelets", "10^9/L", 25_000.0),
        "BetweenInUnit analyte_value analyte unit platelets /uL": _laboratory("platelets", "/uL", 25.0, 999.0),
        "BetweenInUnit analyte_value analyte unit lymphocytes 10^9/L": _laboratory("lymphocytes", "10^9/L", 800.0),
        "BetweenInUnit analyte_value analyte unit lymphocytes /uL": _laboratory("lymphocytes", "/uL", 0.8),
        "BetweenInUnit analyte_value analyte unit haemoglobin mmol/L": _laboratory("haemoglobin", "mmol/L", 80.0, 0.9),
        "BetweenInUnit analyte_value analyte unit haemoglobin g/dL": _laboratory("haemoglobin", "g/dL", 80.0, 1.5),
        # A total calcium under the name of the ionised one, and the other way round.
        "BetweenInUnit analyte_value analyte unit ionised_calcium mmol/L": _laboratory(
            "ionised_calcium", "mmol/L", 2.3
        ),
        "BetweenInUnit analyte_value analyte unit ionised_calcium mg/dL": _laboratory(
            "ionised_calcium", "mg/dL", 9.2, 1.15
        ),
        "BetweenInUnit analyte_value analyte unit total_calcium mmol/L": _laboratory(
            "total_calcium", "mmol/L", 1.15, 9.2
        ),
        "BetweenInUnit analyte_value analyte unit total_calcium mg/dL": _laboratory("total_calcium", "mg/dL", 4.6, 2.3),
        "BetweenInUnit analyte_value analyte unit igg g/L": _laboratory("igg", "g/L", 700.0),
        "BetweenInUnit analyte_value analyte unit igg mg/dL": _laboratory("igg", "mg/dL", 7.0),
        "BetweenInUnit analyte_value analyte unit potassium mmol/L": _laboratory("potassium", "mEq/L", 0.4, 42.0),
        "BetweenInUnit analyte_value analyte unit magnesium mmol/L": _laboratory("magnesium", "mmol/L", 0.05, 9.0),
        "BetweenInUnit analyte_value analyte unit magnesium mg/dL": _laboratory("magnesium", "mg/dL", 0.1, 21.0),
        "BetweenInUnit analyte_value analyte unit magnesium mEq/L": _laboratory("magnesium", "mEq/L", 0.1, 17.0),
        "BetweenInUnit analyte_value analyte unit phosphate mmol/L": _laboratory("phosphate", "mmol/L", 0.04, 9.0),
        "BetweenInUnit analyte_value analyte unit phosphate mg/dL": _laboratory("phosphate", "mg/dL", 0.1, 26.0),
        # Seconds, and a heart rate.
        "BetweenInUnit analyte_value analyte unit qtc ms": _laboratory("qtc", "ms", 0.46, 95.0),
    },
    "co_medication": {
        "Matches atc_code": [
            full("co_medication") | {"atc_code": text}
            for text in (
                "",
                "p01cx01",
                "P01CX",
                "P01CX1",
                "P01CX011",
                "P01C X01",
                "P01.CX01",
                "X01CX01",
                "PO1CX01",
                "pentamidine",
                "J01G",
            )
        ],
        "OneOf route": [full("co_medication") | {"route": word} for word in ("IV", "i.v.", "intraveneus", "")],
        "Ordered started_at stopped_at": [full("co_medication") | {"stopped_at": at(1)}],
    },
    "resistance_reports": {
        "OneOf gene": [full("resistance_reports") | {"gene": word} for word in ("ul97", "UL99", "")],
        "NotNull finding": [bare("resistance_reports") | {"finding": None}],
        "OneOf finding": [bare("resistance_reports") | {"finding": word} for word in ("found", "MUTATION", "")],
        "Matches mutation": [
            full("resistance_reports") | {"mutation": text}
            for text in ("594V", "p.Ala594Val", "A594V/T", "A594", "a594v", "A594B", "A594V;L595S", "del603-", "A0594V")
        ],
        "Requires mutation finding": [full("resistance_reports") | {"mutation": None}],
        "NullUnless mutation finding": [full("resistance_reports") | {"finding": "no_mutation_found"}],
        "NotBefore reported_at": [full("resistance_reports") | {"reported_at": TOO_LATE}],
        "Requires gene finding": [full("resistance_reports") | {"gene": None}],
        "Requires reported_at finding": [full("resistance_reports") | {"reported_at": None}],
        "NullUnless reported_at finding": [bare("resistance_reports") | {"reported_at": at(9)}],
        **{
            f"OneOf {drug}_as_reported": [full("resistance_reports") | {f"{drug}_as_reported": "sensitive"}]
            for drug in ("ganciclovir", "cidofovir", "foscarnet", "maribavir", "letermovir")
        },
        **{
            f"NullUnless {drug}_as_reported finding": [
                bare("resistance_reports") | {f"{drug}_as_reported": "resistant"}
            ]
            for drug in ("ganciclovir", "cidofovir", "foscarnet", "maribavir", "letermovir")
        },
        "Ordered requested_at reported_at": [full("resistance_reports") | {"reported_at": at(-1)}],
    },
    "patient_movements": {
        "OneOf movement": [bare("patient_movements") | {"movement": word} for word in ("A01", "TRANSFER", "")],
        "OneOf unit": [full("patient_movements") | {"unit": word} for word in ("IC", "ICU", "")],
        "NotNull movement": [bare("patient_movements") | {"movement": None}],
        "Requires moved_at movement": [full("patient_movements") | {"moved_at": None}],
        "Requires unit movement": [full("patient_movements") | {"unit": None}],
        "Requires n_movements movement": [bare("patient_movements") | {"movement": "restated"}],
        "NullUnless n_movements movement": [full("patient_movements") | {"n_movements": 2.0}],
        "Between n_movements": [
            bare("patient_movements") | {"movement": "restated", "n_movements": n} for n in (-1.0, 1001.0)
        ],
    },
    "samples_ordered": {
        "NotNull state": [bare("samples_ordered") | {"state": None}],
        "OneOf state": [bare("samples_ordered") | {"state": word} for word in ("taken", "ORDERED", "")],
        "NotBefore collected_at": [full("samples_ordered") | {"collected_at": when} for when in (TOO_EARLY, TOO_LATE)],
        "Requires collected_at state": [full("samples_ordered") | {"collected_at": None}],
        "NullUnless collected_at state": [
            full("samples_ordered") | {"state": word} for word in ("ordered", "cancelled", "not_feasible")
        ],
        "Ordered ordered_at stated_at": [full("samples_ordered") | {"stated_at": at(1)}],
    },
    "oxygenation": {
        "Between pao2_fio2_ratio": [],
        "NotNull ratio_unit": [full("oxygenation") | {"ratio_unit": None}],
        "OneOf ratio_unit": [full("oxygenation") | {"ratio_unit": word} for word in ("kpa", "MMHG", "")],
        # 0.8 is a ratio of kPa to a percentage, 13.3 mmHg one in kPa.
        "BetweenWhen pao2_fio2_ratio ratio_unit mmHg": [
            full("oxygenation") | {"pao2_fio2_ratio": value} for value in (0.8, 13.3, 19.9)
        ],
        "BetweenWhen pao2_fio2_ratio ratio_unit kPa": [
            full("oxygenation") | {"ratio_unit": "kPa", "pao2_fio2_ratio": value} for value in (0.1, 2.4, 107.1)
        ],
    },
    "treatment_limitations": {
        "Ordered stated_at ended_at": [full("treatment_limitations") | {"ended_at": at(3)}],
    },
    "patient_links": {
        "Differ merged_into patient_id": [full("patient_links") | {"merged_into": full("patient_links")["patient_id"]}],
        "Ordered merged_at ended_at": [full("patient_links") | {"ended_at": at(-1)}],
        "Requires stated_at says": [full("patient_links") | {"stated_at": None}],
        "OneOf says": [full("patient_links") | {"says": word} for word in ("unmerged", "MERGED", "")],
        "OneOf birth_dates": [full("patient_links") | {"birth_dates": word} for word in ("yes", "")],
    },
    "weekly_decline": {
        # Fewer than no results of which none is censored: there is no row that breaks the first promise alone.
        "Between n_results": [],
        "Ordered week_start week_end": [full("weekly_decline") | {"week_end": at(day)} for day in (7, 6)],
        "Ordered n_censored n_results": [full("weekly_decline") | {"n_censored": 4}],
        "Ordered decline_low_log10_per_week decline_high_log10_per_week": [
            full("weekly_decline") | {"decline_low_log10_per_week": 1.3}
        ],
        "Ordered mean_decline_low_log10_per_week mean_decline_high_log10_per_week": [
            full("weekly_decline") | {"mean_decline_low_log10_per_week": 1.2}
        ],
        "Ordered observed_decline_low_log10_per_week observed_decline_high_log10_per_week": [
            full("weekly_decline") | {"observed_decline_low_log10_per_week": 0.9}
        ],
    },
    "concordance": {
        "NotNull scope": [full("concordance") | {"scope": None, "patient_id": None}],
        "OneOf scope": [bare("concordance") | {"scope": word} for word in ("ward", "UNIT", "")],
        "Requires patient_id scope": [full("concordance") | {"patient_id": None}],
        "NullUnless patient_id scope": [full("concordance") | {"scope": "unit"}],
        "Between n_pairs": [],
        "Between n_changes": [],
        "Between n_changes_clear": [],
        "Ordered n_pairs_both_quantified n_pairs": [full("concordance") | {"n_pairs_both_quantified": 14}],
        "Ordered n_changes_clear n_changes": [full("concordance") | {"n_changes_clear": 13}],
        "Ordered n_changes_agreeing n_changes_clear": [full("concordance") | {"n_changes_agreeing": 12}],
        "Ordered rank_correlation_low rank_correlation_high": [full("concordance") | {"rank_correlation_low": 0.95}],
        "Ordered direction_agreement_low direction_agreement_high": [
            full("concordance") | {"direction_agreement_high": 0.7}
        ],
        "Ordered lag_low_days lag_high_days": [full("concordance") | {"lag_low_days": 4.0}],
    },
    "next_sample": {
        "Ordered as_of next_sample_at": [full("next_sample") | {"next_sample_at": at(day)} for day in (12, 11)],
    },
    "verdicts": {
        "NotNull verdict": [bare("verdicts") | {"verdict": None}],
        "OneOf verdict": [bare("verdicts") | {"verdict": "unclear"}],
        "Between tier": [full("verdicts") | {"tier": tier} for tier in (0, 4)],
        "Requires tier verdict": [full("verdicts") | {"tier": None}],
        "NullUnless tier verdict": [bare("verdicts") | {"tier": 1}],
        "Requires reason verdict": [bare("verdicts") | {"verdict": "not_assessable"}],
        "NullUnless reason verdict": [full("verdicts") | {"reason": "no_bal"}],
    },
    "alerts": {
        "OneOf standing": [full("alerts") | {"standing": "answered"}],
        "Requires cause state": [bare("alerts") | {"state": "closed"}],
        "Requires standing state": [bare("alerts") | {"state": "open"}],
        "NullUnless standing state": [full("alerts") | {"state": "resolved"}],
        "Requires until standing": [full("alerts") | {"until": None}],
        "Ordered opened_at changed_at": [full("alerts") | {"changed_at": at(13)}],
    },
}
# Promises that no row can break alone, with the row that breaks them and what it breaks besides.
NEVER_ALONE: dict[str, dict[str, tuple[Row, str]]] = {
    "kidney_function": {
        "Between kidney_value": (
            full("kidney_function") | {"kidney_value": -1.0},
            "BetweenWhen kidney_value unit umol/L",
        ),
        "OneOf unit": (full("kidney_function") | {"unit": "umol"}, "OneOfWhen unit method creatinine"),
    },
    "laboratory_values": {
        "Between analyte_value": (
            full("laboratory_values") | {"analyte_value": -1.0},
            "BetweenInUnit analyte_value analyte unit neutrophils 10^9/L",
        ),
        "OneOf unit": (full("laboratory_values") | {"unit": "%"}, "OneOfWhen unit analyte neutrophils"),
    },
    "oxygenation": {
        "Between pao2_fio2_ratio": (
            full("oxygenation") | {"pao2_fio2_ratio": -1.0},
            "BetweenWhen pao2_fio2_ratio ratio_unit mmHg",
        ),
    },
    "weekly_decline": {
        "Between n_results": (
            full("weekly_decline") | {"n_results": -1, "n_censored": 0},
            "Ordered n_censored n_results",
        ),
    },
    "concordance": {
        "Between n_pairs": (
            full("concordance") | {"n_pairs": -1, "n_pairs_both_quantified": 0},
            "Ordered n_pairs_both_quantified n_pairs",
        ),
        "Between n_changes": (
            full("concordance") | {"n_changes": -1, "n_changes_clear": 0, "n_changes_agreeing": 0},
            "Ordered n_changes_clear n_changes",
        ),
        "Between n_changes_clear": (
            full("concordance") | {"n_changes_clear": -1, "n_changes_agreeing": 0},
            "Ordered n_changes_agreeing n_changes_clear",
        ),
    },
}


def label(constraint: Constraint) -> str:
    """Its kind and columns; of one that holds for some words the first of them besides, since a table has several."""
    words = constraint.values[:1] if isinstance(constraint, BetweenInUnit | BetweenWhen | OneOfWhen) else ()
    if isinstance(constraint, BetweenInUnit):
        words += constraint.units[:1]
    return " ".join((type(constraint).__name__, *constraint.columns, *words))


def mutations(table: str, constraint: Constraint) -> list[Row]:
    """Rows that break `constraint` and nothing else. Empty when nobody has said how: a test fails on that."""
    own: Mapping[str, list[Row]] = _OWN.get(table, {})
    if label(constraint) in own:
        return own[label(constraint)]
    row, column = bare(table), constraint.columns[0]
    match constraint:
        case NotNull():
            return [row | {column: None}]
        case OneOf(_, values):
            return [row | {column: value} for value in ("no such word", values[0].upper(), "")]
        case Matches():
            return [row | {column: value} for value in ("", " ", "\t\u2003\xa0", "a\nb")]
        case Between():
            return [row | {column: value} for value in _outside(constraint, BY_NAME[table])]
        case NotBefore():
            uppers = [c.upper for c in BY_NAME[table].across if isinstance(c, Ordered)]
            return [row | {column: TOO_LATE}] + ([] if column in uppers else [row | {column: TOO_EARLY}])
    return []


def _outside(promise: Between, table: RowType) -> list[float]:
    values = []
    if promise.above is not None:
        values += [promise.above, promise.above - 1]
    if promise.at_least is not None:
        values.append(promise.at_least - 1)
    if promise.at_most is not None:
        values.append(promise.at_most * 1.001 + 1)
    if table.column(promise.column).kind.value == "integer":
        return [int(value) for value in values]
    return [*values, NAN, INFINITY, -INFINITY]
