"""A contract's text read into promises; whatever it says that we can't hold a table to is refused, never skipped.

The rule of this file: every key of every mapping is used, or known to be words for people (`_..._WORDS`), or an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.data_contracts import strict
from cmvmon.data_contracts.odcs import API_VERSION, ENGINE, LOGICAL, PHYSICAL
from cmvmon.data_contracts.promises import Fresh, Known, Promise, RowCount, Unique
from cmvmon.domain import conditional
from cmvmon.domain.columns import Kind
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

ERROR = "error"
WARNING = "warning"

_CONTRACT_WORDS = ("id", "name", "version", "status", "domain", "description")
_PROPERTY_WORDS = ("description", "customProperties")
_KEY = ("primaryKey", "primaryKeyPosition")
_RULE_WORDS = ("id", "dimension", "businessImpact")
_TOLD = ("unit", "nullMeans", "filledBy")


@dataclass(frozen=True)
class Rule:
    """One rule of a contract: its name (reason code), its sentence, what it promises, and how grave a breach is."""

    name: str
    sentence: str
    severity: str
    promise: Promise


@dataclass(frozen=True)
class Contract:
    """What a contract holds a table to: the kind of each column it declares, its key, and its rules in order."""

    table: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    rules: tuple[Rule, ...]


def read_contract(text: str) -> Contract:
    """The contract that `text` (ODCS YAML) states. Raises ContractBroken on anything that can't be mapped."""
    top = strict.document(text)
    where = f"contract {top.get('name')!r}"
    strict.only(top, ("apiVersion", "kind", "schema", "slaProperties", *_CONTRACT_WORDS), where)
    strict.must_be(top, "apiVersion", API_VERSION, where)
    strict.must_be(top, "kind", "DataContract", where)
    schemas = strict.sequence(top.get("schema"), f"{where}, schema")
    if len(schemas) != 1:
        raise strict.unmapped(where, f"schema with {len(schemas)} tables: a contract states one table")
    contract = _table(strict.mapping(schemas[0], f"{where}, schema"))
    _check_sla(strict.sequence(top.get("slaProperties", []), f"{where}, slaProperties"), contract, where)
    return contract


def _table(schema: Mapping[str, Any]) -> Contract:
    name = strict.text(schema, "name", "the contract's table")
    where = f"table {name}"
    strict.only(schema, ("name", "logicalType", "physicalType", "description", "properties", "quality"), where)
    strict.must_be(schema, "logicalType", "object", where)
    strict.must_be(schema, "physicalType", "table", where)
    columns: dict[str, Kind] = {}
    key: dict[int, str] = {}
    rules: list[Rule] = []
    for entry in strict.sequence(schema.get("properties", []), f"{where}, properties"):
        column, kind, own = _column(strict.mapping(entry, f"{where}, properties"), where)
        if entry.get("primaryKey") is True:
            key[strict.count(entry, "primaryKeyPosition", f"{where}, column {column}")] = column
        elif "primaryKey" in entry or "primaryKeyPosition" in entry:
            raise strict.unmapped(f"{where}, column {column}", "primaryKey: it is true, with a position, or left out")
        if column in columns:
            raise strict.unmapped(where, f"column {column!r} stands there twice")
        columns[column] = kind
        rules += own
    for entry in strict.sequence(schema.get("quality", []), f"{where}, quality"):
        rules.append(_rule(strict.mapping(entry, f"{where}, quality"), None, where))
    return Contract(name, columns, tuple(key[place] for place in sorted(key)), tuple(rules))


def merged(contracts: Sequence[Contract], table: str) -> Contract:
    """The contracts of one table as one.

    Raises ContractBroken where one is of another table, a rule names a column that none declares, or no rule keeps the
    primary key.
    """
    columns = {name: kind for contract in contracts for name, kind in contract.columns.items()}
    rules = tuple(rule for contract in contracts for rule in contract.rules)
    for contract in contracts:
        if contract.table != table:
            raise strict.unmapped(f"contract of {table}", f"the table {contract.table!r} in it")
    for rule in rules:
        unknown = sorted(set(rule.promise.columns) - set(columns))
        if unknown:
            raise strict.unmapped(f"table {table}, rule {rule.name}", f"the column {', '.join(unknown)}: it has none")
    key = tuple(name for contract in contracts for name in contract.key)
    if key and Unique(key) not in [rule.promise for rule in rules]:
        raise strict.unmapped(f"table {table}", f"the primary key ({', '.join(key)}): no duplicateValues rule keeps it")
    return Contract(table, columns, key, rules)


def _column(entry: Mapping[str, Any], table: str) -> tuple[str, Kind, list[Rule]]:
    name = strict.text(entry, "name", f"{table}, a column")
    where = f"{table}, column {name}"
    strict.only(entry, ("name", "logicalType", "physicalType", "required", "quality", *_KEY, *_PROPERTY_WORDS), where)
    for told in strict.sequence(entry.get("customProperties", []), f"{where}, customProperties"):
        if strict.mapping(told, where).get("property") not in _TOLD:
            raise strict.unmapped(where, f"customProperties entry {told.get('property')!r}")
    kinds = [kind for kind, logical in LOGICAL.items() if logical == entry.get("logicalType")]
    if not kinds or PHYSICAL[kinds[0]] != entry.get("physicalType"):
        raise strict.unmapped(where, f"type {entry.get('logicalType')!r} as {entry.get('physicalType')!r}")
    quality = strict.sequence(entry.get("quality", []), f"{where}, quality")
    rules = [_rule(strict.mapping(rule, f"{where}, quality"), name, where) for rule in quality]
    always_given = any(isinstance(rule.promise, NotNull) for rule in rules)
    if entry.get("required") is not always_given:
        raise strict.unmapped(where, f"required {entry.get('required')!r}: a nullValues rule must say the same")
    return name, kinds[0], rules


def _rule(entry: Mapping[str, Any], column: str | None, where: str) -> Rule:
    name = strict.text(entry, "name", f"{where}, a rule")
    where = f"{where}, rule {name}"
    sentence = strict.text(entry, "description", where)
    severity = entry.get("severity")
    if severity not in (ERROR, WARNING):
        raise strict.unmapped(where, f"severity {severity!r}: it is {ERROR} or {WARNING}")
    clause = {k: v for k, v in entry.items() if k not in ("name", "description", "severity", *_RULE_WORDS)}
    kind = clause.pop("type", None)
    if kind == "library":
        promise = _library(clause, column, name, sentence, where)
    elif kind == "custom":
        promise = _custom(clause, column, name, where)
    else:
        raise strict.unmapped(where, f"type {kind!r}")
    return Rule(name, sentence, str(severity), promise)


def _library(clause: Mapping[str, Any], column: str | None, name: str, sentence: str, where: str) -> Promise:
    """The promise of a metric from ODCS's own library."""
    metric = clause.get("metric")
    comparison = "mustBeGreaterOrEqualTo" if metric == "rowCount" else "mustBe"
    strict.only(clause, ("metric", "unit", "arguments", comparison), where)
    strict.must_be(clause, "unit", "rows", where)
    arguments = strict.mapping(clause.get("arguments", {}), f"{where}, arguments")
    if metric == "rowCount" and column is None:
        strict.only(arguments, (), where)
        return RowCount(strict.count(clause, comparison, where))
    if type(clause.get("mustBe")) is not int or clause["mustBe"] != 0:
        raise strict.unmapped(where, f"mustBe {clause.get('mustBe')!r}: only 0 rows can be held to")
    match metric, column, tuple(sorted(arguments)):
        case "nullValues", str(), ():
            return NotNull(column)
        case "invalidValues", str(), ("validValues",):
            return OneOf(column, strict.words(arguments, "validValues", where))
        case "invalidValues", str(), ("pattern",):
            return Matches(column, strict.text(arguments, "pattern", where), sentence.removeprefix(f"{column} "), name)
        case "duplicateValues", None, ("properties",):
            return Unique(strict.words(arguments, "properties", where))
    place = "a column" if column else "the table"
    raise strict.unmapped(where, f"metric {metric!r} on {place} with arguments {sorted(arguments)}")


def _custom(clause: Mapping[str, Any], column: str | None, name: str, where: str) -> Promise:
    """The promise of a rule of our own."""
    strict.only(clause, ("engine", "implementation"), where)
    strict.must_be(clause, "engine", ENGINE, where)
    stated = strict.mapping(clause.get("implementation"), f"{where}, implementation")
    rule = strict.text(stated, "rule", where)
    own = {k: v for k, v in stated.items() if k != "rule"}
    readers = _ON_COLUMN if column else _ON_TABLE
    if rule not in readers:
        raise strict.unmapped(where, f"rule {rule!r} on {'a column' if column else 'the table'}")
    needed, allowed, read = readers[rule]
    strict.only(own, (*needed, *allowed), where)
    missing = [key for key in needed if key not in own]
    if missing:
        raise strict.unmapped(where, f"rule {rule!r} without {', '.join(missing)}")
    return read(_Stated(own, column or "", name, where))


@dataclass(frozen=True)
class _Stated:
    """What a custom rule's implementation states, read with a check on each type."""

    own: Mapping[str, Any]
    column: str
    name: str
    where: str

    def text(self, key: str) -> str:
        return strict.text(self.own, key, self.where)

    def words(self, key: str) -> tuple[str, ...]:
        return strict.words(self.own, key, self.where)

    def number(self, key: str) -> float | None:
        value = self.own.get(key)
        if key in self.own and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise strict.unmapped(self.where, f"{key} {value!r}: it must be a number")
        return value

    def moment(self, key: str) -> datetime:
        text = self.text(key)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise strict.unmapped(self.where, f"{key} {text!r}: it must be an ISO 8601 moment") from None
        if moment.tzinfo is None:
            raise strict.unmapped(self.where, f"{key} {text!r}: it must state its offset")
        return moment

    def truth(self, key: str) -> bool:
        if not isinstance(self.own[key], bool):
            raise strict.unmapped(self.where, f"{key} {self.own[key]!r}: it must be true or false")
        return bool(self.own[key])

    def between(self) -> Between:
        if not self.truth("finite"):
            raise strict.unmapped(self.where, "finite false: a number is always finite")
        return Between(self.column, self.number("at_least"), self.number("at_most"), self.number("above"))

    def when(self) -> tuple[str, tuple[str, ...]]:
        return self.text("when"), self.words("values")

    def ordered_when(self) -> OrderedWhen:
        return OrderedWhen(self.text("lower"), self.text("upper"), *self.when(), self.name)

    def between_when(self) -> conditional.BetweenWhen:
        low, high = (self.number(end) or 0.0 for end in ("at_least", "at_most"))
        return conditional.BetweenWhen(self.text("column"), low, high, *self.when(), self.name)

    def between_in_unit(self) -> conditional.BetweenInUnit:
        low, high = (self.number(end) or 0.0 for end in ("at_least", "at_most"))
        asked = (*self.when(), self.text("unit"), self.words("units"))
        return conditional.BetweenInUnit(self.text("column"), low, high, *asked, self.name, self.truth("or_zero"))

    def fresh(self) -> Fresh:
        return Fresh(self.text("column"), strict.count(self.own, "within_hours", self.where))


_WHEN = ("when", "values")
_Reader = tuple[tuple[str, ...], tuple[str, ...], Callable[[_Stated], Promise]]

_ON_COLUMN: Mapping[str, _Reader] = {
    "between": (("finite",), ("at_least", "at_most", "above"), _Stated.between),
    "moment_between": (
        ("earliest", "latest"),
        (),
        lambda s: NotBefore(s.column, s.moment("earliest"), s.moment("latest")),
    ),
}
_ON_TABLE: Mapping[str, _Reader] = {
    "ordered": (
        ("lower", "upper", "strict"),
        (),
        lambda s: Ordered(s.text("lower"), s.text("upper"), s.name, s.truth("strict")),
    ),
    "differ": (("column", "other"), (), lambda s: Differ(s.text("column"), s.text("other"), s.name)),
    "only_with": (("column", "beside"), (), lambda s: OnlyWith(s.text("column"), s.text("beside"), s.name)),
    "ordered_when": (("lower", "upper", *_WHEN), (), _Stated.ordered_when),
    "one_of_when": (
        ("column", "words", *_WHEN),
        (),
        lambda s: conditional.OneOfWhen(s.text("column"), s.words("words"), *s.when(), s.name),
    ),
    "between_when": (("column", "at_least", "at_most", *_WHEN), (), _Stated.between_when),
    "between_in_unit": (
        ("column", "at_least", "at_most", "or_zero", *_WHEN, "unit", "units"),
        (),
        _Stated.between_in_unit,
    ),
    "required_when": (("column", *_WHEN), (), lambda s: conditional.Requires(s.text("column"), *s.when())),
    "required_unless": (("column", *_WHEN), (), lambda s: conditional.RequiresUnless(s.text("column"), *s.when())),
    "null_when": (("column", *_WHEN), (), lambda s: conditional.NullWhen(s.text("column"), *s.when(), s.name)),
    "null_unless": (("column", *_WHEN), (), lambda s: conditional.NullUnless(s.text("column"), *s.when())),
    "known": (("columns", "reference"), (), lambda s: Known(s.words("columns"), s.text("reference"))),
    "fresh": (("column", "within_hours"), (), _Stated.fresh),
}


def _check_sla(entries: Sequence[Any], contract: Contract, where: str) -> None:
    """An agreement on service is kept by a rule that says the same; one without such a rule is refused."""
    kept = [
        ("freshness", f"{contract.table}.{rule.promise.column}", rule.promise.within_hours, "h")
        for rule in contract.rules
        if isinstance(rule.promise, Fresh)
    ]
    for raw in entries:
        entry = strict.mapping(raw, f"{where}, slaProperties")
        strict.only(
            entry, ("id", "property", "value", "unit", "element", "driver", "description"), f"{where}, slaProperties"
        )
        if (entry.get("property"), entry.get("element"), entry.get("value"), entry.get("unit")) not in kept:
            raise strict.unmapped(where, f"SLA {entry.get('property')!r} of {entry.get('element')!r}: no rule keeps it")
