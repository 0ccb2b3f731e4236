"""How much of each drug was given on each treated day, and the band of doses of that day: no fact table itself.

A dose counts evenly over the time until the next one of its group, and no longer than the longest interval of its band: one given
an hour early makes no high day, one that was missed makes one low day. What is held against a band is the dose of 24 hours.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN, MISSED
from cmvmon.domain.kidney_function import ML_PER_MIN
from cmvmon.facts.columns import hours_long
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.kidney_days import TREATED, dosed_days, kidney_days
from cmvmon.facts.nobody import nobody_without
from cmvmon.protocol.doses import MG_PER_KG, Regimen, dose_unit

_OF_A_DRUG = ["patient_id", "drug"]
_OF_A_DAY = ["patient_id", "drug", "day"]
_LIMITS = ("least", "most", "longest_h")


def treatment_doses(facts: Facts) -> pl.DataFrame:
    """The doses with treatment intent, `group` beside the drug (null: not listed), sorted by moment."""
    return _with_group(facts, facts.prepared.begun[DOSES_GIVEN].filter(pl.col("indication") == TREATED))


def judged_doses(facts: Facts) -> pl.DataFrame:
    """The doses that are judged by the days of their patient (`dosed_days`): those of its `purpose`, with `group`, sorted alike."""
    purposes = facts.shared(dosed_days).select("patient_id", "purpose").unique()
    doses = facts.prepared.begun[DOSES_GIVEN].join(purposes, on="patient_id")
    return _with_group(facts, doses.filter(pl.col("indication") == pl.col("purpose")))


def _with_group(facts: Facts, doses: pl.DataFrame) -> pl.DataFrame:
    groups = {name: drug.group for name, drug in facts.protocol.drugs.items()}
    group = pl.col("drug").replace_strict(groups, default=None, return_dtype=pl.String)
    return doses.with_columns(group=group).sort("patient_id", "given_at", "drug")


def bands(facts: Facts) -> pl.DataFrame:
    """For each dosed day and drug with a table of doses: the band, the least and most of 24 hours, and of the day before.

    Columns: patient_id, drug, day, starts, ends, anchor_at, band, least, most, longest_h, kept_least, kept_most,
    kept_longest_h (of the row's maintenance), treated_most, least_before, most_before, kidney_unknown, purpose. Null where no row
    of the table holds, or the row has no regimen. Under prophylaxis least, most and longest_h are those of maintenance, never of
    treatment.
    """
    days = facts.shared(kidney_days)
    parts = []
    for drug, table in facts.protocol.doses.items():
        kidney = pl.col("ml_per_min" if table.kidney_in == ML_PER_MIN else "ml_per_min_per_kg")
        rows = pl.DataFrame(
            [
                {"place": place, "band": row.label}
                | _limits(row.induction)
                | {f"kept_{name}": value for name, value in _limits(row.maintenance).items()}
                for place, row in enumerate(table.rows)
            ],
            schema={"place": pl.Int64, "band": pl.String}
            | dict.fromkeys((*_LIMITS, *(f"kept_{name}" for name in _LIMITS)), pl.Float64),
        )
        placed = days.with_columns(place=table.place_of(kidney, pl.col("modality")), drug=pl.lit(drug), kidney=kidney)
        parts.append(placed.join(rows, on="place", how="left", maintain_order="left"))
    is_kept = pl.col("purpose") == words.PROPHYLAXIS
    by_purpose = {name: pl.when(is_kept).then(f"kept_{name}").otherwise(name) for name in _LIMITS}
    found = pl.concat(parts).with_columns(treated_most="most").with_columns(**by_purpose)
    found = found.sort("patient_id", "drug", "day")
    before = {f"{name}_before": pl.col(name).shift(1).over(_OF_A_DRUG) for name in ("least", "most")}
    return found.with_columns(**before)


def _limits(regimens: Sequence[Regimen]) -> dict[str, float | None]:
    """The least and the most of 24 hours by these regimens, and the longest interval; null: there is none."""
    a_day, every_h = [one.per_day for one in regimens], [one.every_h for one in regimens]
    return dict(
        zip(_LIMITS, (min(a_day, default=None), max(a_day, default=None), max(every_h, default=None)), strict=True)
    )


@nobody_without(DOSES_GIVEN)
def given_by_day(facts: Facts) -> pl.DataFrame:
    """How much of each drug was given on each dosed day, in the unit of its table (null: not known), and how many missed.

    Columns: patient_id, drug, group, day, amount, n_missed.
    """
    days = facts.shared(dosed_days)
    anchors = days.select("patient_id", "anchor_at").unique()
    units = {drug: dose_unit(facts.protocol.doses, drug) for drug in facts.protocol.doses}
    by_weight = [drug for drug, unit in units.items() if unit == MG_PER_KG]
    amount = (
        pl.when(pl.col("drug").is_in(by_weight))
        .then(pl.col("dose_mg") / pl.col("dosing_weight_kg"))
        .otherwise("dose_mg")
    )
    doses = facts.shared(judged_doses).join(anchors, on="patient_id").drop_nulls("group")
    given = _lasting(facts, doses.filter(pl.col("administered") == GIVEN).with_columns(amount=amount))
    first = ((pl.col("given_at") - pl.col("anchor_at")).dt.total_seconds() // 86_400).cast(pl.Int64)
    until = -((pl.col("anchor_at") - pl.col("until")).dt.total_seconds() // 86_400).cast(pl.Int64)
    parts = (
        given.with_columns(day=pl.int_ranges(first, pl.max_horizontal(until, first + 1)))
        .explode("day", empty_as_null=False)
        .join(days.select("patient_id", "day", "starts", "ends"), on=["patient_id", "day"])
    )
    shared = pl.min_horizontal("until", "ends") - pl.max_horizontal("given_at", "starts")
    part = shared.dt.total_seconds() / (pl.col("until") - pl.col("given_at")).dt.total_seconds()
    found = (
        parts.with_columns(part=part)
        .filter(pl.col("part") > 0)
        .group_by(*_OF_A_DAY, "group")
        .agg(
            amount=pl.when(pl.col("amount").null_count() == 0).then((pl.col("amount") * pl.col("part")).sum()),
        )
    )
    due = ((pl.col("given_at") - pl.col("anchor_at")).dt.total_seconds() // 86_400).cast(pl.Int64)
    missed = (
        doses.filter(pl.col("administered") == MISSED)
        .group_by(*_OF_A_DRUG, "group", day=due)
        .agg(n_missed=pl.len().cast(pl.Int64))
    )
    both = found.with_columns(is_given=pl.lit(True)).join(missed, on=[*_OF_A_DAY, "group"], how="full", coalesce=True)
    return both.with_columns(
        amount=pl.when(pl.col("is_given").is_null()).then(0.0).otherwise("amount"),
        n_missed=pl.col("n_missed").fill_null(0),
    ).drop("is_given")


def _lasting(facts: Facts, given: pl.DataFrame) -> pl.DataFrame:
    """The doses with `until`: the next moment at which the group is given, at most the band's longest interval.

    What is given at one moment, in two bags or as two drugs of the group, lasts equally long. The last one lasts as long as the
    longest gap that led to a dose of its last interval, so that a second bag minutes later is no interval of its own. Where its
    band has a longer interval than that of the dose before it, no gap has shown yet how often it is given: it lasts that interval.
    """
    of_group = ["patient_id", "group"]
    ordered = given.sort("patient_id", "group", "given_at", "drug").with_columns(
        day=((pl.col("given_at") - pl.col("anchor_at")).dt.total_seconds() // 86_400).cast(pl.Int64),
    )
    asked = facts.shared(bands).select(*_OF_A_DAY, "longest_h")
    latest = asked.group_by(_OF_A_DRUG).agg(latest_h=pl.col("longest_h").sort_by("day").drop_nulls().last())
    a_day = pl.lit(24.0)  # where no band is known nothing is judged, and how long it lasts does not count
    lasting = (
        ordered.join(asked, on=_OF_A_DAY, how="left", maintain_order="left")
        .join(latest, on=_OF_A_DRUG, how="left", maintain_order="left")
        .with_columns(longest_h=pl.coalesce("longest_h", "latest_h", a_day))
    )
    at, one_h = pl.col("given_at"), pl.duration(hours=1)
    moments = (
        ordered.select(*of_group, "given_at")
        .unique()
        .sort(*of_group, "given_at")
        .with_columns(
            next_at=at.shift(-1).over(of_group),
            gap_h=hours_long(at - at.shift(1).over(of_group)),
            last_at=at.max().over(of_group),
        )
    )
    lengthened = (
        lasting.group_by(*of_group, "given_at")
        .agg(longest_h=pl.col("longest_h").max())
        .sort(*of_group, "given_at")
        .with_columns(is_lengthened=pl.col("longest_h") > pl.col("longest_h").shift(1).over(of_group))
        .filter("is_lengthened")
        .select(*of_group, "given_at", "is_lengthened")
    )
    of_last = lasting.filter(at == at.max().over(of_group)).group_by(of_group).agg(last_h=pl.col("longest_h").max())
    leading = (
        moments.join(of_last, on=of_group)
        .filter(at > pl.col("last_at") - pl.col("last_h") * one_h)
        .group_by(of_group)
        .agg(gap_h=pl.col("gap_h").max())
    )
    timed = (
        lasting.join(
            moments.select(*of_group, "given_at", "next_at"), on=[*of_group, "given_at"], maintain_order="left"
        )
        .join(leading, on=of_group, how="left", maintain_order="left")
        .join(lengthened, on=[*of_group, "given_at"], how="left", maintain_order="left")
    )
    is_last = pl.col("next_at").is_null() & pl.col("gap_h").is_not_null() & pl.col("is_lengthened").is_null()
    lasts_h = pl.when(is_last).then(pl.min_horizontal("gap_h", "longest_h")).otherwise("longest_h")
    ends = at + pl.duration(seconds=lasts_h * 3600)
    return timed.with_columns(until=pl.min_horizontal("next_at", ends)).drop("day")
