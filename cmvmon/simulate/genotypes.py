"""Genotypes of a synthetic ward: asked for where a load does not fall or comes back, and reported days later."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.domain import resistance_reports
from cmvmon.simulate.assumptions import assumed

CHANGE = ("UL97", "A594V")
STATED_BY = "synthetic record"
_HOURS = 24.0


def genotypes(truth: pl.DataFrame, people: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """Requests for UL97 and UL54 where the load in BAL does not fall or comes back, and what was reported by now."""
    failing = truth.filter((pl.col("compartment") == "bal") & pl.col("class").is_in(["non_responder", "rebound"]))
    asked_at = pl.col("anchor_at") + pl.duration(hours=_HOURS * assumed("genotype_asked"))
    asked = (
        people.filter("is_genotyped")
        .join(failing.select("patient_id", "anchor_at"), on="patient_id")
        .select(
            "patient_id",
            "has_change",
            "until",
            requested_at=asked_at,
            request_id=pl.format("{}-G1", "patient_id"),
            method=pl.lit(resistance_reports.GENOTYPE),
            compartment=pl.lit("bal"),
            source=pl.lit(STATED_BY),
            reported_at=asked_at + pl.duration(hours=_HOURS * assumed("genotype_takes")),
        )
        .filter((pl.col("requested_at") <= pl.col("until")) & (pl.col("requested_at") <= until))
    )
    waits = asked.filter(pl.col("reported_at") > until).with_columns(
        reported_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")), finding=pl.lit(resistance_reports.REQUESTED)
    )
    came = asked.filter(pl.col("reported_at") <= until)
    changed = pl.col("has_change") & (pl.col("gene") == CHANGE[0])
    reported = came.with_columns(gene=pl.lit(["UL97", "UL54"])).explode("gene", empty_as_null=False)
    reported = reported.with_columns(
        finding=pl.when(changed)
        .then(pl.lit(resistance_reports.MUTATION))
        .otherwise(pl.lit(resistance_reports.NO_MUTATION)),
        mutation=pl.when(changed).then(pl.lit(CHANGE[1])),
        ganciclovir_as_reported=pl.when(changed).then(pl.lit(resistance_reports.RESISTANT)),
    )
    return pl.concat([waits, reported], how="diagonal").sort("patient_id", "gene", nulls_last=False)
