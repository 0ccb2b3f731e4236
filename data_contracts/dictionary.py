"""The data dictionaries, docs/tables.md and docs/facts.md, written from the row types: column, unit, null and promise."""

from __future__ import annotations

import inspect

from cmvmon.domain.columns import Column, RowType
from cmvmon.domain.tables import TABLES
from cmvmon.facts import all_fact_tables

_TOP = """\
# Tables

Generated from `cmvmon/domain` by `make generate`: do not edit.

Every table that cmvmon reads, computes or keeps. A row that breaks a promise is quarantined with the promise's code (on
arrival), or stops the run (in a computed table). Moments are instants in UTC: one that is delivered without an offset is local
to the zone that somebody states (`time_zone` of a laboratory or table file or of settings.toml, `--zone` of an analysis), and
else breaks a promise (`time_without_zone`). "null" is an empty cell in CSV and means that something is not known or does not
apply, never zero. Columns marked ° are filled by cmvmon and are not part of the table as it is exchanged. The
same promises stand, for a laboratory, in `data_contracts/contracts/`.
"""

_FACTS_TOP = """\
# Facts

Generated from `cmvmon/facts` by `make generate`: do not edit.

What is the case for each patient, compartment or series at the moment that is judged, computed from what was known then.
The rules ([docs/rules.md](rules.md)) read these facts by name, and nothing else. A subject without a row in a table has
no fact of it: each of its columns is then null. Moments are instants in UTC; null means that something is not known or
does not apply, never zero. Numbers in square brackets are stanzas of the protocol.
"""


def data_dictionary() -> str:
    """The whole page as Markdown; the same row types give the same bytes."""
    contents = "\n".join(f"- [{table.name}](#{table.name}): {table.description}" for table in TABLES)
    return "\n".join([_TOP, contents, "", *(_table(table) for table in TABLES)])


def facts_dictionary() -> str:
    """The page of every fact table, as Markdown; the same row types give the same bytes."""
    tables = all_fact_tables().values()
    contents = "\n".join(f"- [{t.rows.name}](#{t.rows.name}): {t.rows.description}" for t in tables)
    return "\n".join([_FACTS_TOP, contents, "", *(_table(t.rows, how=_docstring(t.compute)) for t in tables)])


def _docstring(function: object) -> str:
    """The docstring as Markdown paragraphs."""
    return inspect.cleandoc(function.__doc__ or "")


def _table(table: RowType, how: str = "") -> str:
    lines = [
        f"## {table.name}",
        "",
        table.description,
        "",
        *([how, ""] if how else []),
        f"Key: {', '.join(f'`{name}`' for name in table.key)}.",
        "",
        "| column | type | unit | meaning | null means | promises (code) |",
        "|---|---|---|---|---|---|",
        *(_row(column) for column in table.columns),
        "",
    ]
    if table.across:
        lines += [
            "Promises across columns of one row:",
            "",
            *(f"- {_cell(constraint.sentence)} (`{constraint.code}`)" for constraint in table.across),
            "",
        ]
    return "\n".join(lines)


def _row(column: Column) -> str:
    own = [
        f"{constraint.sentence.removeprefix(column.name).strip()} (`{constraint.code}`)"
        for constraint in column.constraints
    ]
    cells = (
        f"`{column.name}`{'' if column.exchanged else ' °'}",
        column.kind.value,
        column.unit,
        column.description,
        column.null_means or "never null",
        "; ".join(own),
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
