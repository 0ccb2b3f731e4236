"""The true load in one compartment: straight pieces on the log10 scale, or a trajectory kept on a grid.

Before the anchor the load grows or stands still. After it the pieces follow one another; one that does not exist starts
where the next one does, and so lasts no time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.draws import Numbers
from cmvmon.simulate.families import Gridded
from cmvmon.simulate.hosts import Codes
from cmvmon.simulate.limits import number_limits

# The pieces: an early rise; the answer to the drug; a hump; the fall after it or after a bend; a late change (rise or
# rest); a fall again; what follows a change of drug.
PIECES = 7
EARLY, ANSWER, HUMP, AFTER_HUMP, LATE, AGAIN, CHANGED = range(PIECES)


@dataclass(frozen=True)
class Curves:
    """One compartment's true loads, one element per patient; declines in log10 per week, positive when falling.

    Piece k runs from `starts[:, k]` (days after the anchor, infinite when the piece does not exist) to the next. The
    patients of `gridded` follow their grid instead, from the anchor on; their one piece has no decline.
    """

    response: Codes
    at_anchor_log10: Numbers
    growth_log10_per_week: Numbers
    starts: Numbers
    declines: Numbers
    gridded: Gridded | None = None

    def log10_load(self, days: Numbers) -> Numbers:
        """log10 IU/mL at `days` after the anchor (negative: before it), one moment per patient."""
        load = self.at_anchor_log10 + self.growth_log10_per_week * np.minimum(days, 0.0) / 7.0
        ends = np.column_stack([self.starts[:, 1:], np.full(days.shape, np.inf)])
        for k in range(self.starts.shape[1]):
            spent = np.minimum(days, ends[:, k]) - np.minimum(days, self.starts[:, k])  # 0 before the piece begins
            load = load - self.declines[:, k] * spent / 7.0
        if self.gridded is not None:
            chosen = self.gridded.patients
            load[chosen] = np.where(days[chosen] > 0.0, self.gridded.log10_load(days[chosen]), load[chosen])
        return np.minimum(load, highest_load_log10())

    def mean_decline(self, days: float) -> Numbers:
        """True mean decline in log10 per week from the anchor to `days` after it; needs days > 0."""
        at = np.full(self.at_anchor_log10.shape, days)
        return (self.log10_load(np.zeros_like(at)) - self.log10_load(at)) * 7.0 / days

    def rising_from_days(self) -> Numbers:
        """Day on which a rise after a fall begins, for good: rebound, resistance, or the drug stopped; else infinite.

        An early rise is none, for nothing fell before it. A hump is none: it passes.
        """
        late = (self.declines[:, LATE] < 0.0) & (self.starts[:, LATE] < self.starts[:, AGAIN])
        stopped = (self.declines[:, CHANGED] < 0.0) & (self.declines[:, ANSWER] > 0.0)
        stopped &= self.starts[:, ANSWER] < self.starts[:, CHANGED]
        rising = np.where(late, self.starts[:, LATE], np.where(stopped, self.starts[:, CHANGED], np.inf))
        if self.gridded is not None:
            rising[self.gridded.patients] = self.gridded.rising_from_days(assumed("family_rise_smallest"))
        return np.asarray(rising)


def highest_load_log10() -> float:
    """The load, in log10 IU/mL, above which nothing rises."""
    return min(assumed("highest_load"), float(np.log10(number_limits(VIRAL_LOAD_RESULTS, "viral_load_iu_per_ml")[1])))
