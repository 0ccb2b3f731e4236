"""Whether a patient is on treatment, since when, and from when a rise of the load counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, moment, one_of, yes_no
from cmvmon.facts.conditions import fact, truth
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS
from cmvmon.facts.stays import STAYS

_LETERMOVIR = "letermovir"  # its own case: no slope is called on it, a rise is
_NO_COURSE = "no course on record"

TREATMENT = RowType(
    name="treatment",
    description="Whether a patient is on treatment, since when, and what a rise is counted from.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        one_of("treatment", words.TREATMENT, "Whether a treatment drug runs, given with treatment intent."),
        Column(
            "running_drugs",
            Kind.TEXT,
            "The treatment drugs that run, sorted, joined by `;`.",
            null_means="not on treatment, or not known",
        ),
        moment(
            "last_known_at",
            "When the medication was last heard of: its feeds have been silent for longer than they say, or the patient left on it.",
            "neither",
        ),
        moment("course_started_at", "Start of the latest course of treatment.", _NO_COURSE),
        moment("course_ended_at", "When that course ended.", f"it runs, the patient left on it, or {_NO_COURSE}"),
        moment("anchor_at", "Start of its latest response clock, which another drug starts again.", _NO_COURSE),
        yes_no("on_letermovir_alone", "Not on treatment while letermovir runs, whatever it is given for."),
        yes_no("has_prophylaxis", "Whether an antiviral drug runs as prophylaxis, or letermovir; on treatment or not."),
        Column(
            "prophylaxis_drugs",
            Kind.TEXT,
            "Those drugs, sorted, joined by `;`.",
            null_means="no prophylaxis, or on treatment, or not known",
        ),
        moment("watched_since", "From when a rise counts.", "neither on treatment nor on prophylaxis"),
    ),
)


@fact_table(TREATMENT)
def treatment(facts: Facts) -> pl.DataFrame:
    """`on`, `off` or `unknown`, and the clocks.

    A row *runs* when it began and has not stopped more than `[response_clock] interrupted_gap_h` before: up to that gap
    the clocks run. `on`: a row with treatment intent of a drug that the protocol lists as treatment runs. `unknown`: the
    table was never delivered; its feeds are silent and no such row is known to run; or no such row runs, but one does
    whose intent is not known, or which is given as treatment and is a drug that the protocol does not list; or a course
    of the patient was delivered that could not be used. Otherwise `off`: so is a patient without a row in a table that
    was delivered.

    Feeds that are silent for longer than they say (`Known.silent`) tell nothing since: a row that ran when they were last
    heard of is known to run for that gap, one that another feed brought since as long as it runs, and nobody is known to be
    off treatment.

    Of a patient who has left, a row that ran then, and was stopped by nobody after that moment, is likewise known to run for that
    gap: what goes on elsewhere is told by nobody. Then treatment is `unknown`, as it was last known when the patient left: neither
    stopped nor running. What was started or stopped after that was told, and holds as it says. Source: rules.md section 1.

    A rise counts, on treatment, of a patient who left on it, and of one who was on it when the feeds were last heard of, from the
    start of that course, whatever drugs came after the first, so that a load that stands above its lowest is not forgotten when the
    drug is changed, nor when nothing is heard of it. On prophylaxis it counts from the earliest start of the rows that run.
    """
    latest = (
        facts.prepared.clocks.sort("patient_id", "anchor_at")
        .unique(subset="patient_id", keep="last", maintain_order=True)
        .select("patient_id", "course_started_at", "course_ended_at", "anchor_at")
    )
    is_off = pl.col("treatment") == words.TREATMENT_OFF
    return (
        _state(facts)
        .join(latest, on="patient_id", how="left")
        .join(_prophylaxis(facts), on="patient_id", how="left")
        .with_columns(
            on_letermovir_alone=is_off & pl.col("is_letermovir").fill_null(False),
            has_prophylaxis=pl.col("prophylaxis_since").is_not_null(),
            prophylaxis_drugs=pl.when(is_off).then(pl.col("given").list.join(";")),
            watched_since=pl.when((pl.col("treatment") == words.TREATMENT_ON) | pl.col("was_on_it"))
            .then("course_started_at")
            .when(is_off)
            .then("prophylaxis_since"),
        )
    )


def runs(facts: Facts) -> pl.Expr:
    """Whether a row has not stopped, or no longer before than the clocks run on after a stop."""
    still_counts_from = facts.as_of - timedelta(hours=facts.protocol.response_clock.interrupted_gap_h)
    return pl.col("stopped_at").is_null() | (pl.col("stopped_at") >= still_counts_from)


def _surely_runs(facts: Facts, last_heard: pl.Expr) -> pl.Expr:
    """Whatever befell since: it had begun when it was last heard of, and the gap has not passed since it ran."""
    gap = timedelta(hours=facts.protocol.response_clock.interrupted_gap_h)
    ran_until = pl.min_horizontal(pl.col("stopped_at"), last_heard)
    return (pl.col("started_at") <= last_heard) & (ran_until >= facts.as_of - gap)


def _told_since(facts: Facts) -> pl.Expr:
    """Whether another feed brought the row after those that say how often they come were last heard of."""
    heard = facts.prepared.begun.heard_since.get(ANTIVIRAL_COURSES.name, frozenset())
    return pl.col("delivery_id").is_in(sorted(heard))


def is_known_to_run(facts: Facts) -> pl.Expr:
    """Whether a row *runs*, for all that is known where the feeds are silent, or its patient has left."""
    last_heard = facts.prepared.begun.silent_since(ANTIVIRAL_COURSES)
    counts = runs(facts)
    if last_heard is not None:
        counts = _surely_runs(facts, pl.lit(last_heard)) | (_told_since(facts) & counts)
    return counts & (~_ran_when_left(facts) | _surely_runs(facts, _left_at(facts)))


def _ran_when_heard(facts: Facts, last_heard: datetime) -> pl.Expr:
    """Whether a row ran when its silent feeds were last heard of, by all that is known now."""
    gap, heard = timedelta(hours=facts.protocol.response_clock.interrupted_gap_h), pl.lit(last_heard)
    return (pl.col("started_at") <= heard) & (pl.col("stopped_at").is_null() | (pl.col("stopped_at") >= heard - gap))


def _left_at(facts: Facts) -> pl.Expr:
    """When the patient of a row left; null: in bed, or not known."""
    left = facts.of(STAYS).select("patient_id", "left_at").drop_nulls()
    return pl.col("patient_id").replace_strict(
        left["patient_id"], left["left_at"], default=None, return_dtype=Kind.MOMENT.dtype
    )


def _ran_when_left(facts: Facts) -> pl.Expr:
    """Whether a row ran when its patient left, and nobody said after that moment that it was stopped. Never null."""
    left, stopped = _left_at(facts), pl.col("stopped_at")
    return ((pl.col("started_at") <= left) & (stopped.is_null() | (stopped == left))).fill_null(False)


def is_treatment(facts: Facts) -> pl.Expr:
    """Whether a row is a drug that the protocol lists as treatment, given with that intent."""
    is_intended = (pl.col("indication") == "treatment").fill_null(False)
    return is_intended & pl.col("drug").is_in(list(facts.protocol.treatment_drugs))


def begins_anew(facts: Facts, of: Sequence[str]) -> pl.Expr:
    """Whether a row of courses follows none of the same within `same_course_gap_days`; rows in order of their start, one that has
    no stop yet runs until now."""
    gap = timedelta(days=facts.protocol.response_clock.same_course_gap_days)
    until = pl.coalesce("stopped_at", facts.now).cum_max().shift(1).over(of)
    return (pl.col("started_at") > until + gap).fill_null(True)


def is_prophylaxis(facts: Facts) -> pl.Expr:
    """Whether a row is a listed drug given as prophylaxis, or letermovir, which is never treatment."""
    is_given_so = (pl.col("indication") == words.PROPHYLAXIS).fill_null(False)
    return _is_letermovir(facts) | (is_given_so & pl.col("drug").is_in(list(facts.protocol.drugs)))


def _is_letermovir(facts: Facts) -> pl.Expr:
    return pl.col("drug").is_in([name for name, drug in facts.protocol.drugs.items() if drug.group == _LETERMOVIR])


def _state(facts: Facts) -> pl.DataFrame:
    begun = facts.prepared.begun
    last_heard = begun.silent_since(ANTIVIRAL_COURSES)
    last_known_at = pl.lit(last_heard, dtype=Kind.MOMENT.dtype)
    ids = facts.of(PATIENTS).select("patient_id", last_known_at=last_known_at)
    if not begun.was_delivered(ANTIVIRAL_COURSES):
        return ids.with_columns(treatment=pl.lit(words.TREATMENT_UNKNOWN), was_on_it=pl.lit(False))
    is_treatment_drug = pl.col("drug").is_in(list(facts.protocol.treatment_drugs))
    is_listed = pl.col("drug").is_in(list(facts.protocol.drugs))
    intended = (pl.col("indication") == "treatment").fill_null(False)
    not_known = (pl.col("indication").is_null() & (is_treatment_drug | ~is_listed)) | (intended & ~is_listed)
    state = (
        begun[ANTIVIRAL_COURSES]
        .filter(is_known_to_run(facts))
        .group_by("patient_id")
        .agg(
            is_on=is_treatment(facts).any(),
            is_unknown=not_known.any(),
            drugs=pl.col("drug").filter(is_treatment(facts)).unique().sort(),
        )
    )
    unread = sorted(begun.unread_of(ANTIVIRAL_COURSES))
    left_on = (
        begun[ANTIVIRAL_COURSES]
        .filter(_ran_when_left(facts) & ~is_known_to_run(facts) & (is_treatment(facts) | not_known))
        .select("patient_id", left_at=_left_at(facts))
        .unique()
    )
    is_lost = pl.col("left_at").is_not_null() & ~pl.col("is_on").fill_null(False)
    known_at = pl.min_horizontal("last_known_at", pl.when(is_lost).then("left_at"))
    was_on_it = is_lost
    if last_heard is not None:
        heard_on = begun[ANTIVIRAL_COURSES].filter(_ran_when_heard(facts, last_heard) & is_treatment(facts))
        was_on_it |= pl.col("patient_id").is_in(heard_on["patient_id"].implode())
    joined = ids.join(state, on="patient_id", how="left").join(left_on, on="patient_id", how="left")
    return joined.with_columns(was_on_it=was_on_it, last_known_at=known_at).select(
        "patient_id",
        "last_known_at",
        "was_on_it",
        running_drugs=pl.when("is_on").then(pl.col("drugs").list.join(";")),
        treatment=pl.when(pl.col("is_on").fill_null(False))
        .then(pl.lit(words.TREATMENT_ON))
        .when(
            pl.col("is_unknown").fill_null(False)
            | pl.col("patient_id").is_in(unread)
            | pl.col("last_known_at").is_not_null()
        )
        .then(pl.lit(words.TREATMENT_UNKNOWN))
        .otherwise(pl.lit(words.TREATMENT_OFF)),
    )


def _prophylaxis(facts: Facts) -> pl.DataFrame:
    """Listed drugs that run as prophylaxis, and letermovir, which is never treatment."""
    return (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .filter(runs(facts) & is_prophylaxis(facts))
        .group_by("patient_id")
        .agg(
            prophylaxis_since=pl.col("started_at").min(),
            is_letermovir=_is_letermovir(facts).any(),
            given=pl.col("drug").unique().sort(),
        )
    )


is_on = fact("treatment") == words.TREATMENT_ON
is_off = fact("treatment") == words.TREATMENT_OFF
on_prophylaxis = is_off & truth("has_prophylaxis")
