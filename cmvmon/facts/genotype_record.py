"""What is on record of the virus's genotype in this course, what waits, and which risks of a change are known."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import resistance_reports as reports
from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, days, days_long, moment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.mutations import is_silent
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.treatment import TREATMENT

NEVER, UNREAD = UNKNOWN_BECAUSE = ("reports_never_delivered", "report_unread")
_SOMETHING = "no course on record"

GENOTYPE_RECORD = RowType(
    name="genotype_record",
    description="Genotype and phenotype of a patient's virus in the latest course, exposure to drugs, and known risks.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        one_of(
            "genotype_unknown_because", UNKNOWN_BECAUSE, "Why it is not known what is on record.", "what came is known"
        ),
        yes_no("has_ul97_result", "Whether UL97 was reported, with or without a change.", _SOMETHING),
        yes_no("has_ul54_result", "Whether UL54 was.", _SOMETHING),
        yes_no("has_phenotype", "Whether a phenotype was.", _SOMETHING),
        moment("request_waits_since", "When the oldest request without any report was made.", "none waits"),
        days("days_since_request", "How long ago that is.", "none waits"),
        one_of("request_method", reports.METHODS, "How it is looked for there.", "none waits"),
        days("exposure_days", "Days of the drug that was given longest, in all known rows.", "no such drug on record"),
        Column("exposed_drug", Kind.TEXT, "The group of that drug.", null_means="no such drug on record"),
        Column(
            "earlier_prophylaxis_drugs",
            Kind.TEXT,
            "Drugs given as prophylaxis, and letermovir, before the latest course; joined by `;`.",
            null_means="none on record",
        ),
        Column(
            "earlier_mutations",
            Kind.TEXT,
            "Changes that were reported before the latest course, such as `UL97 A594V`; joined by `;`.",
            null_means="none on record",
        ),
    ),
)


@fact_table(GENOTYPE_RECORD)
def genotype_record(facts: Facts) -> pl.DataFrame:
    """A request belongs to the latest course when it was made since that began. It waits until any row of its number is
    reported. Exposure counts each day once, of treatment and prophylaxis alike; what was given elsewhere is not known, so
    it is at least so long. Source: rules.md section 1 (cumulative exposure) and 4 (genotype_not_on_record)."""
    begun = facts.prepared.begun
    courses = facts.of(TREATMENT).select("patient_id", "course_started_at")
    unread = sorted(begun.unread_of(RESISTANCE_REPORTS))
    why = (
        pl.when(pl.lit(not begun.was_delivered(RESISTANCE_REPORTS)))
        .then(pl.lit(NEVER))
        .when(pl.col("patient_id").is_in(unread))
        .then(pl.lit(UNREAD))
    )
    found = courses.with_columns(genotype_unknown_because=why)
    for part in (_reported(facts, courses), _exposure(facts), _prophylaxis(facts, courses)):
        found = found.join(part, on="patient_id", how="left")
    has = [pl.col(name).fill_null(False) for name in ("has_ul97_result", "has_ul54_result", "has_phenotype")]
    return found.with_columns(pl.when(pl.col("course_started_at").is_not_null()).then(one) for one in has)


_is_reported = pl.col("reported_at").is_not_null()
is_request_without_report = ~_is_reported.any().over("patient_id", "request_id")
_is_since = pl.col("requested_at") >= pl.col("course_started_at")


@nobody_without(RESISTANCE_REPORTS)
def _reported(facts: Facts, courses: pl.DataFrame) -> pl.DataFrame:
    """Of every patient of whom a report is known: what is on record, what waits, and what was found before."""
    told = facts.prepared.begun[RESISTANCE_REPORTS].join(courses, on="patient_id", how="inner")
    found = told.select("patient_id").unique()
    for part in (_results(told), _waiting(facts, told), _earlier(told)):
        found = found.join(part, on="patient_id", how="left")
    return found


def _results(told: pl.DataFrame) -> pl.DataFrame:
    is_gene = pl.col("finding").is_in([reports.MUTATION, reports.NO_MUTATION])
    return (
        told.filter(_is_reported & _is_since)
        .group_by("patient_id")
        .agg(
            has_ul97_result=(is_gene & (pl.col("gene") == "UL97").fill_null(False)).any(),
            has_ul54_result=(is_gene & (pl.col("gene") == "UL54").fill_null(False)).any(),
            has_phenotype=(pl.col("finding") == reports.PHENOTYPE).any(),
        )
    )


def _waiting(facts: Facts, told: pl.DataFrame) -> pl.DataFrame:
    waits = told.filter(_is_since & is_request_without_report)
    oldest = waits.sort("patient_id", "requested_at", "method").unique("patient_id", keep="first", maintain_order=True)
    return oldest.select(
        "patient_id",
        request_waits_since="requested_at",
        days_since_request=days_long(facts.now - pl.col("requested_at")),
        request_method="method",
    )


def _earlier(told: pl.DataFrame) -> pl.DataFrame:
    change = pl.concat_str("gene", "mutation", separator=" ")
    before = _is_reported & (pl.col("reported_at") < pl.col("course_started_at")) & ~is_silent(pl.col("mutation"))
    return told.filter(before).group_by("patient_id").agg(earlier_mutations=change.unique().sort().str.join(";"))


def _exposure(facts: Facts) -> pl.DataFrame:
    """Of the drug that was given longest: each day counts once, however many rows cover it."""
    group = pl.col("drug").replace_strict(dict(facts.protocol.treatment_drugs), default=None, return_dtype=pl.String)
    until = pl.coalesce("stopped_at", facts.now)
    given = (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .select("patient_id", "started_at", exposed_drug=group, until=until)
        .drop_nulls("exposed_drug")
        .sort("patient_id", "exposed_drug", "started_at", "until")
    )
    drug = ("patient_id", "exposed_drug")
    given = given.with_columns(is_again=pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in drug))
    covered = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    if given["is_again"].any():  # most are given a drug once
        covered = pl.col("until").cum_max().shift(1).over(drug)
    new = pl.col("until") - pl.max_horizontal("started_at", covered)
    spent = (
        given.with_columns(new=new)
        .group_by(drug)
        .agg(exposure_days=days_long(pl.col("new").filter(pl.col("new") > pl.duration()).sum()))
    )
    longest = spent.sort("patient_id", "exposure_days", "exposed_drug", descending=[False, True, False])
    return longest.unique("patient_id", keep="first", maintain_order=True)


def _prophylaxis(facts: Facts, courses: pl.DataFrame) -> pl.DataFrame:
    letermovir = [name for name, drug in facts.protocol.drugs.items() if drug.group == "letermovir"]
    is_given_so = (pl.col("indication") == words.PROPHYLAXIS).fill_null(False) | pl.col("drug").is_in(letermovir)
    return (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .join(courses, on="patient_id")
        .filter(is_given_so & (pl.col("started_at") < pl.col("course_started_at")))
        .group_by("patient_id")
        .agg(earlier_prophylaxis_drugs=pl.col("drug").unique().sort().str.join(";"))
    )
