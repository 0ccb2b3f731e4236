"""Each antiviral drug that a patient is given, beside each other drug that the protocol pairs it with."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.co_medication import CO_MEDICATION
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, days, first_reason, moment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.treatment import TREATMENT, runs
from cmvmon.protocol.interactions import ALERT, EFFECTS, NOTE, Pair

UNKNOWN_BECAUSE = (
    "courses_unread",
    "courses_not_known",
    "co_medication_never_delivered",
    "co_medication_unread",
    "co_medication_not_known",
    "route_unknown",
    "renal_replacement_never_delivered",
    "renal_replacement_unread",
    "renal_replacement_not_known",
    "anticoagulant_unknown",
)
_KEY = ["patient_id", "drug", "other_drug"]
_APART = "they were not given together in this course"
_OTHERS = ("patient_id", "started_at", "stopped_at", "counts")
_SHORTEST = pl.duration(seconds=1)  # a dose at one moment has a length too

DRUG_PAIRS = RowType(
    name="drug_pairs",
    description="An antiviral drug that runs, or was given in the course that runs, and another drug of `[interactions]` that alerts.",
    key=tuple(_KEY),
    columns=(
        PATIENT_ID,
        Column("drug", Kind.TEXT, "The antiviral drug, by the name of its group."),
        Column("other_drug", Kind.TEXT, "The other drug, by the name that the protocol gives it."),
        Column("pair_drugs", Kind.TEXT, "The antiviral drugs of that group, sorted, joined by `;`.", null_means=_APART),
        one_of("pair_effect", EFFECTS, "What is reported of the two."),
        days("pair_within_days", "So far apart they still count as given together."),
        yes_no("were_together", "Whether they were given together in this course."),
        yes_no("are_together", "Whether they still are."),
        moment("pair_drug_since", "When the antiviral drug began, of what overlaps.", _APART),
        moment("pair_drug_until", "When it stopped.", f"it runs, or {_APART}"),
        moment("other_drug_since", "When the other drug began, of what overlaps.", _APART),
        moment("other_drug_until", "When it stopped.", f"it runs, or {_APART}"),
        one_of("pair_unknown_because", UNKNOWN_BECAUSE, "Why it is not known, the first that holds.", "it is known"),
    ),
)


@fact_table(DRUG_PAIRS, lists="drug_pair")
def drug_pairs(facts: Facts) -> pl.DataFrame:
    """Rows of one drug overlap those of the other where neither begins `within_days` or more after the other stopped.

    Whatever the antiviral drug is given for. What overlapped once in a course stays told until the course ends, so that a
    pair is told once. A drug that has not stopped runs until now. Source: rules.md section 4.
    """
    return _told_as(ALERT, facts)


def noted_pairs(facts: Facts) -> pl.DataFrame:
    """The same rows of the pairs that are only noted; none where the protocol does not show them. No rule reads them."""
    return _told_as(NOTE, facts) if facts.protocol.interactions.show_notes else DRUG_PAIRS.empty()


def _told_as(told_as: str, facts: Facts) -> pl.DataFrame:
    given = _given(facts)
    pairs = [pair for pair in facts.protocol.interactions.pairs if pair.told_as == told_as]
    there = set(given["group"].unique())
    found = [_of_pair(facts, pair, given) for pair in pairs if pair.drug in there]
    return pl.concat(found) if found else DRUG_PAIRS.empty()


def _given(facts: Facts) -> pl.DataFrame:
    """The rows of antiviral drugs that count: those that run, and those of the course that runs."""
    groups = {name: drug.group for name, drug in facts.protocol.drugs.items()}
    treated = facts.of(TREATMENT).select("patient_id", "course_started_at", "treatment")
    is_of_course = (pl.col("treatment") == words.TREATMENT_ON) & (_stop(facts) >= pl.col("course_started_at"))
    return (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .with_columns(group=pl.col("drug").replace_strict(groups, default=None, return_dtype=pl.String))
        .drop_nulls("group")
        .join(treated, on="patient_id")
        .filter(runs(facts) | is_of_course.fill_null(False))
        .select("patient_id", "drug", "group", "started_at", "stopped_at", ends=_ends(facts))
    )


def _stop(facts: Facts) -> pl.Expr:
    return pl.col("stopped_at").fill_null(facts.now)


def _ends(facts: Facts) -> pl.Expr:
    """When a row stops to count: one that runs counts now."""
    least = pl.col("started_at") + _SHORTEST
    return pl.max_horizontal(pl.coalesce("stopped_at", facts.now + _SHORTEST), least)


def _of_pair(facts: Facts, pair: Pair, given: pl.DataFrame) -> pl.DataFrame:
    mine = given.filter(pl.col("group") == pair.drug)
    together = _together(facts, pair, mine, _others(facts, pair))
    return together.select(pl.col(name).cast(dtype) for name, dtype in DRUG_PAIRS.schema.items())


def _together(facts: Facts, pair: Pair, mine: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """A row for each patient who is given the pair's drug: whether, and since when, one of the others was given with it."""
    listed = mine.select("patient_id").unique()
    about = {
        "drug": pl.lit(pair.drug),
        "other_drug": pl.lit(pair.other),
        "pair_effect": pl.lit(pair.effect),
        "pair_within_days": pl.lit(pair.within_days),
    }
    if others.is_empty():  # most patients are given none of them
        nothing = {name: pl.lit(None) for name in DRUG_PAIRS.schema if name not in (*about, "patient_id")}
        no, why = pl.lit(False), _unknown(facts, pair, [])
        return listed.with_columns(
            **nothing | about | {"were_together": no, "are_together": no, "pair_unknown_because": why}
        )
    within = pl.duration(hours=24 * pair.within_days)
    others = others.select(
        "patient_id", "counts", other_from="started_at", other_stop="stopped_at", other_ends=_ends(facts)
    )
    met = mine.join(others, on="patient_id").filter(
        (pl.col("started_at") < pl.col("other_ends") + within) & (pl.col("other_from") < pl.col("ends") + within)
    )
    ends_together = pl.min_horizontal("ends", "other_ends") + within
    together = (
        met.filter(pl.col("counts"))
        .group_by("patient_id")
        .agg(
            pair_drugs=pl.col("drug").unique().sort().str.join(";"),
            are_together=(ends_together > facts.now).any(),
            pair_drug_since=pl.col("started_at").min(),
            pair_drug_until=_last(pl.col("stopped_at")),
            other_drug_since=pl.col("other_from").min(),
            other_drug_until=_last(pl.col("other_stop")),
        )
    )
    unsure = met.filter(~pl.col("counts"))["patient_id"].unique()
    is_known = pl.col("pair_drugs").is_not_null()
    return listed.join(together, on="patient_id", how="left").with_columns(
        **about,
        were_together=is_known,
        are_together=pl.col("are_together").fill_null(False),
        pair_unknown_because=pl.when(~is_known).then(_unknown(facts, pair, unsure.to_list())),
    )


def _last(stops: pl.Expr) -> pl.Expr:
    return pl.when(stops.null_count() == 0).then(stops.max())


def _others(facts: Facts, pair: Pair) -> pl.DataFrame:
    """What the pair's drug is held against; `counts` is false where it may be, and a route or anticoagulant is not known."""
    begun = facts.prepared.begun
    found = []
    if pair.other_atc and not begun[CO_MEDICATION].is_empty():
        route = pl.col("route")
        is_code = pl.any_horizontal(pl.col("atc_code").str.starts_with(start) for start in pair.other_atc)
        is_route = pl.lit(True) if not pair.other_routes else route.is_in(list(pair.other_routes))
        drugs = begun[CO_MEDICATION].filter(is_code & is_route.fill_null(True))
        found.append(drugs.with_columns(counts=is_route.fill_null(False)))
    if pair.other_groups:
        antivirals = [name for name, drug in facts.protocol.drugs.items() if drug.group in pair.other_groups]
        courses = begun[ANTIVIRAL_COURSES].filter(pl.col("drug").is_in(antivirals))
        found.append(courses.with_columns(counts=pl.lit(True)))
    if pair.other_anticoagulants and not begun[RENAL_REPLACEMENT].is_empty():
        anticoagulant = pl.col("anticoagulant").is_in(list(pair.other_anticoagulants))
        circuits = begun[RENAL_REPLACEMENT].filter(anticoagulant.fill_null(True))
        found.append(circuits.with_columns(counts=anticoagulant.fill_null(False)))
    return (
        pl.concat(frame.select(_OTHERS) for frame in found)
        if found
        else pl.DataFrame(schema=dict.fromkeys(_OTHERS, pl.Null))
    )


def _unknown(facts: Facts, pair: Pair, unsure: list[str]) -> pl.Expr:
    """Why it is not known that they were not given together. Antiviral drugs are known by their courses."""
    begun, who = facts.prepared.begun, pl.col("patient_id")
    by_code = bool(pair.other_atc) and not pair.other_groups
    by_circuit = bool(pair.other_anticoagulants)
    reasons = (
        ("courses_unread", who.is_in(sorted(begun.unread_of(ANTIVIRAL_COURSES)))),
        ("courses_not_known", pl.lit(begun.silent_since(ANTIVIRAL_COURSES) is not None)),
        ("co_medication_never_delivered", pl.lit(by_code and not begun.was_delivered(CO_MEDICATION))),
        ("co_medication_unread", pl.lit(by_code) & who.is_in(sorted(begun.unread_of(CO_MEDICATION)))),
        ("co_medication_not_known", pl.lit(by_code and begun.silent_since(CO_MEDICATION) is not None)),
        ("route_unknown", pl.lit(not by_circuit) & who.is_in(unsure)),
        ("renal_replacement_never_delivered", pl.lit(by_circuit and not begun.was_delivered(RENAL_REPLACEMENT))),
        ("renal_replacement_unread", pl.lit(by_circuit) & who.is_in(sorted(begun.unread_of(RENAL_REPLACEMENT)))),
        ("renal_replacement_not_known", pl.lit(by_circuit and begun.silent_since(RENAL_REPLACEMENT) is not None)),
        ("anticoagulant_unknown", pl.lit(by_circuit) & who.is_in(unsure)),
    )
    return first_reason(reasons)
