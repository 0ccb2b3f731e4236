"""A table's contract as text in the Open Data Contract Standard (ODCS v3.1.0), derived from its row type.

Columns and promises about one row are written here and committed under `contracts/`; a test fails when they drift.
Library metrics are used where the standard has one (null, invalid, duplicate values; row count); the others are
`type: custom, engine: cmvmon`, and every one of them is read back by `reading.py` into the object it came from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cmvmon.domain.columns import Column, Kind, RowType
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
    Constraint,
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

API_VERSION = "v3.1.0"
ENGINE = "cmvmon"
CONTRACT_VERSION = "1.0.0"

LOGICAL: dict[Kind, str] = {
    Kind.TEXT: "string",
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.TRUTH: "boolean",
    Kind.MOMENT: "timestamp",
}
# pandas dtypes, as Great Expectations sees the batch (batch.py).
PHYSICAL: dict[Kind, str] = {
    Kind.TEXT: "str",
    Kind.NUMBER: "float64",
    Kind.INTEGER: "Int64",
    Kind.TRUTH: "boolean",
    Kind.MOMENT: "datetime64[us, UTC]",
}

_HEADER = """\
# {name}: its columns, and what is promised about each row of it.
# Generated from cmvmon/domain by `make generate`: do not edit. A change belongs to the row type.
# A rule's `name` is the reason that a row which breaks it is quarantined with; its `description` says what is promised.
# An empty cell breaks no rule, except nullValues, required_when and required_unless.
"""


def contract_text(table: RowType) -> str:
    """The contract of one table as YAML text; the same row type gives the same bytes."""
    schema = {
        "name": table.name,
        "logicalType": "object",
        "physicalType": "table",
        "description": table.description,
        "properties": [_property(column, table) for column in table.columns],
    }
    if table.across:
        schema["quality"] = [_rule(constraint) for constraint in table.across]
    contract = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": f"cmvmon-{table.name.replace('_', '-')}",
        "name": table.name,
        "version": CONTRACT_VERSION,
        "status": "active",
        "domain": "cmv-monitoring",
        "description": {
            "purpose": table.description,
            "usage": "Each row is checked on arrival, and the whole table before it is assessed, recorded or shown.",
            "limitations": "Says that the data are well formed; says nothing of what they mean for a patient.",
        },
        "schema": [schema],
    }
    import yaml  # comes with an extra

    body = yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=116)
    return _HEADER.format(name=table.name) + body


def _property(column: Column, table: RowType) -> dict[str, Any]:
    promises = (() if column.null_means else (NotNull(column.name),)) + column.constraints
    told = [("unit", column.unit), ("nullMeans", column.null_means)]
    if not column.exchanged:
        told.append(("filledBy", "cmvmon"))
    entry: dict[str, Any] = {
        "name": column.name,
        "logicalType": LOGICAL[column.kind],
        "physicalType": PHYSICAL[column.kind],
        "description": column.description,
        "required": not column.null_means,
    }
    if column.name in table.key:
        entry |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if any(value for _, value in told):
        entry["customProperties"] = [{"property": name, "value": value} for name, value in told if value]
    if promises:
        entry["quality"] = [_rule(promise) for promise in promises]
    return entry


def _rule(constraint: Constraint) -> dict[str, Any]:
    dimension, clause = _clause(constraint)
    return {
        "name": constraint.code,
        "description": constraint.sentence,
        "dimension": dimension,
        "severity": "error",
    } | clause


def _clause(constraint: Constraint) -> tuple[str, dict[str, Any]]:
    """The dimension of quality, and the part of the rule that says what is checked."""
    match constraint:
        case NotNull():
            return "completeness", _library("nullValues")
        case OneOf(_, values):
            return "conformity", _library("invalidValues", validValues=list(values))
        case Matches(_, pattern, _):
            return "conformity", _library("invalidValues", pattern=pattern)
        case Between(_, at_least, at_most, above):
            limits = {"above": above, "at_least": at_least, "at_most": at_most}
            stated = {name: float(limit) for name, limit in limits.items() if limit is not None}
            return "accuracy", _custom("between", finite=True, **stated)
        case NotBefore(_, earliest, latest):
            return "accuracy", _custom("moment_between", earliest=_iso(earliest), latest=_iso(latest))
        case Ordered(lower, upper, _, strict):
            return "consistency", _custom("ordered", lower=lower, upper=upper, strict=strict)
        case Differ(column, other):
            return "consistency", _custom("differ", column=column, other=other)
        case OnlyWith(column, beside):
            return "consistency", _custom("only_with", column=column, beside=beside)
        case OrderedWhen(lower, upper, when, values):
            return "consistency", _custom("ordered_when", lower=lower, upper=upper, when=when, values=list(values))
        case OneOfWhen(column, words, when, values):
            return "conformity", _custom(
                "one_of_when", column=column, words=list(words), when=when, values=list(values)
            )
        case BetweenWhen(column, low, high, when, values):
            limits = {"at_least": float(low), "at_most": float(high)}
            return "accuracy", _custom("between_when", column=column, **limits, when=when, values=list(values))
        case BetweenInUnit(column, low, high, when, values, unit, units, _, or_zero):
            limits = {"at_least": float(low), "at_most": float(high)}
            asked = {"when": when, "values": list(values), "unit": unit, "units": list(units)}
            return "accuracy", _custom("between_in_unit", column=column, **limits, or_zero=or_zero, **asked)
        case Requires(column, when, values):
            return "completeness", _custom("required_when", column=column, when=when, values=list(values))
        case RequiresUnless(column, when, values):
            return "completeness", _custom("required_unless", column=column, when=when, values=list(values))
        case NullWhen(column, when, values):
            return "consistency", _custom("null_when", column=column, when=when, values=list(values))
        case NullUnless(column, when, values):
            return "consistency", _custom("null_unless", column=column, when=when, values=list(values))
    raise ContractBroken(
        f"a constraint of type {type(constraint).__name__} can't be written as a contract rule; "
        "add it to data_contracts/odcs.py, reading.py and mapper.py"
    )


def _library(metric: str, **arguments: object) -> dict[str, Any]:
    clause: dict[str, Any] = {"type": "library", "metric": metric, "mustBe": 0, "unit": "rows"}
    return clause | ({"arguments": arguments} if arguments else {})


def _custom(rule: str, **parameters: object) -> dict[str, Any]:
    return {"type": "custom", "engine": ENGINE, "implementation": {"rule": rule} | parameters}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
