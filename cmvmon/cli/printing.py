"""What a run came to, in plain lines and JSON: counts, codes and names of files; no patient data."""

from __future__ import annotations

import json
import shutil
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from cmvmon.domain.unseen import CATEGORIES

if TYPE_CHECKING:  # a command that lists alerts prints with this and loads none of these
    from cmvmon.run.deliveries.dry_run import WouldBe
    from cmvmon.run.deliveries.intake import TakenIn
    from cmvmon.run.judging.assessing import Counts
    from cmvmon.run.messages.sending_waiting import Told
    from cmvmon.run.pages.publish import Published
    from cmvmon.shell.taken_in.intake_store import Counted

_STEERING = (*CATEGORIES, "Cs")  # what nobody sees, and lone surrogates
_GAP = "  "  # between the columns of a table
_NARROWEST = 20  # a terminal that says less is not believed


def counted_words(c: Counted) -> str:
    """One delivery in words."""
    if c.was_known and c.refused:
        return f"already known and still REFUSED ({c.refused})  delivery {c.delivery_id[:12]}"
    if c.was_known:
        return f"already known, nothing changed ({c.received} records)  delivery {c.delivery_id[:12]}"
    cause = visible(str(c.refused_because))
    reasons = "".join(f"; {reason} {n}" for reason, n in c.reasons.items())
    withdrawn = f"; {c.withdrawn} known before withdrawn" if c.withdrawn else ""
    words = (
        f"received {c.received} = accepted {c.accepted} + quarantined {c.quarantined} + duplicates {c.duplicates} "
        f"+ ignored {c.ignored}{reasons}{withdrawn}  delivery {c.delivery_id[:12]}"
    )
    return f"REFUSED: {cause}\n  {words}" if c.refused else words


def change_words(would: WouldBe) -> str:
    """What becomes of the records that are known: of a delivery that came before nothing is said, for nothing is done."""
    if would.counted.was_known:
        return ""
    one, many = "1 record that was known changes", f"{would.changed} records that were known change"
    return f"; {'nothing that was known changes' if not would.changed else one if would.changed == 1 else many}"


def taken_in_lines(taken_in: TakenIn) -> list[str]:
    """A line for each delivery and table that was taken in, and for each file that could not be."""
    lines = [f"take in  {c.feed}/{c.table}: {counted_words(c)}" for c in taken_in.counted]
    return [visible(line) for line in (*lines, *(f"take in  NOT READ: {fault.message}" for fault in taken_in.faults))]


def counted_json(c: Counted) -> dict[str, object]:
    """One delivery for a machine."""
    names = (
        "delivery_id",
        "feed",
        "table",
        "attempt",
        "received",
        "accepted",
        "quarantined",
        "duplicates",
        "ignored",
        "withdrawn",
    )
    named = {name: getattr(c, name) for name in (*names, "refused", "refused_because", "was_known")}
    return named | {"reasons": dict(c.reasons)}


def assessed_json(counts: Counts) -> dict[str, object]:
    """One assessment for a machine: counts, no patient."""
    return asdict(counts) | {"as_of": counts.as_of.isoformat()}


def assessed_words(counts: Counts) -> str:
    """One assessment in words."""
    changes = counts.changes
    words = f"{counts.patients} patients; verdicts {counts.alert} alert, {counts.clear} clear, {counts.not_assessable} not assessable"
    if changes.is_replay:
        return f"{words}; this moment lies before the last assessment: alerts stay as they are"
    words += f"; alerts opened {changes.opened}, updated {changes.updated}, resolved {changes.resolved}, closed {changes.closed}"
    return f"{words}, reopened {changes.reopened}" if changes.reopened else words


def published_words(published: Published) -> str:
    """One publishing in words."""
    words = f"{published.written} files written, {published.unchanged} unchanged"
    n = published.n_off_list
    return f"{words}; {n} with results on no list: nothing lately, and no stays were delivered" if n else words


def told_words(told: Told) -> str:
    """What telling people came to, in words."""
    if told.trouble is not None:
        return f"NOT DONE: {visible(told.trouble)}"
    words = f"{told.queued} new, {told.delivered} delivered, {told.failed} not delivered"
    more = (("dropped (no longer so)", told.dropped), ("GIVEN UP", told.given_up))
    return words + "".join(f", {n} {what}" for what, n in more if n)


def terminal_width() -> int:
    """Columns of the terminal, or what COLUMNS says; 0 where the output is no terminal: a file keeps its lines whole."""
    columns = shutil.get_terminal_size(fallback=(0, 0)).columns
    return max(columns, _NARROWEST) if columns else 0


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most `width`, continued two columns in; 0: as it is.

    >>> print(wrapped("One fact a sentence.\\nTwo.", 14))
    One fact a
      sentence.
    Two.
    """
    text = visible(text)
    if not width:
        return text
    return "\n".join("\n".join(_lines(line, width)) for line in text.split("\n"))


def table_within(rows: Sequence[Mapping[str, object]], columns: Sequence[str], if_empty: str, width: int) -> str:
    """As `table`, no line longer than `width`: the widest columns are folded, row by row. 0: as `table`."""
    if not rows or not width:
        return table(rows, columns, if_empty)
    cells = [list(columns), *([cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return "\n".join(_folded(row, widths) for row in cells)


def _folded(row: Sequence[str], widths: Sequence[int]) -> str:
    """One row of a table, its cells folded to these widths."""
    columns = [_lines(value, width) for value, width in zip(row, widths, strict=True)]
    height = max(map(len, columns))
    filled = zip(*(column + [""] * (height - len(column)) for column in columns), strict=True)
    return "\n".join(
        _GAP.join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip() for line in filled
    )


def _lines(line: str, width: int) -> list[str]:
    """One line folded; what continues it stands two columns further in than it does, where there is room."""
    indent = len(line) - len(line.lstrip()) + 2
    after = " " * (indent if indent < width // 2 else 0)
    return textwrap.wrap(line, width, subsequent_indent=after, break_on_hyphens=False) or [""]


def aligned(header: list[str], rows: list[list[str]]) -> str:
    """A table in columns of equal width."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = [
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)


def cell(value: object) -> str:
    """One value as a table shows it."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else one_line(str(value))


def visible(text: str) -> str:
    """The text with every control character as its escape, so that nothing delivered can steer a terminal; a new line stays.

    >>> print(visible("A\\x1b[2Jb\\x9b1m\\u202ec"))
    A\\x1b[2Jb\\x9b1m\\u202ec
    """
    return "".join(_escaped(mark) if unicodedata.category(mark) in _STEERING else mark for mark in text)


def one_line(text: str) -> str:
    """The same on one line: what was delivered, as the name of a file, can't begin a line of its own.

    >>> print(one_line("a\\nb.csv: received 9"))
    a\\nb.csv: received 9
    """
    return visible(text).replace("\n", "\\n")


def shown_json(value: object) -> str:
    """One JSON document to be read, letters as they are; no control character is left in it that could steer a terminal."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, default=datetime.isoformat)
    return "".join(
        json.dumps(mark)[1:-1] if mark != "\n" and unicodedata.category(mark) in _STEERING else mark for mark in text
    )


def _escaped(mark: str) -> str:
    return mark if mark == "\n" else mark.encode("unicode_escape").decode()


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], if_empty: str) -> str:
    """Those columns of the rows, or `if_empty`."""
    return aligned(list(columns), [[cell(row.get(name)) for name in columns] for row in rows]) if rows else if_empty
