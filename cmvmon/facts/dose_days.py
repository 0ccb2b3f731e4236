"""What was given on each day of a treatment, against the doses for the kidney function of that day: no fact table itself.

What was given is `doses_by_day`; what is held against a band is the dose of 24 hours.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.birth_dates import BIRTH_DATES, ZONES_DIFFER
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.facts.columns import first_reason
from cmvmon.facts.doses_by_day import bands, given_by_day, judged_doses
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.kidney_days import TREATED, dosed_days
from cmvmon.facts.nobody import nobody_without

ADEQUATE, LOW, HIGH, UNKNOWN = STATES = ("adequate", "low", "high", "unknown")
WHY_UNKNOWN = (
    "under_age",
    "doses_unread",
    "doses_not_known",
    "unlisted_drug_given",
    "dose_or_weight_unknown",
    "no_table_of_doses",
    "no_prophylaxis_dose_in_table",
    "no_dose_in_table",
    "kidney_function_unread",
    "kidney_function_not_steady",
    "kidney_function_unknown",
)
_OF_A_DAY = ["patient_id", "drug", "day"]


def is_under_age(facts: Facts) -> pl.DataFrame:
    """Patients with a date of birth on record that has come: whether they are younger than `[exposure] adult_from_years`.

    A date that is still to come (2062 for 1962) makes no adult a child; in another zone it may be tomorrow.
    """
    years, today = facts.protocol.exposure.adult_from_years, facts.as_of.date()
    born = pl.col("born_on").str.to_date("%Y-%m-%d", strict=False)
    has_come = facts.prepared.begun[BIRTH_DATES].filter(born <= today + ZONES_DIFFER)
    return has_come.select("patient_id", is_under_age=born.dt.offset_by(f"{years:.0f}y") > pl.lit(today))


@nobody_without(DOSES_GIVEN)
def drug_days(facts: Facts) -> pl.DataFrame:
    """Each dosed day of each drug of which a dose of the day's `purpose` is on record: its `state`, and why not known.

    Columns: patient_id, drug, group, day, ends, band, amount, least, most, kept_least, share_least, n_missed, state,
    unknown_because, is_surely_low, is_surely_high (against the band of the day before too: a change of band must last two days),
    is_maintenance (low, and as much as the maintenance of the band; of one that is given every second day the mean of two days
    counts), is_within_treatment (no more than its treatment dose).

    One group is judged as one: of ganciclovir and valganciclovir on one day the shares of both are added.
    """
    policy, begun = facts.protocol.exposure, facts.prepared.begun
    doses = facts.shared(judged_doses).filter(pl.col("administered") == GIVEN).drop_nulls("group")
    drugs = doses.select("patient_id", "drug", "group").unique()
    first = doses.group_by("patient_id", "group").agg(first_at=pl.col("given_at").min())
    is_counted = (pl.col("purpose") == TREATED) | (pl.col("starts") >= pl.col("first_at"))
    grid = (
        facts.shared(dosed_days).join(drugs, on="patient_id").join(first, on=["patient_id", "group"]).filter(is_counted)
    )
    found = (
        grid.select("patient_id", "drug", "group", "day", "starts", "ends")
        .join(facts.shared(bands).drop("starts", "ends", "anchor_at"), on=_OF_A_DAY, how="left")
        .join(facts.shared(given_by_day).drop("group"), on=_OF_A_DAY, how="left")
        .join(_known(facts), on="patient_id", how="left")
        .join(_unlisted_days(facts), on=["patient_id", "day"], how="left")
    )
    was_given = pl.col("n_missed").is_not_null()
    amount = pl.when(was_given).then("amount").otherwise(0.0)
    found = found.with_columns(amount=amount, n_missed=pl.col("n_missed").fill_null(0)).sort(_OF_A_DAY)
    day_before = pl.col("amount").shift(1, fill_value=0.0).over("patient_id", "drug")
    every_second_day = pl.col("kept_longest_h") == 48.0  # then what counts as maintenance is the mean of two days
    kept = pl.when(every_second_day).then((pl.col("amount") + day_before) * 0.5).otherwise("amount")
    found = found.with_columns(kept=kept)
    group = ["patient_id", "group", "day"]
    shares = {
        name: pl.when(pl.col(given) == 0.0).then(0.0).otherwise(pl.col(given) / pl.col(limit))
        for name, given, limit in (
            ("least", "amount", "least"),
            ("most", "amount", "most"),
            ("least_b", "amount", "least_before"),
            ("most_b", "amount", "most_before"),
            ("kept_least", "kept", "kept_least"),
            ("kept_most", "kept", "kept_most"),
            ("treated_most", "amount", "treated_most"),
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
    is_kept = (pl.col("share_kept_least").round(9) >= policy.least_share) & (
        pl.col("share_kept_most").round(9) <= policy.most_share
    )
    return found.with_columns(
        is_within_treatment=(pl.col("share_treated_most").round(9) <= policy.most_share).fill_null(False),
        is_maintenance=is_known & is_low & is_kept.fill_null(False),
        state=state.otherwise(pl.lit(ADEQUATE)),
        is_surely_low=is_known & both_low.fill_null(False),
        is_surely_high=is_known & both_high.fill_null(False),
    ).sort(_OF_A_DAY)


def _known(facts: Facts) -> pl.DataFrame:
    """Of each patient with a dose on record: since when and until when doses are known, and whether the patient is a child."""
    doses = facts.shared(judged_doses)
    begun = facts.prepared.begun
    heard = begun.silent_since(DOSES_GIVEN) or begun.last_heard_of(DOSES_GIVEN)
    found = doses.group_by("patient_id").agg(known_until=pl.lit(heard, dtype=pl.Datetime("us", "UTC")).first())
    return found.join(facts.shared(is_under_age), on="patient_id", how="left")


@nobody_without(DOSES_GIVEN)
def given_on_days(facts: Facts) -> pl.DataFrame:
    """Each dosed day on which a dose was given, whatever is left of the one before: patient_id, day, group (null: not listed)."""
    given = facts.shared(judged_doses).filter(pl.col("administered") == GIVEN)
    return (
        facts.shared(dosed_days)
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
        (pl.col("kidney_unknown"), pl.col("kidney_unknown").is_not_null() & pl.col("band").is_null()),
        (
            "kidney_function_unknown",
            pl.col("band").is_null() & pl.col("kidney").is_null() & pl.col("modality").is_null(),
        ),
        ("no_prophylaxis_dose_in_table", pl.col("least").is_null() & (pl.col("purpose") == words.PROPHYLAXIS)),
        ("no_dose_in_table", pl.col("least").is_null()),
    )
    return first_reason(reasons)
