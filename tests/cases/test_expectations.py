"""The words of expected.toml: each holds where it should, fails where it should not, and a slip in one is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cases.expectations import not_held, read
from tests.cases.site_state import Edit, State, after_last_night

ROWS = [
    {"patient_id": "K1", "load": 1200.0, "assay": None, "clash": False, "at": datetime(2026, 3, 2, 7, tzinfo=UTC)},
    {"patient_id": "K2", "load": 35.0, "assay": "a1 [new]", "clash": True, "at": datetime(2026, 3, 9, 7, tzinfo=UTC)},
]
STATE = State(
    {"results": ROWS, "alerts": []},
    {"results": frozenset(ROWS[0]), "alerts": frozenset({"rule"})},
    {"ward": "Today (1) K1 rose to 900,000 IU/mL.", "K1": "4 preliminary results known, the last of 23 Mar 2026."},
)
K1 = {"of": "results", "patient_id": "K1"}
HOLDS: list[dict[str, Any]] = [
    K1,
    {**K1, "load": ">= 1200", "assay": "null", "clash": False},
    {**K1, "at": datetime(2026, 3, 2, 8, tzinfo=UTC).replace(hour=7)},
    {"of": "results", "assay": "a1 [*", "rows": 1},
    {"of": "results", "load": "< 100", "rows": 1},
    {"of": "results", "rows": 2},
    {"of": "results", "load": "!= 35", "rows": 1},
    {"of": "alerts", "rows": 0},
    {"page": "ward", "says": "rose to .* IU"},
    {"page": "K1", "says": "4 preliminary[^.]*23 Mar"},
    {"either": [{"of": "alerts"}, K1]},
    {"all": [K1, {"of": "results", "patient_id": "K2"}]},
]
FAILS: list[dict[str, Any]] = [
    {"of": "alerts", "rule": "rebound"},
    {**K1, "rows": 0},
    {**K1, "load": "> 1200"},
    {**K1, "assay": "*"},
    {**K1, "clash": True},
    {"of": "results", "at": datetime(2026, 3, 2, 8, tzinfo=UTC)},
    {"of": "results", "rows": 1},
    {"page": "ward", "never": "900,000"},
    {"page": "K9", "says": "anything"},
    {"page": "K9", "never": "anything"},  # a page that is not there says nothing, and shows nothing either
    {"either": [{"of": "alerts"}, {**K1, "rows": 2}]},
    {"all": [K1, {"of": "alerts"}]},
]
SLIPS: list[dict[str, Any]] = [{"of": "results", "pateint_id": "K1"}, {"page": "ward"}, {"rows": 0}]


@pytest.mark.parametrize("entry", HOLDS, ids=str)
def test_what_is_so_is_found_to_hold(entry: dict[str, Any]) -> None:
    assert not_held([entry], STATE) == []


@pytest.mark.parametrize("entry", FAILS, ids=str)
def test_what_is_not_so_is_named_with_what_was_found(entry: dict[str, Any]) -> None:
    (fault,) = not_held([entry], STATE)
    assert ": " in fault


@pytest.mark.parametrize("entry", SLIPS, ids=str)
def test_a_slip_in_an_entry_is_an_error_and_never_a_fault_of_the_case(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"has no column|needs"):
        not_held([entry], STATE)


def test_an_expectation_without_a_sentence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "expected.toml").write_text('expected = "x"\nmsut = []\n', encoding="utf-8")
    with pytest.raises(ValueError, match="msut"):
        read(tmp_path)


def test_an_edit_that_meets_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "alfa.toml").write_text("x", encoding="utf-8")
    (tmp_path / "nights.txt").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="does not hold"):
        after_last_night(tmp_path, tmp_path / "site", [Edit("alfa.toml", "z", "y")])
