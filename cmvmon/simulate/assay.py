"""What an assay makes of a true load: noise, limits, blips and outliers, and the few corrections."""

from __future__ import annotations

import numpy as np
import polars as pl

from cmvmon.domain import words
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.draws import Draws, Numbers

ASSAY = "synthetic-pcr"
OTHER_ASSAY = "synthetic-pcr-2"


def noise_sd(true_log10: Numbers, compartment: str) -> Numbers:
    """Standard deviation of one measurement (log10) around a true load: BAL even, plasma wider near its LLOQ."""
    sd = assumed(f"{compartment}_sd")
    if compartment != "plasma":
        return np.full_like(true_log10, sd)
    above = (true_log10 - np.log10(assumed("plasma_lloq"))) / assumed("plasma_sd_falls_over")
    wide = assumed("plasma_sd_at_lloq")
    return np.asarray(wide + (sd - wide) * np.clip(above, 0.0, 1.0))


def measure(
    draws: Draws, compartment: str, slot: int, *, true_log10: Numbers, days: Numbers, by_other: Numbers
) -> pl.DataFrame:
    """What the assay measures of one planned sample per patient, and the limits it has.

    Args:
        true_log10, days: the true load and the days from the anchor, of each sample.
        by_other: 1 where the other assay is used, else 0.
    """
    lloq, uloq = assumed(f"{compartment}_lloq"), assumed(f"{compartment}_uloq")
    lod = assumed("lod_of_lloq") * lloq
    times = draws.assumed("other_assay_lloq")
    other = by_other > 0.0
    present = _present(draws, compartment, slot, true_log10, days)
    sd = noise_sd(np.where(other, present - np.log10(times), present), compartment)
    measured = present + sd * _errors(draws, compartment, slot)
    share_outliers = draws.assumed("share_outliers")
    if share_outliers > 0.0:
        far = draws.assumed("outlier_sd") * draws.normal(f"outlier_error_{compartment}", slot=slot)
        measured = measured + np.where(draws.happens(f"outlier_{compartment}", share_outliers, slot=slot), far, 0.0)
    if other.any():
        measured = measured + np.where(other, draws.assumed("other_assay_offset"), 0.0)
    return pl.DataFrame(
        {
            "measured_log10": measured,
            "detected_from_log10": np.where(other, np.log10(times * lod), np.log10(lod))
            - assumed("hit_rate_point") * sd,
            "assay": pl.Series(np.where(other, OTHER_ASSAY, ASSAY), dtype=pl.String),
            "lod_iu_per_ml": np.where(other, times * lod, lod),
            "lloq_iu_per_ml": np.where(other, times * lloq, lloq),
            "uloq_iu_per_ml": np.full(present.shape, uloq),
        }
    )


def _present(draws: Draws, compartment: str, slot: int, true_log10: Numbers, days: Numbers) -> Numbers:
    """The load in the tube: diluted in a lavage, or a blip where little is left."""
    present = true_log10
    dilution = draws.assumed("bal_dilution_sd")
    if compartment == "bal" and dilution > 0.0:
        present = present - dilution * draws.normal("dilution_bal", slot=slot)
    share_blips = draws.assumed("share_blips")
    if share_blips > 0.0:
        lloq = np.log10(assumed(f"{compartment}_lloq"))
        blips = draws.happens(f"blip_{compartment}", share_blips, slot=slot) & (days > 0.0) & (true_log10 < lloq)
        height = draws.uniform(f"blip_height_{compartment}", 0.0, draws.assumed("blip_highest"), slot=slot)
        present = np.where(blips, lloq + height, present)
    return present


def _errors(draws: Draws, compartment: str, slot: int) -> Numbers:
    """Errors in units of the SD: normal, or Student's t of the same scale."""
    normal = draws.normal(f"noise_{compartment}", slot=slot)
    share = draws.assumed("share_student_t")
    if share == 0.0:
        return normal
    freedom = draws.assumed("degrees_of_freedom")
    shrunk = np.sqrt(draws.chi_square(f"tails_{compartment}", freedom, slot=slot) / freedom)
    return np.where(draws.happens("student_t", share), normal / shrunk, normal)


def first_reports(samples: pl.DataFrame) -> pl.DataFrame:
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


def corrections(samples: pl.DataFrame) -> pl.DataFrame:
    """The later versions of the corrected results, with the load as it was measured."""
    return (
        first_reports(samples)
        .filter(pl.col("is_corrected"))
        .with_columns(
            reported=pl.col("corrected"),
            result_status=pl.lit(words.CORRECTED),
            viral_load_iu_per_ml=(pl.col("viral_load_iu_per_ml") / assumed("corrected_factor")).round(0),
        )
    )
