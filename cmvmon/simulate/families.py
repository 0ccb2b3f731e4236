"""Two families of load curves that the estimator was not made for: an indirect response and target cells.

Both start at the anchor, with the drug, and are kept on an even grid of days. Sources: the table of assumptions.
Rule of this file: a load leaves it clipped between the lowest and the highest load of the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cmvmon.simulate.draws import Numbers

HORIZON_DAYS = 120.0
STEP_DAYS = 0.25
_SOLVER_STEPS = 2  # of one step of the grid; RK4 with steps of 3 h is far below the assay's third decimal


@dataclass(frozen=True)
class Gridded:
    """Loads of some patients on a grid from the anchor on: row i is that of patient `patients[i]`, in log10 IU/mL.

    Between two points of the grid the load goes straight; after the last one it stays.
    """

    patients: NDArray[np.int64]
    log10: Numbers

    def log10_load(self, days: Numbers) -> Numbers:
        """log10 IU/mL at `days` >= 0 after the anchor, one moment per patient of the grid."""
        place = np.clip(days / STEP_DAYS, 0.0, self.log10.shape[1] - 1.0)
        left = np.minimum(place.astype(np.int64), self.log10.shape[1] - 2)
        row = np.arange(self.log10.shape[0])
        before, after = self.log10[row, left], self.log10[row, left + 1]
        return np.asarray(before + (after - before) * (place - left))

    def rising_from_days(self, smallest_rise: float) -> Numbers:
        """Day of the lowest load of a series that rises by `smallest_rise` log10 after it; infinite when none does."""
        rise = np.maximum.accumulate(self.log10[:, ::-1], axis=1)[:, ::-1] - self.log10
        lowest = np.argmin(self.log10, axis=1)
        risen = rise[np.arange(lowest.size), lowest] >= smallest_rise
        return np.asarray(np.where(risen & (lowest > 0), lowest * STEP_DAYS, np.inf), dtype=np.float64)


def grid_days() -> Numbers:
    """The days of the grid."""
    return np.asarray(np.arange(round(HORIZON_DAYS / STEP_DAYS) + 1) * STEP_DAYS, dtype=np.float64)


def indirect_response(
    at_anchor: Numbers, *, kin_per_hour: float, kout_per_hour: Numbers, drug_effect: Numbers
) -> Numbers:
    """log10 load on the grid of dR/dt = kin - kout (1 + effect) R, from R(0) = `at_anchor`, one row per patient.

    The equation is linear, so this is its exact solution: R(t) = Rss + (R0 - Rss) exp(-kout (1 + effect) t).

    >>> indirect_response(np.array([3.61]), kin_per_hour=0.00087, kout_per_hour=np.array([0.00023]),
    ...     drug_effect=np.array([8.19]))[0, [0, 28, 56]].round(3).tolist()
    [3.61, 2.654, 1.984]
    """
    rate = kout_per_hour * (1.0 + drug_effect)
    settled = kin_per_hour / rate
    faded = np.exp(-np.outer(rate * 24.0, grid_days()))
    return np.asarray(settled[:, None] + (at_anchor - settled)[:, None] * faded)


@dataclass(frozen=True)
class TargetCells:
    """What a target-cell trajectory depends on, one element per patient; rates per day, efficacies as shares.

    `infected_loss`: rate at which infected cells die. `half_infected`: load, relative to that at the anchor, at which
    infection takes target cells as fast as they renew. `susceptible`: share of target cells left at the anchor.
    """

    infected_loss: Numbers
    half_infected: Numbers
    susceptible: Numbers
    infected: Numbers
    efficacy: Numbers
    efficacy_later: Numbers
    later_from_days: Numbers


def target_cell_trajectory(
    cells: TargetCells, *, clearance_per_day: float, reproduction: float, renewal_per_day: float
) -> Numbers:
    """log10 of the load relative to that at the anchor, on the grid, one row per patient.

    With T target cells (share), I infected cells and V virus (both relative to the virus at the anchor), efficacy e:

        dT/dt = renewal (1 - T - T V / half_infected)
        dI/dt = infected_loss (reproduction T V - I)
        dV/dt = clearance ((1 - e) I - V)

    Plain Runge-Kutta of fourth order with fixed steps, all patients at once.
    """

    def slopes(state: Numbers, efficacy: Numbers) -> Numbers:
        target, infected, virus = state
        return np.stack(
            [
                renewal_per_day * (1.0 - target - target * virus / cells.half_infected),
                cells.infected_loss * (reproduction * target * virus - infected),
                clearance_per_day * ((1.0 - efficacy) * infected - virus),
            ]
        )

    state = np.stack([cells.susceptible, cells.infected, np.ones_like(cells.infected)])
    step = STEP_DAYS / _SOLVER_STEPS
    virus = [state[2]]
    for point in range(grid_days().size - 1):
        for part in range(_SOLVER_STEPS):
            # Within the step in which the efficacy changes, the mean of the two by time.
            later = np.clip((point * STEP_DAYS + (part + 1) * step - cells.later_from_days) / step, 0.0, 1.0)
            efficacy = cells.efficacy + later * (cells.efficacy_later - cells.efficacy)
            first = slopes(state, efficacy)
            second = slopes(state + step / 2 * first, efficacy)
            third = slopes(state + step / 2 * second, efficacy)
            fourth = slopes(state + step * third, efficacy)
            state = state + step / 6 * (first + 2 * second + 2 * third + fourth)
        virus.append(state[2])
    return np.asarray(np.log10(np.maximum(np.column_stack(virus), 1e-300)))
