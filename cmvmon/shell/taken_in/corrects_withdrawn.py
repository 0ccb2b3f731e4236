"""Corrections of results that stood withdrawn: set apart, and asked of a person, in whichever order the two came.

A correction that came before its withdrawal was stored, and accepted. It is judged again when the withdrawal comes
(`to_judge_again`), and set apart as it would have been.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.conflicts import held_corrections
from cmvmon.domain.delivered import CORRECTS_WITHDRAWN, LEADING, Delivered, Versions
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import QUARANTINE, VERSIONS
from cmvmon.shell.versions.of_one_result import of_last_judging, place_in_delivery, versions_of
from cmvmon.shell.versions.stored_versions import RECORD
from cmvmon.shell.waiting.brought_right import set_apart
from cmvmon.shell.waiting.quarantine_answers import RELEASED, mark, marks

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Held:
    """Which records of a delivery correct what stood withdrawn.

    Attributes:
        fresh: those that say something new, by identity.
        stored: those that are stored, by their place (`place_in_delivery`).
        released: the marks of the records that a person released.
    """

    fresh: frozenset[int] = frozenset()
    stored: frozenset[tuple[Any, ...]] = frozenset()
    released: frozenset[str] = frozenset()

    @classmethod
    def of_records(
        cls,
        connection: sa.Connection,
        landed: Landed,
        table: Delivered,
        known: Mapping[str, Sequence[Mapping[str, Any]]],
        fresh: Collection[Mapping[str, Any]],
    ) -> Held:
        """Of what says something new beside the stored versions `known`, by key."""
        if table.versions is not Versions.REPORTED:
            return cls()
        of_key: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for key, rows in known.items():
            of_key[key] += of_last_judging(rows)
        for row in fresh:
            of_key[row["record_key"]].append(row)
        held = [row for rows in of_key.values() for row in held_corrections(rows)]
        if not held:
            return cls()
        new = {id(row) for row in fresh}
        return cls(
            frozenset(id(row) for row in held if id(row) in new),
            frozenset(place_in_delivery(row) for row in held if id(row) not in new),
            marks(connection, feed=landed.feed, table=table.name, answer=RELEASED),
        )

    def without(self, fresh: Rows, repeats: Rows) -> tuple[Rows, Rows, Rows]:
        """What says something new and what repeats, without corrections that are held, and these: with `reason`, and `is_new` where
        they are not stored yet. One that a person released says something new.

        A repeat of one that is held is a duplicate, unless it is that very record, judged again.
        """
        new = [row for row in fresh if id(row) in self.fresh]
        again = [row for row in repeats if place_in_delivery(row) in self.stored]
        if not new and not again:
            return fresh, repeats, []
        apart, let_through = Rows(), Rows()
        for row, is_new in [*((row, True) for row in new), *((row, False) for row in again)]:
            if mark(row | {"table_name": LEADING.name}) in self.released:
                let_through.append(row | {"is_released": True})
            else:
                apart.append(row | {"is_new": is_new, "reason": CORRECTS_WITHDRAWN})
        others = [row for row in fresh if id(row) not in self.fresh]
        repeated = [row for row in repeats if place_in_delivery(row) not in self.stored]
        return [*others, *let_through], repeated, apart


def to_judge_again(connection: sa.Connection, delivery_id: str) -> dict[tuple[str, str], frozenset[int]]:
    """By delivery (id and feed) the records that correct what this delivery withdrew, and are not set apart yet."""
    v = VERSIONS[LEADING.name].c
    named = sa.select(v.record_key).where(v.delivery_id == delivery_id, v.result_status == words.WITHDRAWN)
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for key in sorted(set(connection.execute(named).scalars())):
        for row in held_corrections(versions_of(connection, key)):
            if not _is_set_apart(connection, row):
                found[row["delivery_id"], row["feed"]].add(row["record_number"])
    return {of: frozenset(numbers) for of, numbers in found.items()}


def _is_set_apart(connection: sa.Connection, row: Mapping[str, Any]) -> bool:
    of_it = [QUARANTINE.c[name] == row[name] for name in RECORD]
    found = set_apart(connection, *of_it, QUARANTINE.c.table_name == LEADING.name)
    return any(one["reason"] == CORRECTS_WITHDRAWN for one in found)
