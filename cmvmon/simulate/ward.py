"""A synthetic ward with known truth: results, courses, stays, and what the loads truly did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.curves import CLASSES, COMPARTMENTS, DRUG_CHANGES, Curves, Host, curves, hosts
from cmvmon.simulate.draws import Draws
from cmvmon.simulate.limits import moment_limits
from cmvmon.simulate.sampling import viral_load_results
from cmvmon.simulate.stays import Calendar, antiviral_courses, calendar, icu_stays, moment_at, patient_ids

START = datetime(2024, 1, 1, tzinfo=UTC)  # no meaning: a fixed Monday, so that the same seed gives the same bytes
LONGEST_WATCH_DAYS = 3650
TRUTH_DAYS: tuple[int, ...] = (7, 14, 21)


@dataclass(frozen=True)
class Ward:
    """Polars frames of one ward. The first three conform to their row types; all are in the order of patients.

    `truth` has one row per patient and compartment: see `ward`.
    """

    viral_load_results: pl.DataFrame
    antiviral_courses: pl.DataFrame
    icu_stays: pl.DataFrame
    truth: pl.DataFrame


def ward(patients: int, days: int, seed: int, *, start: datetime = START) -> Ward:
    """A treated ward as it is known at `start` + `days`: everything in it is made up, and marked so.

    Every patient has one ICU stay with ventilation, ganciclovir from the anchor (a few switch to foscarnet, a few
    stop), and series in plasma and BAL. Anchors are spread over the first part of the watch, so at its end some
    patients are long discharged and others have just begun. Records before `start` (admission, samples before the
    anchor) are in it; what happened but was not yet reported or known at the end is not.

    `truth`, in log10 IU/mL and log10 per week (positive when falling), days counted from the anchor:
        patient_id, compartment, class (responder, slow, non_responder, rebound), anchor_at (start of ganciclovir),
        load_at_anchor_log10, growth_before_anchor_log10_per_week,
        decline_log10_per_week (the answer to the first drug), and, null where there is none:
        early_until_days, early_decline_log10_per_week, late_from_days, late_decline_log10_per_week,
        drug_change (switched, stopped), drug_changed_days, decline_after_change_log10_per_week;
        mean_decline_day_7_log10_per_week, .._day_14_.., .._day_21_..: true mean decline from the anchor to that day,
        of the latent load, whatever was sampled, whatever the drug, and also beyond the end of the watch.

    Args:
        patients: how many, from 1. Patient i is the same whatever their number.
        days: length of the watch, from 1. The anchors are spread over it; a patient's loads do not depend on it.
        seed: from 0. Same arguments, same frames.
        start: first day on which a treatment may begin; with a time zone.

    Raises:
        CmvmonError: an argument out of these limits.

    Source of every number: `cmvmon.simulate.ASSUMPTIONS`.

    >>> small = ward(3, 28, seed=1)
    >>> small.truth.height, small.icu_stays["ward"].unique().to_list()
    (6, ['SYNTHETIC-ICU'])
    """
    _refuse(patients, days, seed, start)
    draws = Draws(patients, seed)
    when = calendar(draws, start.astimezone(UTC), days)
    host = hosts(draws)
    loads = {compartment: curves(draws, host, compartment) for compartment in COMPARTMENTS}
    return Ward(
        viral_load_results=viral_load_results(draws, when, loads, days),
        antiviral_courses=antiviral_courses(draws, when, host),
        icu_stays=icu_stays(draws, when),
        truth=_truth(when, host, loads),
    )


def _refuse(patients: int, days: int, seed: int, start: datetime) -> None:
    faults = []
    if patients < 1:
        faults.append(f"patients is {patients}; give 1 or more")
    if not 1 <= days <= LONGEST_WATCH_DAYS:
        faults.append(f"days is {days}; give 1 to {LONGEST_WATCH_DAYS}")
    if seed < 0:
        faults.append(f"seed is {seed}; give 0 or more")
    if start.tzinfo is None:
        faults.append("start has no time zone; give one, such as datetime(2024, 1, 1, tzinfo=UTC)")
    elif not faults:
        spans = [moment_limits(row_type) for row_type in (VIRAL_LOAD_RESULTS, ANTIVIRAL_COURSES, ICU_STAYS)]
        earliest = max(span[0] for span in spans) + timedelta(days=assumed("admission_to_anchor_longest"))
        latest = min(span[1] for span in spans) - timedelta(days=days)
        if not earliest <= start <= latest:
            faults.append(f"start is {start:%Y-%m-%d}; give {earliest:%Y-%m-%d} to {latest:%Y-%m-%d}")
    if faults:
        raise CmvmonError("simulate: " + "; ".join(faults))


def _truth(when: Calendar, host: Host, loads: dict[str, Curves]) -> pl.DataFrame:
    frames = [_truth_of(when, host, compartment, loads[compartment]) for compartment in COMPARTMENTS]
    return (
        pl.concat(frames)
        .sort("patient", "compartment")
        .with_columns(patient_ids().alias("patient_id"), moment_at("anchor").alias("anchor_at"))
        .select(
            "patient_id",
            "compartment",
            "class",
            "anchor_at",
            pl.exclude("patient_id", "compartment", "class", "anchor_at", "patient", "anchor"),
        )
    )


def _truth_of(when: Calendar, host: Host, compartment: str, loads: Curves) -> pl.DataFrame:
    starts, declines = loads.starts, loads.declines
    frame = pl.DataFrame(
        {
            "patient": np.arange(when.anchor.size),
            "anchor": when.anchor,
            "class": pl.Series(loads.response).replace_strict(dict(enumerate(CLASSES)), return_dtype=pl.String),
            "load_at_anchor_log10": loads.at_anchor_log10,
            "growth_before_anchor_log10_per_week": loads.growth_log10_per_week,
            "decline_log10_per_week": declines[:, 1],
            "early_until_days": starts[:, 1],
            "early_decline_log10_per_week": declines[:, 0],
            "late_from_days": starts[:, 2],
            "late_decline_log10_per_week": declines[:, 2],
            "drug_change": pl.Series(host.drug_change).replace_strict(
                dict(enumerate(DRUG_CHANGES)), return_dtype=pl.String
            ),
            "drug_changed_days": starts[:, 3],
            "decline_after_change_log10_per_week": declines[:, 3],
            **{f"mean_decline_day_{day}_log10_per_week": loads.mean_decline(float(day)) for day in TRUTH_DAYS},
        }
    )
    exists = {
        ("early_until_days", "early_decline_log10_per_week"): pl.col("early_until_days") > 0.0,
        ("late_from_days", "late_decline_log10_per_week"): pl.lit(pl.Series(starts[:, 2] < starts[:, 3])),
        ("drug_changed_days", "decline_after_change_log10_per_week"): pl.col("drug_change").is_not_null(),
    }
    return frame.with_columns(
        pl.when(holds).then(pl.col(name)).alias(name) for names, holds in exists.items() for name in names
    ).with_columns(compartment=pl.lit(compartment))
