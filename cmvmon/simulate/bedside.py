"""What is written at the bedside of a synthetic ward: doses, kidney function, counts, dates of birth, host status, genotypes.

Drawn beside the ward, from streams of their own: nothing here moves a load, and a ward without them is the same to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import polars as pl

from cmvmon.domain import doses_given, host_status, kidney_function, laboratory_values
from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.columns import RowType
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.laboratory_values import LABORATORY_VALUES
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.protocol.doses import MG_PER_KG, DoseTable, dose_unit
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.draws import Draws
from cmvmon.simulate.genotypes import STATED_BY, genotypes
from cmvmon.simulate.stays import patient_ids
from cmvmon.simulate.ward import Ward

MODALITY = "cvvh"
_ROUND_TO_MG = 5.0
_HOURS = 24.0


def bedside(made: Ward, *, seed: int, until: datetime, doses: Mapping[str, DoseTable]) -> dict[RowType, pl.DataFrame]:
    """The bedside tables of a ward, by row type, as they are known at `until`; everything in them is made up.

    Every patient has a date of birth, a stated host (most were immunocompetent before), counts each day, and a drifting clearance;
    a few have a period of haemofiltration. Doses follow the courses, by the label's band of that day; a few are missed, and a
    few courses run at half the dose. The courses are those of the ward, each with the dose of its first day. Of some patients
    whose load does not fall, or comes back, a genotype is asked for.

    Args:
        made: a ward of `cmvmon.simulate.ward`; seed: the one that it was made with.
        until: its start and its days.
        doses: the tables of doses of a protocol, by drug.
    """
    admitted = made.icu_stays.group_by("patient_id", maintain_order=True).agg(
        pl.col("admitted_at").min(), pl.col("discharged_at").max()
    )
    draws = Draws(admitted.height, seed)
    people = _people(draws).join(admitted, on="patient_id", maintain_order="left")
    treated = made.antiviral_courses.group_by("patient_id").agg(
        treated_until=pl.col("stopped_at").fill_null(until).max()
    )
    left_at = pl.coalesce("discharged_at", pl.lit(until))
    people = people.join(treated, on="patient_id", how="left", maintain_order="left").with_columns(
        until=left_at, watched_until=pl.max_horizontal(left_at, "treated_until")
    )
    replaced = _replacement(people)
    kidney = _kidney(people)
    given = _doses(draws, made.antiviral_courses, people, kidney, replaced, until=until, tables=doses)
    tables = {
        ANTIVIRAL_COURSES: _as_ordered(made.antiviral_courses, given),
        DOSES_GIVEN: given,
        KIDNEY_FUNCTION: _values(kidney, until),
        LABORATORY_VALUES: _counts(kidney, people, made.antiviral_courses, until),
        RENAL_REPLACEMENT: _periods(replaced, until),
        BIRTH_DATES: people.select("patient_id", "born_on", stated_at="admitted_at"),
        HOST_STATUS: _hosts(people),
        RESISTANCE_REPORTS: genotypes(made.truth, people, until),
    }
    return {rows: rows.conform(frame) for rows, frame in tables.items()}


def _people(draws: Draws) -> pl.DataFrame:
    weight = assumed("weight_mean") + assumed("weight_sd") * draws.normal("weight")
    age = assumed("age_mean") + assumed("age_sd") * draws.normal("age")
    clearance = assumed("clearance_median") * np.exp(assumed("clearance_log_sd") * draws.normal("clearance"))
    born = pl.date(2024, 1, 1) - pl.duration(days=(pl.col("age") * 365.25).floor().cast(pl.Int64))
    return pl.DataFrame(
        {
            "patient": np.arange(draws.patients),
            "weight_kg": np.round(np.clip(weight, assumed("weight_least"), assumed("weight_most"))),
            "age": np.clip(age, assumed("age_least"), assumed("age_most")),
            "clearance": clearance,
            "drift": assumed("clearance_drift_sd") * draws.normal("clearance_drift"),
            "neutrophils": assumed("neutrophils_median")
            * np.exp(assumed("neutrophils_log_sd") * draws.normal("neutrophils")),
            "platelets": assumed("platelets_median") * np.exp(assumed("platelets_log_sd") * draws.normal("platelets")),
            "ionised_calcium": assumed("ionised_calcium_mean")
            + assumed("ionised_calcium_sd") * draws.normal("ionised_calcium"),
            "is_replaced": draws.happens("replacement", assumed("share_replacement")),
            "replaced_days": draws.uniform("replacement_length", 1.0, assumed("replacement_longest")),
            "host": draws.uniform("host"),
            "has_covid": draws.happens("covid", assumed("share_covid")),
            "is_genotyped": draws.happens("genotyped", assumed("share_genotyped")),
            "has_change": draws.happens("with_change", assumed("share_with_change")),
        }
    ).with_columns(patient_ids().alias("patient_id"), born_on=born.cast(pl.String))


def _replacement(people: pl.DataFrame) -> pl.DataFrame:
    started = pl.col("admitted_at") + pl.duration(hours=_HOURS * assumed("replacement_from"))
    lasts = pl.duration(hours=(pl.col("replaced_days") * _HOURS).round().cast(pl.Int64))
    return people.filter("is_replaced").select(
        "patient_id", replaced_from=started, replaced_until=pl.min_horizontal(started + lasts, "until")
    )


def _kidney(people: pl.DataFrame) -> pl.DataFrame:
    """The clearance of each day of the stay, and of a course that goes on after it."""
    morning = pl.col("admitted_at").dt.truncate("1d") + pl.duration(hours=assumed("kidney_hour"))
    n_days = (pl.col("watched_until") - morning).dt.total_days() + 1
    value = pl.col("clearance") * (pl.col("drift") * pl.col("day")).exp()
    return (
        people.with_columns(morning=morning, day=pl.int_ranges(1, pl.max_horizontal(n_days, 1)))
        .explode("day", empty_as_null=False)
        .select(
            "patient_id",
            "weight_kg",
            measured_at=pl.col("morning") + pl.duration(days=1) * pl.col("day"),
            ml_per_min=value.clip(assumed("clearance_least"), assumed("clearance_most")).round(0),
        )
        .sort("patient_id", "measured_at")
    )


def _values(kidney: pl.DataFrame, until: datetime) -> pl.DataFrame:
    creatinine = assumed("creatinine_times_clearance") / pl.col("ml_per_min")
    known = kidney.filter(pl.col("measured_at") <= until)
    return pl.concat(
        [
            known.with_columns(
                kidney_value="ml_per_min",
                method=pl.lit(kidney_function.COCKCROFT_GAULT),
                unit=pl.lit(kidney_function.ML_PER_MIN),
            ),
            known.with_columns(
                kidney_value=creatinine.round(0),
                method=pl.lit(kidney_function.CREATININE),
                unit=pl.lit(kidney_function.UMOL_PER_L),
                weight_kg=pl.lit(None, dtype=pl.Float64),
            ),
        ]
    ).sort("patient_id", "measured_at", "method")


def _counts(kidney: pl.DataFrame, people: pl.DataFrame, courses: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """Of each morning neutrophils, platelets and ionised calcium, of who is given foscarnet potassium, magnesium and phosphate
    too: the same each day."""
    units = {
        laboratory_values.NEUTROPHILS: laboratory_values.E9_PER_L,
        laboratory_values.PLATELETS: laboratory_values.E9_PER_L,
        laboratory_values.IONISED_CALCIUM: laboratory_values.MMOL_PER_L,
    }
    mornings = kidney.filter(pl.col("measured_at") <= until).select("patient_id", sampled_at="measured_at")
    on_foscarnet = courses.filter(pl.col("drug") == "foscarnet").select("patient_id").unique()
    salts = pl.DataFrame(
        {"analyte": name, "analyte_value": assumed(name), "unit": laboratory_values.MMOL_PER_L}
        for name in (laboratory_values.POTASSIUM, laboratory_values.MAGNESIUM, laboratory_values.PHOSPHATE)
    )
    beside = mornings.join(on_foscarnet, on="patient_id", how="semi").join(salts, how="cross")
    counts = (
        mornings.join(people.select("patient_id", *units), on="patient_id", maintain_order="left")
        .unpivot(
            on=list(units), index=["patient_id", "sampled_at"], variable_name="analyte", value_name="analyte_value"
        )
        .with_columns(
            pl.col("analyte_value").round(2), unit=pl.col("analyte").replace_strict(units, return_dtype=pl.String)
        )
    )
    return pl.concat([counts, beside.select(counts.columns)]).sort("patient_id", "sampled_at", "analyte")


def _periods(replaced: pl.DataFrame, until: datetime) -> pl.DataFrame:
    stopped = pl.col("replaced_until")
    return replaced.filter(pl.col("replaced_from") <= until).select(
        "patient_id",
        modality=pl.lit(MODALITY),
        started_at="replaced_from",
        stopped_at=pl.when(stopped < until).then(stopped),
        effluent_ml_per_h=pl.lit(assumed("replacement_effluent")),
        anticoagulant=pl.lit("citrate"),
    )


def _doses(
    draws: Draws,
    courses: pl.DataFrame,
    people: pl.DataFrame,
    kidney: pl.DataFrame,
    replaced: pl.DataFrame,
    *,
    until: datetime,
    tables: Mapping[str, DoseTable],
) -> pl.DataFrame:
    """Each dose of each course: of every day the first regimen of the band that the clearance of that day lies in."""
    until_here = pl.coalesce("stopped_at", pl.lit(until))
    days = (
        courses.join(people.select("patient_id", "patient", "weight_kg"), on="patient_id")
        .drop("dose_mg", "dose_mg_per_kg", "interval_h")
        .with_columns(ends=until_here)
        .with_columns(day=pl.int_ranges(0, (pl.col("ends") - pl.col("started_at")).dt.total_days() + 1))
        .explode("day", empty_as_null=False)
        .with_columns(begins=pl.col("started_at") + pl.duration(days=1) * pl.col("day"))
        .sort("begins")
        .join_asof(
            kidney.drop("weight_kg"), left_on="begins", right_on="measured_at", by="patient_id", check_sortedness=False
        )
        .join(replaced, on="patient_id", how="left")
    )
    runs = (pl.col("begins") >= pl.col("replaced_from")) & (pl.col("begins") < pl.col("replaced_until"))
    days = days.with_columns(modality=pl.when(runs).then(pl.lit(MODALITY)))
    parts = [_of_a_drug(days.filter(pl.col("drug") == drug), drug, tables) for drug in sorted(tables)]
    given = pl.concat(parts).filter(pl.col("given_at") < pl.col("ends")).sort("patient", "given_at", "drug")
    missed = np.zeros(given.height, dtype=np.bool_)
    slots = given.select(pl.int_range(pl.len()).over("patient")).to_series().to_numpy()
    whom = given["patient"].to_numpy()
    for slot in range(int(slots.max(initial=-1)) + 1):
        here = slots == slot
        missed[here] = draws.happens("missed_dose", assumed("share_missed_dose"), slot=slot)[whom[here]]
    halved = pl.Series(draws.happens("under_dosed", assumed("share_under_dosed"))[whom])
    amount = pl.col("amount_mg") * pl.when(halved).then(0.5).otherwise(1.0)
    return given.with_columns(
        administered=pl.Series(np.where(missed, doses_given.MISSED, doses_given.GIVEN), dtype=pl.String),
        dose_mg=pl.when(pl.Series(~missed)).then((amount / _ROUND_TO_MG).round() * _ROUND_TO_MG),
        dosing_weight_kg="weight_kg",
    )


def _of_a_drug(days: pl.DataFrame, drug: str, tables: Mapping[str, DoseTable]) -> pl.DataFrame:
    """The moments at which a drug is due, with the whole dose. Where the label has no regimen, the last one that it has."""
    table, by_weight = tables[drug], dose_unit(tables, drug) == MG_PER_KG
    kidney = pl.col("ml_per_min") / (1.0 if table.kidney_in == kidney_function.ML_PER_MIN else pl.col("weight_kg"))
    regimens = []
    for place, row in enumerate(table.rows):
        held = row.induction or next(before.induction for before in reversed(table.rows[:place]) if before.induction)
        regimens.append({"place": place, "dose": held[0].dose, "every_h": held[0].every_h})
    every = pl.col("every_h")
    is_due = (pl.col("day") * _HOURS / every).floor() != ((pl.col("day") - 1) * _HOURS / every).floor()
    placed = days.with_columns(place=table.place_of(kidney, pl.col("modality"))).join(
        pl.DataFrame(regimens, schema={"place": pl.Int64, "dose": pl.Float64, "every_h": pl.Float64}), on="place"
    )
    times = pl.int_ranges(0, pl.max_horizontal((_HOURS / every).round().cast(pl.Int64), 1))
    return (
        placed.filter(is_due)
        .with_columns(time=times)
        .explode("time", empty_as_null=False)
        .select(
            "patient",
            "patient_id",
            "drug",
            "indication",
            "route",
            "weight_kg",
            "started_at",
            "ends",
            "every_h",
            "dose",
            given_at=pl.col("begins") + pl.duration(minutes=(pl.col("time") * every * 60).cast(pl.Int64)),
            amount_mg=pl.col("dose") * (pl.col("weight_kg") if by_weight else 1.0),
        )
    )


def _as_ordered(courses: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """The courses, each with dose and interval of its first day."""
    course = ["patient_id", "drug", "started_at"]
    first = given.unique(course, keep="first", maintain_order=True).select(*course, "dose", "every_h")
    return courses.join(first, on=course, how="left", maintain_order="left").with_columns(
        dose_mg_per_kg=pl.coalesce("dose", "dose_mg_per_kg"), interval_h=pl.coalesce("every_h", "interval_h")
    )


def _hosts(people: pl.DataFrame) -> pl.DataFrame:
    weak, sound = host_status.IMMUNOCOMPROMISING, assumed("share_sound_host")
    place = ((pl.col("host") - sound) / (1.0 - sound) * len(weak)).floor().cast(pl.Int64)
    condition = (
        pl.when(pl.col("host") < sound)
        .then(pl.lit(host_status.IMMUNOCOMPETENT))
        .otherwise(place.replace_strict(dict(enumerate(weak)), default=None, return_dtype=pl.String))
    )
    stated = people.with_columns(stated_at="admitted_at", condition=condition, source=pl.lit(STATED_BY))
    return pl.concat([stated, stated.filter("has_covid").with_columns(condition=pl.lit("covid_19"))]).sort(
        "patient", "condition"
    )
