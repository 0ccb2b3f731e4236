"""What an assessment knows of why alerts end, beside its verdicts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cmvmon.answers import Worse
from cmvmon.domain import words

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Ends:
    """Why alerts end that are not said again.

    Attributes:
        cause_of: why the subject of an open alert is no longer judged.
        became_of: of open alerts, by alert id, what befell a result that their words rest on.
        left: patients who are discharged.
        died: patients who have died; they may be in `left` too.
        long_gone: who of them left so long ago that no alert is opened any more; what stands open waits as it does.
        back_since: of patients who had left and are back, since when.
        into: by number that was merged away, the one that its patient goes on under.
        after_discharge: by rule, the grounds on which it alerts on whoever has left.
        worse: how much higher a load must be to end an answer.
        goes_on_within: by why it was closed, how soon after that an alert that is said again is the same one.
        is_on_moved: of an alert, or one of its events, whether its words rest on a result that moved with its laboratory's.
        told_for: by rule, for how long an alert that time alone would end stands after it was acknowledged.
    """

    cause_of: Callable[[Row], str]
    became_of: Callable[[Collection[Row]], Mapping[str, str]]
    left: Collection[str]
    worse: Worse
    goes_on_within: Mapping[str, timedelta]
    died: Collection[str] = ()
    long_gone: Collection[str] = ()
    back_since: Mapping[str, datetime] = field(default_factory=dict)
    into: Mapping[str, str] = field(default_factory=dict)
    after_discharge: Mapping[str, Collection[str]] = field(default_factory=dict)
    told_for: Mapping[str, timedelta] = field(default_factory=dict)
    is_on_moved: Callable[[Row], bool] = lambda _: False

    @property
    def met_within(self) -> timedelta:
        """How long a closed alert may still go on."""
        return max(self.goes_on_within.values(), default=timedelta(0))

    def why(self, alert: Row, protocol_hash: str) -> str:
        """Why its subject is no longer judged. Where nothing else explains that another compartment is judged, another policy does."""
        cause = self.cause_of(alert)
        is_other_policy = alert["protocol_hash"] != protocol_hash
        return words.POLICY_CHANGED if is_other_policy and cause == words.NOT_HERE else cause
