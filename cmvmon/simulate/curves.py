"""The true load of each patient in one compartment: classes, and straight pieces on the log10 scale.

Before the anchor the load grows or stands still; after it up to four pieces follow one another: an early rise, the
answer to the drug, a late rise (rebound, resistance) and what follows a change of drug.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.draws import Draws, Numbers
from cmvmon.simulate.limits import number_limits

COMPARTMENTS: tuple[str, ...] = ("plasma", "bal")
CLASSES: tuple[str, ...] = ("responder", "slow", "non_responder", "rebound")
RESPONDER, SLOW, NON_RESPONDER, REBOUND = range(len(CLASSES))
KEPT, SWITCHED, STOPPED = range(3)
DRUG_CHANGES: tuple[str | None, ...] = (None, "switched", "stopped")

Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Host:
    """What both compartments of a patient share. Days count from the anchor; infinite = does not happen."""

    response: dict[str, Codes]
    growth_log10_per_week: Numbers
    drug_change: Codes
    drug_changed_days: Numbers


@dataclass(frozen=True)
class Curves:
    """One compartment's true loads, one element per patient; declines in log10 per week, positive when falling.

    Piece k runs from `starts[:, k]` (days after the anchor, infinite when the piece does not exist) to the next.
    """

    response: Codes
    at_anchor_log10: Numbers
    growth_log10_per_week: Numbers
    starts: Numbers
    declines: Numbers

    def log10_load(self, days: Numbers) -> Numbers:
        """log10 IU/mL at `days` after the anchor (negative: before it), one moment per patient."""
        load = self.at_anchor_log10 + self.growth_log10_per_week * np.minimum(days, 0.0) / 7.0
        ends = np.column_stack([self.starts[:, 1:], np.full(days.shape, np.inf)])
        for k in range(self.starts.shape[1]):
            spent = np.minimum(days, ends[:, k]) - np.minimum(days, self.starts[:, k])  # 0 before the piece begins
            load = load - self.declines[:, k] * spent / 7.0
        return np.minimum(load, _highest_load_log10())

    def mean_decline(self, days: float) -> Numbers:
        """True mean decline in log10 per week from the anchor to `days` after it; needs days > 0."""
        at = np.full(self.at_anchor_log10.shape, days)
        return (self.log10_load(np.zeros_like(at)) - self.log10_load(at)) * 7.0 / days


def _highest_load_log10() -> float:
    return min(assumed("highest_load"), float(np.log10(number_limits(VIRAL_LOAD_RESULTS, "viral_load_iu_per_ml")[1])))


def _class_of(uniform: Numbers) -> Codes:
    edges = np.cumsum([assumed(f"share_{name}") for name in CLASSES])
    return np.minimum(np.searchsorted(edges, uniform, side="right"), len(CLASSES) - 1).astype(np.int64)


def _decline(half_life_days: Numbers | float) -> Numbers:
    return np.asarray(7.0 * np.log10(2.0) / half_life_days, dtype=np.float64)


def hosts(draws: Draws) -> Host:
    """Classes by compartment, growth, and changes of drug, for every patient."""
    bal = _class_of(draws.uniform("class_bal"))
    own = _class_of(draws.uniform("class_plasma"))
    plasma = np.where(draws.happens("class_shared", assumed("plasma_takes_class_of_bal")), bal, own)
    doubling = assumed("doubling_time_median") * np.exp(assumed("doubling_time_log_sd") * draws.normal("doubling"))
    growth = _decline(np.maximum(doubling, assumed("doubling_time_shortest")))
    change, changed = _drug_changes(draws, bal)
    return Host({"plasma": plasma, "bal": bal}, growth, change, changed)


def _drug_changes(draws: Draws, bal: Codes) -> tuple[Codes, Numbers]:
    failing = (bal == NON_RESPONDER) | (bal == REBOUND)
    share = np.where(failing, assumed("share_switched_failing"), assumed("share_switched_other"))
    switched = draws.uniform("switch") < share
    stopped = ~switched & ~failing & draws.happens("stop", assumed("share_stopped_early"))
    moment = draws.uniform("switch_at")
    earliest = np.where(failing, assumed("switch_earliest"), assumed("switch_other_earliest"))
    switch_at = earliest + (assumed("switch_latest") - earliest) * moment
    stop_at = draws.uniform("stop_at", assumed("stopped_earliest"), assumed("stopped_latest"))
    change = np.select([switched, stopped], [SWITCHED, STOPPED], KEPT).astype(np.int64)
    return change, np.select([switched, stopped], [switch_at, stop_at], np.inf)


def _loosely(draws: Draws, quantity: str, compartment: str) -> Numbers:
    """Standard normal numbers, correlated between the compartments."""
    bal = draws.normal(f"{quantity}_bal")
    if compartment == "bal":
        return bal
    rho = assumed("correlation_of_compartments")
    return np.asarray(rho * bal + np.sqrt(1.0 - rho**2) * draws.normal(f"{quantity}_{compartment}"))


def _rises_early(draws: Draws, compartment: str) -> Flags:
    bal = draws.happens("early_bal", assumed("share_early_rise"))
    if compartment == "bal":
        return bal
    own = draws.happens(f"early_{compartment}", assumed("share_early_rise"))
    return np.where(draws.happens("early_shared", assumed("plasma_shares_early_rise")), bal, own)


def curves(draws: Draws, host: Host, compartment: str) -> Curves:
    """The true loads of every patient in `compartment` (plasma or bal)."""
    response = host.response[compartment]
    mean, sd = assumed(f"{compartment}_at_anchor_mean"), assumed(f"{compartment}_at_anchor_sd")
    at_anchor = mean + sd * _loosely(draws, "load", compartment)
    resistant = (response == NON_RESPONDER) & draws.happens(f"resistant_{compartment}", assumed("share_resistant"))
    answer = _answer(draws, compartment, response, resistant)
    early = (response != NON_RESPONDER) & _rises_early(draws, compartment)
    early_end = draws.uniform("early_length", assumed("early_rise_shortest"), assumed("early_rise_longest"))
    regrowth = -assumed("growth_under_drug") * host.growth_log10_per_week
    growing = draws.happens("growing", assumed("share_growing_at_anchor"))
    # A piece that does not exist starts where the next one does, and so lasts no time.
    changed = host.drug_changed_days
    second = np.where(early, np.minimum(early_end, changed), 0.0)
    late = np.minimum(_late_from(draws, response == REBOUND, resistant), changed)
    return Curves(
        response=response,
        at_anchor_log10=np.minimum(at_anchor, _highest_load_log10()),
        growth_log10_per_week=np.where(growing, host.growth_log10_per_week, 0.0),
        starts=np.column_stack([np.zeros_like(at_anchor), second, late, changed]),
        declines=np.column_stack(
            [np.where(early, regrowth, answer), answer, regrowth, _after_change(draws, host, compartment, answer)]
        ),
    )


def _answer(draws: Draws, compartment: str, response: Codes, resistant: Flags) -> Numbers:
    """Decline under the first drug, after an early rise and before a late one."""
    spread = np.exp(assumed("half_life_log_sd") * _loosely(draws, "half_life", compartment))
    unmoved = draws.normal(f"non_responder_{compartment}") * assumed("non_responder_decline_sd")
    return np.select(
        [resistant, response == NON_RESPONDER, response == SLOW],
        [
            np.full_like(spread, _decline(assumed("resistant_half_life"))),
            assumed("non_responder_decline_mean") + unmoved,
            _decline(assumed("slow_half_life_median") * spread),
        ],
        _decline(assumed("fast_half_life_median") * spread),
    )


def _late_from(draws: Draws, rebounds: Flags, resistant: Flags) -> Numbers:
    moment = draws.uniform("rise_from")
    rebound = assumed("rebound_earliest") + (assumed("rebound_latest") - assumed("rebound_earliest")) * moment
    rise = (
        assumed("resistant_rise_earliest")
        + (assumed("resistant_rise_latest") - assumed("resistant_rise_earliest")) * moment
    )
    return np.select([rebounds, resistant], [rebound, rise], np.inf)


def _after_change(draws: Draws, host: Host, compartment: str, answer: Numbers) -> Numbers:
    """Decline after a change of drug: untreated growth after a stop; a new fall where the first drug failed."""
    spread = np.exp(assumed("half_life_log_sd") * _loosely(draws, "after_switch", compartment))
    renewed = _decline(assumed("half_life_after_switch_median") * spread)
    response = host.response[compartment]
    failing = (response == NON_RESPONDER) | (response == REBOUND)
    return np.select(
        [host.drug_change == STOPPED, (host.drug_change == SWITCHED) & failing],
        [-host.growth_log10_per_week, renewed],
        answer,
    )
