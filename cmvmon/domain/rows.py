"""The tables that cmvmon is given: viral-load results, antiviral courses, ICU stays, assays; and what it sets apart."""

from __future__ import annotations

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullUnless, Requires
from cmvmon.domain.constraints import (
    Between,
    Matches,
    NotBefore,
    OneOf,
    OnlyWith,
    Ordered,
    OrderedWhen,
)

_NOT_BLANK = r"\s*\S(?:.*\S)?\s*"
_COMPARTMENT = "|".join(compartments.NAMES)


def _name(column: str) -> Matches:
    return Matches(column, _NOT_BLANK, "is not blank", f"missing_{column}")


def _limit(name: str, words_: str, *, null_means: str) -> Column:
    return Column(
        name,
        Kind.NUMBER,
        words_,
        "IU/mL",
        null_means,
        (Between(name, above=0.0, at_most=1e12),),
    )


PATIENT_ID = Column(
    "patient_id", Kind.TEXT, "The patient, as the hospital numbers them.", constraints=(_name("patient_id"),)
)

VIRAL_LOAD_RESULTS = RowType(
    name="viral_load_results",
    description="One CMV DNA result of one sample, in IU/mL, as the laboratory reported it.",
    key=("result_id",),
    columns=(
        Column(
            "result_id",
            Kind.TEXT,
            "The result across its versions: laboratory, accession number and analyte.",
            constraints=(_name("result_id"),),
        ),
        PATIENT_ID,
        Column(
            "compartment",
            Kind.TEXT,
            "What was sampled, from the specimen type.",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column("laboratory", Kind.TEXT, "The laboratory that measured.", constraints=(_name("laboratory"),)),
        Column("assay", Kind.TEXT, "The assay, as the laboratory's file names it.", constraints=(_name("assay"),)),
        Column(
            "collected_at", Kind.MOMENT, "When the sample was taken.", "UTC", constraints=(NotBefore("collected_at"),)
        ),
        Column(
            "result_status",
            Kind.TEXT,
            "How settled the result is.",
            constraints=(OneOf("result_status", words.RESULT_STATUS),),
        ),
        Column(
            "detection",
            Kind.TEXT,
            "What the assay said: four states that are never merged.",
            constraints=(OneOf("detection", words.DETECTION),),
        ),
        Column(
            "viral_load_iu_per_ml",
            Kind.NUMBER,
            "The load, where it was quantified.",
            "IU/mL",
            "the load was not quantified: see detection and the limits",
            (Between("viral_load_iu_per_ml", above=0.0, at_most=1e12),),
        ),
        _limit("lod_iu_per_ml", "Limit of detection: the load found in 95 % of tests.", null_means="not known"),
        _limit("lloq_iu_per_ml", "Lower limit of quantification.", null_means="not known"),
        _limit("uloq_iu_per_ml", "Upper limit of quantification.", null_means="not known"),
        Column(
            "accession_number",
            Kind.TEXT,
            "The laboratory's order number.",
            null_means="the table was given without one (stateless analysis)",
            exchanged=False,
        ),
        Column(
            "reported_at",
            Kind.MOMENT,
            "When the laboratory reported this version.",
            "UTC",
            "the laboratory does not send it",
            (NotBefore("reported_at"),),
            exchanged=False,
        ),
        Column("sent_at", Kind.MOMENT, "When its message was made.", "UTC", "not sent, or ahead", exchanged=False),
        Column(
            "received_at",
            Kind.MOMENT,
            "When cmvmon learned of this version.",
            "UTC",
            "stateless analysis: known from its collection on",
            (NotBefore("received_at"),),
            exchanged=False,
        ),
        Column(
            "delivered_value",
            Kind.TEXT,
            "The value as it was delivered, to the letter.",
            null_means="the table was given without it (stateless analysis)",
            exchanged=False,
        ),
        Column(
            "delivered_unit",
            Kind.TEXT,
            "The unit as it was delivered, to the letter.",
            null_means="none was delivered",
            exchanged=False,
        ),
        Column(
            "delivery_id",
            Kind.TEXT,
            "SHA-256 of the bytes that brought this version.",
            null_means="the table was given without it (stateless analysis)",
            exchanged=False,
        ),
        Column("is_released", Kind.TRUTH, "A person let it be used.", null_means="nobody has", exchanged=False),
        Column(
            "confirms",
            Kind.TRUTH,
            "It calls final what was preliminary and says no value: the one in this row is that of another version, and is not read.",
            null_means="it says its own value",
            exchanged=False,
            came_later=True,
        ),
    ),
    across=(
        Requires("viral_load_iu_per_ml", "detection", (words.QUANTIFIED,)),
        NullUnless("viral_load_iu_per_ml", "detection", (words.QUANTIFIED,)),
        Ordered("lloq_iu_per_ml", "uloq_iu_per_ml", "crossed_limits", strict=True),
        OrderedWhen("lloq_iu_per_ml", "viral_load_iu_per_ml", "detection", (words.QUANTIFIED,), "below_own_limit"),
        OrderedWhen("viral_load_iu_per_ml", "uloq_iu_per_ml", "detection", (words.QUANTIFIED,), "above_own_limit"),
        Ordered("collected_at", "reported_at", "reported_before_collected"),
    ),
)

RECEIVED = (
    Column(
        "received_at",
        Kind.MOMENT,
        "When cmvmon learned of this version.",
        "UTC",
        "stateless analysis: known from its start on",
        (NotBefore("received_at"),),
        exchanged=False,
    ),
    Column(
        "delivery_id",
        Kind.TEXT,
        "SHA-256 of the bytes that brought this version.",
        null_means="the table was given without it (stateless analysis)",
        exchanged=False,
    ),
)

ANTIVIRAL_COURSES = RowType(
    name="antiviral_courses",
    description="One antiviral drug given from a first to a last dose, at one dose and route.",
    key=("patient_id", "drug", "started_at"),
    columns=(
        PATIENT_ID,
        Column(
            "drug",
            Kind.TEXT,
            "Generic name, in any case. One that the protocol does not list is kept as unclassified.",
            constraints=(_name("drug"),),
            any_case=True,
        ),
        Column(
            "indication",
            Kind.TEXT,
            "Why it is given.",
            null_means="not known: whether the patient is treated is then unknown too",
            constraints=(OneOf("indication", words.INDICATION),),
        ),
        Column(
            "dose_mg", Kind.NUMBER, "One dose.", "mg", "not given in mg", (Between("dose_mg", above=0.0, at_most=1e5),)
        ),
        Column(
            "dose_mg_per_kg",
            Kind.NUMBER,
            "One dose by body weight.",
            "mg/kg",
            "not given by weight",
            (Between("dose_mg_per_kg", above=0.0, at_most=1e3),),
        ),
        Column(
            "interval_h",
            Kind.NUMBER,
            "Time between doses.",
            "h",
            "not known",
            (Between("interval_h", above=0.0, at_most=10_000.0),),
        ),
        Column("route", Kind.TEXT, "How it is given: iv, oral, enteral, ...", null_means="not known", any_case=True),
        Column("started_at", Kind.MOMENT, "First dose.", "UTC", constraints=(NotBefore("started_at"),)),
        Column("stopped_at", Kind.MOMENT, "Last dose.", "UTC", "still running", (NotBefore("stopped_at"),)),
        Column(
            "stop_reason",
            Kind.TEXT,
            "Why it was stopped, or switched to another drug; read only where `stopped_at` is given. A word that is none of these "
            f"is read as `{words.NOT_LISTED}`, and the row stands.",
            null_means="not stated, or still running",
            constraints=(OneOf("stop_reason", words.STOP_REASON),),
            any_case=True,
            otherwise=words.NOT_LISTED,
            came_later=True,
        ),
        *RECEIVED,
    ),
    across=(Ordered("started_at", "stopped_at", "stopped_before_started"),),
)

ICU_STAYS = RowType(
    name="icu_stays",
    description="One stay on the ICU; one row for each period of ventilation in it.",
    key=("stay_id", "ventilation_started_at"),
    columns=(
        Column("stay_id", Kind.TEXT, "The stay.", constraints=(_name("stay_id"),)),
        PATIENT_ID,
        Column("admitted_at", Kind.MOMENT, "Admission to the ICU.", "UTC", constraints=(NotBefore("admitted_at"),)),
        Column(
            "discharged_at",
            Kind.MOMENT,
            "Discharge from the ICU.",
            "UTC",
            "still admitted",
            (NotBefore("discharged_at"),),
        ),
        Column("ward", Kind.TEXT, "The ward.", null_means="not known"),
        Column("bed", Kind.TEXT, "The bed.", null_means="not known"),
        Column(
            "ventilation_started_at",
            Kind.MOMENT,
            "Start of a period of ventilation.",
            "UTC",
            "no ventilation in this row",
            (NotBefore("ventilation_started_at"),),
        ),
        Column(
            "ventilation_stopped_at",
            Kind.MOMENT,
            "End of that period.",
            "UTC",
            "still ventilated, or no ventilation in this row",
            (NotBefore("ventilation_stopped_at"),),
        ),
        Column(
            "ventilation_kind",
            Kind.TEXT,
            "How in that period: `invasive` (a tube in the mouth or nose), `tracheostomy`, `non_invasive` (mask or helmet), or "
            "`tracheostomy_mask` (a cannula, and no machine that breathes). Another kind is another period.",
            null_means="not known, or no ventilation in this row",
            constraints=(OneOf("ventilation_kind", words.VENTILATION_KIND),),
        ),
        Column(
            "affected_compartments",
            Kind.TEXT,
            f"The compartments that the team states to be affected, joined by `;`; `{words.STATED_NONE}` = stated none.",
            null_means="the team has not stated any",
            constraints=(
                Matches(
                    "affected_compartments",
                    rf"{words.STATED_NONE}|(?:{_COMPARTMENT})(?:;(?:{_COMPARTMENT}))*",
                    f"is `{words.STATED_NONE}` or names of compartments joined by `;`",
                    "unknown_affected_compartments",
                ),
            ),
        ),
        *RECEIVED,
    ),
    across=(
        Ordered("admitted_at", "discharged_at", "discharged_before_admitted"),
        Ordered("ventilation_started_at", "ventilation_stopped_at", "ventilation_stopped_before_started"),
        OnlyWith("ventilation_kind", "ventilation_started_at", "ventilation_kind_without_start"),
    ),
)

ASSAYS = RowType(
    name="assays",
    description="How much one result of an assay scatters, by compartment, date and level.",
    key=("laboratory", "assay", "compartment", "valid_from", "level_iu_per_ml"),
    columns=(
        Column("laboratory", Kind.TEXT, "The laboratory.", constraints=(_name("laboratory"),)),
        Column("assay", Kind.TEXT, "The assay.", constraints=(_name("assay"),)),
        Column("compartment", Kind.TEXT, "The compartment.", constraints=(OneOf("compartment", compartments.NAMES),)),
        Column(
            "sigma_log10",
            Kind.NUMBER,
            "Standard deviation of one result around the true load.",
            "log10",
            constraints=(Between("sigma_log10", above=0.0, at_most=3.0),),
        ),
        Column(
            "valid_from", Kind.MOMENT, "First sample it holds for.", "UTC", "always held", (NotBefore("valid_from"),)
        ),
        _limit("level_iu_per_ml", "Load at which it scatters so; between two, by log10.", null_means="at every level"),
    ),
)

QUARANTINED_RECORDS = RowType(
    name="quarantined_records",
    description="One delivered record that is kept, with a reason, and not used.",
    key=("delivery_id", "feed", "table_name", "attempt", "record_number"),
    columns=(
        Column("delivery_id", Kind.TEXT, "SHA-256 of the bytes that brought it."),
        Column("feed", Kind.TEXT, "The feed that brought it."),
        Column("table_name", Kind.TEXT, "The table it was meant for."),
        Column("attempt", Kind.INTEGER, "Which judging of that delivery set it apart."),
        Column("record_number", Kind.INTEGER, "Its place in the delivery, from 1."),
        Column("line", Kind.INTEGER, "Its first line in the file, from 1.", null_means="the format has no lines"),
        Column("reason", Kind.TEXT, "Why it is not used, as a code."),
        Column("column", Kind.TEXT, "The delivered column that is to blame.", null_means="no single column"),
        Column("remedy", Kind.TEXT, "What to do, in words without any patient value."),
        Column("patient_id", Kind.TEXT, "The patient whom it names.", null_means="nobody that could be read"),
        Column("delivered_text", Kind.TEXT, "The record as delivered, as JSON text."),
    ),
)
