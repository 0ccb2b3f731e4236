"""Reads `expected.toml` of a case and says which of its sentences do not hold in a state.

`must` = what has to hold after the last night; `today` = the wrong state that was seen while the case was still wrong.
Each entry is one line:
    { of = "results", patient_id = "K1", viral_load_iu_per_ml = 850000, rows = 0 }
        so many rows of that list have these values (without `rows`: at least one). Lists: results, alerts (open ones),
        verdicts, weekly_decline, quarantine, deliveries. A value may be a number, `true`, a moment in UTC, "null",
        a text with `*` for anything, or a comparison such as ">= 1.2" or "!= 35".
    { page = "K1", says = "rose from" }    the English page of that patient, or `ward`, without tags, or what `doctor` says;
                                           a regular expression
    { page = "K1", never = "900,000" }     likewise
    { either = [ {...}, {...} ] }          at least one of these holds
    { all = [ {...}, {...} ] }             each of these holds; for use inside `either`
`declared` = edits of its laboratory file (or a file that is added: no `replace`) under which the case must hold;
`undeclared` = what holds without them.
`table_file` = the text of its table file, under which it must hold likewise.
`variants` = the case again with other files: `edits` of them, and `must` of its own; without it the same verdicts.
"""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.cases.site_state import Edit, State

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "!=": operator.ne,
    "=": operator.eq,
}
_COMPARISON = re.compile(r"(>=|<=|!=|>|<|=) (-?[\d.]+)")


@dataclass(frozen=True)
class Variant:
    """The case with other files. `must` None: every verdict is the same as of the case itself."""

    edits: list[Edit]
    must: list[Mapping[str, Any]] | None
    table_file: str


@dataclass(frozen=True)
class Expected:
    """What one case says. `plainly` = edits after which its files say what was meant in a form that is read already."""

    must: list[Mapping[str, Any]]
    today: list[Mapping[str, Any]]
    plainly: list[Edit]
    variants: list[Variant]
    declared: list[Edit]
    undeclared: list[Mapping[str, Any]]
    table_file: str


def read(case: Path) -> Expected:
    """The `expected.toml` of the case in that folder."""
    given = tomllib.loads((case / "expected.toml").read_text(encoding="utf-8"))
    unknown = set(given) - {"expected", "must", "today", "plainly", "variants", "declared", "undeclared", "table_file"}
    if unknown or not given.get("must"):
        raise ValueError(f"{case.name}: expected.toml needs `must`, and has no place for {sorted(unknown)}")
    table_file = given.get("table_file", "")
    variants = [
        Variant([Edit(**edit) for edit in one["edits"]], one.get("must"), one.get("table_file", table_file))
        for one in given.get("variants", [])
    ]
    if bool(given.get("declared") or table_file) != bool(given.get("undeclared")):
        raise ValueError(f"{case.name}: expected.toml needs `undeclared` beside `declared` or `table_file`")
    edits = {name: [Edit(**edit) for edit in given.get(name, [])] for name in ("plainly", "declared")}
    return Expected(
        given["must"],
        given.get("today", []),
        edits["plainly"],
        variants,
        edits["declared"],
        given.get("undeclared", []),
        table_file,
    )


def not_held(entries: list[Mapping[str, Any]], state: State) -> list[str]:
    """The entries that do not hold, each with what was found instead."""
    return [f"{_line(entry)}: {found}" for entry in entries if (found := _fault(entry, state)) is not None]


def _fault(entry: Mapping[str, Any], state: State) -> str | None:
    """What is found where the entry does not hold; None where it holds. Raises ValueError for an entry of no known form."""
    if "either" in entry:
        faults = [_fault(part, state) for part in entry["either"]]
        return None if None in faults else "; nor ".join(filter(None, faults))
    if "all" in entry:
        return next((fault for part in entry["all"] if (fault := _fault(part, state)) is not None), None)
    if "page" in entry:
        return _fault_on_page(entry, state)
    if "of" in entry:
        return _fault_in_list(entry, state)
    raise ValueError(f"{_line(entry)} is of no known form: it needs `of`, `page`, `either` or `all`")


def _fault_on_page(entry: Mapping[str, Any], state: State) -> str | None:
    page = state.pages.get(entry["page"])
    if set(entry) == {"page", "says"}:
        return None if page is not None and re.search(entry["says"], page) else "the page does not say it"
    if set(entry) == {"page", "never"}:
        if page is None:
            return "there is no such page"
        found = re.search(entry["never"], page)
        return None if found is None else f"the page says {found[0]!r}"
    raise ValueError(f"{_line(entry)} needs `says` or `never`, and nothing else")


def _fault_in_list(entry: Mapping[str, Any], state: State) -> str | None:
    wanted = {name: value for name, value in entry.items() if name not in ("of", "rows")}
    strange = set(wanted) - state.columns[entry["of"]]
    if strange:
        raise ValueError(f"{_line(entry)}: {entry['of']} has no column {sorted(strange)}")
    rows = [row for row in state.lists[entry["of"]] if all(_matches(row[name], v) for name, v in wanted.items())]
    asked = entry.get("rows", ">= 1")
    return None if _matches(len(rows), asked) else f"{len(rows)} rows"


def _matches(found: object, wanted: object) -> bool:
    if wanted == "null":
        return found is None
    if found is None:
        return False
    if isinstance(wanted, datetime):
        return found == wanted
    if isinstance(wanted, str):
        comparison = _COMPARISON.fullmatch(wanted)
        if comparison and isinstance(found, int | float):
            return _COMPARED[comparison[1]](found, float(comparison[2]))
        return fnmatchcase(str(found), wanted.replace("[", "[[]"))
    return found == wanted


def _line(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in entry.items())
