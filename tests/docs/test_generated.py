"""Every generated file is committed as the code would write it now."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmvmon.domain.tables import TABLES
from cmvmon.facts import all_fact_tables
from tests.generate import ROOT, generated

FILES = generated()


@pytest.mark.parametrize(("path", "text"), FILES, ids=[path for path, _ in FILES])
def test_a_generated_file_is_up_to_date(path: str, text: Callable[[], str]) -> None:
    committed = ROOT / path
    assert committed.exists(), f"{path} is missing: run `make generate`"
    assert committed.read_text(encoding="utf-8") == text(), f"{path} differs from its source: run `make generate`"


def test_no_contract_is_left_from_a_table_that_is_gone() -> None:
    contracts = {path.name for path in (ROOT / "data_contracts" / "contracts").iterdir()}
    kinds = (".odcs.yaml", ".whole_table.odcs.yaml")
    assert contracts == {f"{table.name}{kind}" for table in TABLES for kind in kinds}


@pytest.mark.parametrize("page", ["tables", "facts"])
def test_the_data_dictionaries_show_every_column_with_its_unit_and_what_null_means(page: str) -> None:
    tables = {"tables": TABLES, "facts": [table.rows for table in all_fact_tables().values()]}[page]
    page = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    for table in tables:
        section = page.split(f"## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            line = next(line for line in section.splitlines() if line.startswith(f"| `{column.name}`"))
            assert f"| {column.unit} |" in line or not column.unit
            assert (column.null_means or "never null") in line
        for constraint in table.constraints:
            assert constraint.code in section or constraint.code.startswith("missing_")
