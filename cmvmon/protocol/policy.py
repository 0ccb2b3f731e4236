"""What a protocol file holds, as frozen objects: the numbers, each with where it came from and who signs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
class AffectedCompartments:
    """When the lung counts as affected because of a BAL load."""

    local_line_iu_per_ml: float
    inferred_from_days_before_anchor: float
    inferred_to_days_after_anchor: float
    provenance: Provenance


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

    `sigma_log10` has no entry for a compartment whose noise is not known. `prior_of(compartment)` always gives one.
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
    rules: Mapping[str, RuleStanza]

    @property
    def treatment_drugs(self) -> Mapping[str, str]:
        """Group by name of every drug that the protocol lists as treatment."""
        return {name: drug.group for name, drug in self.drugs.items() if drug.is_treatment}

    def prior_of(self, compartment: str) -> LinePrior:
        """The prior of a compartment's lines."""
        default = compartment if compartment in self.priors else self.prior_otherwise
        return self.priors[self.prior_names.get(compartment, default)]
