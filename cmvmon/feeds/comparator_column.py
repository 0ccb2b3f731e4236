"""The comparator of a value in a column of its own: joined where it is declared, refused where it would be lost."""

from __future__ import annotations

from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.records import Records, refusal
from cmvmon.feeds.value_grammar import fold

_HEADERS = frozenset({"comparator", "op", "vergelijkingsteken", "teken"})  # that name nothing else in such a file
_SIGNS = ("<", ">", "<=", ">=")


def with_comparator(comparator: str, value: str) -> str:
    """The value as it would be printed in one cell. A sign that the value itself carries is not repeated.

    >>> with_comparator("<", "35"), with_comparator("<", "<35"), with_comparator("=", "35")
    ('<35', '<35', '35')
    """
    sign = {"&lt;": "<", "&gt;": ">", "=": ""}.get(fold(comparator), fold(comparator))
    text = value.strip()
    return text if sign and text.startswith(sign) else f"{sign}{text}"


def refuse_undeclared_comparator(records: Records, laboratory: Laboratory) -> None:
    """Nothing, unless a column that nobody declared holds the comparator that the value itself lacks, or is named so.

    Raises DeliveryError (`undeclared_comparator`): `<35` would be read as 35.
    """
    known = {*laboratory.columns.values(), *laboratory.not_read}
    value_at = records.header.index(laboratory.columns["value"])
    for at, header in enumerate(records.header):
        if header in known:
            continue
        is_named_so = fold(header) in _HEADERS
        if is_named_so or any(_is_lost(r.cells[at], r.cells[value_at]) for r in records.readable):
            raise refusal("undeclared_comparator", f"column {header} is not declared" if is_named_so else _UNNAMED)


_UNNAMED = "a column that is not declared holds < or >"


def _is_lost(cell: str, value: str) -> bool:
    sign = cell.strip()
    return sign in _SIGNS and not value.strip().startswith(sign[0])
