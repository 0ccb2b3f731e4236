"""A valid row for every table, with every cell given and with as few as may be. All synthetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.tables import BY_NAME

Row = dict[str, Any]

AS_OF = datetime(2026, 3, 20, 5, 30, tzinfo=UTC)


def at(day: int, hour: int = 8) -> datetime:
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day)


# Every column given.
FULL: dict[str, Row] = {
    "viral_load_results": {
        "result_id": "synthetic-1",
        "patient_id": "SYN-1",
        "compartment": "plasma",
        "laboratory": "synthetic",
        "assay": "assay a",
        "collected_at": at(17),
        "result_status": "final",
        "detection": "quantified",
        "viral_load_iu_per_ml": 1200.0,
        "lod_iu_per_ml": 17.5,
        "lloq_iu_per_ml": 35.0,
        "uloq_iu_per_ml": 1e7,
        "accession_number": "A1",
        "reported_at": at(18),
        "received_at": at(18, 9),
        "delivered_value": "1200",
        "delivered_unit": "IU/mL",
        "delivery_id": "0" * 64,
    },
    "antiviral_courses": {
        "patient_id": "SYN-1",
        "drug": "ganciclovir",
        "indication": "treatment",
        "dose_mg": 350.0,
        "dose_mg_per_kg": 5.0,
        "interval_h": 12.0,
        "route": "iv",
        "started_at": at(0),
        "stopped_at": at(14),
        "received_at": at(14),
        "delivery_id": "0" * 64,
    },
    "icu_stays": {
        "stay_id": "stay 1",
        "patient_id": "SYN-1",
        "admitted_at": at(0),
        "discharged_at": at(10),
        "ward": "ward a",
        "bed": "1",
        "ventilation_started_at": at(1),
        "ventilation_stopped_at": at(5),
        "affected_compartments": "bal;plasma",
        "received_at": at(10),
        "delivery_id": "0" * 64,
    },
    "host_status": {
        "patient_id": "SYN-1",
        "condition": "hiv_aids",
        "stated_at": at(0),
        "ended_at": at(9),
        "cd4_cells_per_ul": 40.0,
        "source": "problem list",
        "received_at": at(1),
        "delivery_id": "0" * 64,
    },
    "birth_dates": {
        "patient_id": "SYN-1",
        "born_on": "1961-05-30",
        "stated_at": at(0),
        "received_at": at(1),
        "delivery_id": "0" * 64,
    },
    "doses_given": {
        "patient_id": "SYN-1",
        "drug": "ganciclovir",
        "indication": "treatment",
        "administered": "given",
        "given_at": at(3),
        "dose_mg": 350.0,
        "route": "iv",
        "dosing_weight_kg": 70.0,
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "kidney_function": {
        "patient_id": "SYN-1",
        "method": "creatinine",
        "measured_at": at(3),
        "kidney_value": 20.0,
        "unit": "umol/L",
        "weight_kg": 70.0,
        "body_surface_m2": 1.9,
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "renal_replacement": {
        "patient_id": "SYN-1",
        "modality": "cvvhdf",
        "started_at": at(2),
        "stopped_at": at(4),
        "effluent_ml_per_h": 2000.0,
        "anticoagulant": "citrate",
        "received_at": at(4, 9),
        "delivery_id": "0" * 64,
    },
    "drug_levels": {
        "patient_id": "SYN-1",
        "drug": "ganciclovir",
        "sampled_at": at(3),
        "level_value": 2.4,
        "unit": "mg/L",
        "comparator": "<",
        "level_kind": "trough",
        "last_dose_at": at(2),
        "next_dose_at": at(4),
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "laboratory_values": {
        "patient_id": "SYN-1",
        "analyte": "neutrophils",
        "sampled_at": at(3),
        "analyte_value": 1.5,
        "unit": "10^9/L",
        "comparator": "<",
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "co_medication": {
        "patient_id": "SYN-1",
        "atc_code": "P01CX01",
        "route": "iv",
        "started_at": at(2),
        "stopped_at": at(4),
        "received_at": at(4, 9),
        "delivery_id": "0" * 64,
    },
    "resistance_reports": {
        "patient_id": "SYN-1",
        "request_id": "R1",
        "method": "genotype",
        "requested_at": at(0),
        "compartment": "plasma",
        "gene": "UL97",
        "finding": "mutation",
        "mutation": "A594V",
        "ganciclovir_as_reported": "resistant",
        "cidofovir_as_reported": "susceptible",
        "foscarnet_as_reported": "susceptible",
        "maribavir_as_reported": "uncertain",
        "letermovir_as_reported": "susceptible",
        "reported_at": at(9),
        "source": "reference laboratory",
        "received_at": at(9),
        "delivery_id": "0" * 64,
    },
    "patient_movements": {
        "patient_id": "SYN-1",
        "visit_number": "V1",
        "movement": "transfer",
        "stated_at": at(3),
        "moved_at": at(2),
        "unit": "icu",
        "ward": "SYNTHETIC-ICU",
        "bed": "S-01",
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "samples_ordered": {
        "patient_id": "SYN-1",
        "order_number": "O1",
        "compartment": "bal",
        "ordered_at": at(2),
        "state": "collected",
        "collected_at": at(3),
        "stated_at": at(3),
        "stated_by": "dr. A",
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "oxygenation": {
        "patient_id": "SYN-1",
        "measured_at": at(3),
        "pao2_fio2_ratio": 100.0,
        "ratio_unit": "mmHg",
        "received_at": at(3, 9),
        "delivery_id": "0" * 64,
    },
    "cmv_serology": {
        "patient_id": "SYN-1",
        "of_whom": "recipient",
        "test": "igg",
        "sampled_at": at(1),
        "serology_result": "positive",
        "given_before": "transfusion",
        "received_at": at(2),
        "delivery_id": "0" * 64,
    },
    "treatment_limitations": {
        "patient_id": "SYN-1",
        "limitation": "no_further_tests",
        "stated_at": at(4),
        "ended_at": at(6),
        "received_at": at(6, 9),
        "delivery_id": "0" * 64,
    },
    "patient_links": {
        "patient_id": "SYN-1",
        "merged_into": "SYN-9",
        "merged_at": at(0),
        "ended_at": at(9),
        "source": "patient index",
        "received_at": at(1),
        "delivery_id": "0" * 64,
    },
    "assays": {
        "laboratory": "synthetic",
        "assay": "assay a",
        "compartment": "bal",
        "sigma_log10": 0.4,
        "valid_from": at(0),
        "level_iu_per_ml": 200.0,
    },
    "weekly_decline": {
        "patient_id": "SYN-1",
        "compartment": "bal",
        "laboratory": "synthetic",
        "assay": "assay a",
        "anchor_at": at(0),
        "treatment_week": 2,
        "week_start": at(7),
        "week_end": at(14),
        "n_results": 3,
        "n_censored": 1,
        "estimated_since": at(0),
        "first_result_id": "result 1",
        "last_result_id": "result 2",
        "n_used": 2,
        "n_used_after_anchor": 1,
        "observed_from_log10": 5.0,
        "observed_to_log10": 4.2,
        "observed_decline_low_log10_per_week": 0.8,
        "observed_decline_high_log10_per_week": 0.8,
        "decline_log10_per_week": 0.7,
        "decline_low_log10_per_week": 0.2,
        "decline_high_log10_per_week": 1.2,
        "probability_above_target": 0.6,
        "mean_decline_log10_per_week": 0.7,
        "mean_decline_low_log10_per_week": 0.3,
        "mean_decline_high_log10_per_week": 1.1,
        "mean_probability_above_target": 0.7,
        "probability_rebound": 0.1,
        "odds_non_responder": 0.2,
        "call": "indeterminate",
        "status": "ok",
        "reason": "few_results",
        "method": "line",
        "method_version": "1",
        "protocol_version": "synthetic_2026",
    },
    "concordance": {
        "scope": "patient",
        "patient_id": "SYN-1",
        "compartment": "bal",
        "followed_compartment": "plasma",
        "laboratory": "synthetic",
        "assay": "assay a",
        "followed_laboratory": "synthetic",
        "followed_assay": "assay b",
        "n_patients": 1,
        "n_pairs": 13,
        "n_pairs_both_quantified": 12,
        "rank_correlation": 0.8,
        "rank_correlation_low": 0.5,
        "rank_correlation_high": 0.9,
        "n_changes": 12,
        "n_changes_clear": 11,
        "n_changes_agreeing": 11,
        "n_patients_clear": 1,
        "direction_agreement": 1.0,
        "direction_agreement_low": 0.72,
        "direction_agreement_high": 1.0,
        "agreement_by_chance": 0.5,
        "n_changes_signed": 12,
        "signed_agreement": 1.0,
        "signed_agreement_low": 0.73,
        "lag_days": 1.0,
        "lag_low_days": -1.0,
        "lag_high_days": 3.0,
        "lag_reason": "cannot_be_told",
        "answer": "plasma_follows",
        "protocol_version": "synthetic_2026",
    },
    "next_sample": {
        "patient_id": "SYN-1",
        "compartment": "bal",
        "laboratory": "synthetic",
        "assay": "assay a",
        "anchor_at": at(0),
        "as_of": at(12),
        "next_sample_at": at(15),
        "probability_decisive": 0.84,
        "call_if_not_detected": "met",
        "protocol_version": "synthetic_2026",
    },
    "verdicts": {
        "subject_kind": "compartment",
        "patient_id": "SYN-1",
        "compartment": "bal",
        "subject": '{"compartment":"bal","patient_id":"SYN-1"}',
        "rule": "response",
        "verdict": "alert",
        "reason": None,
        "tier": 2,
        "evidence": "{}",
        "as_of": at(14),
        "protocol_version": "synthetic_2026",
    },
    "alerts": {
        "alert_id": "alert 1",
        "rule": "response",
        "subject_kind": "compartment",
        "patient_id": "SYN-1",
        "compartment": "bal",
        "subject": '{"compartment":"bal","patient_id":"SYN-1"}',
        "state": "open",
        "standing": "snoozed",
        "tier": 2,
        "opened_at": at(14),
        "changed_at": at(15),
        "cause": "worse",
        "answered_by": "dr. A",
        "answered_at": at(15),
        "until": at(16),
        "evidence": "{}",
        "protocol_version": "synthetic_2026",
        "code_version": "0.1.0",
    },
    "quarantined_records": {
        "delivery_id": "0" * 64,
        "feed": "synthetic",
        "table_name": "viral_load_results",
        "attempt": 1,
        "record_number": 1,
        "line": 2,
        "reason": "unknown_unit",
        "column": "unit",
        "remedy": "add the unit",
        "patient_id": "SYN-1",
        "delivered_text": "{}",
    },
}

# What a row without any optional cell needs besides.
_BARE: dict[str, Row] = {
    "viral_load_results": {"detection": "not_detected", "received_at": at(18, 9)},
    "doses_given": {"administered": "missed"},
    "resistance_reports": {"finding": "requested"},
    "patient_movements": {"movement": "cancelled_admission"},
    "samples_ordered": {"state": "ordered"},
    "concordance": {"scope": "unit"},
    "verdicts": {"verdict": "clear"},
    "alerts": {"state": "resolved"},
}
# The text that tells two rows of a table apart.
NAMED_BY = {
    "viral_load_results": "result_id",
    "antiviral_courses": "patient_id",
    "icu_stays": "stay_id",
    "host_status": "patient_id",
    "birth_dates": "patient_id",
    "doses_given": "patient_id",
    "kidney_function": "patient_id",
    "renal_replacement": "patient_id",
    "drug_levels": "patient_id",
    "laboratory_values": "patient_id",
    "co_medication": "patient_id",
    "resistance_reports": "request_id",
    "patient_movements": "visit_number",
    "samples_ordered": "order_number",
    "oxygenation": "patient_id",
    "cmv_serology": "patient_id",
    "treatment_limitations": "patient_id",
    "patient_links": "patient_id",
    "assays": "assay",
    "weekly_decline": "patient_id",
    "concordance": "patient_id",
    "next_sample": "patient_id",
    "verdicts": "subject",
    "alerts": "alert_id",
    "quarantined_records": "delivery_id",
}


def full(table: str) -> Row:
    return dict(FULL[table])


def bare(table: str) -> Row:
    """The same row with every cell empty that may be."""
    may_be_null = {column.name for column in BY_NAME[table].columns if column.null_means}
    return {name: None if name in may_be_null else value for name, value in FULL[table].items()} | _BARE.get(table, {})


def table_of(table: str, rows: list[Row]) -> pl.DataFrame:
    """The rows as a table, each named apart unless its name was taken away."""
    name = NAMED_BY[table]
    named = [
        row | {cell: f"{row[name]} {number}" for cell in row if row[cell] == row[name] and str(row[name] or "").strip()}
        for number, row in enumerate(rows)
    ]
    row_type: RowType = BY_NAME[table]
    return row_type.conform(pl.DataFrame(named, schema=row_type.schema, strict=True))


def references(table: str, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """References in which every row of `frame` is known."""
    if table == "weekly_decline":
        return {"series_with_results": frame.select(SERIES_KEY).to_struct("series")}
    if table == "verdicts":
        return {"known_patients": frame["patient_id"]}
    return {}
