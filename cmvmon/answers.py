"""What a person's answer to an alert rests on, and what ends it: an acknowledgement, or a snooze. Pure: no store, no clock.

An answer holds for what was answered, which is kept beside it. It ends by itself where

1. the alert gets worse: a graver tier, or a load further above the one that was answered than the protocol says;
2. none of the grounds that were answered holds any more, and others do, at the same tier: one that is milder ends no answer;
3. a result that it rests on was withdrawn, moved, put in doubt or corrected since its words were said;
4. it was a snooze, and a result has come on which the alert did not rest then: the sample that was waited for.

A new night, and a new sample that says the same on the same grounds, end no acknowledgement.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.domain import compartments, words

ANSWER = ("answered_by", "answered_at", "answered_on", "reason", "until")
# Which fact of an alert's evidence is the load that it speaks of, the first that is there: at least this much.
_LOADS = ("latest_at_least_iu_per_ml", "latest_point_at_least_iu_per_ml", "fall_to_at_least_iu_per_ml")


@dataclass(frozen=True)
class Worse:
    """How much higher a load must be than the one that was answered, to be worse (log10; in the lower airways)."""

    rise_log10: float
    rise_lower_airway_log10: float


def given(
    alert: Mapping[str, Any], *, by: str, at: datetime, reason: str | None, until: datetime | None
) -> dict[str, Any]:
    """The columns of an answer to that alert, by the names in ANSWER. `answered_on`: what it rests on, as JSON text."""
    return {
        "answered_by": by,
        "answered_at": at,
        "answered_on": json.dumps(_rests_on(alert), sort_keys=True),
        "reason": reason,
        "until": until,
    }


def what_was_answered(alert: Mapping[str, Any]) -> dict[str, Any]:
    """The same alert as it was answered: `evidence` and `said_at` are those of then, so that its results can be looked up."""
    on = json.loads(alert["answered_on"])
    return {**alert, "evidence": alert["answered_on"], "said_at": datetime.fromisoformat(on["said_at"])}


def why_it_ends(
    alert: Mapping[str, Any], facts: Mapping[str, Any], *, befell: str | None, worse: Worse | None
) -> str | None:
    """Why the answer to that alert no longer holds, as a code of `words.ALERT_CAUSE`; None: it holds, or there is none.

    Args:
        alert: the last row of the alert.
        facts: `tier` and `evidence` of what is said now.
        befell: what befell a result that the answer rests on, as a code.
        worse: the protocol's; None = the alert speaks of no load.
    """
    if alert["standing"] not in (words.ACKNOWLEDGED, words.SNOOZED):
        return None
    then, now = json.loads(alert["answered_on"]), _said(facts["tier"], facts["evidence"])
    if befell is not None:
        return befell
    if now["tier"] < then["tier"] or _has_risen(then, now, alert["compartment"], worse):
        return words.WORSE
    is_milder = now["tier"] > then["tier"]
    if then["grounds"] and now["grounds"] and not (is_milder or set(then["grounds"]) & set(now["grounds"])):
        return words.OTHER_GROUND
    if alert["standing"] == words.SNOOZED and set(now["result_ids"]) - set(then["result_ids"]):
        return words.NEW_RESULT
    return None


def _rests_on(alert: Mapping[str, Any]) -> dict[str, Any]:
    return _said(alert["tier"], alert["evidence"]) | {"said_at": alert["said_at"].isoformat()}


def _said(tier: int, evidence: str) -> dict[str, Any]:
    found = json.loads(evidence)
    grounds = found.get("grounds") or [found[name] for name in ("code",) if name in found]  # `code`: of the work itself
    load = next((found[name] for name in _LOADS if found.get(name) is not None), None)
    return {"tier": tier, "grounds": grounds, "result_ids": found.get("result_ids") or [], "load_iu_per_ml": load}


def _has_risen(then: Mapping[str, Any], now: Mapping[str, Any], compartment: str | None, worse: Worse | None) -> bool:
    before, after = then["load_iu_per_ml"], now["load_iu_per_ml"]
    if worse is None or not before or not after:
        return False
    is_lower_airway = compartment in compartments.LOWER_RESPIRATORY
    least = worse.rise_lower_airway_log10 if is_lower_airway else worse.rise_log10
    return round(math.log10(after) - math.log10(before), 9) > least
