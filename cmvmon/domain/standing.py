"""Which rows of a table stand, of all the versions that were received: the last of each record, withdrawn ones left out.

Two rows of one record that came last together, or two records that say the same key, can't be told apart: neither is
chosen. What they say of time is joined, from the first start to the last end; where one of them goes on, the joined row
goes on. Of everything else, what they do not agree on is unknown (null). Where a row can't be without that, none stands.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.delivered import Delivered

_ARRIVED = ("received_at", "landed_at")


def standing(versions: pl.DataFrame, table: Delivered) -> pl.DataFrame:
    """The rows that stand, one for each key and patient (see `standing_and_fallen`)."""
    return standing_and_fallen(versions, table)[0]


def standing_and_fallen(versions: pl.DataFrame, table: Delivered) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that stand, one for each key and patient, and the joined ones that break a promise of their table: none stands
    for these records.

    `versions`: columns of the table, `record_key`, `landed_at`, `is_withdrawn`; a record is what has one `record_key`. Of a table
    with statements also `is_statement` (never null).
    """
    if table.stated and "is_statement" in versions.columns:
        versions = versions.filter(~_stated_before(table))
    ordered = versions.sort("record_key", *_ARRIVED)
    if ordered["record_key"].n_unique() < ordered.height:
        ordered = ordered.filter(_stamp().over("record_key") == _stamp().max().over("record_key"))
    last = ordered.filter(~pl.col("is_withdrawn").any().over("record_key"))
    last = _of_whole(last, table) if table.whole else last
    key = list(dict.fromkeys((*table.rows.key, "patient_id")))
    several = pl.struct(key).is_duplicated()
    joined = last.filter(several)
    if joined.is_empty():
        return last.select(*table.rows.schema), table.rows.empty()
    others = [name for name in table.rows.schema if name not in key]
    rows = joined.group_by(key, maintain_order=True).agg(*_joined(others, table)).select(*table.rows.schema)
    rows, fallen = split_by_promises(rows, table.rows)
    return pl.concat([last.filter(~several).select(*table.rows.schema), rows]), fallen.select(*table.rows.schema)


def _stated_before(table: Delivered) -> pl.Expr:
    """Whether a row is a statement, and another statement of its record was made later; without a moment, when it was received."""
    is_statement = pl.col("is_statement")
    at = pl.when(is_statement).then(pl.coalesce(table.stated, "received_at"))
    return is_statement & (at < at.max().over("record_key"))


def _stamp() -> pl.Expr:
    return pl.struct(*_ARRIVED).rank("dense")


def _joined(names: Iterable[str], table: Delivered) -> list[pl.Expr]:
    """Each of these columns of several rows as one."""
    return [_of_several(name, table).alias(name) for name in names]


def _of_several(name: str, table: Delivered) -> pl.Expr:
    value = pl.col(name)
    if name == table.starts:  # null where one of them takes back what the other states
        return pl.when(value.is_not_null().all()).then(value.min())
    if name == "received_at":
        return value.max()
    if name in table.ends:
        return pl.when(value.is_not_null().all()).then(value.max())
    return pl.when(value.n_unique() == 1).then(value.first())


def _of_whole(last: pl.DataFrame, table: Delivered) -> pl.DataFrame:
    """The rows with what the last word on their whole says of all of it: several rows may stand for one stay."""
    whole = [table.whole, "patient_id"]
    if last.select(whole).n_unique() == last.height:
        return last
    newest = last.filter(_stamp().over(whole) == _stamp().max().over(whole))
    said = newest.group_by(whole).agg(*_joined(table.of_whole, table))
    return last.drop(table.of_whole).join(said, on=whole, how="left", maintain_order="left").select(last.columns)
