"""CMV serostatus of a patient and of the patient's donor, as it was before transplantation where that can be told."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import host_status
from cmvmon.domain.cmv_serology import (
    CMV_SEROLOGY,
    DONOR,
    IGM,
    IMMUNOGLOBULIN,
    NEGATIVE,
    POSITIVE,
    RECIPIENT,
    RESULTS,
    STATEMENT,
    TRANSFUSION,
)
from cmvmon.domain.columns import RowType
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.facts.columns import PATIENT_ID, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.patients import PATIENTS

NEVER, UNREAD, NOT_ON_RECORD = UNKNOWN_BECAUSE = (
    "serology_never_delivered",
    "serology_unread",
    "serostatus_not_on_record",
)

_IS_STATED = pl.col("test") == STATEMENT

SEROSTATUS = RowType(
    name="serostatus",
    description="Whether donor and recipient carry CMV.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        one_of("donor_serostatus", RESULTS, "The donor's, as last stated, else as last tested.", "not on record"),
        one_of(
            "recipient_serostatus",
            RESULTS,
            "The patient's, as last stated, else negative where any test but IgM was, else as last tested.",
            "not on record, or known only after immunoglobulin or transfusion",
        ),
        yes_no(
            "is_donor_positive_recipient_negative",
            "Whether the donor is known to carry CMV and the patient is known not to have.",
            "a transplanted organ is stated, or a donor is known, and one of the two is not known",
        ),
        one_of("serostatus_unknown_because", UNKNOWN_BECAUSE, "Why that is not known.", "it is known"),
    ),
)


@fact_table(SEROSTATUS)
def serostatus(facts: Facts) -> pl.DataFrame:
    """A statement (of a letter, or of the transplant registry) tells of the time of transplantation, and counts first. Of tests
    a negative one does: the patient was without antibody then, and an infection since turns later ones. A positive test after
    immunoglobulin or transfusion may be another person's, and counts for nothing. Without a transplanted organ and without a
    donor on record there is nothing to know. Source: rules.md section 4 (genotype_not_on_record)."""
    begun = facts.prepared.begun
    donor, recipient = pl.col("donor_serostatus"), pl.col("recipient_serostatus")
    rows = facts.of(PATIENTS).select("patient_id")
    for part in (_of_patient(facts), _of_donor(facts), _with_organ(facts)):
        rows = rows.join(part, on="patient_id", how="left")
    is_asked = pl.col("has_organ").fill_null(False) | donor.is_not_null()
    is_other = (donor == NEGATIVE) | (recipient == POSITIVE)
    match = pl.when((donor == POSITIVE) & (recipient == NEGATIVE)).then(True).when(is_other | ~is_asked).then(False)
    unread = pl.col("patient_id").is_in(sorted(begun.unread_of(CMV_SEROLOGY)))
    why = (
        pl.when(pl.lit(not begun.was_delivered(CMV_SEROLOGY)))
        .then(pl.lit(NEVER))
        .when(unread)
        .then(pl.lit(UNREAD))
        .otherwise(pl.lit(NOT_ON_RECORD))
    )
    rows = rows.with_columns(is_donor_positive_recipient_negative=match)
    is_unknown = pl.col("is_donor_positive_recipient_negative").is_null()
    return rows.with_columns(serostatus_unknown_because=pl.when(is_unknown).then(why))


@nobody_without(CMV_SEROLOGY)
def _of_patient(facts: Facts) -> pl.DataFrame:
    is_negative = ~_IS_STATED & (pl.col("serology_result") == NEGATIVE)
    found = _last(_told(facts), RECIPIENT, _IS_STATED, is_negative)
    return found.rename({"serology_result": "recipient_serostatus"})


@nobody_without(CMV_SEROLOGY)
def _of_donor(facts: Facts) -> pl.DataFrame:
    return _last(_told(facts), DONOR, _IS_STATED).rename({"serology_result": "donor_serostatus"})


def _told(facts: Facts) -> pl.DataFrame:
    is_doubtful = pl.col("given_before").is_in([IMMUNOGLOBULIN, TRANSFUSION]).fill_null(False)
    return facts.prepared.begun[CMV_SEROLOGY].filter(
        (pl.col("test") != IGM) & ~(is_doubtful & (pl.col("serology_result") != NEGATIVE))
    )


def _last(told: pl.DataFrame, of_whom: str, *first: pl.Expr) -> pl.DataFrame:
    """The last row of each patient, those before others for which these hold, in order."""
    return (
        told.filter(pl.col("of_whom") == of_whom)
        .sort("patient_id", *first, "sampled_at", "test", "serology_result")
        .unique("patient_id", keep="last", maintain_order=True)
        .select("patient_id", "serology_result")
    )


@nobody_without(HOST_STATUS)
def _with_organ(facts: Facts) -> pl.DataFrame:
    """The patients of whom a transplanted organ is stated and holds."""
    holds = pl.col("ended_at").is_null() & (pl.col("condition") == host_status.SOLID_ORGAN)
    stated = facts.prepared.begun[HOST_STATUS].filter(holds)
    return stated.select("patient_id", has_organ=pl.lit(True)).unique()
