"""The stanza of one rule: what it holds is declared by the rule, as names of numbers or as keys of any kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from cmvmon.protocol.bands import Bands
from cmvmon.protocol.by_drug_and_host import ByDrugAndHost
from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import Number, span, unit_of
from cmvmon.protocol.stanza import PROVENANCE_KEYS, Key, Provenance, read_keys, read_provenance, table_at

_T = TypeVar("_T")
Needs = Collection[str | Key]  # a name alone is a number above 0


@dataclass(frozen=True)
class RuleStanza:
    """What one rule takes from the protocol, and its provenance.

    `numbers` by name; `others` holds what is no number: bands, tables by drug and host, lists, pairs, text, truths.
    """

    numbers: Mapping[str, float]
    provenance: Provenance
    others: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]

    def span(self, name: str) -> timedelta:
        """The number under a name that ends in `_days` or `_h`, as a span of time."""
        return span(name, self.numbers[name])

    def bands(self, name: str) -> Bands:
        """The bands of that name. Raises KeyError when there are none."""
        return self._of(Bands, name)

    def by_drug_and_host(self, name: str) -> ByDrugAndHost:
        """The table of that name. Raises KeyError when there is none."""
        return self._of(ByDrugAndHost, name)

    def listed(self, name: str) -> tuple[str, ...]:
        """The list of that name. Raises KeyError when there is none."""
        return tuple(str(entry) for entry in self._of(tuple, name))

    def pairs(self, name: str) -> frozenset[frozenset[str]]:
        """The pairs of that name. Raises KeyError when there are none."""
        return self._of(frozenset, name)

    def flag(self, name: str) -> bool:
        """The truth of that name. Raises KeyError when there is none."""
        return self._of(bool, name)

    def _of(self, kind: type[_T], name: str) -> _T:
        found = self.others.get(name)
        if not isinstance(found, kind):
            raise KeyError(name)
        return found

    @classmethod
    def read_from(cls, found: object, place: Place) -> RuleStanza | None:
        """The stanza that `found` holds, by what the rule declares; None where it was refused."""
        table = table_at(found, place)
        if table is None:
            return None
        provenance = read_provenance(table, place)
        needs = None if place.rules is None else place.rules.get(place.stanza.rsplit(".", 1)[-1])
        named = [name for name in table if name not in PROVENANCE_KEYS] if needs is None else needs
        values = read_keys(declared_keys(named), table, place)
        numbers = {k: v for k, v in values.items() if isinstance(v, float)}
        return cls(numbers, provenance, {k: v for k, v in values.items() if k not in numbers})


def declared_keys(needs: Needs) -> tuple[Key, ...]:
    """What a rule needs as keys, in the order of their names."""
    keys = (need if isinstance(need, Key) else Key(need, Number(above=0), unit=unit_of(need)) for need in needs)
    return tuple(sorted(keys, key=lambda declared: declared.name))
