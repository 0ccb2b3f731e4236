"""Rows of the store as frames, equal whichever database they come from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.shell import dialects


def framed(
    connection: sa.Connection,
    query: sa.Select[tuple[object, ...]],
    types: Mapping[str, pl.DataType],
    *,
    given: Mapping[str, object] | None = None,
) -> pl.DataFrame:
    """The rows of the query as columns of these types (text where none is named). Moments are read all at once.

    `given`: the values of the query's parameters, where it is one that is kept: it then holds none itself.
    """
    dialect = dialects.of(connection)
    moments = frozenset(name for name, dtype in types.items() if isinstance(dtype, pl.Datetime))
    asked, names = _selected(query, dialect, moments) if given is None else _kept(query, dialect, moments)
    rows = connection.execute(asked, given).fetchall()
    values = zip(*rows, strict=True) if rows else ((),) * len(names)
    frame = pl.DataFrame(
        pl.Series(name, list(column), dtype=None if name in moments else types.get(name, pl.String()))
        for name, column in zip(names, values, strict=True)
    )
    return frame.with_columns(dialect.framed_moment(name) for name in names if name in moments)


def _selected(
    query: sa.Select[tuple[object, ...]], dialect: dialects.Dialect, moments: frozenset[str]
) -> tuple[sa.Select[Any], tuple[str, ...]]:
    """The query with its moments as that database gives them fastest, and the names of its columns."""
    columns = [
        dialect.selected_moment(column).label(column.name) if column.name in moments else column
        for column in query.selected_columns
    ]
    return query.with_only_columns(*columns), tuple(str(column.name) for column in columns)


_kept = lru_cache(maxsize=200)(_selected)
