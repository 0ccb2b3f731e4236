"""A file of many records is stored a part at a time, and comes to what it would at once. All made up."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.taken_in import intake_store
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.depth import examples
from tests.sites import course, day, drop, result, text

# Few numbers and few values, so that records repeat, correct, withdraw and contradict each other.
_RESULTS = st.builds(
    lambda who, number, value, status, hour: result(
        f"P{who}", 0, value, status=status, accession=f"A{number}", reported=text(day(1 + hour / 24))
    ),
    st.integers(1, 2), st.integers(1, 4), st.sampled_from([500, 600, "?"]), st.sampled_from("FCWP"), st.integers(0, 2),
)  # fmt: skip
_COURSES = st.builds(
    lambda who, stop: course(f"P{who}", stop=stop), st.integers(1, 4), st.sampled_from([None, 3.0, 4.0])
)


def stored(files: Sequence[Sequence[str]], table: str, at_once: int) -> tuple[list[Counted], object]:
    """Counts, and every row of the store but for the order in which rows were numbered."""
    with tempfile.TemporaryDirectory() as folder, patch.object(intake_store, "_AT_ONCE", at_once):
        root, counted = Path(folder), []
        with open_site(root) as opened:
            for n, lines in enumerate(files):
                path = drop(root, table, lines, name=f"{n}.csv")
                counted += take_in_file(opened, path, feed="synthetic", table=table, received_at=day(9 + n))
        found = sites.everything(root)
        found[table] = sorted((row[1:] for row in found[table]), key=repr)
        return counted, found


@pytest.mark.parametrize(("table", "lines"), [("viral_load_results", _RESULTS), ("antiviral_courses", _COURSES)])
def test_a_delivery_stored_two_records_at_a_time_is_the_same(table: str, lines: st.SearchStrategy[str]) -> None:
    @given(files=st.lists(st.lists(lines, min_size=3, max_size=9), min_size=1, max_size=2, unique_by=tuple))
    @settings(max_examples=examples(6, 12), deadline=None)
    def is_the_same(files: list[list[str]]) -> None:
        assert stored(files, table, 2) == stored(files, table, 1_000)

    is_the_same()
