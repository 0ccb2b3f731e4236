"""Status and call of one treatment week: the first status that applies, and what the mean decline says of the target.

Kernel module (imports numba). Definitions: kinetics.md section 4.
"""

from __future__ import annotations

import numpy as np

from cmvmon.kinetics.inputs.codes import (
    ABOVE_ULOQ,
    ALL_CENSORED,
    BASELINE_ABOVE_ULOQ,
    BASELINE_NEAR_LLOQ,
    BELOW_LLOQ,
    INDETERMINATE,
    INTERRUPTED,
    INVALID_INPUT,
    MET,
    NEW_SEGMENT,
    NO_BASELINE,
    NO_CALL,
    NO_NEW_RESULT,
    NOT_MET,
    OK,
    PRIOR_ONLY,
    QUANTIFIED,
    SUPPRESSED,
    TOO_CLOSE,
    WEEK_US,
    Policy,
)
from cmvmon.kinetics.numerics.compiling import borrowing


@borrowing
def status_of(
    invalid: bool,
    no_baseline: bool,
    interrupted: bool,
    new_segment: bool,
    one_time: bool,
    all_censored: bool,
    no_new_result: bool,
    suppressed: bool,
    near_lloq: bool,
    above_uloq: bool,
    too_close: bool,
) -> int:
    """The first status that applies; the order of the arguments is their precedence."""
    if invalid:
        return INVALID_INPUT
    if no_baseline:
        return NO_BASELINE
    if interrupted:
        return INTERRUPTED
    if new_segment:
        return NEW_SEGMENT
    if one_time:
        return PRIOR_ONLY
    if all_censored:
        return ALL_CENSORED
    if no_new_result:
        return NO_NEW_RESULT
    if suppressed:
        return SUPPRESSED
    if near_lloq:
        return BASELINE_NEAR_LLOQ
    if above_uloq:
        return BASELINE_ABOVE_ULOQ
    return TOO_CLOSE if too_close else OK


@borrowing
def is_suppressed(detection: np.ndarray, first: int, last: int) -> bool:
    """Whether the last two of the rows first..last lie below the LLOQ."""
    return last > first and detection[last] <= BELOW_LLOQ and detection[last - 1] <= BELOW_LLOQ


@borrowing
def is_near_lloq(
    detection: np.ndarray,
    reported_lo: np.ndarray,
    reported_hi: np.ndarray,
    first: int,
    last: int,
    weeks: float,
    target: float,
) -> bool:
    """Whether the last row lies below an LLOQ that a fall at the target's rate would have reached from row `first`.

    `weeks` is the time that the fall had. A `first` that is itself below the LLOQ always lies near it; one above the
    ULOQ stands at the ULOQ.
    """
    if detection[last] > BELOW_LLOQ:
        return False
    if detection[first] <= BELOW_LLOQ:
        return True
    return bool(reported_lo[first] - reported_hi[last] < target * weeks)


@borrowing
def is_above_uloq(detection: np.ndarray, time: np.ndarray, first: int, last: int, apart_us: int) -> bool:
    """Whether row `first` lies above the ULOQ and no two quantified rows, `apart_us` or more apart, tell how fast it fell.

    The results then give the decline a lower bound only; an upper one could come from nothing but the prior.
    """
    if detection[first] != ABOVE_ULOQ:
        return False
    begun = -1
    for i in range(first, last + 1):
        if detection[i] == QUANTIFIED:
            if begun < 0:
                begun = i
            elif time[i] - time[begun] >= apart_us:
                return False
    return True


@borrowing
def call_of(
    status: int,
    probability: float,
    reported_lo: np.ndarray,
    reported_hi: np.ndarray,
    time: np.ndarray,
    first: int,
    last: int,
    policy: Policy,
) -> int:
    """The call of a week. Where the results bound the decline only from below, it is `met` or nothing, never `not_met`."""
    if status in (SUPPRESSED, BASELINE_NEAR_LLOQ, BASELINE_ABOVE_ULOQ):
        if probability >= policy.met:
            return MET
        reached = last - 1 if status == SUPPRESSED else last  # the first row below the LLOQ of the two, or the one
        weeks = (time[reached] - time[first]) / WEEK_US
        if weeks > 0.0 and (reported_lo[first] - reported_hi[reached]) / weeks >= policy.target:
            return MET
        return NO_CALL
    if status not in (OK, TOO_CLOSE):
        return NO_CALL
    if probability >= policy.met:
        return MET
    return NOT_MET if probability <= policy.not_met else INDETERMINATE


@borrowing
def is_held_back(call: int, suppressed: bool, probability_rebound: float, alarm: float) -> bool:
    """Whether `met` may not be said because the rebound alarm speaks; never without a probability (NaN).

    A load of which the last two results lie below the LLOQ has not risen to anything that can be seen.
    """
    return call == MET and not suppressed and probability_rebound >= alarm
