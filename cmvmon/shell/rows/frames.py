"""Rows of the store as frames, equal whichever database they come from."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import sqlalchemy as sa

from cmvmon.shell import dialects


def framed(
    connection: sa.Connection, query: sa.Select[tuple[object, ...]], types: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """The rows of the query as columns of these types (text where none is named). Moments are read all at once."""
    dialect = dialects.of(connection)
    moments = {name for name, dtype in types.items() if isinstance(dtype, pl.Datetime)}
    columns = [
        dialect.selected_moment(column).label(column.name) if column.name in moments else column
        for column in query.selected_columns
    ]
    rows = connection.execute(query.with_only_columns(*columns)).fetchall()
    names = [str(column.name) for column in columns]
    values = zip(*rows, strict=True) if rows else ((),) * len(names)
    frame = pl.DataFrame(
        pl.Series(name, list(column), dtype=None if name in moments else types.get(name, pl.String()))
        for name, column in zip(names, values, strict=True)
    )
    return frame.with_columns(dialect.framed_moment(name) for name in names if name in moments)
