"""Text of a protocol file -> Protocol. Unknown, missing or impossible keys are reported all at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from cmvmon.domain.errors import ProtocolError, ProtocolUnusable
from cmvmon.protocol.faults import Fault, Place
from cmvmon.protocol.margins import wide_margins
from cmvmon.protocol.protocol import Protocol
from cmvmon.protocol.resistance_table import ResistanceTable, hash_of, read_resistance_table
from cmvmon.protocol.stanza import PROVENANCE_KEYS, Key, read_stanza
from cmvmon.protocol.trajectory_priors import TrajectoryPriors, read_trajectory_priors

# The lines of a file that are filled in when it is signed: they are no part of the policy.
_SIGNATURE = re.compile(r"^(owner_signed_by|signed_at)[ \t]*=.*(\n|\Z)", re.MULTILINE)


def read_protocol(
    text: str,
    *,
    name: str,
    rules: Mapping[str, Collection[str | Key]] | None = None,
    priors: Mapping[str, str] | None = None,
    resistance: Mapping[str, str] | None = None,
) -> Protocol:
    """The protocol that `text` (TOML) holds.

    Args:
        name: the file's name, for messages.
        rules: what each rule's stanza holds, by rule code: names of numbers above 0, or declared keys. When given, a rule
            without its stanza, a stanza without its rule, and a stanza with other keys are errors too.
        priors: texts of priors files by name. When given, the one that the protocol names must be among them.
        resistance: the same of tables of resistance mutations, and of their overrides (`<name>.overrides`).

    Raises:
        ProtocolError: not TOML, or keys that are missing, unknown or impossible: every one of them, with its file,
            stanza and key, what was found, and what to do.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line \d+", str(error))
        raise ProtocolUnusable(
            f"protocol/{name}: not valid TOML ({error}); mend that line", (f"{name} {line[0] if line else ''}".strip(),)
        ) from error
    drugs = frozenset(_table(document, "drugs")) - set(PROVENANCE_KEYS)
    place = Place(name, drugs=drugs, rules=rules)
    protocol = read_stanza(Protocol, document, place)
    faults = [*place.faults, *_strangers(document, name, rules)]
    if isinstance(protocol, Protocol):
        faults += wide_margins(protocol, name)
    if faults or not isinstance(protocol, Protocol):
        listed = "\n  ".join(str(fault) for fault in faults)
        raise ProtocolUnusable(
            f"protocol/{name} can't be used; nothing was assessed. Mend these and start again:\n  {listed}",
            tuple(dict.fromkeys(f"{name} {fault.place}".strip() for fault in faults)),
        )
    protocol = replace(protocol, text_sha256=sha256(_SIGNATURE.sub("", text).encode("utf-8")).hexdigest())
    if resistance is not None:
        protocol = replace(protocol, resistance_table=_named_table(protocol, resistance, f"protocol/{name}"))
    if priors is None:
        return protocol
    return replace(protocol, trajectory_priors=_named_priors(protocol, priors, f"protocol/{name}"))


def _strangers(
    document: Mapping[str, Any], file: str, rules: Mapping[str, Collection[str | Key]] | None
) -> Iterator[Fault]:
    """Stanzas that name each other, and one of them is not there."""
    priors, alarms, stanzas = (_table(document, name) for name in ("prior", "alarm", "rules"))
    chosen = {key: value for key, value in _table(document, "prior_of").items() if key not in PROVENANCE_KEYS}
    for key, prior in chosen.items():
        if isinstance(prior, str) and prior not in priors:
            yield Fault(file, "prior_of", key, f"names a prior, and there is no [prior.{prior}]", prior, "add it")
    for key in priors:
        if key not in alarms:
            yield Fault(file, f"alarm.{key}", "", "is missing", remedy="add it (`cmvmon calibrate`)")
    if rules is None:
        return
    for code in rules:
        if code not in stanzas:
            yield Fault(file, f"rules.{code}", "", f"is missing; the rule {code} needs it", remedy="add it")
    for code in stanzas:
        if code not in rules:
            yield Fault(file, f"rules.{code}", "", "has no rule of that name", remedy="remove it")


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _named_table(protocol: Protocol, texts: Mapping[str, str], where: str) -> ResistanceTable:
    wanted = protocol.resistance.table
    if wanted not in texts or (overrides := texts.get(f"{wanted}.overrides")) is None:
        known = ", ".join(sorted(name for name in texts if f"{name}.overrides" in texts)) or "none"
        raise ProtocolError(f"{where}: [resistance] names {wanted!r}; known are {known}. Mend the name")
    if hash_of(texts[wanted], overrides) != protocol.resistance.table_sha256:
        raise ProtocolError(
            f"{where}: [resistance] names {wanted!r} with another table_sha256 than the file has; take the file that was "
            "signed, or sign the other one under a name of its own"
        )
    return read_resistance_table(texts[wanted], overrides, version=wanted)


def _named_priors(protocol: Protocol, priors: Mapping[str, str], where: str) -> TrajectoryPriors:
    wanted = protocol.trajectory_priors_name
    if wanted not in priors:
        known = ", ".join(sorted(priors)) or "none"
        raise ProtocolError(
            f"{where}: [trajectory_priors] names {wanted!r}; known are {known}. Add the file or mend the name"
        )
    found = read_trajectory_priors(priors[wanted], name=f"{wanted}.toml")
    if found.version != wanted:
        raise ProtocolError(
            f"priors/{wanted}.toml says that its version is {found.version!r}; file and version must have one name"
        )
    lacking = [key for key in protocol.priors if key not in found.lines]
    if lacking:
        raise ProtocolError(f"priors/{wanted}.toml has no lines for {', '.join(lacking)}; add [[{lacking[0]}]] tables")
    return found
