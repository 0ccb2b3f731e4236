"""The contracts as committed: they are ODCS v3.1, and hold every column and promise of the row types."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from cmvmon.data_contracts.gate import contract_texts
from cmvmon.data_contracts.odcs import contract_text
from cmvmon.data_contracts.reading import merged, read_contract
from cmvmon.domain.columns import RowType
from cmvmon.domain.tables import TABLES

SCHEMA = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))
STANDARD = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
COMMITTED = [(table.name, place) for table in TABLES for place in (0, 1)]


@pytest.mark.parametrize(("table", "place"), COMMITTED)
def test_a_contract_is_valid_by_the_standards_own_schema_and_model(table: str, place: int) -> None:
    text = contract_texts(table)[place]
    document = yaml.safe_load(text)
    STANDARD.validate(document)
    assert document["apiVersion"] == "v3.1.0"
    model = OpenDataContractStandard.from_string(text)
    assert model.schema_ is not None
    assert model.schema_[0].name == table
    # The model ignores what it does not know: nothing that we write may be lost in it.
    assert model.model_dump(exclude_unset=True, by_alias=True) == document


def test_the_standards_schema_refuses_a_rule_that_is_not_one() -> None:
    """So that the test above can fail."""
    document = yaml.safe_load(contract_texts("assays")[0])
    document["schema"][0]["properties"][0]["quality"][0]["metric"] = "nearlyNull"
    with pytest.raises(jsonschema.ValidationError):
        STANDARD.validate(document)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_contract_read_back_holds_every_column_and_promise_of_its_row_type(table: RowType) -> None:
    contract = merged([read_contract(text) for text in contract_texts(table.name)], table.name)
    assert dict(contract.columns) == {column.name: column.kind for column in table.columns}
    assert contract.key == table.key
    one_row = contract.rules[: len(table.constraints)]
    assert [rule.promise for rule in one_row] == list(table.constraints)
    assert [(rule.name, rule.sentence) for rule in one_row] == [(c.code, c.sentence) for c in table.constraints]
    assert {rule.severity for rule in one_row} == {"error"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_committed_contract_is_the_one_that_its_row_type_gives(table: RowType) -> None:
    assert contract_text(table) == contract_texts(table.name)[0]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_units_null_meanings_and_who_fills_a_column_are_told(table: RowType) -> None:
    written = yaml.safe_load(contract_text(table))["schema"][0]["properties"]
    for column, entry in zip(table.columns, written, strict=True):
        told = {each["property"]: each["value"] for each in entry.get("customProperties", [])}
        assert told.get("unit", "") == column.unit
        assert told.get("nullMeans", "") == column.null_means
        assert ("filledBy" in told) is not column.exchanged
        assert (entry["description"], entry["required"]) == (column.description, not column.null_means)
