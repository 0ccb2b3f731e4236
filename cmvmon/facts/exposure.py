"""Of each drug that is given as treatment: what was given on the last day that is over, against the doses for the kidney function."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.domain.interval import BELOW
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, count, moment, one_of, yes_no
from cmvmon.facts.dose_days import ADEQUATE, HIGH, LOW, STATES, WHY_UNKNOWN, drug_days, given_on_days, is_under_age
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.kidney_days import TREATED
from cmvmon.facts.newest_series import NEWEST_SERIES
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.samples import SAMPLES
from cmvmon.facts.treatment import TREATMENT
from cmvmon.protocol.doses import dose_unit

_NO_BAND = "not known, renal replacement ran, or the drug has no table of doses"
BESIDE_TREATMENT = "prophylaxis_beside_treatment"
NOT_JUDGED = (*WHY_UNKNOWN, BESIDE_TREATMENT)
_TRUTHS = (
    "is_within_treatment_dose",
    "is_exposure_low",
    "is_exposure_high",
    "is_maintenance_dose",
    "is_on_replacement",
    "age_is_known",
)
_UNJUDGED = "not known, or the table of doses has none"


def _amount(name: str, description: str) -> Column:
    return Column(name, Kind.NUMBER, description, "as `dose_unit` says", _UNJUDGED, (Between(name, at_least=0.0),))


EXPOSURE = RowType(
    name="exposure",
    description="The drugs of which a dose with treatment intent is on record, or one as prophylaxis that runs, with the last day of "
    "the response clock, or of prophylaxis, that is over. A day is 24 hours from its start on.",
    key=("patient_id", "drug"),
    columns=(
        PATIENT_ID,
        Column("drug", Kind.TEXT, "The drug."),
        one_of("given_for", (TREATED, words.PROPHYLAXIS), "What it is given for."),
        yes_no(
            "is_given_now",
            "Whether a course of its group, with that intent, has not stopped, and it is the last of the group that was given.",
        ),
        one_of(
            "exposure_state", STATES, "What was given on that day, against the band of that day.", "no such day is over"
        ),
        one_of(
            "exposure_unknown",
            NOT_JUDGED,
            "Why that day can't be judged, the first that holds.",
            "it can be",
        ),
        yes_no(
            "is_exposure_low",
            "Whether less was given than the band asks for, by the band of the day before as well, and so it was on the day "
            "before too, or nothing at all was given.",
        ),
        yes_no(
            "is_exposure_high", "Whether more was given than the band allows, by the band of the day before as well."
        ),
        count("n_days_since_low", "Days since the last such day of too little; 0 = it is that day.", "there was none"),
        moment("low_until_at", "When the last such day of too little ended.", "there was none"),
        count("n_days_since_high", "Days since the last such day of too much; 0 = it is that day.", "there was none"),
        moment("high_until_at", "When the last such day of too much ended.", "there was none"),
        Column("exposure_band", Kind.TEXT, "The band of kidney function, with its unit.", null_means=_NO_BAND),
        yes_no("is_on_replacement", "Whether the dose is that of renal replacement."),
        Column("dose_unit", Kind.TEXT, "The unit of its doses.", null_means="the drug has no table of doses"),
        _amount("given_in_a_day", "What was given in those 24 hours."),
        _amount("least_in_a_day", "The least that a regimen of the band gives in 24 hours."),
        _amount("most_in_a_day", "The most."),
        yes_no("is_within_treatment_dose", "Whether it was no more than the treatment dose of the band."),
        moment("exposure_until_at", "When that day ended.", "no such day is over"),
        yes_no(
            "is_maintenance_dose",
            "Whether that is below the treatment dose of the band, and as much as its maintenance dose.",
        ),
        Column(
            "share_of_treatment_percent",
            Kind.NUMBER,
            "What was given of the group in those 24 hours, of the least of a treatment regimen.",
            "%",
            _UNJUDGED,
            (Between("share_of_treatment_percent", at_least=0.0),),
        ),
        count("n_days_at_treatment_dose", "Days of the response clock on which the treatment dose or more was given."),
        moment(
            "load_below_since_at",
            "Where the last two results of every compartment are below the limit of quantification: when the newest of the "
            "compartment that was sampled longest ago was taken.",
            "they are not, or no compartment was sampled",
        ),
        count("n_missed_lately", "Doses that were missed on that day and the one before."),
        count(
            "n_days_on_record",
            "Days of the calendar on which a dose of the drug is on record, as treatment or prophylaxis.",
        ),
        yes_no("age_is_known", "Whether the date of birth is on record."),
    ),
)


@fact_table(EXPOSURE)
@nobody_without(DOSES_GIVEN)
def exposure(facts: Facts) -> pl.DataFrame:
    """Only doses that were given count. A change of band must last two days: the day before has its own band. One dose that
    was missed, or charted late, makes one low day, and no dose below the label for more than 24 hours.

    `n_days_on_record` is the least that a patient had: what was given elsewhere is not known. Source: rules.md sections 1, 2, 4.
    """
    with_a_dose = facts.shared(given_on_days).with_columns(has_dose=pl.lit(True))
    was_low = pl.col("state").shift(1).over("patient_id", "drug") == LOW
    lasts = was_low.fill_null(False) | pl.col("has_dose").is_null()
    days = (
        facts.shared(drug_days)
        .join(with_a_dose, on=["patient_id", "group", "day"], how="left", maintain_order="left")
        .with_columns(is_low_for_longer=pl.col("is_surely_low") & lasts)
    )
    last = pl.col("day") == pl.col("day").max().over("patient_id", "drug")
    lately = pl.col("day") >= pl.col("day").max().over("patient_id", "drug") - 1
    missed = days.filter(lately).group_by("patient_id", "drug").agg(n_missed_lately=pl.col("n_missed").sum())
    beyond = days.group_by("patient_id", "drug").agg(
        part
        for name, is_beyond in (("low", pl.col("is_low_for_longer")), ("high", pl.col("is_surely_high")))
        for part in (
            (pl.col("day").max() - pl.col("day").filter(is_beyond).max()).alias(f"n_days_since_{name}"),
            pl.col("ends").filter(is_beyond).max().alias(f"{name}_until_at"),
        )
    )
    at_dose = (
        days.filter(pl.col("state").is_in([ADEQUATE, HIGH]))
        .group_by("patient_id", "drug")
        .agg(n_days_at_treatment_dose=pl.len().cast(pl.Int64))
    )
    is_beside = (pl.col("given_for") == words.PROPHYLAXIS) & (pl.col("treatment") == words.TREATMENT_ON)
    listed = _drugs(facts)
    kidney = {drug: table.kidney_in for drug, table in facts.protocol.doses.items()}
    in_which = pl.col("drug").replace_strict(kidney, default=None, return_dtype=pl.String)
    units = {drug: dose_unit(facts.protocol.doses, drug) for drug in facts.protocol.doses}
    told = days.filter(last).select(
        "patient_id",
        "drug",
        exposure_state="state",
        exposure_unknown="unknown_because",
        is_exposure_low="is_low_for_longer",
        is_exposure_high="is_surely_high",
        exposure_band=pl.when(pl.col("modality").is_null()).then(pl.col("band") + " " + in_which),
        is_on_replacement=pl.col("band").is_not_null() & pl.col("modality").is_not_null(),
        given_in_a_day="amount",
        is_maintenance_dose="is_maintenance",
        is_within_treatment_dose="is_within_treatment",
        share_of_treatment_percent=pl.col("share_least") * 100.0,
        least_in_a_day="least",
        most_in_a_day="most",
        exposure_until_at="ends",
    )
    ages = facts.shared(is_under_age).select("patient_id", age_is_known=pl.col("is_under_age").is_not_null())
    return (
        listed.join(told, on=["patient_id", "drug"], how="left")
        .join(missed, on=["patient_id", "drug"], how="left")
        .join(beyond, on=["patient_id", "drug"], how="left")
        .join(at_dose, on=["patient_id", "drug"], how="left")
        .join(ages, on="patient_id", how="left")
        .join(_all_below(facts), on="patient_id", how="left")
        .join(facts.of(TREATMENT).select("patient_id", "treatment"), on="patient_id", how="left")
        .with_columns(
            exposure_unknown=pl.when(is_beside).then(pl.lit(BESIDE_TREATMENT)).otherwise("exposure_unknown"),
        )
        .with_columns(
            pl.col(_TRUTHS).fill_null(False),
            pl.col("n_missed_lately", "n_days_at_treatment_dose").fill_null(0),
            dose_unit=pl.col("drug").replace_strict(units, default=None, return_dtype=pl.String),
        )
    )


def _drugs(facts: Facts) -> pl.DataFrame:
    """Each listed drug of a patient of which a dose was given as treatment, or as prophylaxis that runs: `given_for`, `is_given_now`.

    A drug that was given as both counts as prophylaxis where that runs, and no treatment with its group does.
    """
    groups = {name: drug.group for name, drug in facts.protocol.drugs.items()}
    group = pl.col("drug").replace_strict(groups, default=None, return_dtype=pl.String)
    begun, of_a_drug, of_a_group = facts.prepared.begun, ["patient_id", "drug"], ["patient_id", "group"]
    given = begun[DOSES_GIVEN].filter(pl.col("administered") == GIVEN).with_columns(group=group).drop_nulls("group")
    on_record = given.group_by(of_a_drug).agg(n_days_on_record=pl.col("given_at").dt.date().n_unique().cast(pl.Int64))
    courses = begun[ANTIVIRAL_COURSES].filter(pl.col("stopped_at").is_null()).with_columns(group=group)
    found = []
    for purpose in (TREATED, words.PROPHYLAXIS):
        running = courses.filter(pl.col("indication") == purpose).select(*of_a_group, is_running=pl.lit(True)).unique()
        last = (
            given.filter(pl.col("indication") == purpose)
            .group_by(*of_a_drug, "group")
            .agg(last_at=pl.col("given_at").max())
            .join(running, on=of_a_group, how="left")
        )
        is_last = pl.col("last_at") == pl.col("last_at").max().over(of_a_group)
        is_now = pl.col("is_running").fill_null(False) & is_last
        found.append(last.with_columns(is_given_now=is_now, given_for=pl.lit(purpose)))
    treated, prophylaxis = found
    is_treated_now = treated.filter(pl.col("is_running").fill_null(False))
    kept = prophylaxis.filter("is_given_now").join(is_treated_now, on=of_a_group, how="anti")
    rows = pl.concat([treated.join(kept, on=of_a_drug, how="anti"), kept])
    return rows.join(on_record, on=of_a_drug, how="left")


def _all_below(facts: Facts) -> pl.DataFrame:
    """Patients the newest series of all whose compartments end with two results below the limit of quantification."""
    newest = facts.of(NEWEST_SERIES).select(*SERIES_KEY)
    both = pl.col("latest_detection").is_in(BELOW) & pl.col("previous_detection").is_in(BELOW)
    is_below = (both & ~pl.col("last_two_conflict")).fill_null(False)
    return (
        newest.join(facts.of(SAMPLES), on=SERIES_KEY, how="left")
        .group_by("patient_id")
        .agg(load_below_since_at=pl.when(is_below.all()).then(pl.col("latest_collected_at").min()))
    )
