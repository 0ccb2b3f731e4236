"""Every delivery in this folder is taken in as the file beside it expects. Adding a pair of files adds a test.

`<feed>/<case>.csv` is delivered on 2026-06-01 12:00 UTC to the shipped laboratory `<feed>` (or, where `table` is
a course or stay table, to no laboratory); `<feed>/<case>.expected.json` says what comes of it. Of an `.ndjson`, whose
records name their tables, it says so for each table. All data are synthetic.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.tables import BY_NAME
from cmvmon.feeds import formats
from cmvmon.feeds.csv_records import read_in_parts
from cmvmon.feeds.formats import FORMATS, format_of
from cmvmon.feeds.part import Part
from tests.feeds.shipped import NAMES, intake

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.glob("*/*") if format_of(path.name))


def expected(case: Path) -> dict[str, Any]:
    return dict(json.loads(case.with_suffix(".expected.json").read_text("utf-8")))


def parts_of(case: Path) -> list[tuple[Part, dict[str, Any]]]:
    """What `ingest` makes of the file, each part with what is expected of it."""
    want = expected(case)
    form = format_of(case.name)
    assert form is not None
    table = None if FORMATS[form].names_tables else want.get("table", "viral_load_results")
    to = case.parent.name if case.parent.name in NAMES else ""
    parts = intake(case.read_bytes(), to, table, form=form, history=want.get("history", False)).parts
    by_table = want.get("parts", {table: want})
    assert [part.table for part in parts] == list(by_table)
    return [(part, by_table[part.table]) for part in parts]


def shown(part: Part, want: dict[str, Any]) -> dict[str, Any]:
    """A part in the form of the expectation."""
    fields = want.get("fields", [])
    rows = [
        [row["line"], *(value.isoformat() if hasattr(value := row[field], "isoformat") else value for field in fields)]
        for row in part.accepted.iter_rows(named=True)
    ]
    reasons = [[row["line"], row["reason"], row["column"]] for row in part.quarantined.iter_rows(named=True)]
    return {
        "received": part.received,
        "accepted": part.accepted.height,
        "quarantined": part.quarantined.height,
        "ignored": part.ignored,
        "refused": part.refused and part.refused.code,
        "rows": rows,
        "reasons": reasons,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_a_delivery_is_taken_in_as_expected(case: Path) -> None:
    for part, want in parts_of(case):
        got = shown(part, want)
        assert got == {key: want[key] for key in got}
        assert got["received"] == got["accepted"] + got["quarantined"] + got["ignored"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_what_is_taken_in_conforms_to_its_row_type_and_says_how_to_mend_the_rest(case: Path) -> None:
    for part, _ in parts_of(case):
        row_type = BY_NAME.get(part.table)
        assert row_type is not None or part.accepted.is_empty()
        if row_type is not None:
            assert part.accepted.select(row_type.schema.keys()).equals(row_type.conform(part.accepted))
        assert part.quarantined.equals(BY_NAME["quarantined_records"].conform(part.quarantined))
        assert part.quarantined["remedy"].str.len_chars().min() != 0
        for text in (*part.accepted["delivered_text"], *part.quarantined["delivered_text"]):
            assert text == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)


def test_every_shipped_laboratory_has_a_delivery_and_every_expectation_has_its_file() -> None:
    assert set(NAMES) <= {case.parent.name for case in CASES}
    said = {path.name.removesuffix(".expected.json") for path in HERE.glob("*/*.expected.json")}
    assert said == {case.stem for case in CASES}
    assert all(case.with_suffix(".expected.json").exists() for case in CASES)
    assert all(expected(case)["says"] for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_delivery_read_two_records_at_a_time_is_the_same(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parts_of(case)
    monkeypatch.setattr(formats, "read_in_parts", partial(read_in_parts, at_once=2))
    for (one, _), (other, want) in zip(whole, parts_of(case), strict=True):
        assert shown(one, want) == shown(other, want)
        assert one.accepted.equals(other.accepted)
        assert one.quarantined.equals(other.quarantined)
        assert (one.named, str(one.refused)) == (other.named, str(other.refused))
