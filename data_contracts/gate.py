"""The contract gate: which promises of its contract a table breaks. It never decides what follows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import polars as pl

from cmvmon.data_contracts.batch import pandas_batch
from cmvmon.data_contracts.engine import validate
from cmvmon.data_contracts.mapper import expectation, known_column, structure
from cmvmon.data_contracts.promises import Fresh, Known, WholeTable, broken_rows, rows_breaking
from cmvmon.data_contracts.reading import WARNING, Contract, Rule, merged, read_contract
from cmvmon.domain.errors import SiteError
from cmvmon.domain.tables import BY_NAME

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation


@dataclass(frozen=True)
class BrokenPromise:
    """One promise that a table breaks: its code, the column that is blamed (or ""), its sentence, and in how many rows.

    The count is polars' own. Nothing here holds a value of the table.
    """

    name: str
    column: str
    sentence: str
    n_rows: int


@dataclass(frozen=True)
class GateReport:
    """What the gate found: `passed` unless a promise of severity error is broken; warnings never stop a table."""

    table: str
    passed: bool
    broken: tuple[BrokenPromise, ...]
    warnings: tuple[BrokenPromise, ...]


def gate(
    table: str, frame: pl.DataFrame, *, as_of: datetime, references: Mapping[str, pl.Series] | None = None
) -> GateReport:
    """Which promises of its contract `frame` breaks, as Great Expectations judges them.

    Columns are judged first; a promise about a column that is missing or of another type is not put to Great
    Expectations (its error messages could quote a value) and counts as broken. So does one that it fails to judge.

    Args:
        table: a name in cmvmon.domain.tables.
        frame: the table; columns that the contract does not name are left alone.
        as_of: the moment that is judged, with its offset; freshness counts from it.
        references: the keys that rows may refer to, by the name that the contract gives them: one value per key, a
            struct where the key has several columns.

    Raises SiteError for a table without a contract, an as_of without an offset, or a reference that the contract needs
    and the caller did not give; never for broken data.
    """
    contract = contract_of(table)
    given = references or {}
    _check_call(contract, as_of, given)
    columns, rules = contract.columns, contract.rules

    wrong = _structural(columns, frame, _of_structure(table, tuple(frame.schema.items())))
    unsound = {found.column for found in wrong}
    askable = [rule for rule in rules if not unsound & set(rule.promise.columns)]

    flags = [
        rule.promise.flags(frame, given[rule.promise.reference]).alias(known_column(rule.promise))
        for rule in askable
        if isinstance(rule.promise, Known)
    ]
    sound = frame.select(name for name in columns if name not in unsound).with_columns(flags)
    answers = _answers(pandas_batch(sound), [expectation(rule, as_of=as_of) for rule in askable])
    found: list[tuple[str, BrokenPromise]] = [("error", breach) for breach in wrong]
    for rule, answer in zip(askable, answers, strict=True):
        if not answer.kept:
            n_rows = broken_rows(rule.promise, frame, as_of=as_of, references=given)
            found.append((rule.severity, _breach(rule, n_rows, answer.raised)))
    for rule in rules:
        if rule not in askable:
            found.append((rule.severity, _breach(rule, frame.height, "its column is missing or of another type")))
    broken = tuple(breach for severity, breach in found if severity != WARNING)
    return GateReport(table, not broken, broken, tuple(breach for severity, breach in found if severity == WARNING))


def live_gate(
    table: str, frame: pl.DataFrame, *, as_of: datetime, references: Mapping[str, pl.Series] | None = None
) -> GateReport:
    """The same promises, judged by polars alone: for one delivery while somebody waits for its page.

    Arguments, report and errors are those of `gate`. Great Expectations judges the same rows in the next night.
    """
    contract, given = contract_of(table), references or {}
    _check_call(contract, as_of, given)
    broken: list[BrokenPromise] = []
    warnings: list[BrokenPromise] = []
    for name, kind in contract.columns.items():
        if name not in frame.columns:
            broken.append(BrokenPromise("missing_column", name, f"the table has a column {name}", frame.height))
        elif frame.schema[name] != kind.dtype:
            broken.append(BrokenPromise("wrong_type", name, f"{name} holds a {kind.value}", frame.height))
    unsound = {found.column for found in broken}
    of_one_row = [
        rule.promise
        for rule in contract.rules
        if not isinstance(rule.promise, WholeTable) and not unsound & set(rule.promise.columns)
    ]
    counted = iter(rows_breaking(of_one_row, frame))
    for rule in contract.rules:
        if unsound & set(rule.promise.columns):
            breach = _breach(rule, frame.height, "its column is missing or of another type")
        else:
            is_whole = isinstance(rule.promise, WholeTable)
            n_rows = broken_rows(rule.promise, frame, as_of=as_of, references=given) if is_whole else next(counted)
            if not n_rows and not (isinstance(rule.promise, Fresh) and frame.is_empty()):  # no row is not fresh either
                continue
            breach = _breach(rule, n_rows, "")
        (warnings if rule.severity == WARNING else broken).append(breach)
    return GateReport(table, not broken, tuple(broken), tuple(warnings))


@cache
def contract_of(table: str) -> Contract:
    """The contract of one table; the texts are the package's, so they are read once. Raises SiteError where there is none."""
    return merged([read_contract(text) for text in contract_texts(table)], table)


def contract_texts(table: str) -> list[str]:
    """The contracts of one table as committed: the generated one, then the hand-written one on the whole table."""
    if table not in BY_NAME:
        raise SiteError(f"there is no contract for table {table!r}; there is one for {', '.join(BY_NAME)}")
    folder = resources.files("cmvmon.data_contracts") / "contracts"
    names = (f"{table}.odcs.yaml", f"{table}.whole_table.odcs.yaml")
    return [(folder / name).read_text(encoding="utf-8") for name in names]


@lru_cache(maxsize=64)
def _of_structure(table: str, schema: tuple[tuple[str, pl.DataType], ...]) -> tuple[_Answer, ...]:
    """What Great Expectations says of names and types: asked of the table without its rows, which holds no value, and once in
    a process of each."""
    columns = contract_of(table).columns
    bones = pl.DataFrame(schema={name: kind for name, kind in schema if name in columns})
    return tuple(
        _answers(pandas_batch(bones.select(name for name in columns if name in bones.columns)), structure(columns))
    )


@dataclass(frozen=True)
class _Answer:
    kept: bool
    raised: str  # the type of the error that kept Great Expectations from judging, or ""


def _answers(batch: Any, asked: Sequence[Expectation]) -> list[_Answer]:
    """One answer per expectation, in the order asked. A result is matched by its place, which travels in `meta`."""
    if not asked:
        return []
    for place, each in enumerate(asked):
        each.meta = {"place": place}
    answers: dict[int, _Answer] = {}
    for result in validate(batch, list(asked)).results:
        config = result.expectation_config
        raised = _raised(result.exception_info)
        if config is not None:
            answers[config.meta["place"]] = _Answer(bool(result.success) and not raised, raised)
    return [answers.get(place, _Answer(False, "no answer")) for place in range(len(asked))]


def _raised(info: Mapping[str, Any] | None) -> str:
    """The type name of an error in an expectation's result; its message is left where it is: it may quote a value."""
    for each in (info or {}), *(value for value in (info or {}).values() if isinstance(value, Mapping)):
        if each.get("raised_exception"):
            last = str(each.get("exception_traceback") or "").strip().rpartition("\n")[2]
            name = re.match(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*(?:Error|Exception|Warning))(?=:|$)", last)
            return name.group(1) if name else "unknown error"
    return ""


def _structural(columns: Mapping[str, Any], frame: pl.DataFrame, answers: Sequence[_Answer]) -> list[BrokenPromise]:
    """Columns that are missing, else of another type. Two answers stand for each column: it exists, it has its type."""
    broken = []
    for (name, kind), exists, typed in zip(columns.items(), answers[::2], answers[1::2], strict=True):
        if not exists.kept:
            broken.append(BrokenPromise("missing_column", name, f"the table has a column {name}", frame.height))
        elif not typed.kept:
            broken.append(BrokenPromise("wrong_type", name, f"{name} holds a {kind.value}", frame.height))
    return broken


def _breach(rule: Rule, n_rows: int, reason: str) -> BrokenPromise:
    column = rule.promise.columns[0] if rule.promise.columns else ""
    sentence = f"{rule.sentence}: this could not be judged ({reason})" if reason else rule.sentence
    return BrokenPromise(rule.name, column, sentence, n_rows)


def _check_call(contract: Contract, as_of: datetime, references: Mapping[str, pl.Series]) -> None:
    table = contract.table
    if as_of.tzinfo is None:
        raise SiteError(f"the gate for {table} was given an as_of without an offset; give it in UTC")
    promises = [rule.promise for rule in contract.rules]
    needed = {promise.reference: promise.columns for promise in promises if isinstance(promise, Known)}
    missing, unasked = sorted(set(needed) - set(references)), sorted(set(references) - set(needed))
    if missing:
        told = "; ".join(f"{name} = keys of ({', '.join(needed[name])})" for name in missing)
        raise SiteError(f"the contract of {table} needs a reference that was not given: {told}")
    if unasked:
        raise SiteError(f"the contract of {table} refers to no {', '.join(unasked)}; leave it out")
