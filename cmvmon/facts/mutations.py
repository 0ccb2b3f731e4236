"""Every change of a gene that was reported of a patient's virus: which drugs the report names, and what is published of it."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import resistance
from cmvmon.domain import resistance_reports as reports
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, count, moment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.treatment import TREATMENT
from cmvmon.protocol.resistance_table import Effect

KEY = ("patient_id", "gene", "mutation")
_FOUND = (reports.MUTATION, reports.PHENOTYPE, reports.NO_MUTATION)
_UNLISTED = "nothing is published of it"


def _published(drug: str) -> tuple[Column, ...]:
    """What the published table says of the change and that drug."""
    plausible = (Between(f"{drug}_fold_low", at_least=0.0), Between(f"{drug}_fold_high", at_least=0.0))
    unit = "times as much drug"
    return (
        count(f"{drug}_n_rows", f"Rows of the published table with a number for {drug}.", _UNLISTED),
        Column(f"{drug}_fold_low", Kind.NUMBER, "The lowest of them.", unit, _UNLISTED, plausible[:1]),
        Column(f"{drug}_fold_high", Kind.NUMBER, "The highest of them.", unit, _UNLISTED, plausible[1:]),
        Column(
            f"{drug}_table_says", Kind.TEXT, "Its cells that hold words, or what stands in their place.", "", "none"
        ),
    )


MUTATIONS = RowType(
    name="mutations",
    description="One change of one gene of a patient's virus, in all reports; or a gene without one, or a phenotype.",
    key=KEY,
    columns=(
        PATIENT_ID,
        Column("gene", Kind.TEXT, "The gene.", null_means="a phenotype"),
        Column("mutation", Kind.TEXT, "The change.", null_means="a phenotype, or none was found in the gene"),
        yes_no("is_silent_change", "Whether both sides of the change name one amino acid: the protein is as it was."),
        one_of("resistance_finding", _FOUND, "What was found."),
        moment("finding_reported_at", "When it was last reported."),
        Column("finding_compartments", Kind.TEXT, "Where, sorted, joined by `;`.", null_means="not said"),
        Column("named_drugs", Kind.TEXT, "Drugs that a report names, sorted, joined by `;`.", null_means="none"),
        yes_no("says_susceptible", "Whether a report says of some drug that the virus is susceptible to it."),
        yes_no("says_uncertain", "Whether a report calls its effect on some drug uncertain."),
        Column(
            "named_running_drugs", Kind.TEXT, "Those of them that run, joined by `;`.", null_means="none, or not known"
        ),
        count("n_named_running", "How many these are.", "none, or not known"),
        moment("named_running_since", "Since when the first of these runs in this course.", "none runs"),
        yes_no("is_listed", "Whether the published table lists the change.", "no change"),
        one_of("ganciclovir_grade", resistance.GRADES, "The class of ganciclovir by all its rows.", _UNLISTED),
        *(column for drug in resistance.DRUGS for column in _published(drug)),
    ),
)


@fact_table(MUTATIONS, lists="mutation")
@nobody_without(RESISTANCE_REPORTS)
def mutations(facts: Facts) -> pl.DataFrame:
    """What a report says and what is published stay apart. A drug is *named* where a report calls the virus resistant, or
    of reduced susceptibility, to it; of several reports of one change each counts. Source: rules.md section 4."""
    found = facts.prepared.begun[RESISTANCE_REPORTS].filter(
        pl.col("reported_at").is_not_null() & pl.col("finding").is_in(list(_FOUND))
    )
    told = found.group_by(KEY).agg(
        resistance_finding=pl.col("finding").max(),
        finding_reported_at=pl.col("reported_at").max(),
        finding_compartments=_joined(pl.col("compartment").drop_nulls()),
        named=pl.concat_list(_named(drug) for drug in resistance.DRUGS).explode().drop_nulls().unique().sort(),
        says_susceptible=_says(reports.SUSCEPTIBLE),
        says_uncertain=_says(reports.UNCERTAIN),
    )
    return (
        told.join(_running(facts, told), on=KEY, how="left", nulls_equal=True)
        .join(_effects(facts, told), on=KEY, how="left", nulls_equal=True)
        .with_columns(
            named_drugs=pl.col("named").list.join(";").replace("", None),
            is_silent_change=is_silent(pl.col("mutation")).fill_null(False),
        )
    )


def is_silent(change: pl.Expr) -> pl.Expr:
    """Whether a change names one amino acid on both sides: the gene differs, the protein does not. Null where it is null.

    >>> pl.select(is_silent(pl.Series(["A594A", "A594V", "del595", "A594*", "A59A4"]))).to_series().to_list()
    [True, False, False, False, False]
    """
    return (change.str.head(1) == change.str.tail(1)) & change.str.contains(f"^(?:{resistance.SUBSTITUTION})$")


def _joined(values: pl.Expr) -> pl.Expr:
    return values.unique().sort().str.join(";").replace("", None)


def _says(word: str) -> pl.Expr:
    of_each = ((pl.col(reports.as_reported(drug)) == word).fill_null(False) for drug in resistance.DRUGS)
    return pl.any_horizontal(of_each).any()


def _named(drug: str) -> pl.Expr:
    return pl.when(pl.col(reports.as_reported(drug)).is_in(list(reports.NAMES_A_DRUG))).then(pl.lit(drug))


def _running(facts: Facts, told: pl.DataFrame) -> pl.DataFrame:
    """Of the drugs that a report names, those that run, by their group: valganciclovir is ganciclovir here."""
    group = pl.col("drug").replace_strict(dict(facts.protocol.treatment_drugs), default=None, return_dtype=pl.String)
    treated = facts.of(TREATMENT).select(
        "patient_id", "course_started_at", running=pl.col("running_drugs").str.split(";")
    )
    given = (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .join(treated, on="patient_id")
        .filter(pl.col("drug").is_in("running") & (pl.col("started_at") >= pl.col("course_started_at")))
        .select("patient_id", "drug", "started_at", group=group)
    )
    of_each = told.select(*KEY, group="named").explode("group").drop_nulls("group")
    return (
        of_each.join(given, on=["patient_id", "group"])
        .group_by(KEY)
        .agg(
            named_running_drugs=_joined(pl.col("drug")),
            n_named_running=pl.col("drug").n_unique(),
            named_running_since=pl.col("started_at").min(),
        )
    )


def _effects(facts: Facts, told: pl.DataFrame) -> pl.DataFrame:
    changes = told.select("gene", "mutation").unique().drop_nulls()
    rows = [_effect(facts, gene, change) for gene, change in changes.iter_rows()]
    schema = {name: MUTATIONS.schema[name] for name in ("gene", "mutation", "is_listed", "ganciclovir_grade")}
    schema |= {column.name: column.kind.dtype for drug in resistance.DRUGS for column in _published(drug)}
    published = pl.DataFrame(rows, schema=schema, orient="row")
    return told.select(KEY).join(published, on=["gene", "mutation"])


def _effect(facts: Facts, gene: str, change: str) -> dict[str, object]:
    table = facts.protocol.resistance_table
    known = {drug: (table.of(gene, change, drug) if table else None) or Effect() for drug in resistance.DRUGS}
    row: dict[str, object] = {"gene": gene, "mutation": change, "is_listed": bool(table and table.knows(gene, change))}
    row["ganciclovir_grade"] = known["ganciclovir"].grade(facts.protocol.resistance.borders)
    for drug, effect in known.items():
        row[f"{drug}_n_rows"] = len(effect.folds) or None
        row[f"{drug}_fold_low"] = min(effect.folds, default=None)
        row[f"{drug}_fold_high"] = max(effect.folds, default=None)
        row[f"{drug}_table_says"] = effect.override or ", ".join(effect.texts) or None
    return row
