"""A word of the sender that no table knows is refused with the words that are read and the place to map it, table by table."""

from __future__ import annotations

import re
import tomllib

import pytest

from cmvmon.domain.constraints import OneOf
from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.feeds.reasons import remedy
from cmvmon.feeds.table_file import read_table_file

COLUMNS = [
    (table.name, column.name, promise)
    for table in DELIVERED
    if table.name != LEADING.name
    for column in table.rows.columns
    for promise in column.constraints
    if column.exchanged and isinstance(promise, OneOf)
]


@pytest.mark.parametrize(("table", "column", "promise"), COLUMNS, ids=lambda of: of if isinstance(of, str) else "")
def test_a_refused_word_is_told_what_is_read_and_where_it_is_mapped(table: str, column: str, promise: OneOf) -> None:
    said = remedy(promise.code)
    assert "breaks the promise" not in said
    assert f"`{column}` is one of {', '.join(promise.values)}" in said
    assert re.search(rf"In [^`]*\b{table}\b[^`]*`{column}` is one of {re.escape(', '.join(promise.values))}\.", said)


@pytest.mark.parametrize(("table", "column", "promise"), COLUMNS, ids=lambda of: of if isinstance(of, str) else "")
def test_what_the_hint_says_to_write_is_what_a_table_file_takes(table: str, column: str, promise: OneOf) -> None:
    key = promise.values[0] if promise.values[0].replace("_", "").isalnum() else f'"{promise.values[0]}"'
    text = f'feed = "records"\ndescription = "Invented"\n[{table}.words.{column}]\n{key} = ["woord van de afzender"]\n'
    tomllib.loads(text)
    file = read_table_file(text, name="records", drugs=frozenset({"ganciclovir"}))
    assert file.tables[table].words[column]["woord van de afzender"] == promise.values[0]


def test_a_column_of_one_name_in_two_tables_is_told_for_each() -> None:
    said = remedy("unknown_method")
    assert "genotype" in said
    assert "[kidney_function.words.method]" in said
    assert "not_cmv_load" not in remedy("unknown_route")
