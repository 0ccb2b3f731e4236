"""What stood around the latest sample of a series: how long no antiviral drug had run, and what the assay could detect."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, days, days_long, load, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.samples import SAMPLES

BEFORE_LATEST = RowType(
    name="before_latest",
    description="Antiviral drugs before the latest sample of a series, and the assay's limit of detection there.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        days(
            "drug_free_days_before_latest",
            "Days from the end of the last antiviral drug to the latest sample, whatever it was given for; 0 while one ran.",
            "no drug on record that began before it",
        ),
        load("latest_lod_iu_per_ml", "The limit of detection of the latest result.", "not known"),
    ),
)


@fact_table(BEFORE_LATEST)
def before_latest(facts: Facts) -> pl.DataFrame:
    """Every antiviral drug that the protocol lists counts, prophylaxis too. Source: rules.md section 3.1 (bal_negative)."""
    latest = facts.of(SAMPLES).select(*SERIES_KEY, "latest_collected_at", "latest_result_id")
    limits = facts.prepared.results.select(latest_result_id="result_id", latest_lod_iu_per_ml="lod_iu_per_ml")
    given = facts.prepared.begun[ANTIVIRAL_COURSES].filter(pl.col("drug").is_in(list(facts.protocol.drugs)))
    taken = pl.col("latest_collected_at")
    ended = pl.min_horizontal(pl.coalesce("stopped_at", taken), taken)
    free = (
        latest.join(given.select("patient_id", "started_at", "stopped_at"), on="patient_id")
        .filter(pl.col("started_at") <= taken)
        .group_by(SERIES_KEY)
        .agg(drug_free_days_before_latest=days_long(taken - ended).min())
    )
    return latest.join(free, on=SERIES_KEY, how="left").join(
        limits.unique("latest_result_id"), on="latest_result_id", how="left"
    )
