"""Every delivery in this folder is taken in as the file beside it expects. Adding a pair of files adds a test.

`<feed>/<case>.csv` is delivered on 2026-06-01 12:00 UTC to the shipped laboratory `<feed>` (or, where `table` is
a course or stay table, to no laboratory); `<feed>/<case>.expected.json` says what comes of it. All data are synthetic.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.tables import BY_NAME
from tests.feeds.shipped import NAMES, deliver

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.csv"))


def expected(case: Path) -> dict[str, Any]:
    return dict(json.loads(case.with_suffix(".expected.json").read_text("utf-8")))


def shown(case: Path, want: dict[str, Any]) -> dict[str, Any]:
    """What `ingest` makes of the file, in the form of the expectation."""
    table = want.get("table", "viral_load_results")
    to = case.parent.name if table == "viral_load_results" else ""
    intake = deliver(case.read_bytes(), to, table, history=want.get("history", False))
    fields = want.get("fields", [])
    rows = [
        [row["line"], *(value.isoformat() if hasattr(value := row[field], "isoformat") else value for field in fields)]
        for row in intake.accepted.iter_rows(named=True)
    ]
    reasons = [[row["line"], row["reason"], row["column"]] for row in intake.quarantined.iter_rows(named=True)]
    return {
        "received": intake.received,
        "accepted": intake.accepted.height,
        "quarantined": intake.quarantined.height,
        "ignored": intake.ignored,
        "refused": intake.refused and intake.refused.code,
        "rows": rows,
        "reasons": reasons,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_a_delivery_is_taken_in_as_expected(case: Path) -> None:
    want = expected(case)
    got = shown(case, want)
    assert got == {key: want[key] for key in got}
    assert got["received"] == got["accepted"] + got["quarantined"] + got["ignored"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_what_is_taken_in_conforms_to_its_row_type_and_says_how_to_mend_the_rest(case: Path) -> None:
    want = expected(case)
    table = want.get("table", "viral_load_results")
    intake = deliver(case.read_bytes(), case.parent.name if table == "viral_load_results" else "", table)
    row_type = BY_NAME[table]
    assert intake.accepted.select(row_type.schema.keys()).equals(row_type.conform(intake.accepted))
    assert intake.quarantined.equals(BY_NAME["quarantined_records"].conform(intake.quarantined))
    assert intake.quarantined["remedy"].str.len_chars().min() != 0
    for text in (*intake.accepted["delivered_text"], *intake.quarantined["delivered_text"]):
        assert text == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)


def test_every_shipped_laboratory_has_a_delivery_and_every_expectation_has_its_file() -> None:
    assert set(NAMES) <= {case.parent.name for case in CASES}
    assert {path.with_suffix("").with_suffix(".csv") for path in HERE.glob("*/*.expected.json")} == set(CASES)
    assert all(expected(case)["says"] for case in CASES)
