"""What is on record beside antiviral drugs, as the patient page tells it: values, other drugs, renal replacement, PCR for herpes.

No rule reads it and nothing here alerts (rules.md section 5). Never delivered, not readable and not on record stay three things.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain import hsv_results as hsv
from cmvmon.domain import laboratory_values as labs
from cmvmon.domain import words
from cmvmon.domain.co_medication import (
    ANTITHYMOCYTE,
    CO_MEDICATION,
    GLUCOCORTICOID,
    IMMUNOGLOBULIN,
    NOT_SYSTEMIC,
    kind_of,
)
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.hsv_results import HSV_RESULTS
from cmvmon.domain.laboratory_values import LABORATORY_VALUES, in_judged_unit
from cmvmon.domain.renal_replacement import ANTICOAGULANTS, MODALITIES, RENAL_REPLACEMENT
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, moment, one_of
from cmvmon.facts.doubt import is_in_doubt
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.patients import PATIENTS

WITH_FOSCARNET = (
    labs.IONISED_CALCIUM,
    labs.TOTAL_CALCIUM,
    labs.POTASSIUM,
    labs.MAGNESIUM,
    labs.PHOSPHATE,
    labs.QTC,
)
OF_DEFENCE = (labs.LYMPHOCYTES, labs.IGG)
NEVER, UNREAD, SILENT, NONE = UNKNOWN_BECAUSE = ("never_delivered", "unread", "silent", "none_on_record")
_FOSCARNET, _BAL = "foscarnet", "bal"
_NO_VALUE = "there is none"


def _number(name: str, description: str, unit: str, null_means: str) -> Column:
    return Column(name, Kind.NUMBER, description, unit, null_means, (Between(name, at_least=0.0),))


VALUES = RowType(
    name="values_beside",
    description="The newest value of each analyte that is shown, and what is not known of it.",
    key=("patient_id", "analyte"),
    columns=(
        PATIENT_ID,
        one_of("analyte", (*WITH_FOSCARNET, *OF_DEFENCE), "What was measured."),
        moment("sampled_at", "When the newest value was taken.", _NO_VALUE),
        _number("analyte_value", "The value as it was delivered.", "as `unit` says", _NO_VALUE),
        one_of("unit", labs.UNITS, "Its unit.", _NO_VALUE),
        one_of("comparator", labs.COMPARATORS, "Whether it lies below or above that.", "it is that, or there is none"),
        _number("judged_value", "The same in the first unit of the analyte.", "as the analyte", _NO_VALUE),
        one_of(
            "unknown_because", UNKNOWN_BECAUSE, "Why no newer one is known, the first that holds.", "what came is known"
        ),
    ),
)
DRUGS = RowType(
    name="drugs_beside",
    description="Each glucocorticoid, antithymocyte globulin and immunoglobulin of a patient: the newest rows of it.",
    key=("patient_id", "atc_code", "started_at", "route"),
    columns=(
        PATIENT_ID,
        one_of(
            "kind", (GLUCOCORTICOID, ANTITHYMOCYTE, IMMUNOGLOBULIN), "What it is.", "a row of the patient can't be read"
        ),
        Column("atc_code", Kind.TEXT, "Its ATC code.", null_means="a row of the patient can't be read"),
        Column("route", Kind.TEXT, "How it is given.", null_means="not known"),
        moment("started_at", "First dose.", "a row of the patient can't be read"),
        moment("stopped_at", "Last dose.", "it runs"),
        _number("dose_mg", "One dose, as ordered.", "mg", "not on record"),
        _number("dose_mg_per_kg", "One dose by weight, as ordered.", "mg/kg", "not on record"),
        _number("interval_h", "Time between doses.", "h", "not on record"),
        one_of("unknown_because", UNKNOWN_BECAUSE, "Why no newer row is known.", "what came is known"),
    ),
)
CIRCUITS = RowType(
    name="circuits_beside",
    description="Renal replacement that runs.",
    key=("patient_id", "modality", "started_at"),
    columns=(
        PATIENT_ID,
        one_of("modality", MODALITIES, "Which kind.", "none is known to run"),
        moment("started_at", "When it started.", "none is known to run"),
        _number("effluent_ml_per_h", "Effluent.", "mL/h", "not on record"),
        one_of("anticoagulant", ANTICOAGULANTS, "What keeps the circuit open.", "not on record"),
        one_of("unknown_because", UNKNOWN_BECAUSE, "Why more is not known.", "what came is known"),
    ),
)
HERPES = RowType(
    name="herpes_beside",
    description="PCR for herpes simplex virus on the newest BAL in which CMV was found.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        moment("bal_collected_at", "When that BAL was taken."),
        one_of("pcr_result", hsv.RESULTS, "What was found there: detected if any was.", "no result of it is on record"),
        one_of("unknown_because", UNKNOWN_BECAUSE, "Why there is no result.", "there is one"),
    ),
)


def values_beside(facts: Facts) -> pl.DataFrame:
    """Of each patient on foscarnet every value that is watched with it, measured or not; of others, lymphocytes and IgG that are
    on record, or can't be read. Foscarnet counts whatever it is given for, and where its feeds are silent as it was last heard of.
    Source: rules.md sections 2, 5; clinical.md 4.4 (calcium, magnesium, potassium and phosphate at the times of creatinine)."""
    begun = facts.prepared.begun
    judged = in_judged_unit(pl.col("analyte"), pl.col("analyte_value"), pl.col("unit"))
    newest = (
        begun[LABORATORY_VALUES]
        .with_columns(judged_value=judged)
        .sort("patient_id", "analyte", "sampled_at")
        .unique(["patient_id", "analyte"], keep="last", maintain_order=True)
    )
    ids = facts.of(PATIENTS).select("patient_id")
    watched = ids.join(_on_foscarnet(facts), on="patient_id", how="semi").join(_list(WITH_FOSCARNET), how="cross")
    grid = pl.concat([watched, ids.join(_list(OF_DEFENCE), how="cross")])
    found = grid.join(newest, on=["patient_id", "analyte"], how="left")
    why = _why(facts, LABORATORY_VALUES, is_in_doubt(begun, LABORATORY_VALUES, pl.col("sampled_at")), "sampled_at")
    told = VALUES.conform(found.with_columns(unknown_because=why))
    is_asked = pl.col("analyte").is_in(WITH_FOSCARNET)
    return told.filter(is_asked | pl.col("sampled_at").is_not_null() | (pl.col("unknown_because") == UNREAD))


def drugs_beside(facts: Facts) -> pl.DataFrame:
    """Of each of these drugs the rows that run, else the one that stopped last; however long ago, with its dates. A row without
    a route counts; one by a route that does not reach the blood does not. Source: rules.md sections 2, 5."""
    begun = facts.prepared.begun
    rows = (
        begun[CO_MEDICATION]
        .with_columns(kind=kind_of(pl.col("atc_code")))
        .filter(pl.col("kind").is_not_null() & ~pl.col("route").is_in(list(NOT_SYSTEMIC)).fill_null(False))
    )
    drug = ("patient_id", "atc_code")
    runs = pl.col("stopped_at").is_null()
    is_last = pl.col("stopped_at") == pl.col("stopped_at").max().over(drug)
    newest = rows.filter(runs | (~runs.any().over(drug) & is_last.fill_null(False)))
    unread = is_in_doubt(begun, CO_MEDICATION, pl.col("started_at"))
    why = (
        pl.when(unread)
        .then(pl.lit(UNREAD))
        .when(pl.lit(begun.silent_since(CO_MEDICATION) is not None))
        .then(pl.lit(SILENT))
    )
    alone = (
        facts.of(PATIENTS)
        .select("patient_id")
        .filter(pl.col("patient_id").is_in(sorted(begun.unread_of(CO_MEDICATION))))
    )
    alone = alone.join(newest, on="patient_id", how="anti").with_columns(unknown_because=pl.lit(UNREAD))
    return pl.concat([DRUGS.conform(newest.with_columns(unknown_because=why)), DRUGS.conform(alone)])


def circuits_beside(facts: Facts) -> pl.DataFrame:
    """Every row that has not stopped; and who has none, where a row can't be read. Source: rules.md section 2."""
    begun = facts.prepared.begun
    running = begun[RENAL_REPLACEMENT].filter(pl.col("stopped_at").is_null())
    silent = pl.lit(begun.silent_since(RENAL_REPLACEMENT) is not None)
    unread = pl.col("patient_id").is_in(sorted(begun.unread_of(RENAL_REPLACEMENT)))
    why = pl.when(unread).then(pl.lit(UNREAD)).when(silent).then(pl.lit(SILENT))
    alone = facts.of(PATIENTS).select("patient_id").filter(unread).join(running, on="patient_id", how="anti")
    return pl.concat([CIRCUITS.conform(part.with_columns(unknown_because=why)) for part in (running, alone)])


def herpes_beside(facts: Facts) -> pl.DataFrame:
    """A PCR belongs to that BAL when its sample was taken within `[sampling] same_sample_h` of it. A test that failed is told only
    where no other gave an answer. Source: rules.md sections 2, 5."""
    begun, within = facts.prepared.begun, pl.duration(hours=facts.protocol.sampling.same_sample_h)
    is_found = ~pl.col("is_conflicting") & (pl.col("detection") != words.NOT_DETECTED)
    bal = (
        facts.prepared.results.filter(is_found & (pl.col("compartment") == _BAL))
        .group_by("patient_id")
        .agg(bal_collected_at=pl.col("collected_at").max())
    )
    worst = {hsv.DETECTED: 0, hsv.NOT_DETECTED: 1, hsv.FAILED: 2}
    of_bal = (
        begun[HSV_RESULTS]
        .filter(pl.col("compartment") == _BAL)
        .join(bal, on="patient_id")
        .filter((pl.col("collected_at") - pl.col("bal_collected_at")).abs() <= within)
        .sort("patient_id", pl.col("pcr_result").replace_strict(worst, return_dtype=pl.Int8))
        .unique("patient_id", keep="first", maintain_order=True)
        .select("patient_id", "pcr_result")
    )
    rows = bal.join(of_bal, on="patient_id", how="left")
    unread = is_in_doubt(begun, HSV_RESULTS, pl.col("bal_collected_at"))
    why = pl.when(pl.col("pcr_result").is_null()).then(_why(facts, HSV_RESULTS, unread, "pcr_result"))
    return HERPES.conform(rows.with_columns(unknown_because=why))


def _why(facts: Facts, rows: RowType, in_doubt: pl.Expr, known_by: str) -> pl.Expr:
    """Why nothing newer is known: of what is known by that column only a row that can't be read, or a silent feed."""
    begun = facts.prepared.begun
    return (
        pl.when(pl.lit(not begun.was_delivered(rows)))
        .then(pl.lit(NEVER))
        .when(in_doubt)
        .then(pl.lit(UNREAD))
        .when(pl.lit(begun.silent_since(rows) is not None))
        .then(pl.lit(SILENT))
        .when(pl.col(known_by).is_null())
        .then(pl.lit(NONE))
    )


def _list(analytes: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame({"analyte": analytes})


def _on_foscarnet(facts: Facts) -> pl.DataFrame:
    drugs = [name for name, drug in facts.protocol.drugs.items() if drug.group == _FOSCARNET]
    runs = pl.col("drug").is_in(drugs) & pl.col("stopped_at").is_null()
    return facts.prepared.begun[ANTIVIRAL_COURSES].filter(runs).select("patient_id").unique()


BESIDE = (values_beside, drugs_beside, circuits_beside, herpes_beside)
