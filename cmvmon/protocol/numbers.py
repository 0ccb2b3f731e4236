"""Numbers of the protocol by name, as rules ask for them: `low_load_iu_per_ml`, `decline.target_log10_per_week`, `alarm.*`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmvmon.domain import compartments
from cmvmon.domain.errors import ProgramError
from cmvmon.protocol.kinds import unit_of
from cmvmon.protocol.protocol import Protocol

_ONE_VALUE = (
    "response_clock",
    "decline",
    "same_minute",
    "affected_compartments",
    "watched",
    "moved_together",
    "concordance",
    "next_sample",
    "answers",
    "exposure",
    "level_timing",
    "resistance",
    "sampling",
    "context",
)


@dataclass(frozen=True)
class ByFact:
    """A number that is another one for each word of a fact: an alarm by compartment.

    Attributes:
        fact: the column whose word chooses.
        values: by word; a word that is not here has none.
        stanzas: the values as the file writes them, by stanza.
    """

    fact: str
    values: Mapping[str, float]
    stanzas: Mapping[str, float]


def _alarm(protocol: Protocol, key: str) -> ByFact:
    return ByFact(
        "compartment",
        {name: float(getattr(protocol.alarm_of(name), key)) for name in compartments.NAMES},
        {f"alarm.{name}": float(getattr(alarm, key)) for name, alarm in sorted(protocol.alarms.items())},
    )


_BY_FACT: Mapping[str, Callable[[Protocol, str], ByFact]] = {"alarm": _alarm}  # a dose band by drug would be the next


def number_of(protocol: Protocol, rule: str, name: str) -> float | ByFact:
    """The number that a rule calls `name`: of its own stanza, or `stanza.key` of another.

    Raises ProgramError when there is none of that name.
    """
    stanza, _, key = name.rpartition(".")
    try:
        if not stanza:
            return float(protocol.rules[rule][key])
        if stanza in _BY_FACT:
            return _BY_FACT[stanza](protocol, key)
        if stanza in _ONE_VALUE:
            return float(getattr(getattr(protocol, stanza), key))
    except (KeyError, AttributeError):
        pass
    raise ProgramError(
        f"the rule {rule} reads the number {name!r}; the protocol {protocol.version} has none of that name"
    )


def as_written(protocol: Protocol, rule: str, name: str) -> Mapping[str, float]:
    """The values of a number as the file writes them, by `stanza.key`."""
    found, (stanza, _, key) = number_of(protocol, rule, name), name.rpartition(".")
    if isinstance(found, ByFact):
        return {f"{place}.{key}": value for place, value in found.stanzas.items()}
    return {f"{stanza or f'rules.{rule}'}.{key}": found}


@dataclass(frozen=True)
class Written:
    """A number as the protocol file writes it: its stanza and key, value, unit, and the stanza's source."""

    stanza: str
    key: str
    value: float
    unit: str
    source: str
    strength: str
    owner: str


def written(protocol: Protocol, rule: str, name: str) -> tuple[Written, ...]:
    """Every place where a number that a rule reads stands, with its source: one, or one for each compartment."""
    found = []
    for place, value in as_written(protocol, rule, name).items():
        stanza, _, key = place.rpartition(".")
        origin = _stanza(protocol, stanza).provenance
        found.append(Written(stanza, key, value, unit_of(key), origin.source, origin.strength, origin.owner))
    return tuple(found)


def _stanza(protocol: Protocol, stanza: str) -> Any:
    family, _, name = stanza.partition(".")
    if family == "rules":
        return protocol.rules[name]
    return protocol.alarms[name] if family == "alarm" else getattr(protocol, family)
