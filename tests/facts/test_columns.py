"""What the columns of facts promise of their values, at the very limits."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.domain.columns import Column, RowType, split_by_promises
from cmvmon.facts import columns


@pytest.mark.parametrize(
    ("column", "kept", "broken"),
    [
        (columns.count("x", "Made up."), [0, 7], [-1]),
        (columns.load("x", "Made up.", "none"), [0.0, 0.5, 1e12], [-0.5]),
        (columns.log10("x", "Made up.", "none"), [-20.0, 20.0], [-20.5, 20.5]),
        (columns.one_of("x", ("a", "b"), "Made up."), ["a", "b"], ["c"]),
    ],
)
def test_a_value_outside_of_what_a_fact_can_be_breaks_its_promise(
    column: Column, kept: list[object], broken: list[object]
) -> None:
    rows = RowType("made_up", "Made up.", ("n",), (columns.count("n", "Made up."), column))
    frame = pl.DataFrame({"n": range(len(kept) + len(broken)), "x": [*kept, *broken]}, schema=rows.schema)
    good, bad = split_by_promises(frame, rows)
    assert (good["x"].to_list(), bad.height) == (kept, len(broken))
