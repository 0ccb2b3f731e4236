"""What the tests of the flows share: every `cmvmon serve` that one starts ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.serving import Served


@pytest.fixture
def served() -> Iterator[list[Served]]:
    """Every start of a test; none outlives it."""
    starts: list[Served] = []
    yield starts
    for each in starts:
        each.put_away()
