"""Which messages tell of which tables, beside results. A table is read out of messages only where the feed's table file names it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.patient_links import PATIENT_LINKS
from cmvmon.domain.patient_movements import PATIENT_MOVEMENTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.feeds.hl7 import deaths_told, orders_told
from cmvmon.feeds.hl7.deaths_told import DEATHS_IN, death_of
from cmvmon.feeds.hl7.doses_told import DOSES, PHARMACY_ORDERS, doses_of
from cmvmon.feeds.hl7.merges import MERGES, UNLINKS, links_of
from cmvmon.feeds.hl7.message import Message
from cmvmon.feeds.hl7.movements import MOVEMENTS, PERSONS, birth_of, movement_of
from cmvmon.feeds.hl7.orders_told import ORDERS, orders_of
from cmvmon.feeds.hl7.told import Places, Told

Teller = Callable[[Message, str, Places], list[Told]]
"""A message, its kind, and where things stand in it -> the records of one table."""
_TELLS: tuple[tuple[str, Collection[str], Teller], ...] = (
    (PATIENT_MOVEMENTS.name, MOVEMENTS, movement_of),
    (BIRTH_DATES.name, PERSONS, birth_of),
    (DEATHS.name, DEATHS_IN, death_of),
    (PATIENT_LINKS.name, (*MERGES, *UNLINKS), links_of),
    (SAMPLES_ORDERED.name, ORDERS, orders_of),
    (DOSES_GIVEN.name, DOSES, doses_of),
)
_STATES: dict[str, tuple[tuple[str, ...], Callable[[Sequence[Told]], dict[str, str]]]] = {
    SAMPLES_ORDERED.name: (SAMPLES_ORDERED.key, orders_told.last_word),
    DEATHS.name: (DEATHS.key, deaths_told.last_word),
    BIRTH_DATES.name: (BIRTH_DATES.key, lambda said: dict(said[-1].cells)),
}  # tables of which a message states how something stands now: its key, and what holds of several such statements


def kind_of(message: Message) -> str:
    """MSH-9, and of a message that names its code alone with the trigger of EVN-1."""
    event = message.text("EVN-1")
    return f"{message.kind}^{event}" if message.kind == "ADT" and event else message.kind


def contradicts(message: Message) -> bool:
    """Whether EVN-1 names another trigger than MSH-9 does."""
    event = message.text("EVN-1")
    return bool(event) and message.kind.startswith("ADT^") and message.kind != f"ADT^{event}"


def tellers(kind: str, declared: Collection[str]) -> list[tuple[str, Teller]]:
    """The declared tables of which such a message tells."""
    return [(table, teller) for table, kinds, teller in _TELLS if kind in kinds and table in declared]


def is_order_alone(kind: str) -> bool:
    """Whether such a message orders a drug and says of no dose that it was given."""
    return kind in PHARMACY_ORDERS


def with_last_words(table: str, told: Sequence[Told]) -> list[Told]:
    """The records of one file, each of a state with what holds of it at the file's end: its earlier words are repeats then.

    Two states of one record that came together could not be told apart by their receipt.
    """
    if table not in _STATES:
        return list(told)
    key, last_word = _STATES[table]
    of_key: dict[tuple[str, ...], list[Told]] = defaultdict(list)
    for one in told:
        of_key[tuple(one.cells[name] for name in key)].append(one)
    held = {each: last_word(said) for each, said in of_key.items() if len(said) > 1 and all(each)}
    return [replace(one, cells=held.get(tuple(one.cells[name] for name in key), one.cells)) for one in told]
