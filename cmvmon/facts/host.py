"""Whether a patient's defence against CMV was weak before: as stated, and unknown where nobody stated it."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import host_status
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.facts.columns import PATIENT_ID, yes_no
from cmvmon.facts.conditions import denied, fact, truth
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.patients import PATIENTS

_NOT_SAID = "nobody stated it"
_NOTHING_SAID = "nobody stated any condition of the patient, or one could not be read"

_OF_HOSTS = {
    "solid_organ_transplant": "a transplanted organ",
    "stem_cell_transplant": "a transplantation of stem cells",
    "immunosuppression": "immunosuppression",
}

HOST = RowType(
    name="host",
    description="Whether a patient is immunocompromised, as stated.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no(
            "is_immunocompromised",
            "True where such a condition holds; false where the patient is stated not to be.",
            _NOT_SAID,
        ),
        Column(
            "host_conditions",
            Kind.TEXT,
            "The conditions that make it so, sorted, joined by `;`.",
            null_means=_NOT_SAID,
        ),
        *(yes_no(f"has_{name}", f"Whether {said} is stated and holds.", _NOT_SAID) for name, said in _OF_HOSTS.items()),
        yes_no("has_covid_19", "Whether COVID-19 is stated and holds.", _NOTHING_SAID),
        yes_no("has_ards", "Whether ARDS is stated and holds.", _NOTHING_SAID),
    ),
)


@fact_table(HOST)
def host(facts: Facts) -> pl.DataFrame:
    """COVID-19, ARDS, sepsis and burns say nothing of the patient's defence before. Where a weak defence and a sound one
    are both stated, the weak one holds. Source: rules.md section 1 and 3.1 (bal_at_local_line, untreated_rise)."""
    ids = facts.of(PATIENTS).select("patient_id")
    return ids.join(_stated(facts), on="patient_id", how="left").join(_listed(facts), on="patient_id", how="left")


@nobody_without(HOST_STATUS)
def _stated(facts: Facts) -> pl.DataFrame:
    weak = pl.col("condition").is_in(list(host_status.IMMUNOCOMPROMISING))
    bears = weak | (pl.col("condition") == host_status.IMMUNOCOMPETENT)
    return (
        facts.prepared.begun[HOST_STATUS]
        .filter(pl.col("ended_at").is_null() & bears)
        .group_by("patient_id")
        .agg(
            is_immunocompromised=weak.any(),
            host_conditions=pl.coalesce(_joined(weak), _joined(~weak)),
            **{f"has_{name}": (pl.col("condition") == name).any() for name in _OF_HOSTS},
        )
    )


@nobody_without(HOST_STATUS)
def _listed(facts: Facts) -> pl.DataFrame:
    """A list of conditions on which one does not stand says that it is not known of; no list at all says nothing."""
    unread = sorted(facts.prepared.begun.unread_of(HOST_STATUS))
    holds = pl.col("ended_at").is_null()
    return (
        facts.prepared.begun[HOST_STATUS]
        .group_by("patient_id")
        .agg(
            has_covid_19=((pl.col("condition") == host_status.COVID_19) & holds).any(),
            has_ards=((pl.col("condition") == host_status.ARDS) & holds).any(),
        )
        .with_columns(
            pl.when(pl.col(name) | ~pl.col("patient_id").is_in(unread)).then(name).alias(name)
            for name in ("has_covid_19", "has_ards")
        )
    )


def _joined(of: pl.Expr) -> pl.Expr:
    """These conditions of a patient, each once, joined; null where there is none."""
    found = pl.col("condition").filter(of).unique().sort().str.join(";")
    return pl.when(found != "").then(found)


is_weak, is_sound = truth("is_immunocompromised"), denied("is_immunocompromised")
is_unknown = fact("is_immunocompromised").is_unknown()
