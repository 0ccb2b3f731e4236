"""A fault of a protocol file: which file, stanza and key, what must be there, what was found, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_LONGEST = 40  # characters of what was found; the rest says no more


@dataclass(frozen=True)
class Fault:
    """One fault. `stanza` is empty for a key above the stanzas, `found` where nothing stood there."""

    file: str
    stanza: str
    key: str
    says: str
    found: str = ""
    remedy: str = ""

    @property
    def place(self) -> str:
        """Stanza and key, as the file writes them."""
        return " ".join(part for part in (f"[{self.stanza}]" if self.stanza else "", self.key) if part)

    def __str__(self) -> str:
        place = self.place
        told = [f"{self.file}: {place} {self.says}", f"found {self.found}" if self.found else "", self.remedy]
        return "; ".join(part for part in told if part)


@dataclass(frozen=True)
class Place:
    """Where a value stands; `refuse` collects what is wrong with it, so that one start-up names every fault.

    Attributes:
        file, stanza, key: the place in words.
        drugs: the names of [drugs], which tables by drug may name.
        rules: what each rule's stanza holds, by rule code; None = any positive numbers.
        faults: what was found so far, shared by every place of a file.
    """

    file: str
    stanza: str = ""
    key: str = ""
    drugs: frozenset[str] = frozenset()
    rules: Mapping[str, Collection[Any]] | None = None
    faults: list[Fault] = field(default_factory=list)

    def at(self, key: str) -> Place:
        """The same stanza, at that key."""
        return replace(self, key=key)

    def within(self, name: str) -> Place:
        """The stanza of that name inside this one."""
        return replace(self, stanza=f"{self.stanza}.{name}" if self.stanza else name, key="")

    def refuse(self, says: str, *, found: object = None, remedy: str = "") -> None:
        """Notes a fault here."""
        self.faults.append(Fault(self.file, self.stanza, self.key, says, "" if found is None else shown(found), remedy))


def shown(found: object) -> str:
    """A value as the file writes it, cut short."""
    if isinstance(found, bool):
        return str(found).lower()
    text = "a table" if isinstance(found, dict) else f'"{found}"' if isinstance(found, str) else str(found)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
