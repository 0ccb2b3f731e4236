"""What both compartments of a patient share: the class of the answer, growth, drugs, and the family of the curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmvmon.simulate.draws import Draws, Numbers

COMPARTMENTS: tuple[str, ...] = ("plasma", "bal")
CLASSES: tuple[str, ...] = ("responder", "slow", "non_responder", "rebound")
RESPONDER, SLOW, NON_RESPONDER, REBOUND = range(len(CLASSES))
KEPT, SWITCHED, STOPPED = range(3)
DRUG_CHANGES: tuple[str | None, ...] = (None, "switched", "stopped")
PIECEWISE, KOLOSKOFF, TARGET_CELL = range(3)

Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Host:
    """One element per patient, or one such array per compartment. Days count from the anchor; infinite = never.

    `is_spontaneous`: the load goes as it would without a drug. `plasma_on_its_own`: it shares no time with BAL.
    """

    response: dict[str, Codes]
    growth_log10_per_week: dict[str, Numbers]
    drug_change: Codes
    drug_changed_days: Numbers
    family: Codes
    is_spontaneous: Flags
    plasma_on_its_own: Flags


def hosts(draws: Draws) -> Host:
    """Classes by compartment, growth, changes of drug and families, for every patient."""
    family = _families(draws)
    spontaneous = draws.happens("spontaneous", draws.assumed("share_spontaneous")) & (family == PIECEWISE)
    bal = np.where(spontaneous, SLOW, _class_of(draws, "class_bal"))
    own = _class_of(draws, "class_plasma")
    shared = draws.happens("class_shared", draws.assumed("plasma_takes_class_of_bal")) | spontaneous
    plasma = np.where(shared, bal, own)
    change, changed = _drug_changes(draws, bal, family)
    alone = draws.happens("on_its_own", draws.assumed("share_plasma_on_its_own"))
    growth = _growth(draws, "doubling")
    return Host(
        response={"plasma": plasma, "bal": bal},
        growth_log10_per_week={
            "plasma": np.where(alone, _growth(draws, "doubling_plasma"), growth) if alone.any() else growth,
            "bal": growth,
        },
        drug_change=change,
        drug_changed_days=changed,
        family=family,
        is_spontaneous=spontaneous,
        plasma_on_its_own=alone,
    )


def decline_of(half_life_days: Numbers | float) -> Numbers:
    """Decline in log10 per week of a half-life in days; growth of a doubling time."""
    return np.asarray(7.0 * np.log10(2.0) / half_life_days, dtype=np.float64)


def loosely(draws: Draws, quantity: str, compartment: str) -> Numbers:
    """Standard normal numbers, correlated between the compartments."""
    bal = draws.normal(f"{quantity}_bal")
    if compartment == "bal":
        return bal
    rho = draws.assumed("correlation_of_compartments")
    return np.asarray(rho * bal + np.sqrt(1.0 - rho**2) * draws.normal(f"{quantity}_{compartment}"))


def _growth(draws: Draws, quantity: str) -> Numbers:
    doubling = draws.assumed("doubling_time_median") * np.exp(
        draws.assumed("doubling_time_log_sd") * draws.normal(quantity)
    )
    return decline_of(np.maximum(doubling, draws.assumed("doubling_time_shortest")))


def _families(draws: Draws) -> Codes:
    koloskoff, target_cell = draws.assumed("share_koloskoff"), draws.assumed("share_target_cell")
    if koloskoff + target_cell == 0.0:
        return np.full(draws.patients, PIECEWISE, dtype=np.int64)
    edge = draws.uniform("family")
    return np.select([edge < koloskoff, edge < koloskoff + target_cell], [KOLOSKOFF, TARGET_CELL], PIECEWISE).astype(
        np.int64
    )


def _class_of(draws: Draws, quantity: str) -> Codes:
    edges = np.cumsum([draws.assumed(f"share_{name}") for name in CLASSES])
    place = np.searchsorted(edges, draws.uniform(quantity), side="right")
    return np.minimum(place, len(CLASSES) - 1).astype(np.int64)


def _drug_changes(draws: Draws, bal: Codes, family: Codes) -> tuple[Codes, Numbers]:
    """Whether and when the drug changes; the other families know no change of drug."""
    failing = (bal == NON_RESPONDER) | (bal == REBOUND)
    share = np.where(failing, draws.assumed("share_switched_failing"), draws.assumed("share_switched_other"))
    switched = (draws.uniform("switch") < share) & (family == PIECEWISE)
    stopped = ~switched & ~failing & draws.happens("stop", draws.assumed("share_stopped_early"))
    stopped &= family == PIECEWISE
    moment = draws.uniform("switch_at")
    earliest = np.where(failing, draws.assumed("switch_earliest"), draws.assumed("switch_other_earliest"))
    switch_at = earliest + (draws.assumed("switch_latest") - earliest) * moment
    stop_at = draws.uniform("stop_at", draws.assumed("stopped_earliest"), draws.assumed("stopped_latest"))
    change = np.select([switched, stopped], [SWITCHED, STOPPED], KEPT).astype(np.int64)
    return change, np.select([switched, stopped], [switch_at, stop_at], np.inf)
