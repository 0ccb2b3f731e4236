"""The rows of a number that was merged into another, as rows of the other: here alone, wherever what was known is read.

What is stored keeps the number that it came under, so that a merge that is undone leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from cmvmon.domain.delivered import Delivered
from cmvmon.domain.identity import content_hash, record_key
from cmvmon.domain.patient_links import Links


def under_one_number(versions: pl.DataFrame, table: Delivered, links: Links) -> pl.DataFrame:
    """Stored versions with each row under the number that its patient goes on under.

    A record that was delivered under both numbers is one record then, and of its versions the last one holds. The table of
    links itself stays as it is. Row order is not kept.
    """
    if table.says_who or not links.into:
        return versions
    is_old = pl.col("patient_id").is_in(sorted(links.into))
    if versions.filter(is_old).is_empty():
        return versions
    versions = _not_withdrawn(versions)
    old = versions.filter(is_old)
    moved = [dict(judged_under(row, table, links)) for row in old.to_dicts()]
    return pl.concat([versions.filter(~is_old), pl.DataFrame(moved, schema=versions.schema, orient="row")])


def _not_withdrawn(versions: pl.DataFrame) -> pl.DataFrame:
    """Without the records that were withdrawn last, each under its own number: what one number lacks, the other may hold."""
    if "is_withdrawn" not in versions.columns or not versions["is_withdrawn"].any():
        return versions
    stamp = pl.struct("received_at", "landed_at").rank("dense")
    is_last = stamp.over("record_key") == stamp.max().over("record_key")
    return versions.filter(~(is_last & pl.col("is_withdrawn")).any().over("record_key"))


def judged_under(row: Mapping[str, Any], table: Delivered, links: Links) -> Mapping[str, Any]:
    """One stored version, with key and content, as one of the number that its patient goes on under."""
    if table.says_who or row["patient_id"] not in links.into:
        return row
    told = dict(row) | {"patient_id": links.of(row["patient_id"])}
    is_numbered = row["record_key"] != record_key(row, table.rows)  # by its feed, whatever patient it is of
    key = row["record_key"] if is_numbered else record_key(told, table.rows)
    return told | {"record_key": key, "content": content_hash(told, table.rows)}
