"""Rows of a table in the protocol file, `[[stanza.rows]]`: each a table of known keys with its own source, strength and owner."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import Kind

Row = TypeVar("Row")
PROVENANCE = ("source", "strength", "owner")


class SourcedRows(Kind, Generic[Row]):
    """One row or more. `keys`: every key that a row may hold besides its source, strength and owner."""

    keys: ClassVar[tuple[str, ...]]

    @abstractmethod
    def row(self, found: dict[str, Any], place: Place, **provenance: str) -> Row | None:
        """One row. What it refuses at that place makes the whole list refused; None where no row can be made of it."""

    def across(self, rows: Sequence[Row], place: Place) -> None:
        """Refuses what no row says by itself: a gap, two rows of one thing."""

    def read(self, found: object, place: Place) -> tuple[Row, ...] | None:
        """The rows; None where one of them, or all of them together, was refused: every fault is told."""
        if not isinstance(found, list) or not found:
            place.refuse(f"must be {self.says}", found=found)
            return None
        before = len(place.faults)
        rows = [self._row(entry, place.at(f"{place.key} row {number}")) for number, entry in enumerate(found, 1)]
        whole = tuple(row for row in rows if row is not None)
        if len(place.faults) == before:
            self.across(whole, place)
        return whole if len(place.faults) == before else None

    def _row(self, found: object, place: Place) -> Row | None:
        if not isinstance(found, dict):
            place.refuse("must be a table", found=found)
            return None
        for name in sorted(set(found) - {*self.keys, *PROVENANCE}):
            place.refuse(f"has the key {name}, which no row has", remedy="remove it or mend its name")
        said = {name: found.get(name) for name in PROVENANCE}
        for name, text in said.items():
            if not isinstance(text, str) or not text.strip():
                place.refuse(f"lacks its {name}; every row needs it")
        return self.row(found, place, **{name: str(text) for name, text in said.items()})
