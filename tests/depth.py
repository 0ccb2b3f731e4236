"""How far a test looks: a part of it in `make test`, all of it in `make test-long` (docs/decisions/0017-suite.md).

What is only in the long form bears the mark `long`. What is there in both, smaller in `make test`, asks `examples`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

LONG = "CMVMON_LONG" in os.environ


def examples(few: int, many: int) -> int:
    """How many examples, nights or deliveries: `few` in `make test`, `many` in `make test-long`."""
    return many if LONG else few


def one_of(values: Sequence[Any], *, place: int, ids: Callable[[Any], str] | None = None) -> list[Any]:
    """The parameters of a test of which `make test` asks one, by its place, and `make test-long` all.

    Tests that ask one thing of many pages take them in turn (`place` = the number of the page), so that each value has its share.
    """
    return [
        pytest.param(
            value, id=None if ids is None else ids(value), marks=[] if n == place % len(values) else [pytest.mark.long]
        )
        for n, value in enumerate(values)
    ]
