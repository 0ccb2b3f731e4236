"""The statuses of a laboratory file: what its words mean of a result, and of the order that a result belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from cmvmon.domain import words
from cmvmon.feeds.toml_reading import StrictTable
from cmvmon.feeds.value_grammar import fold

CONFIRMED = "confirmed"
"""A status of senders that call a preliminary result final without sending it again."""


class Statuses(NamedTuple):
    """Delivered text, folded, -> status of a result, or `CONFIRMED`; the same of an order. `default` is for a feed without a
    column of statuses."""

    of_results: Mapping[str, str] = MappingProxyType({})
    of_orders: Mapping[str, str] = MappingProxyType({})
    default: str = words.FINAL


NOTHING_KNOWN = Statuses()


def read_statuses(
    top: StrictTable,
    columns: Collection[str],
    mapping: Callable[[StrictTable, str, tuple[str, ...]], dict[str, str]],
    *,
    known: Statuses = NOTHING_KNOWN,
) -> Statuses:
    """[status] of a laboratory file. `known`: what the format itself says, for texts that the file does not name."""
    table = top.table("status")
    default = table.choice("default", words.RESULT_STATUS, required=False)
    delivered = mapping(table, "delivered", (*words.RESULT_STATUS, CONFIRMED))
    of_order = mapping(table, "of_order", words.RESULT_STATUS)
    table.finish()
    for column, key, own, others in (
        ("result_status", "delivered", delivered, known.of_results),
        ("order_status", "of_order", of_order, known.of_orders),
    ):
        if column in columns and not own and not others:
            table.fault(key, f"is empty although columns.{column} is declared; map the texts that are sent")
    return Statuses(
        {fold(text): word for text, word in known.of_results.items()} | delivered,
        {fold(text): word for text, word in known.of_orders.items()} | of_order,
        default or words.FINAL,
    )


def more_cautious(of_result: str, of_order: str) -> str:
    """The status of a result whose order has one too: the one that lets less rest on the result.

        withdrawn, where either says so
        corrected, where either says so and the result is not preliminary: what was known is replaced
        preliminary, where either says so and nothing is corrected
        final, where both do

    >>> more_cautious("final", "preliminary"), more_cautious("corrected", "preliminary"), more_cautious("final", "corrected")
    ('preliminary', 'corrected', 'corrected')
    """
    if words.WITHDRAWN in (of_result, of_order):
        return words.WITHDRAWN
    if of_result in (words.FINAL, CONFIRMED):
        return of_result if of_order == words.FINAL else of_order
    return of_result
