"""The delivered table `resistance_reports`: what was asked of a virus's resistance to drugs, and what the laboratory reported."""

from __future__ import annotations

from cmvmon.domain import compartments, resistance
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullUnless, Requires
from cmvmon.domain.constraints import Matches, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import PATIENT_ID, RECEIVED

GENOTYPE, CULTURE = METHODS = ("genotype", "phenotype_culture")
REQUESTED, MUTATION, NO_MUTATION, PHENOTYPE, FAILED = FINDINGS = (
    "requested",
    "mutation",
    "no_mutation_found",
    "phenotype",
    "failed",
)
_REPORTED = FINDINGS[1:]
RESISTANT, REDUCED, SUSCEPTIBLE, UNCERTAIN = AS_REPORTED = ("resistant", "reduced", "susceptible", "uncertain")
NAMES_A_DRUG = (RESISTANT, REDUCED)  # what a report says of a drug that it names


def as_reported(drug: str) -> str:
    """The column that holds what the report itself says of a drug."""
    return f"{drug}_as_reported"


RESISTANCE_REPORTS = RowType(
    name="resistance_reports",
    description="One change of one gene in one report on resistance; or a gene without one, a phenotype, a request.",
    key=("patient_id", "request_id", "method", "gene", "finding", "mutation"),
    columns=(
        PATIENT_ID,
        Column("request_id", Kind.TEXT, "The laboratory's number of the request, across its rows."),
        Column("method", Kind.TEXT, "How it is looked for.", constraints=(OneOf("method", METHODS),)),
        Column("requested_at", Kind.MOMENT, "When it was asked for.", "UTC", constraints=(NotBefore("requested_at"),)),
        Column(
            "compartment",
            Kind.TEXT,
            "What was sampled.",
            null_means="not said",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column(
            "gene",
            Kind.TEXT,
            "The gene that the row is about.",
            null_means="about no gene: a request, a phenotype, or a test that failed as a whole",
            constraints=(OneOf("gene", resistance.GENES),),
        ),
        Column("finding", Kind.TEXT, "What the row says.", constraints=(OneOf("finding", FINDINGS),)),
        Column(
            "mutation",
            Kind.TEXT,
            "The change of the protein, such as A594V, del595-603 or E22* (a stop).",
            null_means="the row is not about one",
            constraints=(
                Matches(
                    "mutation", resistance.CHANGE, "is one change of a protein, such as A594V", "unparsed_mutation"
                ),
            ),
        ),
        *(
            Column(
                as_reported(drug),
                Kind.TEXT,
                f"What the report itself says of {drug}.",
                null_means="it says nothing of it",
                constraints=(OneOf(as_reported(drug), AS_REPORTED),),
            )
            for drug in resistance.DRUGS
        ),
        Column("reported_at", Kind.MOMENT, "When it was reported.", "UTC", "not yet", (NotBefore("reported_at"),)),
        Column("source", Kind.TEXT, "The laboratory, in the sender's words.", null_means="not said"),
        *RECEIVED,
    ),
    across=(
        Requires("mutation", "finding", (MUTATION,)),
        NullUnless("mutation", "finding", (MUTATION,)),
        Requires("gene", "finding", (MUTATION, NO_MUTATION)),
        Requires("reported_at", "finding", _REPORTED),
        NullUnless("reported_at", "finding", _REPORTED),
        *(NullUnless(as_reported(drug), "finding", _REPORTED) for drug in resistance.DRUGS),
        Ordered("requested_at", "reported_at", "reported_before_requested"),
    ),
)
