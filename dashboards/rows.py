"""Frames as rows. A page asks for the few rows of one patient many times over, and again in each language: they are made once.

A question to a frame costs as much for three rows as for thousands; a page asks some sixty, so here rows are plain Python.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import Any, Concatenate, ParamSpec, TypeVar

import polars as pl

Row = dict[str, Any]
T = TypeVar("T")
Beside = ParamSpec("Beside")


def once_a_frame(
    make: Callable[Concatenate[pl.DataFrame, Beside], T],
) -> Callable[Concatenate[pl.DataFrame, Beside], T]:
    """`make`, called once for a frame for as long as that frame lives. What it gives is shared: nobody may change it.

    What else it is given can be told apart by its content; for each of that it is called once.
    """
    kept: dict[int, tuple[weakref.ref[pl.DataFrame], dict[tuple[Any, ...], T]]] = {}

    def made(frame: pl.DataFrame, /, *beside: Beside.args, **named: Beside.kwargs) -> T:
        found, name, key = kept.get(id(frame)), id(frame), (*beside, *named.items())
        if found is None or found[0]() is not frame:
            found = kept[name] = (weakref.ref(frame, lambda _: kept.pop(name, None)), {})
        if key not in found[1]:
            found[1][key] = make(frame, *beside, **named)
        return found[1][key]

    return made


@once_a_frame
def rows_of(frame: pl.DataFrame) -> tuple[Row, ...]:
    """Its rows, in its order."""
    return tuple(frame.to_dicts()) if frame.height else ()


def rows_by(rows: Iterable[Row], *keys: str, descending: Collection[str] = (), nulls_last: bool = False) -> list[Row]:
    """Rows by these keys, the first one first, as `polars.DataFrame.sort` has them; rows that are alike keep their order.

    Args:
        descending: the keys of which the largest comes first.

    >>> [row["a"] for row in rows_by([{"a": 2}, {"a": None}, {"a": 1}], "a")]
    [None, 1, 2]
    """
    found = list(rows)
    for key in reversed(keys) if len(found) > 1 else ():
        known = [row for row in found if row[key] is not None]
        known.sort(key=itemgetter(key), reverse=key in descending)
        unknown = [row for row in found if row[key] is None] if len(known) < len(found) else []
        found = [*known, *unknown] if nulls_last else [*unknown, *known]
    return found
