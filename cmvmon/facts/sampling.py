"""What was asked for and taken: samples without a result yet, what can't be sampled, and stated organs without a sample."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import OneOf
from cmvmon.domain.samples_ordered import CANCELLED, COLLECTED, NOT_FEASIBLE, ORDERED, RESULTED, SAMPLES_ORDERED
from cmvmon.domain.treatment_limitations import ENDS_FOLLOW_UP, TREATMENT_LIMITATIONS
from cmvmon.facts.columns import PATIENT_ID, PLACE, count, moment, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.patients import PATIENTS
from cmvmon.facts.ventilation import VENTILATION

_BAL = "bal"

SAMPLING = RowType(
    name="sampling",
    description="What is known of samples of a patient beside their results.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no("sampling_is_limited", "Whether a limit to treatment holds under which nobody samples."),
        moment("waiting_blood_collected_at", "When the last blood sample without a result was taken.", "there is none"),
        moment("blood_taken_at", "When blood was last taken, with a result or without.", "not on record"),
        count(
            "bal_ventilation_day",
            "On which day of the ventilation that runs BAL was last taken, with a result or without.",
            "not taken in it, or not on record",
        ),
        moment("bal_ordered_at", "When a BAL was asked for that was not taken yet.", "there is none"),
        yes_no("bal_is_not_feasible", "Whether the last word on BAL during this ventilation is that it can't be done."),
        Column(
            "organ_compartment",
            Kind.TEXT,
            "Of the compartments that are stated to be affected, and are not blood: the one taken longest ago, one that was "
            "never taken first; none that is stated not to be feasible.",
            null_means="none is stated, or none is feasible",
            constraints=(OneOf("organ_compartment", compartments.NAMES),),
        ),
        moment("organ_taken_at", "When it was last taken, with a result or without.", "not on record"),
        yes_no("has_organ_signs", "Whether a compartment that is not blood is stated to be affected."),
    ),
)


@fact_table(SAMPLING)
def sampling(facts: Facts) -> pl.DataFrame:
    """A sample counts as taken when its order says so, or when any result of it is known, a preliminary one too."""
    taken = facts.shared(last_taken)
    in_blood = pl.col("compartment").is_in(compartments.BLOOD)
    since = facts.of(VENTILATION).select("patient_id", "ventilated_since")
    bal = taken.filter(pl.col("compartment") == _BAL).select("patient_id", bal_taken_at="taken_at")
    day = (pl.col("bal_taken_at") - pl.col("ventilated_since")).dt.total_days() + 1
    parts = (
        since,
        bal,
        _waiting_blood(facts),
        taken.filter(in_blood).group_by("patient_id").agg(blood_taken_at=_last("taken_at")),
        _said_of_bal(facts),
        _limited(facts),
        _organs(facts),
    )  # fmt: skip
    rows = facts.of(PATIENTS).select("patient_id")
    for part in parts:
        rows = rows.join(part, on="patient_id", how="left")
    return rows.with_columns(
        pl.col("sampling_is_limited", "bal_is_not_feasible", "has_organ_signs").fill_null(False),
        bal_ventilation_day=pl.when(pl.col("bal_taken_at") >= pl.col("ventilated_since")).then(day),
    )


@nobody_without(SAMPLES_ORDERED)
def _waiting_blood(facts: Facts) -> pl.DataFrame:
    in_blood = facts.shared(waiting).filter(pl.col("compartment").is_in(compartments.BLOOD))
    return in_blood.group_by("patient_id").agg(waiting_blood_collected_at=_last("collected_at"))


@nobody_without(SAMPLES_ORDERED)
def _said_of_bal(facts: Facts) -> pl.DataFrame:
    """The last word on BAL of each patient: since when it is asked for, or that it can't be done during this ventilation."""
    since = facts.of(VENTILATION).select("patient_id", "ventilated_since")
    is_of_bal = (pl.col("compartment") == _BAL) & pl.col("is_last_word")
    is_since = (pl.col("said_at") >= pl.col("ventilated_since")).fill_null(False)
    return (
        facts.shared(standing_orders)
        .filter(is_of_bal)
        .join(since, on="patient_id")
        .select(
            "patient_id",
            bal_ordered_at=pl.when(pl.col("state") == ORDERED).then("ordered_at"),
            bal_is_not_feasible=pl.when(_not_feasible & is_since).then(True),
        )
    )


@nobody_without(TREATMENT_LIMITATIONS)
def _limited(facts: Facts) -> pl.DataFrame:
    holds = pl.col("ended_at").is_null() & pl.col("limitation").is_in(list(ENDS_FOLLOW_UP))
    rows = facts.prepared.begun[TREATMENT_LIMITATIONS].filter(holds)
    return rows.select("patient_id", sampling_is_limited=pl.lit(True)).unique()


_not_feasible = pl.col("state") == NOT_FEASIBLE
_stated_at = pl.coalesce("stated_at", "ordered_at")


def _last(name: str) -> pl.Expr:
    return pl.col(name).max()


@nobody_without(SAMPLES_ORDERED)
def _said_orders(facts: Facts) -> pl.DataFrame:
    """Every order that was not cancelled, with when it was taken, else when its state was said."""
    is_taken = pl.col("state").is_in([COLLECTED, RESULTED])
    said = pl.when(is_taken).then(pl.coalesce("collected_at", "ordered_at")).otherwise(_stated_at)
    # A time of collection that lies ahead is not known yet: the order waits.
    state = pl.when((pl.col("state") == COLLECTED) & pl.col("collected_at").is_null()).then(pl.lit(ORDERED))
    return (
        facts.prepared.begun[SAMPLES_ORDERED]
        .filter(pl.col("state") != CANCELLED)
        .with_columns(said_at=said, state=state.otherwise("state"))
    )


@nobody_without(SAMPLES_ORDERED)
def waiting(facts: Facts) -> pl.DataFrame:
    """Samples that were taken and of which no result is known: none of the compartment within `[sampling] same_sample_h`."""
    within = pl.duration(hours=facts.protocol.sampling.same_sample_h)
    orders = _said_orders(facts).filter(pl.col("state") == COLLECTED)
    known = facts.prepared.shown.select(*PLACE, resulted_at="collected_at")
    answered = (
        orders.join(known, on=PLACE)
        .filter((pl.col("resulted_at") - pl.col("collected_at")).abs() <= within)
        .select("patient_id", "order_number")
    )
    return orders.join(answered, on=["patient_id", "order_number"], how="anti")


def last_taken(facts: Facts) -> pl.DataFrame:
    """When each compartment of a patient was last taken, by its results or its orders."""
    resulted = facts.prepared.shown.select(*PLACE, taken_at="collected_at")
    told = _said_orders(facts).filter(pl.col("collected_at").is_not_null()).select(*PLACE, taken_at="collected_at")
    return pl.concat([resulted, told]).group_by(PLACE).agg(pl.col("taken_at").max())


@nobody_without(SAMPLES_ORDERED)
def standing_orders(facts: Facts) -> pl.DataFrame:
    """Orders with `is_last_word`: nothing was said, ordered or taken of that compartment after it."""
    orders = _said_orders(facts).join(facts.shared(last_taken), on=PLACE, how="left")
    newest = orders.sort("said_at", "order_number").unique(PLACE, keep="last", maintain_order=True)
    return newest.with_columns(is_last_word=(pl.col("taken_at") < pl.col("said_at")).fill_null(True))


@nobody_without(SAMPLES_ORDERED)
def not_feasible(facts: Facts) -> pl.DataFrame:
    """The compartments of which the last word is that they can't be sampled, with when it was said."""
    return facts.shared(standing_orders).filter("is_last_word", _not_feasible).select(*PLACE, "said_at")


def _organs(facts: Facts) -> pl.DataFrame:
    stated = (
        facts.of(LEADING)
        .filter((pl.col("leads_as") == "stated") & ~pl.col("compartment").is_in(compartments.BLOOD))
        .select(PLACE)
    )
    due = stated.join(facts.shared(not_feasible), on=PLACE, how="anti")
    first = (
        due.join(facts.shared(last_taken), on=PLACE, how="left")
        .sort("patient_id", "taken_at", "compartment", nulls_last=False)
        .unique("patient_id", keep="first", maintain_order=True)
        .select("patient_id", organ_compartment="compartment", organ_taken_at="taken_at")
    )
    signs = stated.select("patient_id", has_organ_signs=pl.lit(True)).unique()
    return signs.join(first, on="patient_id", how="left")
