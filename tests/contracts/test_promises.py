"""What breaks a promise about a whole table, and how many rows do: by small tables."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cmvmon.data_contracts.gate import BrokenPromise, GateReport, _Answer
from cmvmon.data_contracts.promises import Fresh, Known, RowCount, Unique, broken_rows, rows_breaking
from cmvmon.data_contracts.reading import Contract, Rule
from cmvmon.domain.constraints import Between, NotNull

AS_OF = datetime(2026, 3, 31, 4, tzinfo=UTC)


def broken(promise: Unique | RowCount | Known | Fresh, frame: pl.DataFrame, **references: pl.Series) -> int:
    return broken_rows(promise, frame, as_of=AS_OF, references=references)


def test_of_a_key_of_one_column_nulls_are_no_doubles_and_of_several_they_are() -> None:
    frame = pl.DataFrame({"a": ["x", "x", None, None], "b": ["1", "2", None, None]})
    assert broken(Unique(("a",)), frame) == 2
    assert broken(Unique(("a", "b")), frame) == 2
    assert broken(Unique(("b",)), frame) == 0


@pytest.mark.parametrize(("n", "lacking"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_the_rows_that_are_lacking_are_counted(n: int, lacking: int) -> None:
    assert broken(RowCount(2), pl.DataFrame({"a": ["x"] * n}, schema={"a": pl.String})) == lacking


def test_a_row_is_known_by_one_column_or_by_several_in_the_order_of_the_rows() -> None:
    frame = pl.DataFrame({"a": ["x", "y", None, "x"], "b": ["1", "1", "1", None]})
    assert Known(("a",), "r").flags(frame, pl.Series(["x", "x", "z"])).to_list() == [True, False, False, True]
    keys = pl.DataFrame({"a": ["x", None], "b": [None, "1"]}).to_struct()
    assert Known(("a", "b"), "r").flags(frame, keys).to_list() == [False, False, True, True]
    assert broken(Known(("a",), "r"), frame, r=pl.Series(["x"])) == 2


@pytest.mark.parametrize(
    ("hours", "n_broken"), [((48.0,), 0), ((48.01,), 1), ((60.0, 47.0), 0), ((60.0, 49.0), 2), ((), 0)]
)
def test_a_table_is_fresh_by_its_newest_moment(hours: tuple[float, ...], n_broken: int) -> None:
    frame = pl.DataFrame({"at": [AS_OF - timedelta(hours=h) for h in hours]}, schema={"at": pl.Datetime("us", "UTC")})
    fresh = Fresh("at", 48)
    assert fresh.columns == ("at",)
    assert fresh.earliest(AS_OF) == AS_OF - timedelta(hours=48)
    assert broken(fresh, frame) == n_broken


def test_the_promises_about_one_row_are_counted_in_their_order() -> None:
    frame = pl.DataFrame({"a": [1.0, 5.0, 12.0, None], "b": ["x", None, None, None]})
    promises = [Between("a", at_least=2.0, at_most=10.0), NotNull("b")]
    assert rows_breaking(promises, frame) == [2, 3]
    assert rows_breaking([], frame) == []
    assert rows_breaking(promises, frame.clear()) == [0, 0]


def test_a_promise_about_one_row_is_broken_by_the_rows_that_break_it() -> None:
    frame = pl.DataFrame({"a": [1.0, 5.0, 12.0, None, 3.0]})
    assert broken_rows(Between("a", at_least=2.0, at_most=10.0), frame, as_of=AS_OF, references={}) == 2
    assert broken_rows(NotNull("a"), frame, as_of=AS_OF, references={}) == 1


@pytest.mark.parametrize(
    "said",
    [
        Unique(("a",)),
        RowCount(1),
        Known(("a",), "r"),
        Fresh("at", 48),
        Rule("code", "sentence", "error", RowCount(1)),
        Contract("table", {}, (), ()),
        BrokenPromise("code", "a", "sentence", 1),
        GateReport("table", True, (), ()),
        _Answer(True, ""),
    ],
    ids=lambda said: type(said).__name__,
)
def test_what_is_kept_for_a_whole_process_can_not_be_changed(said: object) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(said, fields(said)[0].name, None)  # type: ignore[arg-type]
