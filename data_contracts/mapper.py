"""A contract's rules as Great Expectations expectations, each built in, for the pandas engine.

What Great Expectations asks must be what the polars expression of the same promise asks (tests/contracts). Where the
two engines differ by nature it is settled here or in batch.py: white space in a pattern, the end of a text, NaN.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cmvmon.data_contracts.engine import great_expectations
from cmvmon.data_contracts.odcs import PHYSICAL
from cmvmon.data_contracts.promises import Fresh, Known, Promise, RowCount, Unique
from cmvmon.data_contracts.reading import Rule, read_contract
from cmvmon.domain.columns import Kind
from cmvmon.domain.conditional import (
    BetweenInUnit,
    BetweenWhen,
    NullUnless,
    NullWhen,
    OneOfWhen,
    Requires,
    RequiresUnless,
)
from cmvmon.domain.constraints import (
    Between,
    Differ,
    Matches,
    NotBefore,
    NotNull,
    OneOf,
    OnlyWith,
    Ordered,
    OrderedWhen,
)
from cmvmon.domain.errors import ContractBroken

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

LARGEST = sys.float_info.max
# Unicode White_Space, which `\s` means to polars. Python's `\s` holds U+001C to U+001F too, RE2's only ASCII.
_SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def expectations(text: str, *, as_of: datetime) -> list[Expectation]:
    """The contract `text` (ODCS YAML) as expectations: for each column that it exists and its type, then each rule.

    `as_of` is the moment that freshness is judged at. A reference is asked of a column that gate.py joins.
    Raises ContractBroken on a rule, property, metric, engine, parameter or service agreement that can't be mapped.
    """
    contract = read_contract(text)
    return structure(contract.columns) + [expectation(rule, as_of=as_of) for rule in contract.rules]


def structure(columns: Mapping[str, Kind]) -> list[Expectation]:
    """For each column: that it exists, then that it has its type."""
    gxe = great_expectations().expectations
    asked: list[Expectation] = []
    for column, kind in columns.items():
        asked.append(gxe.ExpectColumnToExist(column=column))
        asked.append(gxe.ExpectColumnTypeToBe(column=column, type_=PHYSICAL[kind]))
    return asked


def expectation(rule: Rule, *, as_of: datetime) -> Expectation:
    """The expectation that asks exactly what `rule` promises."""
    gx = great_expectations()
    one_row = _about_one_row(rule.promise, gx)
    found = one_row if one_row is not None else _about_the_table(rule.promise, gx, as_of)
    if found is None:
        raise ContractBroken(
            f"rule {rule.name}: can't map a promise of type {type(rule.promise).__name__} to Great Expectations; "
            "teach data_contracts/mapper.py"
        )
    return found


def known_column(promise: Known) -> str:
    """The name of the joined truth column that stands for a reference."""
    return f"known in {promise.reference}"


def _about_one_row(promise: Promise, gx: ModuleType) -> Expectation | None:
    gxe: Any = gx.expectations
    found: Expectation | None = None
    match promise:
        case NotNull(column):
            found = gxe.ExpectColumnValuesToNotBeNull(column=column)
        case OneOf(column, values):
            found = gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))
        case Matches(column, pattern):
            found = gxe.ExpectColumnValuesToMatchRegex(column=column, regex=anchored(pattern))
        case Between():
            found = _between(promise, gxe)
        case NotBefore(column, earliest, latest):
            found = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=earliest, max_value=latest)
        case Ordered(lower, upper, _, strict):
            found = gxe.ExpectColumnPairValuesAToBeGreaterThanB(**_pair(lower, upper), or_equal=not strict)
        case Differ(column, other):
            found = gxe.ExpectSelectColumnValuesToBeUniqueWithinRecord(
                column_list=[column, other], ignore_row_if="any_value_is_missing"
            )
        case OnlyWith(column, beside):
            found = gxe.ExpectColumnValuesToBeNull(column=column, row_condition=_column(gx, beside).is_null())
        case OrderedWhen(lower, upper, when, values):
            asked = _column(gx, when).is_in(list(values))
            found = gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                **_pair(lower, upper), or_equal=True, row_condition=asked
            )
        case OneOfWhen(column, words, when, values):
            asked = _column(gx, when).is_in(list(values))
            found = gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(words), row_condition=asked)
        case BetweenWhen(column, low, high, when, values):
            asked = _column(gx, when).is_in(list(values))
            found = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, row_condition=asked)
        case BetweenInUnit(column, low, high, when, values, unit, units, _, or_zero):
            asked = _column(gx, when).is_in(list(values)) & _column(gx, unit).is_in(list(units))
            if or_zero:
                asked = asked & (_column(gx, column) != 0)
            found = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, row_condition=asked)
        case Requires(column, when, values):
            asked = _column(gx, when).is_in(list(values))
            found = gxe.ExpectColumnValuesToNotBeNull(column=column, row_condition=asked)
        case RequiresUnless(column, when, values):
            other = _column(gx, when).is_not_in(list(values)) | _column(gx, when).is_null()
            found = gxe.ExpectColumnValuesToNotBeNull(column=column, row_condition=other)
        case NullWhen(column, when, values):
            asked = _column(gx, when).is_in(list(values))
            found = gxe.ExpectColumnValuesToBeNull(column=column, row_condition=asked)
        case NullUnless(column, when, values):
            other = _column(gx, when).is_not_in(list(values)) | _column(gx, when).is_null()
            found = gxe.ExpectColumnValuesToBeNull(column=column, row_condition=other)
    return found


def _about_the_table(promise: Promise, gx: ModuleType, as_of: datetime) -> Expectation | None:
    gxe: Any = gx.expectations
    found: Expectation | None = None
    match promise:
        case Unique((column,)):
            found = gxe.ExpectColumnValuesToBeUnique(column=column)
        case Unique(columns):
            found = gxe.ExpectCompoundColumnsToBeUnique(column_list=list(columns), ignore_row_if="never")
        case RowCount(at_least):
            found = gxe.ExpectTableRowCountToBeBetween(min_value=at_least)
        case Known():
            found = gxe.ExpectColumnValuesToBeInSet(column=known_column(promise), value_set=[True])
        case Fresh(column):
            found = gxe.ExpectColumnMaxToBeBetween(column=column, min_value=promise.earliest(as_of))
    return found


def _between(promise: Between, gxe: Any) -> Expectation:
    """Limits are always stated on both sides, so that infinity (and NaN, which batch.py makes infinite) breaks them."""
    least = -LARGEST if promise.at_least is None else promise.at_least
    most = LARGEST if promise.at_most is None else promise.at_most
    strict = promise.above is not None and promise.above >= least
    found: Expectation = gxe.ExpectColumnValuesToBeBetween(
        column=promise.column, min_value=promise.above if strict else least, max_value=most, strict_min=strict
    )
    return found


def _pair(lower: str, upper: str) -> dict[str, Any]:
    return {"column_A": upper, "column_B": lower, "ignore_row_if": "either_value_is_missing"}


def _column(gx: ModuleType, name: str) -> Any:
    return gx.expectations.conditions.Column(name)


def anchored(pattern: str) -> str:
    r"""`pattern` from end to end, meaning the same to pandas as to polars.

    `$` matches before a last line break in Python, so the end is `\Z`; `\s` and `\S` are spelled out. Another class by
    letter (`\d`, `\w`, `\b`) or a class in brackets may differ between engines, and is refused until someone looks.
    """
    letters = set(re.findall(r"\\([A-Za-z0-9])", pattern)) - {"s", "S"}
    if letters or "[" in pattern or "(?" in pattern.replace("(?:", ""):
        raise ContractBroken(
            f"can't map the pattern {pattern!r}: only \\s, \\S, literals, groups (?:...) and repetition mean the same "
            "to polars and pandas; reword it, or teach data_contracts/mapper.py"
        )
    spelled = pattern.replace(r"\s", f"[{_SPACE}]").replace(r"\S", f"[^{_SPACE}]")
    return rf"\A(?:{spelled})\Z"
