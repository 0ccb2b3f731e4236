"""Named kinds of wards: each a few numbers that stand in the place of those in the table of assumptions.

All of it is made to judge by, not to describe patients: a share of 1 puts a difficulty in every series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cmvmon.domain.errors import SiteError
from cmvmon.simulate.assumptions import assumed


@dataclass(frozen=True)
class Scenario:
    """One kind of ward: its name, what it brings, and the assumptions that it replaces."""

    name: str
    says: str
    overrides: Mapping[str, float]


def _scenario(name: str, says: str, **overrides: float) -> Scenario:
    for replaced in overrides:
        assumed(replaced)  # a KeyError at import: no scenario replaces a number that the table does not hold
    return Scenario(name, says, MappingProxyType(overrides))


DEFAULT_SCENARIO = "ward"
_LIST: tuple[Scenario, ...] = (
    _scenario("ward", "the ward of the table of assumptions, unchanged"),
    _scenario("transient_hump", "half of the falling series rise for some days in between", share_hump=0.5),
    _scenario("biphasic_decline", "every responder falls steeply, then at a quarter of that rate", share_biphasic=1.0),
    _scenario("spontaneous_clearance", "every second patient clears as without a drug", share_spontaneous=0.5),
    _scenario("blips", "one in ten samples below LLOQ reads low positive", share_blips=0.10),
    _scenario("growth_before_anchor", "every load grows until the anchor", share_growing_at_anchor=1.0),
    _scenario(
        "load_dependent_sampling",
        "twice as many samples are planned; a high or rising load is sampled, a low one often not",
        share_sampled_by_load=1.0,
        plasma_interval=1.75,
        bal_interval=3.5,
    ),
    _scenario(
        "informative_stopping",
        "no sample after two results below LLOQ in a row; death takes patients with high loads sooner",
        share_sampling_ends=1.0,
        death_per_day_at_4_log10=0.015,
    ),
    _scenario(
        "assay_change", "half-way through the watch all results come from another assay", assay_changed_after=0.5
    ),
    _scenario("bal_dilution", "each lavage is diluted by another factor", bal_dilution_sd=0.3),
    _scenario("outliers", "one in twenty results has a large further error", share_outliers=0.05),
    _scenario("student_t", "results scatter as Student's t with 4 degrees of freedom", share_student_t=1.0),
    _scenario("two_changes", "half of the falling and rebounding series change twice", share_two_changes=0.5),
    _scenario(
        "compartments_do_not_follow",
        "plasma and BAL share nothing but the drug",
        plasma_takes_class_of_bal=0.0,
        correlation_of_compartments=0.0,
        plasma_shares_early_rise=0.0,
        share_plasma_on_its_own=1.0,
    ),
    _scenario(
        "resistance_emerging",
        "four in ten series fall and then rise within days",
        share_responder=0.30,
        share_slow=0.15,
        share_non_responder=0.40,
        share_rebound=0.15,
        share_resistant=0.9,
    ),
    _scenario("koloskoff", "loads by an indirect-response equation on the log10 scale", share_koloskoff=1.0),
    _scenario("target_cell", "loads by a target-cell limited model", share_target_cell=1.0),
    _scenario(
        "everything",
        "some of each",
        share_hump=0.1,
        share_biphasic=0.2,
        share_spontaneous=0.1,
        share_blips=0.05,
        share_growing_at_anchor=0.7,
        share_sampled_by_load=0.2,
        share_sampling_ends=0.2,
        death_per_day_at_4_log10=0.005,
        assay_changed_after=0.8,
        bal_dilution_sd=0.15,
        share_outliers=0.02,
        share_student_t=0.2,
        share_two_changes=0.1,
        share_plasma_on_its_own=0.3,
        plasma_takes_class_of_bal=0.5,
        share_koloskoff=0.1,
        share_target_cell=0.1,
    ),
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _LIST})


def scenario_of(name: str) -> Scenario:
    """The scenario of that name. Raises SiteError (a CmvmonError), with the names there are, when there is none.

    >>> scenario_of("blips").overrides["share_blips"]
    0.1
    """
    if name not in SCENARIOS:
        raise SiteError(f"simulate: no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
