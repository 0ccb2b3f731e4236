"""The delivered table `co_medication`: what a patient is given besides antiviral drugs, by ATC code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between, Matches, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

IV = "iv"
ROUTES = (IV, "oral", "enteral", "inhaled", "intramuscular", "subcutaneous", "topical", "other")
# Spelled out without classes in brackets, which the engines that hold a row to its contract may read differently.
_GROUP = f"(?:{'|'.join('ABCDGHJLMNPRSV')})"  # the fourteen anatomical groups
_LETTER = f"(?:{'|'.join('ABCDEFGHIJKLMNOPQRSTUVWXYZ')})"
_DIGIT = f"(?:{'|'.join('0123456789')})"
ATC_CODE = f"{_GROUP}{_DIGIT}{_DIGIT}{_LETTER}{_LETTER}{_DIGIT}{_DIGIT}"
"""A whole ATC code, to the substance: P01CX01. The code of a group (J01G) says of no patient what was given."""

NOT_SYSTEMIC = ("inhaled", "topical")
GLUCOCORTICOID, ANTITHYMOCYTE, IMMUNOGLOBULIN = KINDS = ("glucocorticoid", "antithymocyte_globulin", "immunoglobulin")
_BEGINS: Mapping[str, str] = MappingProxyType(
    {
        "H02AB": GLUCOCORTICOID,
        "L04AA03": ANTITHYMOCYTE,
        "L04AA04": ANTITHYMOCYTE,
        "J06BA": IMMUNOGLOBULIN,
        "J06BB09": IMMUNOGLOBULIN,
    }
)
"""Beginnings of ATC codes (WHO): systemic glucocorticoids; antithymocyte globulin of horse and of rabbit; human immunoglobulin, also
that against CMV."""

CO_MEDICATION = RowType(
    name="co_medication",
    description="One drug given from a first to a last dose by one route, at one dose. A code that no pair names is kept.",
    key=("patient_id", "atc_code", "route", "started_at"),
    columns=(
        PATIENT_ID,
        Column(
            "atc_code",
            Kind.TEXT,
            "The ATC code of the substance, seven characters in capitals, such as P01CX01.",
            constraints=(Matches("atc_code", ATC_CODE, "is a whole ATC code, such as P01CX01", "malformed_atc_code"),),
        ),
        Column(
            "route",
            Kind.TEXT,
            "How it is given.",
            null_means="not known",
            constraints=(OneOf("route", ROUTES),),
        ),
        Column("started_at", Kind.MOMENT, "First dose.", "UTC", constraints=(NotBefore("started_at"),)),
        Column("stopped_at", Kind.MOMENT, "Last dose.", "UTC", "still running", (NotBefore("stopped_at"),)),
        Column(
            "dose_mg",
            Kind.NUMBER,
            "One dose, as ordered. No rule reads it: it is shown beside the drug.",
            "mg",
            "not given in mg, or not known",
            (Between("dose_mg", above=0.0, at_most=1e5),),
        ),
        Column(
            "dose_mg_per_kg",
            Kind.NUMBER,
            "One dose by body weight, likewise.",
            "mg/kg",
            "not given by weight, or not known",
            (Between("dose_mg_per_kg", above=0.0, at_most=1e3),),
        ),
        Column(
            "interval_h",
            Kind.NUMBER,
            "Time between doses.",
            "h",
            "not known, or given without a pause",
            (Between("interval_h", above=0.0, at_most=10_000.0),),
        ),
        *RECEIVED,
    ),
    across=(Ordered("started_at", "stopped_at", "other_drug_stopped_before_started"),),
)


def kind_of(atc_code: pl.Expr) -> pl.Expr:
    """What a drug is of `KINDS`, by its code; null for every other drug.

    >>> pl.DataFrame({"c": ["H02AB04", "R03BA02"]}).select(k=kind_of(pl.col("c")))["k"].to_list()
    ['glucocorticoid', None]
    """
    found = pl.lit(None, dtype=pl.String)
    for start, kind in _BEGINS.items():
        found = pl.when(atc_code.str.starts_with(start)).then(pl.lit(kind)).otherwise(found)
    return found
