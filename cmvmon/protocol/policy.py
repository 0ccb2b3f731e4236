"""What a protocol file holds, as frozen objects: the numbers, each with where it came from and who signs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol.course_priors import CourseLine, CoursePriors


@dataclass(frozen=True)
class Provenance:
    """Where a stanza came from: source, strength of evidence, who signs a change, statements of the ward's guide."""

    source: str
    strength: str
    owner: str
    guide: tuple[str, ...]


@dataclass(frozen=True)
class Drug:
    """One drug: those of one `group` are one drug to the response clock."""

    group: str
    is_treatment: bool


@dataclass(frozen=True)
class ResponseClock:
    """Courses, anchors and baselines (rules.md section 1)."""

    same_course_gap_days: float
    interrupted_gap_h: float
    baseline_before_h: float
    baseline_after_h: float
    early_baseline_before_days: float
    late_baseline_after_days: float
    provenance: Provenance


@dataclass(frozen=True)
class Decline:
    """The target, the cut points of a call, and what the estimator assumes (kinetics.md sections 2 to 4)."""

    target_log10_per_week: float
    met_probability: float
    not_met_probability: float
    interval_probability: float
    too_close_days: float
    new_segment_gap_days: float
    growth_before_anchor_log10_per_week: float
    growth_before_anchor_sd_log10_per_week: float
    window_intercept_mean_log10: float
    window_intercept_sd_log10: float
    provenance: Provenance


@dataclass(frozen=True)
class LinePrior:
    """Joint normal prior of the load at the anchor (log10 IU/mL) and the decline (log10 per week)."""

    intercept_mean_log10: float
    intercept_sd_log10: float
    decline_mean_log10_per_week: float
    decline_sd_log10_per_week: float
    correlation: float
    provenance: Provenance


@dataclass(frozen=True)
class Alarm:
    """At what odds, or probability, the bank's alarms speak; set to a rate of false alarms by `cmvmon calibrate`."""

    odds_non_responder: float
    probability_rebound: float
    provenance: Provenance


@dataclass(frozen=True)
class AffectedCompartments:
    """When the lung counts as affected because of a BAL load."""

    local_line_iu_per_ml: float
    inferred_from_days_before_anchor: float
    inferred_to_days_after_anchor: float
    provenance: Provenance


@dataclass(frozen=True)
class Concordance:
    """When blood is said to follow another compartment, for a patient and for the unit (guide G20)."""

    pair_within_h: float
    patient_min_pairs: float
    unit_min_pairs: float
    unit_min_patients: float
    follows_agreement: float
    least_agreement_beyond_chance: float
    change_probability: float
    interval_probability: float
    within_patient_correlation: float
    longest_lag_days: float
    stale_after_days: float
    provenance: Provenance


@dataclass(frozen=True)
class NextSample:
    """Which days after `as_of` are tried for one more sample, and how probably it must settle an open call."""

    candidate_days: float
    probability: float
    provenance: Provenance


@dataclass(frozen=True)
class NearLloq:
    """Noise of a result at and below the LLOQ, by compartment; from there it falls evenly to the compartment's own value,
    which it reaches `within_log10` above the LLOQ."""

    within_log10: float
    sigma_log10: Mapping[str, float]


@dataclass(frozen=True)
class RuleStanza:
    """The numbers of one rule by name, and their provenance."""

    numbers: Mapping[str, float]
    provenance: Provenance

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]


@dataclass(frozen=True)
class Protocol:
    """One signed clinical policy.

    `course_priors_shrink_series` = how many series the priors in use weigh when a site learns its own.
    `course_priors` are the lines that `course_priors_name` names, null when only the line method is used.
    `sigma_log10` has no entry for a compartment whose noise is not known; `sigma_near_lloq` is None where the file gives
    one value for all levels. `prior_of(compartment)` always gives one.
    """

    version: str
    title: str
    owner: str
    drugs: Mapping[str, Drug]
    drugs_provenance: Provenance
    response_clock: ResponseClock
    decline: Decline
    sigma_log10: Mapping[str, float]
    sigma_provenance: Provenance
    prior_names: Mapping[str, str]
    prior_otherwise: str
    priors: Mapping[str, LinePrior]
    affected_compartments: AffectedCompartments
    concordance: Concordance
    next_sample: NextSample
    rules: Mapping[str, RuleStanza]
    course_priors_name: str
    course_priors_shrink_series: float
    alarms: Mapping[str, Alarm]
    course_priors: CoursePriors | None = None
    sigma_near_lloq: NearLloq | None = None

    @property
    def treatment_drugs(self) -> Mapping[str, str]:
        """Group by name of every drug that the protocol lists as treatment."""
        return {name: drug.group for name, drug in self.drugs.items() if drug.is_treatment}

    def prior_of(self, compartment: str) -> LinePrior:
        """The prior of a compartment's lines."""
        return self.priors[self.prior_name_of(compartment)]

    def prior_name_of(self, compartment: str) -> str:
        """The name under which a compartment finds its priors and alarms."""
        default = compartment if compartment in self.priors else self.prior_otherwise
        return self.prior_names.get(compartment, default)

    def course_lines_of(self, compartment: str) -> tuple[CourseLine, ...]:
        """The bank's lines for a compartment. Raises ProtocolError when the priors file was not read."""
        if self.course_priors is None:
            raise ProtocolError(
                f"protocol {self.version} names the priors {self.course_priors_name!r}, which were not read; "
                "put the file into protocol/priors/"
            )
        return self.course_priors.lines[self.prior_name_of(compartment)]

    def alarm_of(self, compartment: str) -> Alarm:
        """The alarm thresholds of a compartment."""
        return self.alarms[self.prior_name_of(compartment)]

    @property
    def version_with_priors(self) -> str:
        """The version that stands beside a number: the protocol's, and the priors' where others than it names are used.

        Priors given for one analysis (`analyze --priors`) are never silent: they change this word.
        """
        other = self.course_priors is not None and self.course_priors.version != self.course_priors_name
        return f"{self.version}+{self.course_priors.version}" if other and self.course_priors else self.version
