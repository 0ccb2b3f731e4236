"""One signed clinical policy: every stanza of its file, the priors that it names, and the hashes that it is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import date
from typing import Self

from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.protocol.doses import DoseTable
from cmvmon.protocol.faults import Place
from cmvmon.protocol.interactions import Interactions
from cmvmon.protocol.kinds import Kind
from cmvmon.protocol.levels import LevelTable, LevelTiming
from cmvmon.protocol.moved_together import MovedTogether
from cmvmon.protocol.policy import (
    AffectedCompartments,
    Alarm,
    Answers,
    Concordance,
    Decline,
    Drug,
    Drugs,
    Exposure,
    LinePrior,
    NamedPriors,
    NearLloq,
    NextSample,
    Noise,
    Notify,
    PriorChoice,
    Resistance,
    ResponseClock,
    SameMinute,
    Watched,
)
from cmvmon.protocol.resistance_table import ResistanceTable
from cmvmon.protocol.rule_stanza import RuleStanza
from cmvmon.protocol.sampling import Context, Sampling, Ventilation
from cmvmon.protocol.stanza import family, inner, key, stanza
from cmvmon.protocol.trajectory_priors import TrajectoryLine, TrajectoryPriors, read_trajectory_priors

SHOWN_OF_HASH = 12  # characters of a SHA-256 in `identity`


class Label(Kind):
    """A label: text, or a number read as text."""

    @property
    def says(self) -> str:
        return "text that is not empty"

    def read(self, found: object, place: Place) -> str | None:
        if isinstance(found, dict | list) or not str(found).strip():
            place.refuse(f"must be {self.says}", found=found)
            return None
        return str(found)


class Signature(Kind):
    """Who signed, or when: text or a date; empty while nobody has."""

    @property
    def says(self) -> str:
        return "text or a date; empty while it is not signed"

    def read(self, found: object, place: Place) -> str | None:
        if not isinstance(found, str | date):
            place.refuse(f"must be {self.says}", found=found)
            return None
        return str(found).strip()


@stanza
class Protocol:
    """One signed clinical policy.

    `trajectory_priors` are the lines that `trajectory_priors_name` names, null when only the line method is used.
    `sigma_log10` has no entry for a compartment whose noise is not known; `sigma_near_lloq` is None where the file gives
    one value for all levels. `prior_of(compartment)` always gives one. `text_sha256` is the SHA-256, in hexadecimal, of
    the file's text in UTF-8 without the lines of its signature: two files with one `version` are not the same protocol, and
    one that was signed since is. `resistance_table` is the one that `[resistance]` names by its hash, null where none was given.
    """

    version: str = key(Label(), "the label of this policy, beside every number and alert")
    title: str = key(Label(), "its name in words")
    owner: str = key(Label(), "who signs it")
    drug_list: Drugs = inner(Drugs, name="drugs")
    response_clock: ResponseClock = inner(ResponseClock)
    decline: Decline = inner(Decline)
    noise: Noise = inner(Noise, name="sigma_log10")
    same_minute: SameMinute = inner(SameMinute)
    prior_choice: PriorChoice = inner(PriorChoice, name="prior_of")
    priors: Mapping[str, LinePrior] = family(LinePrior, name="prior")
    affected_compartments: AffectedCompartments = inner(AffectedCompartments)
    watched: Watched = inner(Watched)
    moved_together: MovedTogether = inner(MovedTogether)
    concordance: Concordance = inner(Concordance)
    next_sample: NextSample = inner(NextSample)
    answers: Answers = inner(Answers)
    notify: Notify = inner(Notify)
    resistance: Resistance = inner(Resistance)
    named_priors: NamedPriors = inner(NamedPriors, name="trajectory_priors")
    alarms: Mapping[str, Alarm] = family(Alarm, name="alarm")
    doses: Mapping[str, DoseTable] = family(DoseTable, name="doses")
    exposure: Exposure = inner(Exposure)
    sampling: Sampling = inner(Sampling)
    ventilation: Ventilation = inner(Ventilation)
    context: Context = inner(Context)
    levels: Mapping[str, LevelTable] = family(LevelTable, name="levels")
    level_timing: LevelTiming = inner(LevelTiming)
    interactions: Interactions = inner(Interactions)
    rules: Mapping[str, RuleStanza] = family(RuleStanza, name="rules")
    owner_signed_by: str = key(Signature(), "who signed it, by name", default="")
    signed_at: str = key(Signature(), "the date on which it was signed, such as 2026-11-22", default="")
    text_sha256: str = field(default="")
    trajectory_priors: TrajectoryPriors | None = field(default=None)
    resistance_table: ResistanceTable | None = field(default=None)

    @property
    def is_signed(self) -> bool:
        """Whether the file says who signed it and when."""
        return bool(self.owner_signed_by and self.signed_at)

    @property
    def drugs(self) -> Mapping[str, Drug]:
        """Every drug that the protocol lists, by name."""
        return self.drug_list.by_name

    @property
    def treatment_drugs(self) -> Mapping[str, str]:
        """Group by name of every drug that the protocol lists as treatment."""
        return {name: drug.group for name, drug in self.drugs.items() if drug.is_treatment}

    @property
    def sigma_log10(self) -> Mapping[str, float]:
        """Noise of one result by compartment."""
        return self.noise.sigma_log10

    @property
    def sigma_near_lloq(self) -> NearLloq | None:
        """Noise at and below the LLOQ."""
        return self.noise.near_lloq

    @property
    def trajectory_priors_name(self) -> str:
        """The version of the priors that the file names."""
        return self.named_priors.name

    @property
    def trajectory_priors_shrink_series(self) -> float:
        """How many series the priors in use weigh when a site learns its own."""
        return self.named_priors.shrink_series

    def prior_of(self, compartment: str) -> LinePrior:
        """The prior of a compartment's lines."""
        return self.priors[self.prior_name_of(compartment)]

    def prior_name_of(self, compartment: str) -> str:
        """The name under which a compartment finds its priors and alarms."""
        default = compartment if compartment in self.priors else self.prior_choice.otherwise
        return self.prior_choice.by_compartment.get(compartment, default)

    def trajectory_lines_of(self, compartment: str) -> tuple[TrajectoryLine, ...]:
        """The bank's lines for a compartment. Raises ProtocolError when the priors file was not read."""
        if self.trajectory_priors is None:
            raise ProtocolError(
                f"protocol {self.version} names the priors {self.trajectory_priors_name!r}, which were not read; "
                "put the file into protocol/priors/"
            )
        return self.trajectory_priors.lines[self.prior_name_of(compartment)]

    def alarm_of(self, compartment: str) -> Alarm:
        """The alarm thresholds of a compartment."""
        return self.alarms[self.prior_name_of(compartment)]

    @property
    def version_with_priors(self) -> str:
        """The version that stands beside a number: the protocol's, and the priors' where others than it names are used.

        Priors given for one analysis (`analyze --priors`) are never silent: they change this word.
        """
        other = self.trajectory_priors is not None and self.trajectory_priors.version != self.trajectory_priors_name
        return f"{self.version}+{self.trajectory_priors.version}" if other and self.trajectory_priors else self.version

    @property
    def priors_sha256(self) -> str:
        """The SHA-256 of the text of the priors in use, in hexadecimal; empty where none were read."""
        return "" if self.trajectory_priors is None else self.trajectory_priors.text_sha256

    @property
    def sha256(self) -> str:
        """The SHA-256 of both texts, the protocol's and the priors': two policies of one label are told apart."""
        return hashlib.sha256(f"{self.text_sha256}\0{self.priors_sha256}".encode()).hexdigest()

    @property
    def identity(self) -> str:
        """What an alert or assessment was judged by, in short: label and hash of the protocol and of the priors in use.

        `icu_cmv_2024.12@0123456789ab+simulated-1@0123456789ab`. Two protocols of one label differ in it.
        """
        own = f"{self.version}@{self.text_sha256[:SHOWN_OF_HASH]}"
        if self.trajectory_priors is None:
            return own
        return f"{own}+{self.trajectory_priors.version}@{self.priors_sha256[:SHOWN_OF_HASH]}"

    def with_priors(self, text: str, *, name: str) -> Self:
        """The protocol with the priors that `text` holds, in place of those it names; `version_with_priors` names both.

        For one analysis, and never silent.

        Raises:
            SiteError: they lack a prior that the protocol uses, or bear the version of those in use with other numbers.
            ProtocolError: the text holds no priors.
        """
        priors = read_trajectory_priors(text, name=name)
        named = self.trajectory_priors
        if named is not None and priors.version == named.version and priors.lines != named.lines:
            raise SiteError(
                f"{name} says that it is {priors.version}, the priors in use, and holds other numbers; give it a version "
                "of its own"
            )
        lacking = [prior for prior in self.priors if prior not in priors.lines]
        if lacking:
            raise SiteError(f"{name} has no lines for {', '.join(lacking)}, which the protocol uses")
        return replace(self, trajectory_priors=priors)
