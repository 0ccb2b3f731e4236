"""Each antiviral drug of a patient, and for those with a line of the label: kidney function and creatinine of now."""

from __future__ import annotations

from functools import reduce

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION, ML_PER_MIN, UMOL_PER_L_OF_ONE_MG_PER_DL
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.facts.columns import PATIENT_ID, by_constant, hours_long, moment, one_of, yes_no
from cmvmon.facts.doubt import is_in_doubt
from cmvmon.facts.exposure import EXPOSURE
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.kidney_days import UNREAD, UNSTEADY, creatinine_umol_per_l, kidney_of
from cmvmon.facts.leading import LEADING

FOSCARNET, CIDOFOVIR, LETERMOVIR = "foscarnet", "cidofovir", "letermovir"
WITH_A_KIDNEY_LINE = (FOSCARNET, CIDOFOVIR)
NEVER, NO_VALUE, NO_ROW = "kidney_function_never_delivered", "kidney_function_unknown", "no_line_on_replacement"
WHY_UNKNOWN = (NEVER, UNREAD, UNSTEADY, NO_VALUE, NO_ROW)
DISEASE_UNKNOWN = ("stays_never_delivered", "stay_unread")
_KEY = ["patient_id", "drug"]
_NO_LINE = "not foscarnet or cidofovir, or it does not run"
_NOT_CIDOFOVIR = "not cidofovir, it does not run, or none on record"
_NOT_LETERMOVIR = "not letermovir, or none is stated"
_NOW, _BEFORE = 1, 0

DRUG_LINES = RowType(
    name="drug_lines",
    description="Each antiviral drug that runs, or of which a dose with treatment intent is on record.",
    key=tuple(_KEY),
    columns=(
        PATIENT_ID,
        Column("drug", Kind.TEXT, "The drug."),
        yes_no("drug_runs", "Whether a row of it has not ended, whatever it is given for."),
        moment("drug_runs_since", "When the first of the rows that run began.", "none runs"),
        yes_no(
            "label_has_dose", "Whether the label has a dose for the kidney function of now.", f"not known, {_NO_LINE}"
        ),
        yes_no(
            "label_had_dose",
            "The same of a day before.",
            f"not known, it did not run yet, {_NO_LINE}",
        ),
        one_of(
            "line_unknown_because", WHY_UNKNOWN, "Why the kidney function of now is not known.", f"known, {_NO_LINE}"
        ),
        Column(
            "kidney_function_now",
            Kind.NUMBER,
            "The clearance, in the unit of the drug's table of doses.",
            "as `kidney_unit_now` says",
            f"not known, renal replacement runs, {_NO_LINE}",
            (Between("kidney_function_now", at_least=0.0),),
        ),
        Column("kidney_unit_now", Kind.TEXT, "That unit.", null_means=_NO_LINE),
        Column(
            "no_dose_up_to",
            Kind.NUMBER,
            "Where the label's band without a dose ends.",
            "as `kidney_unit_now` says",
            f"the label has a dose, not known, renal replacement runs, {_NO_LINE}",
            (Between("no_dose_up_to", at_least=0.0),),
        ),
        yes_no("runs_on_replacement", "Whether renal replacement runs, or ran so lately that it stands.", _NO_LINE),
        Column(
            "creatinine_umol_per_l",
            Kind.NUMBER,
            "The latest creatinine of the days that a value holds, whatever unit it was reported in.",
            "umol/L",
            _NOT_CIDOFOVIR,
            (Between("creatinine_umol_per_l", at_least=0.0),),
        ),
        Column(
            "creatinine_mg_per_dl",
            Kind.NUMBER,
            "The same in the other unit.",
            "mg/dL",
            _NOT_CIDOFOVIR,
            (Between("creatinine_mg_per_dl", at_least=0.0),),
        ),
        moment("creatinine_at", "When it was taken.", _NOT_CIDOFOVIR),
        moment(
            "checked_dose_at",
            "The latest dose that was given; without one, the start of the row.",
            "not cidofovir, it does not run, or kidney function was never delivered or could not be read",
        ),
        Column(
            "creatinine_before_dose_h",
            Kind.NUMBER,
            "From the latest creatinine before that dose to the dose.",
            "hours",
            _NOT_CIDOFOVIR,
            (Between("creatinine_before_dose_h", at_least=0.0),),
        ),
        yes_no("is_for_treatment", "Whether a row of it that runs is given as treatment."),
        Column("stated_affected", Kind.TEXT, "Compartments stated to be affected, joined by `;`.", "", _NOT_LETERMOVIR),
        one_of("disease_unknown_because", DISEASE_UNKNOWN, "Why it is not known what is stated.", _NOT_LETERMOVIR),
    ),
)


@fact_table(DRUG_LINES, lists="drug")
def drug_lines(facts: Facts) -> pl.DataFrame:
    """Judged by the rows of antiviral drugs, so that a site without single doses has them too.

    The kidney function of now is found as that of a day of treatment (`kidney_days`): the last 24 hours, and the 24 before.
    Creatinine in mg/dL is turned into umol/L, so that one number holds for both. Source: rules.md sections 2 and 4.
    """
    running = _running(facts)
    listed = pl.concat([running.select(_KEY), facts.of(EXPOSURE).select(_KEY)]).unique()
    parts = [running]
    for drugs, made in ((WITH_A_KIDNEY_LINE, _kidney), ((CIDOFOVIR,), _creatinine), ((LETERMOVIR,), _disease)):
        mine = running.filter(pl.col("drug").is_in(list(drugs)))
        parts += [] if mine.is_empty() else made(facts, mine)
    found = reduce(lambda left, right: left.join(right, on=_KEY, how="left"), parts, listed)
    return found.with_columns(pl.col("drug_runs", "is_for_treatment").fill_null(False))


def _running(facts: Facts) -> pl.DataFrame:
    return (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .filter(pl.col("stopped_at").is_null() & pl.col("drug").is_in(list(facts.protocol.drugs)))
        .group_by(_KEY)
        .agg(
            drug_runs=pl.lit(True),
            drug_runs_since=pl.col("started_at").min(),
            last_start_at=pl.col("started_at").max(),
            is_for_treatment=(pl.col("indication") == "treatment").fill_null(False).any(),
        )
    )


def _kidney(facts: Facts, mine: pl.DataFrame) -> tuple[pl.DataFrame]:
    """Of foscarnet and cidofovir that run: the row of its table of doses now, and a day before."""
    a_day = pl.duration(hours=24)
    days = (
        mine.select("patient_id")
        .unique()
        .join(pl.DataFrame({"day": [_BEFORE, _NOW]}), how="cross")
        .with_columns(ends=facts.now - a_day * (_NOW - pl.col("day")))
        .with_columns(starts=pl.col("ends") - a_day)
    )
    kidney = kidney_of(facts, days)
    placed = [_placed(facts, mine.filter(pl.col("drug") == drug), kidney, drug) for drug in facts.protocol.doses]
    both = pl.concat([part for part in placed if part is not None]).sort("day")
    ran_before = pl.col("drug_runs_since") <= facts.now - a_day
    now = both.filter(pl.col("day") == _NOW)
    before = both.filter(pl.col("day") == _BEFORE).select(
        *_KEY, label_had_dose=pl.when(ran_before).then("label_has_dose")
    )
    is_replaced = pl.col("modality").is_not_null()
    never = pl.lit(not facts.prepared.begun.was_delivered(KIDNEY_FUNCTION))
    why = (
        pl.when(is_replaced)
        .then(pl.lit(NO_ROW))
        .when(never)
        .then(pl.lit(NEVER))
        .otherwise(pl.col("kidney_unknown").fill_null(pl.lit(NO_VALUE)))
    )
    told = now.select(
        *_KEY,
        "label_has_dose",
        kidney_function_now=pl.when(~is_replaced).then("kidney"),
        kidney_unit_now="kidney_in",
        no_dose_up_to=pl.when(~is_replaced & ~pl.col("label_has_dose")).then("ends_at"),
        runs_on_replacement=is_replaced,
        line_unknown_because=pl.when(pl.col("label_has_dose").is_null()).then(why),
    ).join(before, on=_KEY, how="left")
    return (told,)


def _placed(facts: Facts, mine: pl.DataFrame, kidney: pl.DataFrame, drug: str) -> pl.DataFrame | None:
    if drug not in WITH_A_KIDNEY_LINE:
        return None
    table = facts.protocol.doses[drug]
    value = pl.col("ml_per_min" if table.kidney_in == ML_PER_MIN else "ml_per_min_per_kg")
    rows = pl.DataFrame(
        [(place, bool(row.induction), row.band and row.band.upper) for place, row in enumerate(table.rows)],
        schema={"place": pl.Int64, "label_has_dose": pl.Boolean, "ends_at": pl.Float64},
        orient="row",
    )
    placed = mine.select(*_KEY, "drug_runs_since").join(kidney, on="patient_id")
    placed = placed.with_columns(
        kidney=value, kidney_in=pl.lit(table.kidney_in), place=table.place_of(value, pl.col("modality"))
    )
    kept = (
        *_KEY,
        "drug_runs_since",
        "day",
        "modality",
        "kidney",
        "kidney_in",
        "kidney_unknown",
        "label_has_dose",
        "ends_at",
    )
    return placed.join(rows, on="place", how="left", maintain_order="left").select(kept)


def _creatinine(facts: Facts, cidofovir: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of cidofovir that runs: the latest creatinine, and the one before its latest dose."""
    mine = cidofovir.select(*_KEY, "drug_runs_since", "last_start_at")
    holds = pl.duration(hours=24 * facts.protocol.exposure.kidney_value_holds_days)
    values = mine.join(facts.shared(creatinine_umol_per_l), on="patient_id").sort("measured_at")
    latest = (
        values.filter(pl.col("measured_at") > facts.now - holds)
        .group_by(_KEY)
        .agg(creatinine_umol_per_l=pl.col("micromoles").last(), creatinine_at=pl.col("measured_at").last())
    )
    latest = latest.with_columns(
        creatinine_mg_per_dl=by_constant(pl.col("creatinine_umol_per_l"), UMOL_PER_L_OF_ONE_MG_PER_DL),
    )
    doses = facts.prepared.begun[DOSES_GIVEN].filter(pl.col("administered") == GIVEN).select(*_KEY, "given_at")
    since = (pl.col("given_at") >= pl.col("drug_runs_since")).fill_null(False)
    checked = (
        mine.join(doses, on=_KEY, how="left")
        .group_by(_KEY)
        .agg(checked_dose_at=pl.max_horizontal(pl.col("given_at").filter(since).max(), pl.col("last_start_at").max()))
    )
    begun = facts.prepared.begun
    is_unread = is_in_doubt(begun, KIDNEY_FUNCTION, pl.col("checked_dose_at") - holds)
    is_known = begun.was_delivered(KIDNEY_FUNCTION) and begun.silent_since(KIDNEY_FUNCTION) is None
    checked = checked.filter(pl.lit(is_known) & ~is_unread)
    waited = hours_long(pl.col("checked_dose_at") - pl.col("measured_at"))
    before = (
        values.join(checked, on=_KEY)
        .filter(pl.col("measured_at") <= pl.col("checked_dose_at"))
        .group_by(_KEY)
        .agg(creatinine_before_dose_h=waited.min().round(3))
    )
    return latest, checked.join(before, on=_KEY, how="left")


def _disease(facts: Facts, letermovir: pl.DataFrame) -> tuple[pl.DataFrame]:
    """Of letermovir that runs: what the team stated to be affected."""
    mine = letermovir.select(_KEY)
    stated = (
        facts.of(LEADING)
        .filter(pl.col("leads_as") == "stated")
        .group_by("patient_id")
        .agg(stated_affected=pl.col("compartment").unique().sort().str.join(";"))
    )
    begun = facts.prepared.begun
    why = (
        pl.when(pl.lit(not begun.was_delivered(ICU_STAYS)))
        .then(pl.lit(DISEASE_UNKNOWN[0]))
        .when(pl.col("patient_id").is_in(sorted(begun.unread_of(ICU_STAYS))))
        .then(pl.lit(DISEASE_UNKNOWN[1]))
    )
    return (mine.join(stated, on="patient_id", how="left").with_columns(disease_unknown_because=why),)
