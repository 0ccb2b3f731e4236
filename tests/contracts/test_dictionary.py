"""The pages of tables and facts are those that the row types give: one row a column, the docstring above."""

from __future__ import annotations

from cmvmon.data_contracts.dictionary import data_dictionary, facts_dictionary
from tests.generate import ROOT


def test_the_committed_pages_are_those_that_the_row_types_give() -> None:
    assert data_dictionary() == (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert facts_dictionary() == (ROOT / "docs/facts.md").read_text(encoding="utf-8")
