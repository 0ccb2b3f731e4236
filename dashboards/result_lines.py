"""The lines of the table of results. The one table of a page with hundreds of lines: they are put together here, not by a template.

Every text is escaped and its dates and numbers kept whole, each once: a ward's results say the same few hundred texts many times over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from markupsafe import Markup, escape

from cmvmon.dashboards.rows import Row
from cmvmon.dashboards.unbroken import kept_whole

_BEFORE, _AFTER = ("collected", "compartment"), ("limits", "status", "assay")  # the columns beside that of the value


def result_lines(rows: Sequence[Row], say: Callable[[str], str]) -> Markup:
    """`<tr>` of each row of `result_rows.result_row`, each on a line; every cell names its column, for a narrow screen."""
    named = {column: f'data-name="{escape(say(f"column.{column}"))}"' for column in (*_BEFORE, "value", *_AFTER)}
    collected, compartment, limits, status, assay = (f"<td {named[column]}>" for column in (*_BEFORE, *_AFTER))
    value, gone = (f'<td class="result{kind}" {named["value"]}>' for kind in ("", " gone"))
    lines = (
        (
            f"<tr>{collected}{_safe(row['collected'])}</td>{compartment}{_safe(row['compartment'])}</td>"
            f"{gone if row['is_gone'] else value}{_value(row)}</td>{limits}{_safe(row['limits'])}</td>"
            f"{status}{_safe(row['status'])}</td>{assay}{_safe(row['assay'])}</td></tr>"
        )
        for row in rows
    )
    return Markup("\n".join(lines))


def _value(row: Row) -> str:
    said = _safe(row["value"])
    return f'<p>{said}</p><p class="note">{_safe(row["before"])}</p>' if row["before"] else said


@lru_cache(maxsize=16_384)
def _safe(text: str) -> str:
    return kept_whole(str(escape(text)))
