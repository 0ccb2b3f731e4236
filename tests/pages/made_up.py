"""Made-up views for the page tests. Every patient here is synthetic; ids say so."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from cmvmon.dashboards.views import Caveat, PatientView
from cmvmon.domain.results import ALERTS, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.shell.folder.protocol_files import Protocol

START = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
AS_OF = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
PRIORS = "simulated-1"
LLOQ = {"plasma": 35.0, "bal": 200.0, "csf": 50.0, "whole_blood": 100.0}
ULOQ = 10_000_000.0
HREFS = {"nl": "p1.nl.html", "en": "p1.en.html"}


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def result(number: float, compartment: str, reported: float | str, **other: Any) -> dict[str, Any]:
    """One result: a load, `nd`, `<` or `>`."""
    detection = {"nd": "not_detected", "<": "below_lloq", ">": "above_uloq"}.get(str(reported), "quantified")
    lloq = LLOQ.get(compartment, 100.0)
    return {
        "result_id": f"SYN-{compartment}-{number:g}",
        "patient_id": "SYNTHETIC-0001",
        "compartment": compartment,
        "laboratory": "synthetic",
        "assay": "SYN-PCR",
        "collected_at": day(number),
        "result_status": "final",
        "detection": detection,
        "viral_load_iu_per_ml": float(reported) if detection == "quantified" else None,
        "lod_iu_per_ml": lloq / 2,
        "lloq_iu_per_ml": lloq,
        "uloq_iu_per_ml": ULOQ,
        "is_conflicting": False,
    } | other


def results(*rows: dict[str, Any]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    made = VIRAL_LOAD_RESULTS.conform(frame).with_columns(is_conflicting=frame["is_conflicting"])
    return made.with_columns(sigma_log10=default_sigma(Protocol.shipped()))


def course(drug: str, start: float, stop: float | None = None, **other: Any) -> dict[str, Any]:
    return {
        "patient_id": "SYNTHETIC-0001",
        "drug": drug,
        "indication": "treatment",
        "dose_mg_per_kg": 5.0,
        "interval_h": 12.0,
        "route": "iv",
        "started_at": day(start),
        "stopped_at": None if stop is None else day(stop),
    } | other


def week(number: int, compartment: str, pair: tuple[float, float] | None, **other: Any) -> dict[str, Any]:
    logs = None if pair is None else (math.log10(pair[0]), math.log10(pair[1]))
    fall = None if logs is None else logs[0] - logs[1]
    return {
        "patient_id": "SYNTHETIC-0001",
        "compartment": compartment,
        "laboratory": "synthetic",
        "assay": "SYN-PCR",
        "anchor_at": day(0),
        "treatment_week": number,
        "week_start": day(7 * (number - 1)),
        "week_end": day(7 * number),
        "n_results": number + 1,
        "n_censored": 0,
        "estimated_since": day(0),
        "first_result_id": f"SYN-{compartment}-0",
        "last_result_id": f"SYN-{compartment}-{7 * number}",
        "n_used": number + 1,
        "n_used_after_anchor": number,
        "observed_from_log10": None if logs is None else logs[0],
        "observed_to_log10": None if logs is None else logs[1],
        "observed_decline_low_log10_per_week": fall,
        "observed_decline_high_log10_per_week": fall,
        "decline_log10_per_week": 0.34,
        "decline_low_log10_per_week": -0.21,
        "decline_high_log10_per_week": 0.88,
        "probability_above_target": 0.02,
        "mean_decline_log10_per_week": 0.31,
        "mean_decline_low_log10_per_week": 0.05,
        "mean_decline_high_log10_per_week": 0.58,
        "mean_probability_above_target": 0.004,
        "call": "not_met",
        "status": "ok",
        "method": "line",
        "method_version": "line-1",
        "protocol_version": "icu_cmv_2024.12",
    } | other


def slow_evidence(**other: Any) -> dict[str, Any]:
    return {
        "affected_source": "stated",
        "anchor_at": "2026-11-01T06:00:00.000000Z",
        "estimated_since": "2026-11-01T06:00:00.000000Z",
        "call": "not_met",
        "compartment": "bal",
        "guide": "G19 G20",
        "latest_collected_at": "2026-11-22T06:00:00.000000Z",
        "mean_decline_high_log10_per_week": 0.58,
        "mean_decline_log10_per_week": 0.31,
        "mean_decline_low_log10_per_week": 0.05,
        "mean_probability_above_target": 0.004,
        "n_censored": 0,
        "n_results": 4,
        "n_used": 4,
        "result_ids": ["SYN-bal-0", "SYN-bal-7", "SYN-bal-14", "SYN-bal-21"],
        "first_used_collected_at": "2026-11-01T06:00:00.000000Z",
        "first_used_detection": "quantified",
        "first_used_viral_load_iu_per_ml": 1_000_000.0,
        "last_used_collected_at": "2026-11-22T06:00:00.000000Z",
        "last_used_detection": "quantified",
        "last_used_viral_load_iu_per_ml": 125_893.0,
        "protocol.decline.interval_probability": 0.95,
        "running_drugs": "foscarnet",
        "protocol.decline.target_log10_per_week": 1.0,
        "says": ["slope", "guide", "probability"],
        "status": "ok",
        "treatment_week": 4,
    } | other


def alert(rule: str, tier: int, evidence: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "alert_id": f"SYN-{rule}",
        "rule": rule,
        "patient_id": "SYNTHETIC-0001",
        "compartment": evidence.get("compartment"),
        "state": "open",
        "tier": tier,
        "opened_at": day(15),
        "changed_at": AS_OF,
        "evidence": json.dumps(evidence, sort_keys=True),
        "protocol_version": "icu_cmv_2024.12",
        "code_version": "0.1.0",
    } | other


def alerts(*rows: dict[str, Any]) -> pl.DataFrame:
    return ALERTS.conform(pl.DataFrame(list(rows), infer_schema_length=None)) if rows else ALERTS.empty()


def verdict(rule: str, reason: str, compartment: str | None = None) -> dict[str, Any]:
    return {
        "patient_id": "SYNTHETIC-0001",
        "compartment": compartment,
        "rule": rule,
        "verdict": "not_assessable",
        "reason": reason,
        "evidence": "{}",
        "as_of": AS_OF,
        "protocol_version": "icu_cmv_2024.12",
    }


SUPPRESSED = {
    "compartment": "plasma",
    "latest_collected_at": "2026-11-21T06:00:00.000000Z",
    "latest_detection": "not_detected",
    "n_series_results": 6,
    "previous_collected_at": "2026-11-18T06:00:00.000000Z",
    "previous_detection": "below_lloq",
    "result_ids": ["SYN-plasma-17", "SYN-plasma-20"],
    "says": ["both_below"],
}


def slow_patient(**other: Any) -> PatientView:
    """A slow fall in BAL beside plasma that fell below its limits; every kind of mark; two drugs and ventilation."""
    view: dict[str, Any] = {
        "patient_id": "SYNTHETIC-0001",
        "ward": "ICU-SYN",
        "bed": "7",
        "as_of": AS_OF,
        "time_zone": "Europe/Amsterdam",
        "results": results(
            result(0, "bal", 1_000_000),
            result(7, "bal", 501_187, result_status="corrected"),
            result(14, "bal", 251_189),
            result(21, "bal", 125_893),
            result(0, "plasma", 12_400),
            result(3, "plasma", 9_100.0),
            result(7, "plasma", 1_900),
            result(10, "plasma", 340),
            result(14, "plasma", "<"),
            result(17, "plasma", "<"),
            result(20, "plasma", "nd"),
            result(21.5, "plasma", 48, result_status="preliminary"),
            result(-2, "csf", ">"),
        ),
        "courses": ANTIVIRAL_COURSES.conform(
            pl.DataFrame(
                [
                    course("ganciclovir", 0, 16),
                    course("foscarnet", 16, None, dose_mg_per_kg=60.0, interval_h=8.0),
                    course("aciclovir", -2, 1, indication=None, dose_mg_per_kg=None, dose_mg=400.0),
                ],
                infer_schema_length=None,
            )
        ),
        "stays": ICU_STAYS.conform(
            pl.DataFrame(
                {
                    "stay_id": ["SYN-1", "SYN-1"],
                    "patient_id": ["SYNTHETIC-0001"] * 2,
                    "admitted_at": [day(-5)] * 2,
                    "ward": ["ICU-SYN"] * 2,
                    "bed": ["7"] * 2,
                    "ventilation_started_at": [day(-4), day(9)],
                    "ventilation_stopped_at": [day(6), None],
                }
            )
        ),
        "weekly_decline": WEEKLY_DECLINE.conform(
            pl.DataFrame(
                [
                    week(1, "bal", None, call=None, status="prior_only"),
                    week(2, "bal", (1_000_000, 501_187)),
                    week(3, "bal", (501_187, 251_189)),
                    week(4, "bal", (251_189, 125_893), reason="provisional"),
                    week(
                        3,
                        "plasma",
                        (340, 35),
                        observed_decline_high_log10_per_week=None,
                        call="met",
                        status="suppressed",
                        reason="provisional;too_close",
                        mean_probability_above_target=0.998,
                        n_censored=2,
                    ),
                ],
                infer_schema_length=None,
            )
        ),
        "verdicts": VERDICTS.conform(pl.DataFrame([verdict("suppressed", "fewer_than_two_results", "csf")])),
        "open_alerts": alerts(alert("response", 2, slow_evidence()), alert("suppressed", 3, SUPPRESSED)),
        "treatment": "on",
        "protocol": Protocol.shipped(),
        "code_version": "0.1.0",
        "is_synthetic": True,
        "ward_href": "ward.nl.html",
        "affected": ("bal",),
        "affected_source": "stated",
        "caveats": (Caveat("results_stale", since=day(20)),),
        "hrefs": HREFS,
    }
    return PatientView(**(view | other))


def falling_patient(**other: Any) -> PatientView:
    """Plasma only, falling; nothing open; no stay known."""
    fell = results(result(14, "plasma", 12_400), result(21, "plasma", 1_900))
    quiet: dict[str, Any] = {
        "patient_id": "SYNTHETIC-0002",
        "ward": None,
        "bed": None,
        "results": fell,
        "courses": ANTIVIRAL_COURSES.conform(pl.DataFrame([course("ganciclovir", 14)])),
        "stays": None,
        "weekly_decline": WEEKLY_DECLINE.empty(),
        "verdicts": VERDICTS.empty(),
        "open_alerts": ALERTS.empty(),
        "affected": ("plasma",),
        "affected_source": "followed",
        "caveats": (),
    }
    return slow_patient(**(quiet | other))


def empty_patient(**other: Any) -> PatientView:
    """A stay and nothing else: no result, no table of drugs."""
    nothing: dict[str, Any] = {
        "patient_id": "SYNTHETIC-0003",
        "results": results(result(0, "plasma", 1)).clear(),
        "courses": None,
        "stays": None,
        "treatment": "unknown",
        "affected": (),
        "affected_source": None,
        "verdicts": VERDICTS.conform(pl.DataFrame([verdict("response", "treatment_unknown")])),
    }
    return falling_patient(**(nothing | other))
