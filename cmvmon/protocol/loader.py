"""Text of a protocol file -> Protocol. Unknown, missing or impossible keys are reported all at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from cmvmon.domain import compartments
from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol.course_priors import CoursePriors, read_course_priors
from cmvmon.protocol.policy import (
    AffectedCompartments,
    Alarm,
    Concordance,
    Decline,
    Drug,
    LinePrior,
    NearLloq,
    NextSample,
    Protocol,
    Provenance,
    ResponseClock,
    RuleStanza,
)
from cmvmon.protocol.stanza_faults import alarm_faults, concordance_faults, next_sample_faults

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
    "concordance",
    "next_sample",
    "course_priors",
    "alarm",
    "rules",
)
_NEAR_LLOQ = "near_lloq"
_Stanza = TypeVar(
    "_Stanza",
    bound=ResponseClock | Decline | LinePrior | AffectedCompartments | Concordance | NextSample | Alarm,
)


def read_protocol(
    text: str,
    *,
    name: str,
    rules: Mapping[str, frozenset[str]] | None = None,
    priors: Mapping[str, str] | None = None,
) -> Protocol:
    """The protocol that `text` (TOML) holds.

    Args:
        name: the file's name, for messages.
        rules: the numbers that each rule needs, by rule code. When given, a rule without its stanza, a stanza without
            its rule, and a stanza with other numbers are errors too.
        priors: texts of priors files by name. When given, the one that the protocol names must be among them.

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
    if priors is None:
        return protocol
    return replace(protocol, course_priors=_named_priors(protocol, priors, f"protocol/{name}"))


def _named_priors(protocol: Protocol, priors: Mapping[str, str], where: str) -> CoursePriors:
    wanted = protocol.course_priors_name
    if wanted not in priors:
        known = ", ".join(sorted(priors)) or "none"
        raise ProtocolError(
            f"{where}: [course_priors] names {wanted!r}; known are {known}. Add the file or mend the name"
        )
    found = read_course_priors(priors[wanted], name=f"{wanted}.toml")
    if found.version != wanted:
        raise ProtocolError(
            f"priors/{wanted}.toml says that its version is {found.version!r}; file and version must have one name"
        )
    lacking = [key for key in protocol.priors if key not in found.lines]
    if lacking:
        raise ProtocolError(f"priors/{wanted}.toml has no lines for {', '.join(lacking)}; add [[{lacking[0]}]] tables")
    return found


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
        concordance = self._stanza(Concordance, "concordance", document["concordance"])
        if concordance is not None:
            self.faults += concordance_faults(concordance)
        next_sample = self._stanza(NextSample, "next_sample", document["next_sample"])
        if next_sample is not None:
            self.faults += next_sample_faults(next_sample)
        priors = {
            key: self._stanza(LinePrior, f"prior.{key}", table) for key, table in self._table("prior", document).items()
        }
        alarms = {
            key: self._stanza(Alarm, f"alarm.{key}", table) for key, table in self._table("alarm", document).items()
        }
        for key, alarm in alarms.items():
            self.faults += [] if alarm is None else alarm_faults(key, alarm)
        self.faults += [f"[alarm.{key}] is missing; add it (`cmvmon calibrate`)" for key in priors if key not in alarms]
        self._provenance("course_priors", document["course_priors"])
        course_priors_name = self._table("course_priors", document).get("name")
        shrink = self._table("course_priors", document).get("shrink_series")
        self._positive("[course_priors] shrink_series", shrink)
        self._keys("course_priors", self._table("course_priors", document), (*_PROVENANCE, "name", "shrink_series"))
        if not isinstance(course_priors_name, str) or not course_priors_name.strip():
            self.faults.append("[course_priors] name is missing; name a file of protocol/priors without its ending")
        sigma = {k: v for k, v in self._table("sigma_log10", document).items() if k not in _PROVENANCE}
        near_lloq = self._near_lloq(sigma.pop(_NEAR_LLOQ, None), set(sigma))
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
        if decline is not None and not 0 < decline.interval_probability < 1:
            self.faults.append("[decline] interval_probability must lie between 0 and 1, such as 0.95")
        if self.faults or clock is None or decline is None or affected is None or concordance is None:
            return None
        if next_sample is None:
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
            sigma_near_lloq=near_lloq,
            prior_names=prior_of,
            prior_otherwise=str(otherwise),
            priors={key: prior for key, prior in priors.items() if prior is not None},
            affected_compartments=affected,
            concordance=concordance,
            next_sample=next_sample,
            rules=stanzas,
            course_priors_name=str(course_priors_name),
            course_priors_shrink_series=float(str(shrink)),
            alarms={key: alarm for key, alarm in alarms.items() if alarm is not None},
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

    def _near_lloq(self, table: object, with_sigma: set[str]) -> NearLloq | None:
        """The noise near the LLOQ; None where the file gives none. It needs the compartment's own value beside it."""
        where = f"sigma_log10.{_NEAR_LLOQ}"
        if table is None:
            return None
        if not isinstance(table, dict):
            self.faults.append(f"[{where}] must be a table")
            return None
        found = len(self.faults)
        values = {key: value for key, value in table.items() if key != "within_log10"}
        self._positive(f"{where}.within_log10", table.get("within_log10"))
        for compartment, value in values.items():
            self._compartment(where, compartment)
            self._positive(f"{where}.{compartment}", value)
            if compartment not in with_sigma:
                self.faults.append(f"[{where}] {compartment} has no value in [sigma_log10]; add it there")
        if len(self.faults) > found:
            return None
        return NearLloq(float(table["within_log10"]), {key: float(value) for key, value in values.items()})

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
