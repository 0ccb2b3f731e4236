"""The numbers of one treatment week from the bank: the week's decline, the mean since the anchor, rebound and odds.

Kernel module (imports numba).
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.bank.update import begin, begin_above, begin_again, odds, rates, rebound, update, weigh
from cmvmon.kinetics.inputs.arrays import Bank, Rows
from cmvmon.kinetics.inputs.codes import ABOVE_ULOQ, WEEK_US, Policy
from cmvmon.kinetics.numerics.compiling import borrowing
from cmvmon.kinetics.numerics.mixture import ends, moments


@borrowing
def take_row(
    rows: Rows, row: int, segment: int, own: bool, anchor: int, lines: np.ndarray, bank: Bank, policy: Policy
) -> None:
    """Put one result into the bank; the first of a segment begins it anew. `own`: a segment after a long gap."""
    origin = rows.time[segment] if own else anchor
    if row == segment:
        bank.guess[:] = math.nan
        if own:
            begin_again(lines, policy.window_mean, policy.window_sd, bank.state)
        elif rows.detection[row] == ABOVE_ULOQ:
            begin_above(lines, policy.window_mean, policy.window_sd, bank.state)
        else:
            begin(lines, bank.state)
    t = (rows.time[row] - origin) / WEEK_US
    update(lines, bank.state, t, rows.fit_lo[row], rows.fit_hi[row], rows.sigma[row], policy.growth, policy.growth_sd)


@borrowing
def near_last(
    guess: np.ndarray,
    policy: Policy,
    kept: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    n: int,
    room: np.ndarray,
) -> tuple[float, float, float, float]:
    """`summary` of the mixture, its quantiles sought where the last ones were, in sd from the mean: see `guess`."""
    centre, spread = moments(kept, mean, sd, n)
    if not (math.isfinite(guess[0]) and math.isfinite(guess[1])):
        guess[0], guess[1] = -policy.z, policy.z
    low, high, above = ends(
        policy.target,
        policy.tail,
        centre + guess[0] * spread,
        centre + guess[1] * spread,
        kept,
        mean,
        sd,
        n,
        room,
    )
    guess[0], guess[1] = (low - centre) / spread, (high - centre) / spread
    return centre, low, high, above


@borrowing
def bank_week(
    bank: Bank,
    which: int,
    since: int,
    last: int,
    week_start: int,
    week_end: int,
    policy: Policy,
    out: np.ndarray,
) -> None:
    """Write week and mean decline, P(rebound) and odds to out[4:14]; NaN over no time.

    `since` is the anchor, or the first result of a segment; `last` the time of the last result.
    """
    lines, room, guess = bank.lines[which], bank.room, bank.guess
    w, kept, mean, sd = room[0], room[1], room[2], room[3]
    weigh(bank.state, w)
    until = (min(week_end, policy.as_of_us) - since) / WEEK_US
    begun = max((week_start - since) / WEEK_US, 0.0)
    if until > 0.0:
        n = rates(lines, bank.state, w, 0.0, until, kept, mean, sd)
        found = near_last(guess[0:2], policy, kept, mean, sd, n, bank.mixture)
        out[8], out[9], out[10], out[11] = found
        if begun > 0.0 and until > begun:
            n = rates(lines, bank.state, w, begun, until, kept, mean, sd)
            found = near_last(guess[2:4], policy, kept, mean, sd, n, bank.mixture)
        else:
            guess[2], guess[3] = guess[0], guess[1]
        out[4], out[5], out[6], out[7] = found
    out[12] = rebound(lines, bank.state, w, max((last - since) / WEEK_US, 0.0))
    out[13] = odds(lines, w)
