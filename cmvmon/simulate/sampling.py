"""What the laboratory reports: when samples are taken, what the assay says of them, and the few corrections."""

from __future__ import annotations

import numpy as np
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.curves import Curves
from cmvmon.simulate.draws import Draws, Numbers
from cmvmon.simulate.stays import MINUTES_A_DAY, Calendar, Minutes, minutes, moment_at, patient_ids

LABORATORY = "synthetic"
ASSAY = "synthetic-pcr"


def viral_load_results(draws: Draws, when: Calendar, curves: dict[str, Curves], days: int) -> pl.DataFrame:
    """Rows of viral_load_results that are reported by the end of the watch, by patient, compartment and time.

    An accession number counts the samples in the order of patient and collection. A corrected result has two rows under
    one result_id: the first report (final) and the correction.
    """
    samples = pl.concat(
        [
            *(_slot(draws, when, curves["plasma"], "plasma", slot) for slot in range(_slots("plasma", days))),
            *(_slot(draws, when, curves["bal"], "bal", slot) for slot in range(_slots("bal", days))),
        ]
    )
    numbered = samples.sort("patient", "collected", "compartment").with_row_index("sample", offset=1)
    rows = (
        pl.concat([_first_reports(numbered), _corrections(numbered)])
        .filter(pl.col("reported") <= when.end)
        .sort("patient", "compartment", "collected", "sample", "reported")
        .with_columns(
            patient_ids().alias("patient_id"),
            pl.format("SYN{}", pl.col("sample").cast(pl.String).str.zfill(6)).alias("accession_number"),
            moment_at("collected").alias("collected_at"),
            moment_at("reported").alias("reported_at"),
            laboratory=pl.lit(LABORATORY),
            assay=pl.lit(ASSAY),
        )
        .with_columns(result_id=pl.format("{}:{}:cmv_dna", "laboratory", "accession_number"))
    )
    return VIRAL_LOAD_RESULTS.conform(rows)


def _slots(compartment: str, days: int) -> int:
    """Planned samples of a patient who is treated from the first day of the watch to its end, earlier ones included."""
    before = assumed("plasma_from") if compartment == "plasma" else assumed("bal_interval")
    return int(np.ceil((days + before) / assumed(f"{compartment}_interval"))) + 1


def _planned_days(draws: Draws, compartment: str, slot: int) -> Numbers:
    """Days from the anchor to the planned collection of this slot."""
    if compartment == "plasma":
        phase = draws.uniform("phase_plasma", 0.0, assumed("plasma_interval")) - assumed("plasma_from")
    else:
        # Slot 1 is the BAL that leads to treatment; slot 0 is a week earlier.
        phase = -draws.uniform("phase_bal", 0.0, assumed("bal_before_anchor_longest")) - assumed("bal_interval")
    jitter = assumed(f"{compartment}_jitter") if (compartment, slot) not in (("bal", 0), ("bal", 1)) else 0.0
    return (
        phase
        + assumed(f"{compartment}_interval") * slot
        + draws.uniform(f"jitter_{compartment}", -jitter, jitter, slot=slot)
    )


def _collected(draws: Draws, when: Calendar, compartment: str, slot: int) -> Minutes:
    """The planned day at the hour of such samples; the BAL that leads to treatment keeps its own hour."""
    planned = when.anchor + minutes(_planned_days(draws, compartment, slot))
    if (compartment, slot) == ("bal", 1):
        return planned
    hour = draws.uniform(
        f"hour_{compartment}",
        assumed(f"{compartment}_collected_from"),
        assumed(f"{compartment}_collected_to"),
        slot=slot,
    )
    return planned - planned % MINUTES_A_DAY + minutes(hour / 24.0)


def _slot(draws: Draws, when: Calendar, curves: Curves, compartment: str, slot: int) -> pl.DataFrame:
    """The samples of one slot that were taken, with what the assay measured."""
    collected = _collected(draws, when, compartment, slot)
    true = curves.log10_load((collected - when.anchor) / MINUTES_A_DAY)
    sd = noise_sd(true, compartment)
    reported = draws.uniform(
        f"reported_{compartment}", assumed("reported_earliest"), assumed("reported_latest"), slot=slot
    )
    corrected = draws.uniform(
        f"corrected_after_{compartment}", assumed("corrected_earliest"), assumed("corrected_latest"), slot=slot
    )
    missed = assumed("share_missed")
    if compartment == "bal" and slot < 2:
        missed = 0.0 if slot == 1 else 1.0 - assumed("share_bal_a_week_earlier")
    taken = ~draws.happens(f"missed_{compartment}", missed, slot=slot)
    taken &= (collected >= when.admitted) & (collected <= np.minimum(when.discharged, when.end))
    if compartment == "bal":  # lavage is done in ventilated patients
        taken &= when.is_ventilated(collected)
    return (
        pl.DataFrame(
            {
                "patient": np.arange(draws.patients),
                "collected": collected,
                "reported": collected + minutes(reported / 24.0),
                "corrected": collected + minutes((reported + corrected) / 24.0),
                "measured_log10": true + sd * draws.normal(f"noise_{compartment}", slot=slot),
                "detected_from_log10": np.log10(assumed("lod_of_lloq") * assumed(f"{compartment}_lloq"))
                - assumed("hit_rate_point") * sd,
                "is_corrected": draws.happens(f"corrected_{compartment}", assumed("share_corrected"), slot=slot),
            }
        )
        .filter(taken)
        .with_columns(
            compartment=pl.lit(compartment),
            lod_iu_per_ml=pl.lit(assumed("lod_of_lloq") * assumed(f"{compartment}_lloq")),
            lloq_iu_per_ml=pl.lit(assumed(f"{compartment}_lloq")),
            uloq_iu_per_ml=pl.lit(assumed(f"{compartment}_uloq")),
        )
    )


def noise_sd(true_log10: Numbers, compartment: str) -> Numbers:
    """Standard deviation of one measurement (log10) around a true load: BAL even, plasma wider near its LLOQ."""
    sd = assumed(f"{compartment}_sd")
    if compartment != "plasma":
        return np.full_like(true_log10, sd)
    above = (true_log10 - np.log10(assumed("plasma_lloq"))) / assumed("plasma_sd_falls_over")
    wide = assumed("plasma_sd_at_lloq")
    return np.asarray(wide + (sd - wide) * np.clip(above, 0.0, 1.0))


def _first_reports(samples: pl.DataFrame) -> pl.DataFrame:
    """What was reported first: whole IU/mL; a result that is corrected later was a factor too high."""
    measured = pl.lit(10.0).pow(pl.col("measured_log10"))
    lloq, uloq = pl.col("lloq_iu_per_ml"), pl.col("uloq_iu_per_ml")
    read = samples.with_columns(
        detection=pl.when(measured > uloq)
        .then(pl.lit(words.ABOVE_ULOQ))
        .when(measured >= lloq)
        .then(pl.lit(words.QUANTIFIED))
        .when(pl.col("measured_log10") > pl.col("detected_from_log10"))
        .then(pl.lit(words.BELOW_LLOQ))
        .otherwise(pl.lit(words.NOT_DETECTED))
    ).with_columns(
        viral_load_iu_per_ml=pl.when(pl.col("detection") == words.QUANTIFIED).then(measured.clip(lloq, uloq).round(0))
    )
    too_high = pl.col("viral_load_iu_per_ml") * assumed("corrected_factor")
    is_corrected = pl.col("is_corrected") & (pl.col("detection") == words.QUANTIFIED) & (too_high <= uloq)
    return read.with_columns(
        is_corrected=is_corrected.fill_null(False), result_status=pl.lit(words.FINAL)
    ).with_columns(viral_load_iu_per_ml=pl.when("is_corrected").then(too_high).otherwise("viral_load_iu_per_ml"))


def _corrections(samples: pl.DataFrame) -> pl.DataFrame:
    """The later versions of the corrected results, with the load as it was measured."""
    return (
        _first_reports(samples)
        .filter(pl.col("is_corrected"))
        .with_columns(
            reported=pl.col("corrected"),
            result_status=pl.lit(words.CORRECTED),
            viral_load_iu_per_ml=(pl.col("viral_load_iu_per_ml") / assumed("corrected_factor")).round(0),
        )
    )
