"""Text of a protocol file -> Protocol. Unknown, missing or impossible keys are reported all at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from cmvmon.domain import compartments
from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol.policy import (
    AffectedCompartments,
    Decline,
    Drug,
    LinePrior,
    Protocol,
    Provenance,
    ResponseClock,
    RuleStanza,
)

_PROVENANCE = ("source", "strength", "owner", "guide")
_TOP = (
    "version",
    "title",
    "owner",
    "drugs",
    "response_clock",
    "decline",
    "sigma_log10",
    "prior_of",
    "prior",
    "affected_compartments",
    "rules",
)
_Stanza = TypeVar("_Stanza", bound=ResponseClock | Decline | LinePrior | AffectedCompartments)


def read_protocol(text: str, *, name: str, rules: Mapping[str, frozenset[str]] | None = None) -> Protocol:
    """The protocol that `text` (TOML) holds.

    Args:
        name: the file's name, for messages.
        rules: the numbers that each rule needs, by rule code. When given, a rule without its stanza, a stanza without
            its rule, and a stanza with other numbers are errors too.

    Raises:
        ProtocolError: not TOML, or keys that are missing, unknown or impossible: every one of them, with its place.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"protocol/{name}: not valid TOML ({error}); mend that line") from error
    reader = _Reader()
    protocol = reader.protocol(document, rules)
    if reader.faults or protocol is None:
        listed = "\n  ".join(reader.faults)
        raise ProtocolError(
            f"protocol/{name} can't be used; nothing was assessed. Mend these and start again:\n  {listed}"
        )
    return protocol


class _Reader:
    """Collects every fault while it reads, so that one start-up names them all."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def protocol(self, document: Mapping[str, Any], rules: Mapping[str, frozenset[str]] | None) -> Protocol | None:
        self._keys("", document, _TOP)
        if self.faults:
            return None
        clock = self._stanza(ResponseClock, "response_clock", document["response_clock"])
        decline = self._stanza(Decline, "decline", document["decline"])
        affected = self._stanza(AffectedCompartments, "affected_compartments", document["affected_compartments"])
        priors = {
            key: self._stanza(LinePrior, f"prior.{key}", table) for key, table in self._table("prior", document).items()
        }
        sigma = {k: v for k, v in self._table("sigma_log10", document).items() if k not in _PROVENANCE}
        for compartment, value in sigma.items():
            self._compartment("sigma_log10", compartment)
            self._positive(f"sigma_log10.{compartment}", value)
        prior_of = {k: v for k, v in self._table("prior_of", document).items() if k not in _PROVENANCE}
        otherwise = prior_of.pop("otherwise", None)
        for compartment in prior_of:
            self._compartment("prior_of", compartment)
        for prior in (*prior_of.values(), otherwise):
            if prior not in priors:
                self.faults.append(f"[prior_of] names the prior {prior!r}, and there is no [prior.{prior}]; add it")
        self._provenance("prior_of", document["prior_of"])
        stanzas = self._rules(self._table("rules", document), rules)
        drugs = self._drugs(self._table("drugs", document))
        provenance = {key: self._provenance(key, document[key]) for key in ("drugs", "sigma_log10")}
        if decline is not None:
            self._positive("[decline] target_log10_per_week", decline.target_log10_per_week)
        if decline is not None and not 0 <= decline.not_met_probability < decline.met_probability <= 1:
            self.faults.append("[decline] not_met_probability must be below met_probability, both from 0 to 1")
        if self.faults or clock is None or decline is None or affected is None:
            return None
        return Protocol(
            version=str(document["version"]),
            title=str(document["title"]),
            owner=str(document["owner"]),
            drugs=drugs,
            drugs_provenance=provenance["drugs"],
            response_clock=clock,
            decline=decline,
            sigma_log10={k: float(v) for k, v in sigma.items()},
            sigma_provenance=provenance["sigma_log10"],
            prior_names=prior_of,
            prior_otherwise=str(otherwise),
            priors={key: prior for key, prior in priors.items() if prior is not None},
            affected_compartments=affected,
            rules=stanzas,
        )

    def _keys(self, where: str, table: Mapping[str, Any], expected: tuple[str, ...]) -> bool:
        place = f"[{where}] " if where else ""
        missing = [key for key in expected if key not in table]
        unknown = [key for key in table if key not in expected]
        self.faults += [f"{place}{key} is missing; add it" for key in missing]
        self.faults += [f"{place}{key} is not a key of this stanza; remove it or mend its name" for key in unknown]
        return not missing and not unknown

    def _table(self, key: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        table = document.get(key)
        if isinstance(table, dict):
            return table
        self.faults.append(f"[{key}] must be a table")
        return {}

    def _compartment(self, where: str, name: str) -> None:
        if name not in compartments.NAMES:
            self.faults.append(f"[{where}] {name!r} is no compartment; known are {', '.join(compartments.NAMES)}")

    def _positive(self, where: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            self.faults.append(f"{where} must be a number above 0")

    def _provenance(self, where: str, table: object) -> Provenance:
        if not isinstance(table, dict):
            self.faults.append(f"[{where}] must be a table")
            return Provenance("", "", "", ())
        for key in ("source", "strength", "owner"):
            if not isinstance(table.get(key), str) or not table[key].strip():
                self.faults.append(f"[{where}] {key} is missing or empty; every number needs its {key}")
        guide = table.get("guide")
        if not isinstance(guide, list) or not all(isinstance(item, str) for item in guide):
            self.faults.append(f"[{where}] guide must be a list of statements, such as ['G19'], or []")
            guide = []
        return Provenance(
            str(table.get("source", "")), str(table.get("strength", "")), str(table.get("owner", "")), tuple(guide)
        )

    def _stanza(self, kind: type[_Stanza], where: str, table: object) -> _Stanza | None:
        if not isinstance(table, dict):
            self.faults.append(f"[{where}] must be a table")
            return None
        numbers: tuple[str, ...] = tuple(field.name for field in fields(kind) if field.name != "provenance")
        if not self._keys(where, table, (*numbers, *_PROVENANCE)):
            return None
        for key in numbers:
            if isinstance(table[key], bool) or not isinstance(table[key], int | float):
                self.faults.append(f"[{where}] {key} must be a number")
                return None
            if key.endswith(("_sd_log10", "_sd_log10_per_week")):
                self._positive(f"[{where}] {key}", table[key])
        return kind(**{key: float(table[key]) for key in numbers}, provenance=self._provenance(where, table))

    def _drugs(self, table: Mapping[str, Any]) -> dict[str, Drug]:
        drugs: dict[str, Drug] = {}
        for name, entry in table.items():
            if name in _PROVENANCE:
                continue
            if not isinstance(entry, dict) or set(entry) != {"group", "use"}:
                self.faults.append(f"[drugs] {name} must be {{ group = ..., use = ... }}")
            elif entry["use"] not in ("treatment", "not_treatment"):
                self.faults.append(f"[drugs] {name}: use must be treatment or not_treatment")
            else:
                drugs[name] = Drug(str(entry["group"]), entry["use"] == "treatment")
        return drugs

    def _rules(self, table: Mapping[str, Any], needed: Mapping[str, frozenset[str]] | None) -> dict[str, RuleStanza]:
        stanzas: dict[str, RuleStanza] = {}
        for code, stanza in table.items():
            provenance = self._provenance(f"rules.{code}", stanza)
            numbers = {key: value for key, value in stanza.items() if key not in _PROVENANCE}
            for key, value in numbers.items():
                self._positive(f"[rules.{code}] {key}", value)
            stanzas[code] = RuleStanza(numbers, provenance)
        if needed is not None:
            self.faults += [
                f"[rules.{code}] is missing; the rule {code} needs it" for code in needed if code not in stanzas
            ]
            self.faults += [
                f"[rules.{code}] has no rule of that name; remove it" for code in stanzas if code not in needed
            ]
            for code in needed.keys() & stanzas.keys():
                self._keys(f"rules.{code}", stanzas[code].numbers, tuple(sorted(needed[code])))
        return stanzas
