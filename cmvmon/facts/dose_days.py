"""What was given on each day of a treatment, against the doses for the kidney function of that day: no fact table itself.

A dose counts evenly over the time until the next one of its group, and no longer than the longest interval of its band: one given
an hour early makes no high day, one that was missed makes one low day. What is held against a band is the dose of 24 hours.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN, MISSED
from cmvmon.domain.kidney_function import ML_PER_MIN
from cmvmon.facts.columns import hours_long
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.kidney_days import kidney_days, treated_days
from cmvmon.facts.nobody import nobody_without
from cmvmon.protocol.doses import MG_PER_KG, dose_unit

ADEQUATE, LOW, HIGH, UNKNOWN = STATES = ("adequate", "low", "high", "unknown")
WHY_UNKNOWN = (
    "under_age",
    "doses_unread",
    "doses_not_known",
    "unlisted_drug_given",
    "dose_or_weight_unknown",
    "no_table_of_doses",
    "no_dose_in_table",
    "kidney_function_unread",
    "kidney_function_not_steady",
    "kidney_function_unknown",
)
_OF_A_DRUG = ["patient_id", "drug"]
_OF_A_DAY = ["patient_id", "drug", "day"]


def treatment_doses(facts: Facts) -> pl.DataFrame:
    """The doses with treatment intent, `group` beside the drug (null: not listed), sorted by moment."""
    groups = {name: drug.group for name, drug in facts.protocol.drugs.items()}
    return (
        facts.prepared.begun[DOSES_GIVEN]
        .filter(pl.col("indication") == "treatment")
        .with_columns(group=pl.col("drug").replace_strict(groups, default=None, return_dtype=pl.String))
        .sort("patient_id", "given_at", "drug")
    )


def bands(facts: Facts) -> pl.DataFrame:
    """For each treated day and drug with a table of doses: the band, the least and most of 24 hours, and of the day before.

    Columns: patient_id, drug, day, starts, ends, anchor_at, band, least, most, longest_h, least_before, most_before,
    kidney_unknown, n_regimens. Null where no row of the table holds, or the row has no regimen.
    """
    days = facts.shared(kidney_days)
    parts = []
    for drug, table in facts.protocol.doses.items():
        kidney = pl.col("ml_per_min" if table.kidney_in == ML_PER_MIN else "ml_per_min_per_kg")
        rows = pl.DataFrame(
            [
                {
                    "place": place,
                    "band": row.label,
                    "least": min((regimen.per_day for regimen in row.induction), default=None),
                    "most": max((regimen.per_day for regimen in row.induction), default=None),
                    "longest_h": max((regimen.every_h for regimen in row.induction), default=None),
                }
                for place, row in enumerate(table.rows)
            ],
            schema={
                "place": pl.Int64,
                "band": pl.String,
                "least": pl.Float64,
                "most": pl.Float64,
                "longest_h": pl.Float64,
            },
        )
        placed = days.with_columns(place=table.place_of(kidney, pl.col("modality")), drug=pl.lit(drug), kidney=kidney)
        parts.append(placed.join(rows, on="place", how="left", maintain_order="left"))
    found = pl.concat(parts).sort("patient_id", "drug", "day")
    before = {f"{name}_before": pl.col(name).shift(1).over(_OF_A_DRUG) for name in ("least", "most")}
    return found.with_columns(**before)


@nobody_without(DOSES_GIVEN)
def given_by_day(facts: Facts) -> pl.DataFrame:
    """How much of each drug was given on each treated day, in the unit of its table (null: not known), and how many missed.

    Columns: patient_id, drug, group, day, amount, n_missed.
    """
    days = facts.shared(treated_days)
    anchors = days.select("patient_id", "anchor_at").unique()
    units = {drug: dose_unit(facts.protocol.doses, drug) for drug in facts.protocol.doses}
    by_weight = [drug for drug, unit in units.items() if unit == MG_PER_KG]
    amount = (
        pl.when(pl.col("drug").is_in(by_weight))
        .then(pl.col("dose_mg") / pl.col("dosing_weight_kg"))
        .otherwise("dose_mg")
    )
    doses = facts.shared(treatment_doses).join(anchors, on="patient_id").drop_nulls("group")
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
    """The doses with `until`: the next one of the group, at most the band's longest interval; of the last as the one before."""
    of_group = ["patient_id", "group"]
    ordered = given.sort("patient_id", "group", "given_at", "drug").with_columns(
        next_at=pl.col("given_at").shift(-1).over(of_group),
        gap_h=hours_long(pl.col("given_at") - pl.col("given_at").shift(1).over(of_group)),
        day=((pl.col("given_at") - pl.col("anchor_at")).dt.total_seconds() // 86_400).cast(pl.Int64),
    )
    asked = facts.shared(bands).select(*_OF_A_DAY, "longest_h")
    latest = asked.group_by(_OF_A_DRUG).agg(latest_h=pl.col("longest_h").sort_by("day").drop_nulls().last())
    with_bands = ordered.join(asked, on=_OF_A_DAY, how="left", maintain_order="left").join(
        latest, on=_OF_A_DRUG, how="left", maintain_order="left"
    )
    a_day = pl.lit(24.0)  # where no band is known nothing is judged, and how long it lasts does not count
    longest = pl.coalesce("longest_h", "latest_h", a_day)
    lasts_h = pl.when(pl.col("next_at").is_null() & (pl.col("gap_h") > 0)).then(pl.min_horizontal("gap_h", longest))
    ends = pl.col("given_at") + pl.duration(seconds=lasts_h.otherwise(longest) * 3600)
    later = pl.when(pl.col("next_at") > pl.col("given_at")).then("next_at")
    return with_bands.with_columns(until=pl.min_horizontal(later, ends)).drop("day")


def is_under_age(facts: Facts) -> pl.DataFrame:
    """Patients with a date of birth on record: whether they are younger than `[exposure] adult_from_years`."""
    years = facts.protocol.exposure.adult_from_years
    adult_on = pl.col("born_on").str.to_date("%Y-%m-%d", strict=False).dt.offset_by(f"{years:.0f}y")
    return facts.prepared.begun[BIRTH_DATES].select("patient_id", is_under_age=adult_on > pl.lit(facts.as_of.date()))


@nobody_without(DOSES_GIVEN)
def drug_days(facts: Facts) -> pl.DataFrame:
    """Each treated day of each drug of which a dose with treatment intent is on record: its `state`, and why not known.

    Columns: patient_id, drug, group, day, ends, band, amount, least, most, n_missed, state, unknown_because,
    is_surely_low, is_surely_high (against the band of the day before too: a change of band must last two days).

    One group is judged as one: of ganciclovir and valganciclovir on one day the shares of both are added.
    """
    policy, begun = facts.protocol.exposure, facts.prepared.begun
    doses = facts.shared(treatment_doses).filter(pl.col("administered") == GIVEN)
    drugs = doses.drop_nulls("group").select("patient_id", "drug", "group").unique()
    grid = facts.shared(treated_days).join(drugs, on="patient_id")
    found = (
        grid.select("patient_id", "drug", "group", "day", "starts", "ends")
        .join(facts.shared(bands).drop("starts", "ends", "anchor_at"), on=_OF_A_DAY, how="left")
        .join(facts.shared(given_by_day).drop("group"), on=_OF_A_DAY, how="left")
        .join(_known(facts), on="patient_id", how="left")
        .join(_unlisted_days(facts), on=["patient_id", "day"], how="left")
    )
    was_given = pl.col("n_missed").is_not_null()
    amount = pl.when(was_given).then("amount").otherwise(0.0)
    found = found.with_columns(amount=amount, n_missed=pl.col("n_missed").fill_null(0))
    group = ["patient_id", "group", "day"]
    shares = {
        name: pl.when(pl.col("amount") == 0.0).then(0.0).otherwise(pl.col("amount") / pl.col(limit))
        for name, limit in (
            ("least", "least"),
            ("most", "most"),
            ("least_b", "least_before"),
            ("most_b", "most_before"),
        )
    }
    found = found.with_columns(**{f"share_{name}": share for name, share in shares.items()})
    whole = {
        f"share_{name}": pl.when(pl.col(f"share_{name}").null_count().over(group) == 0).then(
            pl.col(f"share_{name}").sum().over(group)
        )
        for name in shares
    }
    found = found.with_columns(**whole, unknown_because=_why_unknown(facts, begun.was_delivered(DOSES_GIVEN)))
    is_low = pl.col("share_least").round(9) < policy.least_share
    is_high = pl.col("share_most").round(9) > policy.most_share
    is_known = pl.col("unknown_because").is_null() & pl.col("share_least").is_not_null()
    state = pl.when(~is_known).then(pl.lit(UNKNOWN)).when(is_low).then(pl.lit(LOW)).when(is_high).then(pl.lit(HIGH))
    both_low = is_low & (pl.col("share_least_b").round(9) < policy.least_share)
    both_high = is_high & (pl.col("share_most_b").round(9) > policy.most_share)
    return found.with_columns(
        state=state.otherwise(pl.lit(ADEQUATE)),
        is_surely_low=is_known & both_low.fill_null(False),
        is_surely_high=is_known & both_high.fill_null(False),
    ).sort(_OF_A_DAY)


def _known(facts: Facts) -> pl.DataFrame:
    """Of each patient with a dose on record: since when and until when doses are known, and whether the patient is a child."""
    doses = facts.shared(treatment_doses)
    begun = facts.prepared.begun
    heard = begun.silent_since(DOSES_GIVEN) or begun.last_heard_of(DOSES_GIVEN)
    found = doses.group_by("patient_id").agg(known_until=pl.lit(heard, dtype=pl.Datetime("us", "UTC")).first())
    return found.join(facts.shared(is_under_age), on="patient_id", how="left")


@nobody_without(DOSES_GIVEN)
def given_on_days(facts: Facts) -> pl.DataFrame:
    """Each treated day on which a dose was given, whatever is left of the one before: patient_id, day, group (null: not listed)."""
    given = facts.shared(treatment_doses).filter(pl.col("administered") == GIVEN)
    return (
        facts.shared(treated_days)
        .join(given.select("patient_id", "group", "given_at"), on="patient_id")
        .filter((pl.col("given_at") >= pl.col("starts")) & (pl.col("given_at") < pl.col("ends")))
        .select("patient_id", "day", "group")
        .unique()
    )


def _unlisted_days(facts: Facts) -> pl.DataFrame:
    """Days on which a drug that the protocol does not list was given as treatment."""
    unlisted = facts.shared(given_on_days).filter(pl.col("group").is_null())
    return unlisted.select("patient_id", "day", has_unlisted=pl.lit(True))


def _why_unknown(facts: Facts, delivered: bool) -> pl.Expr:
    """The first reason why the day of the drug can't be judged; null where it can."""
    unread = pl.col("patient_id").is_in(sorted(facts.prepared.begun.unread_of(DOSES_GIVEN)))
    is_least = pl.col("share_least").round(9) >= facts.protocol.exposure.least_share
    reasons = (
        ("under_age", pl.col("is_under_age")),
        ("doses_not_known", pl.col("ends") > pl.col("known_until")),
        ("doses_unread", unread & ~is_least.fill_null(False)),
        ("unlisted_drug_given", pl.col("has_unlisted") & ~is_least.fill_null(False)),
        ("dose_or_weight_unknown", pl.col("amount").is_null()),
        ("no_table_of_doses", ~pl.col("drug").is_in(list(facts.protocol.doses))),
        (None, pl.col("kidney_unknown").is_not_null() & pl.col("band").is_null()),
        (
            "kidney_function_unknown",
            pl.col("band").is_null() & pl.col("kidney").is_null() & pl.col("modality").is_null(),
        ),
        ("no_dose_in_table", pl.col("least").is_null()),
    )
    found = pl.lit(None, dtype=pl.String)
    for code, holds in reversed(reasons):
        said = pl.col("kidney_unknown") if code is None else pl.lit(code)
        found = pl.when(holds.fill_null(False)).then(said).otherwise(found)
    return found
