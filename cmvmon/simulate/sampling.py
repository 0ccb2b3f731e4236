"""Which samples are taken and when, and the rows that the laboratory reports of them."""

from __future__ import annotations

import numpy as np
import polars as pl

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.simulate.assay import corrections, first_reports, measure
from cmvmon.simulate.curves import Curves
from cmvmon.simulate.draws import Draws, Numbers
from cmvmon.simulate.stays import MINUTES_A_DAY, Calendar, Minutes, minutes, moment_at, patient_ids

LABORATORY = "synthetic"


def viral_load_results(draws: Draws, when: Calendar, curves: dict[str, Curves], days: int) -> pl.DataFrame:
    """Rows of viral_load_results that are reported by the end of the watch, by patient, compartment and time.

    An accession number counts the samples in the order of patient and collection. A corrected result has two rows under
    one result_id: the first report (final) and the correction.
    """
    other_from = when.end - (1.0 - draws.assumed("assay_changed_after")) * days * MINUTES_A_DAY
    samples = pl.concat(
        [
            *(
                _slot(draws, when, curves["plasma"], "plasma", slot, other_from)
                for slot in _slots(draws, "plasma", days)
            ),
            *(_slot(draws, when, curves["bal"], "bal", slot, other_from) for slot in _slots(draws, "bal", days)),
        ]
    )
    numbered = (
        _until_it_ends(draws, samples).sort("patient", "collected", "compartment").with_row_index("sample", offset=1)
    )
    rows = (
        pl.concat([first_reports(numbered), corrections(numbered)])
        .filter(pl.col("reported") <= when.end)
        .sort("patient", "compartment", "collected", "sample", "reported")
        .with_columns(
            patient_ids().alias("patient_id"),
            pl.format("SYN{}", pl.col("sample").cast(pl.String).str.zfill(6)).alias("accession_number"),
            moment_at("collected").alias("collected_at"),
            moment_at("reported").alias("reported_at"),
            laboratory=pl.lit(LABORATORY),
        )
        .with_columns(result_id=pl.format("{}:{}:cmv_dna", "laboratory", "accession_number"))
    )
    return VIRAL_LOAD_RESULTS.conform(rows)


def _slots(draws: Draws, compartment: str, days: int) -> range:
    """Planned samples of a patient who is treated from the first day of the watch to its end, earlier ones included."""
    before = draws.assumed("plasma_from") if compartment == "plasma" else draws.assumed("bal_interval")
    return range(int(np.ceil((days + before) / draws.assumed(f"{compartment}_interval"))) + 1)


def _planned_days(draws: Draws, compartment: str, slot: int) -> Numbers:
    """Days from the anchor to the planned collection of this slot."""
    interval = draws.assumed(f"{compartment}_interval")
    if compartment == "plasma":
        phase = draws.uniform("phase_plasma", 0.0, interval) - draws.assumed("plasma_from")
    else:
        # Slot 1 is the BAL that leads to treatment; slot 0 is one interval earlier.
        phase = -draws.uniform("phase_bal", 0.0, draws.assumed("bal_before_anchor_longest")) - interval
    jitter = draws.assumed(f"{compartment}_jitter") if (compartment, slot) not in (("bal", 0), ("bal", 1)) else 0.0
    return phase + interval * slot + draws.uniform(f"jitter_{compartment}", -jitter, jitter, slot=slot)


def _collected(draws: Draws, when: Calendar, compartment: str, slot: int) -> Minutes:
    """The planned day at the hour of such samples; the BAL that leads to treatment keeps its own hour."""
    planned = when.anchor + minutes(_planned_days(draws, compartment, slot))
    if (compartment, slot) == ("bal", 1):
        return planned
    hour = draws.uniform(
        f"hour_{compartment}",
        draws.assumed(f"{compartment}_collected_from"),
        draws.assumed(f"{compartment}_collected_to"),
        slot=slot,
    )
    return planned - planned % MINUTES_A_DAY + minutes(hour / 24.0)


def _missed(draws: Draws, curves: Curves, compartment: str, slot: int, days: Numbers) -> Numbers | float:
    """Probability that a planned sample is not taken; where the load asks, by what it was some days before."""
    if compartment == "bal" and slot < 2:
        return 0.0 if slot == 1 else 1.0 - draws.assumed("share_bal_a_week_earlier")
    missed, share = draws.assumed("share_missed"), draws.assumed("share_sampled_by_load")
    if share == 0.0:
        return missed
    known = days - draws.assumed("load_known_after")
    load = curves.log10_load(known)
    rise = np.maximum(load - curves.log10_load(known - 3.5), 0.0) * 2.0  # over half a week, per week
    asks = (load + draws.assumed("kept_per_rise") * rise - draws.assumed("kept_half_way_at")) / draws.assumed(
        "kept_scale"
    )
    least = draws.assumed("kept_at_least")
    kept = least + (1.0 - least) / (1.0 + np.exp(-asks))
    return np.where(draws.happens("sampled_by_load", share), 1.0 - (1.0 - missed) * kept, missed)


def _slot(draws: Draws, when: Calendar, curves: Curves, compartment: str, slot: int, other_from: float) -> pl.DataFrame:
    """The samples of one slot that were taken, with what the assay measured."""
    collected = _collected(draws, when, compartment, slot)
    days = (collected - when.anchor) / MINUTES_A_DAY
    reported = draws.uniform(
        f"reported_{compartment}", draws.assumed("reported_earliest"), draws.assumed("reported_latest"), slot=slot
    )
    corrected = draws.uniform(
        f"corrected_after_{compartment}",
        draws.assumed("corrected_earliest"),
        draws.assumed("corrected_latest"),
        slot=slot,
    )
    taken = ~draws.happens(f"missed_{compartment}", _missed(draws, curves, compartment, slot, days), slot=slot)
    taken &= (collected >= when.admitted) & (collected <= np.minimum(when.discharged, when.end))
    if compartment == "bal":  # lavage is done in ventilated patients
        taken &= when.is_ventilated(collected)
    measured = measure(
        draws,
        compartment,
        slot,
        true_log10=curves.log10_load(days),
        days=days,
        by_other=(collected >= other_from).astype(np.float64),
    )
    return measured.with_columns(
        patient=pl.Series(np.arange(draws.patients)),
        collected=pl.Series(collected),
        reported=pl.Series(collected + minutes(reported / 24.0)),
        corrected=pl.Series(collected + minutes((reported + corrected) / 24.0)),
        is_corrected=pl.Series(draws.happens(f"corrected_{compartment}", draws.assumed("share_corrected"), slot=slot)),
        is_treated=pl.Series(days > 0.0),
        compartment=pl.lit(compartment),
    ).filter(taken)


def _until_it_ends(draws: Draws, samples: pl.DataFrame) -> pl.DataFrame:
    """The samples, without those after two in a row below LLOQ under treatment, where sampling then ends."""
    share = draws.assumed("share_sampling_ends")
    if share == 0.0:
        return samples
    series = ("patient", "compartment")
    below = (pl.lit(10.0).pow(pl.col("measured_log10")) < pl.col("lloq_iu_per_ml")) & pl.col("is_treated")
    ends = pl.DataFrame({"patient": np.arange(draws.patients), "ends": draws.happens("sampling_ends", share)})
    return (
        samples.join(ends, on="patient")
        .sort(*series, "collected")
        .with_columns(below=below)
        .with_columns(second=pl.col("below") & pl.col("below").shift(1, fill_value=False).over(series))
        .with_columns(before=pl.col("second").cum_max().over(series).shift(1, fill_value=False).over(series))
        .filter(~(pl.col("before") & pl.col("ends")))
        .drop("ends", "below", "second", "before")
    )
