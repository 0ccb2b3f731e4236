"""What a patient who has left was sampled or tested for and has no result of yet."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import RowType
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.facts.columns import PATIENT_ID, PLACE, count, first_reason, moment, one_of
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.genotype_record import is_request_without_report
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.patients import PATIENTS
from cmvmon.facts.sampling import waiting

ORDERS_NEVER, ORDERS_UNREAD, REPORTS_NEVER, REPORTS_UNREAD = UNKNOWN_BECAUSE = (
    "orders_never_delivered",
    "order_unread",
    "reports_never_delivered",
    "report_unread",
)
_NONE = "none waits"

PENDING = RowType(
    name="pending_results",
    description="Samples for CMV PCR that were taken, and tests of resistance that were asked for, and have no result.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        count("n_pending_pcr", "How many samples that were taken have no result.", "orders were never delivered"),
        one_of("pending_pcr_compartment", compartments.NAMES, "What the one taken first is of.", _NONE),
        moment("pending_pcr_collected_at", "When that was taken.", _NONE),
        moment("pending_resistance_since", "When the newest test of resistance without a report was asked for.", _NONE),
        one_of("pending_unknown_because", UNKNOWN_BECAUSE, "Why it is not known what waits.", "it is known"),
    ),
)


@fact_table(PENDING)
def pending(facts: Facts) -> pl.DataFrame:
    """An order that nobody said was taken waits for no result, nor does a sample of whose compartment a later one has one.

    Source: rules.md section 1 (end of stay).
    """
    begun = facts.prepared.begun
    reasons = (
        (ORDERS_NEVER, pl.lit(not begun.was_delivered(SAMPLES_ORDERED))),
        (ORDERS_UNREAD, pl.col("patient_id").is_in(sorted(begun.unread_of(SAMPLES_ORDERED)))),
        (REPORTS_NEVER, pl.lit(not begun.was_delivered(RESISTANCE_REPORTS))),
        (REPORTS_UNREAD, pl.col("patient_id").is_in(sorted(begun.unread_of(RESISTANCE_REPORTS)))),
    )
    found = facts.of(PATIENTS).select("patient_id", pending_unknown_because=first_reason(reasons))
    for part in (_samples(facts), _tests(facts)):
        found = found.join(part, on="patient_id", how="left")
    has_orders = pl.lit(begun.was_delivered(SAMPLES_ORDERED))
    return found.with_columns(n_pending_pcr=pl.when(has_orders).then(pl.col("n_pending_pcr").fill_null(0)))


@nobody_without(SAMPLES_ORDERED)
def _samples(facts: Facts) -> pl.DataFrame:
    known = facts.prepared.shown.group_by(PLACE).agg(resulted_at=pl.col("collected_at").max())
    waits = facts.shared(waiting).join(known, on=PLACE, how="left")
    is_overtaken = (pl.col("resulted_at") > pl.col("collected_at")).fill_null(False)
    by_age = waits.filter(~is_overtaken).sort("patient_id", "collected_at", "compartment")
    return by_age.group_by("patient_id").agg(
        n_pending_pcr=pl.len().cast(pl.Int64),
        pending_pcr_compartment=pl.col("compartment").first(),
        pending_pcr_collected_at=pl.col("collected_at").first(),
    )


@nobody_without(RESISTANCE_REPORTS)
def _tests(facts: Facts) -> pl.DataFrame:
    waits = facts.prepared.begun[RESISTANCE_REPORTS].filter(is_request_without_report)
    return waits.group_by("patient_id").agg(pending_resistance_since=pl.col("requested_at").max())
