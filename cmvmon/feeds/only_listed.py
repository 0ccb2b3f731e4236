"""Rows of others in a table of which only some are meant (`only` of a table file): counted and left, but never one that sounds
like ours: a code that changed overnight would else make a ward silent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cmvmon.domain.columns import RowType
from cmvmon.feeds.cmv_drugs import sounds_like_a_drug
from cmvmon.feeds.cmv_names import sounds_like_cmv
from cmvmon.feeds.records import Fault, Records
from cmvmon.feeds.table_file import TableForm
from cmvmon.feeds.value_grammar import fold

_SHORTEST = 5  # letters of a drug's name that is looked for within a longer one


def only_listed(records: Records, rows: RowType, form: TableForm) -> tuple[Records, frozenset[int]]:
    """The records that are meant, and the numbers of the others. One that is not listed and sounds like ours has a fault: of a
    table of drugs one that sounds like any that the protocol lists, whatever the file declares."""
    if not form.only_column:
        return records, frozenset()
    is_of_drugs = "drug" in rows.schema
    names = [word for word in form.words.get("drug", {}) if len(word) >= _SHORTEST] if is_of_drugs else []
    faults: dict[int, Fault] = {}
    others: set[int] = set()
    for record in records.readable:
        code = records.cell(record, form.only_column)
        if fold(code) in form.only:
            continue
        called = f"{code} {records.names_of_tests.get(record.number, '')}"
        if not called.strip() or _sounds_like(called, names, is_of_drugs=is_of_drugs):
            faults[record.number] = Fault("unlisted_code", form.only_column)
        else:
            others.add(record.number)
    kept = tuple(record for record in records.records if record.number not in others)
    return replace(records, records=kept, faults={**records.faults, **faults}), frozenset(others)


def _sounds_like(called: str, names: Collection[str], *, is_of_drugs: bool) -> bool:
    folded = fold(called)
    return (
        sounds_like_cmv(called)
        or (is_of_drugs and sounds_like_a_drug(called))
        or any(name in folded for name in names)  # the site's own words
    )
