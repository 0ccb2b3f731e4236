"""The codes by which the week kernel speaks: statuses, calls and reasons as small numbers, and their words.

No numba here: tests and `weekly_decline` read it too.
"""

from __future__ import annotations

from typing import NamedTuple

WEEK_US = 7 * 24 * 3_600_000_000
FOREVER = 2**63 - 1

# Detection states, by their place in words.DETECTION.
NOT_DETECTED, BELOW_LLOQ, QUANTIFIED, ABOVE_ULOQ = range(4)

# Statuses, by their place in words.STATUS, which is their precedence.
INVALID_INPUT, NO_BASELINE, INTERRUPTED, NEW_SEGMENT, PRIOR_ONLY, ALL_CENSORED = range(6)
NO_NEW_RESULT, SUPPRESSED, BASELINE_NEAR_LLOQ, BASELINE_ABOVE_ULOQ, TOO_CLOSE, OK = range(6, 12)

NO_CALL, MET, NOT_MET, INDETERMINATE = -1, 0, 1, 2  # by their place in words.CALL

# Reasons, one bit each, in alphabetical order: their text is then sorted.
REASONS = (
    "baseline_early",
    "baseline_late",
    "conflicting_values",
    "limit_missing",
    "limits_crossed",
    "provisional",
    "rebound_suspected",
    "sigma_invalid",
    "sigma_unknown",
    "too_close",
)
(
    R_BASELINE_EARLY,
    R_BASELINE_LATE,
    R_CONFLICTING_VALUES,
    R_LIMIT_MISSING,
    R_LIMITS_CROSSED,
    R_PROVISIONAL,
    R_REBOUND_SUSPECTED,
    R_SIGMA_INVALID,
    R_SIGMA_UNKNOWN,
    R_TOO_CLOSE,
) = (1 << bit for bit in range(len(REASONS)))
R_NOT_REPORTED = R_CONFLICTING_VALUES | R_LIMIT_MISSING | R_LIMITS_CROSSED  # the reported limits can't be used either

# Rows of the kernel's table of numbers, in the order of the columns of weekly_decline.
NUMBERS = (
    "observed_from_log10",
    "observed_to_log10",
    "observed_decline_low_log10_per_week",
    "observed_decline_high_log10_per_week",
    "decline_log10_per_week",
    "decline_low_log10_per_week",
    "decline_high_log10_per_week",
    "probability_above_target",
    "mean_decline_log10_per_week",
    "mean_decline_low_log10_per_week",
    "mean_decline_high_log10_per_week",
    "mean_probability_above_target",
    "probability_rebound",
    "odds_non_responder",
)
# And of its table of whole numbers.
WHOLE = (
    "clock",
    "treatment_week",
    "n_results",
    "n_censored",
    "status",
    "call",
    "reason",
    "first_row",  # of those that the mean decline rests on; -1 = there is none
    "last_row",
    "n_used_after_anchor",
)


# How the estimates are made: one line, or the bank of change-point lines.
LINE, BANK = range(2)


class Policy(NamedTuple):
    """The protocol's numbers as the kernel takes them: times in microseconds, probabilities from 0 to 1."""

    target: float
    met: float
    not_met: float
    tail: float  # share of each tail outside the interval
    z: float  # normal quantile of that tail, positive
    growth: float
    growth_sd: float
    too_close_us: int
    week_end_us: int  # how far from an end of a week a result still stands for it
    new_segment_us: int
    baseline_before_us: int
    baseline_after_us: int
    early_from_us: int
    late_until_us: int
    as_of_us: int
    window_mean: float  # of the load at the first result after a long gap, log10
    window_sd: float
    method: int


def reason_text(bits: int) -> str | None:
    """The reasons that `bits` stand for, sorted and joined by `;`; None for none.

    >>> reason_text(R_TOO_CLOSE | R_PROVISIONAL)
    'provisional;too_close'
    """
    return ";".join(reason for bit, reason in enumerate(REASONS) if bits >> bit & 1) or None
