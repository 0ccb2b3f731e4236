"""Many small questions of polars, asked where they arise: without handing each to another thread and waiting for it.

polars hands every step to its pool of threads and sleeps until one of them wakes: 0.1 ms, of which the step on a table of one
patient is a fifth. What it calls back into Python for (`LazyFrame.map_batches`) it runs on the thread that asked, and steps
asked from there are done there, one after the other. See docs/decisions/0085-one-thread.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import polars as pl

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NOTHING = pl.DataFrame({"nothing": [0]})
_here = threading.local()


def in_one_thread(work: Callable[_P, _R]) -> Callable[_P, _R]:
    """`work`, with every step of polars that it asks for done on the calling thread. Its answer and its errors are its own.

    For work on the tables of a ward. Large tables lose the second core. Work inside such work is called as it is.
    """

    @wraps(work)
    def done(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if getattr(_here, "is_inside", False):
            return work(*args, **kwargs)
        answers: list[_R] = []
        errors: list[BaseException] = []

        def called_back(nothing: pl.DataFrame) -> pl.DataFrame:
            _here.is_inside = True
            try:
                answers.append(work(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - an interrupt too: polars would make another error of it
                errors.append(error)
            finally:
                _here.is_inside = False
            return nothing

        _NOTHING.lazy().map_batches(called_back, schema=_NOTHING.schema).collect()
        if errors:
            raise errors[0]
        return answers[0]

    return done
