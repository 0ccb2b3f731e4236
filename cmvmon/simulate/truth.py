"""What the loads of a synthetic ward truly did: the table of truth, and declines to any day for those who judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cmvmon.domain.errors import CmvmonError
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.curves import AGAIN, ANSWER, CHANGED, EARLY, LATE, Curves
from cmvmon.simulate.draws import Numbers
from cmvmon.simulate.hosts import CLASSES, COMPARTMENTS, DRUG_CHANGES, PIECEWISE, Host
from cmvmon.simulate.stays import Calendar, moment_at, patient_ids

if TYPE_CHECKING:
    from cmvmon.simulate.ward import Ward

TRUTH_DAYS: tuple[int, ...] = (7, 14, 21)
_SEARCH_STEP_DAYS = 0.125  # the day on which a load reaches the LLOQ is sought so finely, then by a straight line


def truth_table(when: Calendar, host: Host, loads: Mapping[str, Curves]) -> pl.DataFrame:
    """One row per patient and compartment: see `cmvmon.simulate.ward`."""
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
            pl.exclude("patient_id", "compartment", "class", "anchor_at", "patient", "anchor", "is_piecewise"),
        )
    )


def _class_names(loads: Curves) -> pl.Series:
    return pl.Series(loads.response).replace_strict(dict(enumerate(CLASSES)), return_dtype=pl.String)


def _truth_of(when: Calendar, host: Host, compartment: str, loads: Curves) -> pl.DataFrame:
    starts, declines = loads.starts, loads.declines
    frame = pl.DataFrame(
        {
            "patient": np.arange(when.anchor.size),
            "anchor": when.anchor,
            "is_piecewise": host.family == PIECEWISE,
            "class": _class_names(loads),
            "load_at_anchor_log10": loads.at_anchor_log10,
            "growth_before_anchor_log10_per_week": loads.growth_log10_per_week,
            "decline_log10_per_week": declines[:, ANSWER],
            "early_until_days": starts[:, ANSWER],
            "early_decline_log10_per_week": declines[:, EARLY],
            "late_from_days": starts[:, LATE],
            "late_decline_log10_per_week": declines[:, LATE],
            "drug_change": pl.Series(host.drug_change).replace_strict(
                dict(enumerate(DRUG_CHANGES)), return_dtype=pl.String
            ),
            "drug_changed_days": starts[:, CHANGED],
            "decline_after_change_log10_per_week": declines[:, CHANGED],
            **{f"mean_decline_day_{day}_log10_per_week": loads.mean_decline(float(day)) for day in TRUTH_DAYS},
        }
    )
    exists = {
        ("decline_log10_per_week",): pl.col("is_piecewise"),
        ("early_until_days", "early_decline_log10_per_week"): pl.col("early_until_days") > 0.0,
        ("late_from_days", "late_decline_log10_per_week"): pl.lit(pl.Series(starts[:, LATE] < starts[:, AGAIN])),
        ("drug_changed_days", "decline_after_change_log10_per_week"): pl.col("drug_change").is_not_null(),
    }
    return frame.with_columns(
        pl.when(holds).then(pl.col(name)).alias(name) for names, holds in exists.items() for name in names
    ).with_columns(compartment=pl.lit(compartment))


def true_declines(ward: Ward, days: Sequence[float]) -> pl.DataFrame:
    """What each latent load truly did up to each of `days` after the anchor; by patient, compartment and day.

    Declines in log10 per week, positive when falling; y is the true load in log10 IU/mL. Columns:
        patient_id, compartment, class, anchor_at, day;
        true_mean_decline = (y(0) - y(day)) / day x 7;
        true_week_decline: the same over the seven days up to `day`; null where day < 7;
        true_load_log10 = y(day);
        true_mean_decline_until_lloq: from the anchor to `day`, or to the moment y first reaches log10 LLOQ if that is
            earlier; null where y(0) is at or below it;
        rising_from_days: when a rise after a fall begins for good (see `Curves.rising_from_days`); null where none does;
        is_rising_after_fall: whether it has begun by `day`.

    The LLOQ is that of the first assay, whatever a scenario changes.

    Raises CmvmonError: no day, or one that is not above 0.
    """
    if not days or min(days) <= 0.0:
        raise CmvmonError(f"true_declines: days is {list(days)}; give one or more, each above 0")
    anchors = ward.truth.select("patient_id", "anchor_at").unique(maintain_order=True)
    frames: list[pl.DataFrame] = []
    for compartment in COMPARTMENTS:
        loads = ward.loads[compartment]
        reached, until = _until_lloq(loads, max(days), float(np.log10(assumed(f"{compartment}_lloq"))))
        rising = loads.rising_from_days()
        frames.extend(
            anchors.with_columns(_declines_to(loads, float(day), reached, until, rising)).with_columns(
                pl.lit(compartment).alias("compartment"), _class_names(loads).alias("class")
            )
            for day in days
        )
    rising_known = pl.when(pl.col("rising_from_days").is_finite()).then("rising_from_days").alias("rising_from_days")
    named = ("patient_id", "compartment", "class", "anchor_at")
    every: pl.DataFrame = (
        pl.concat(frames)
        .with_columns(rising_known)
        .sort(pl.col("patient_id").str.len_bytes(), "patient_id", "compartment", "day")
        .select(*named, pl.exclude(named))
    )
    return every


def _declines_to(loads: Curves, day: float, reached: Numbers, until: Numbers, rising: Numbers) -> list[pl.Series]:
    """The columns of one day that are numbers."""
    whole = np.full(loads.at_anchor_log10.shape, day)
    load = loads.log10_load(whole)
    mean = loads.mean_decline(day)
    week = loads.log10_load(whole - 7.0) - load
    to_lloq = pl.Series(np.where(reached < day, until, mean), nan_to_null=True)
    return [
        pl.Series("day", whole),
        pl.Series("true_mean_decline", mean),
        pl.Series("true_week_decline", week if day >= 7.0 else np.full(week.shape, np.nan), nan_to_null=True),
        pl.Series("true_load_log10", load),
        to_lloq.alias("true_mean_decline_until_lloq"),
        pl.Series("rising_from_days", rising),
        pl.Series("is_rising_after_fall", rising <= day),
    ]


def _until_lloq(loads: Curves, longest: float, lloq_log10: float) -> tuple[Numbers, Numbers]:
    """Day on which the load first reaches the LLOQ (infinite: not by `longest`), and the mean decline until then.

    Day 0 and a decline that is not a number where the load at the anchor is at or below it.
    """
    at_anchor = loads.log10_load(np.zeros_like(loads.at_anchor_log10))
    reached = np.where(at_anchor <= lloq_log10, 0.0, np.inf)
    before = at_anchor
    for step in range(1, int(np.ceil(longest / _SEARCH_STEP_DAYS)) + 1):
        after = loads.log10_load(np.full(at_anchor.shape, step * _SEARCH_STEP_DAYS))
        crosses = np.isinf(reached) & (after <= lloq_log10)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (before - lloq_log10) / (before - after)
        reached = np.where(crosses, (step - 1 + share) * _SEARCH_STEP_DAYS, reached)
        before = after
    with np.errstate(divide="ignore", invalid="ignore"):
        until = np.where(reached > 0.0, (at_anchor - lloq_log10) * 7.0 / reached, np.nan)
    return reached, until
