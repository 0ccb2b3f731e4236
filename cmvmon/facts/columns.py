"""How the columns of fact tables are written: the keys that they share, and the kinds of fact that come again and again."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind
from cmvmon.domain.constraints import Between, OneOf

PLACE = ("patient_id", "compartment")
PATIENT_ID = Column("patient_id", Kind.TEXT, "The patient.")


def compartment(null_means: str = "") -> Column:
    """The compartment, as a part of a key."""
    return Column(
        "compartment",
        Kind.TEXT,
        "The compartment.",
        null_means=null_means,
        constraints=(OneOf("compartment", compartments.NAMES),),
    )


def series(null_means: str = "", *, nowhere: str = "") -> tuple[Column, ...]:
    """Compartment, laboratory and assay, as a part of a key; null where there is no series, or `nowhere` at all."""
    return (
        compartment(nowhere),
        Column("laboratory", Kind.TEXT, "The laboratory of the series.", null_means=null_means),
        Column("assay", Kind.TEXT, "The assay of the series.", null_means=null_means),
    )


def moment(name: str, description: str, null_means: str = "") -> Column:
    """An instant in UTC."""
    return Column(name, Kind.MOMENT, description, "UTC", null_means)


def yes_no(name: str, description: str, null_means: str = "") -> Column:
    """Whether something is so."""
    return Column(name, Kind.TRUTH, description, null_means=null_means)


def count(name: str, description: str, null_means: str = "") -> Column:
    """How many there are."""
    return Column(name, Kind.INTEGER, description, null_means=null_means, constraints=(Between(name, at_least=0),))


def load(name: str, description: str, null_means: str) -> Column:
    """A load, or a limit of one."""
    return Column(name, Kind.NUMBER, description, "IU/mL", null_means, (Between(name, at_least=0.0),))


def log10(name: str, description: str, null_means: str) -> Column:
    """How far one load stands above another."""
    return Column(name, Kind.NUMBER, description, "log10 IU/mL", null_means, (Between(name, at_least=-20, at_most=20),))


def one_of(name: str, values: tuple[str, ...], description: str, null_means: str = "") -> Column:
    """A word of a closed vocabulary."""
    return Column(name, Kind.TEXT, description, null_means=null_means, constraints=(OneOf(name, values),))


OF_A_SAMPLE = ("collected_at", "detection", "viral_load_iu_per_ml", "result_id")


def days(name: str, description: str, null_means: str = "") -> Column:
    """A number of days, to a thousandth; computed by `days_long`."""
    return Column(name, Kind.NUMBER, description, "days", null_means, (Between(name, at_least=0.0),))


def days_long(time: pl.Expr) -> pl.Expr:
    """A length of time in days, to a thousandth."""
    return by_constant(time.dt.total_seconds(), 86_400.0).round(3)


def hours_long(time: pl.Expr) -> pl.Expr:
    """A length of time in hours."""
    return by_constant(time.dt.total_seconds(), 3600.0)


def by_constant(value: pl.Expr, divisor: float) -> pl.Expr:
    """`value / divisor`, to the last bit the same for one row as for many.

    Polars divides a single row, and multiplies many by the reciprocal: the last digit of what an alert rests on would depend on
    how many other patients there are, and a change of it is recorded as a change of the alert.
    """
    return value * (1.0 / divisor)


def first_reason(reasons: Iterable[tuple[str | pl.Expr, pl.Expr]], otherwise: pl.Expr | None = None) -> pl.Expr:
    """Of reasons with their conditions the first that holds: a code, or a column that holds one. `otherwise`: where none does; null.

    A condition that is null does not hold.
    """
    found = pl.lit(None, dtype=pl.String) if otherwise is None else otherwise
    for reason, holds in reversed([*reasons]):
        said = pl.lit(reason) if isinstance(reason, str) else reason
        found = pl.when(holds.fill_null(False)).then(said).otherwise(found)
    return found


def weeks_long(time: pl.Expr) -> pl.Expr:
    """A length of time in weeks."""
    return by_constant(time.dt.total_seconds(), 604_800.0)


def named(which: str, columns: Iterable[str] = OF_A_SAMPLE) -> list[pl.Expr]:
    """The columns of one sample under its name: `<which>_collected_at` and so on, as `sample` tells of them."""
    return [pl.col(name).alias(f"{which}_{name}") for name in columns]


def sample(which: str, said: str, none: str) -> tuple[Column, ...]:
    """One sample as facts: `<which>_collected_at`, `_detection`, `_viral_load_iu_per_ml`, `_result_id`.

    Every sample that facts speak of is named so: `latest` and `previous` result of a series; `latest_point`,
    `previous_point` and `lowest_point` of what is watched for a rise.
    """
    return (
        moment(f"{which}_collected_at", f"When {said} was collected.", none),
        one_of(
            f"{which}_detection", words.DETECTION, f"What the assay said of {said}.", f"{none}, or its values conflict"
        ),
        load(f"{which}_viral_load_iu_per_ml", f"The load of {said}.", f"{none}, or not quantified"),
        Column(f"{which}_result_id", Kind.TEXT, f"The id of {said}.", null_means=none),
    )
