"""For which leaving of a patient an alert was handed over, and for which it still has to be. Pure.

Rules of this file:
- Who takes over is told once of each transition of an alert at each leaving: whoever comes back and leaves again is handed over again.
- A leaving whose moment is corrected, and that lies before what was told, is the same one. So it is not told twice.
- A snooze is no answer to a handover: whoever set the alert aside is not who takes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

HANDOVER = "handover"
_MARK = "@"


def about_leaving(transition: str, left_at: datetime) -> str:
    """The transition of an alert as a handover names it, with the leaving that it is told at."""
    return f"{transition}{_MARK}{left_at.isoformat()}"


def transition_of(named: str) -> str:
    """The transition of the alert in what `about_leaving` gave."""
    return named.partition(_MARK)[0]


def is_handed_over(
    told: Mapping[tuple[str, str, str], datetime],
    alert_id: str,
    transition: str,
    *,
    left_at: datetime,
    back_at: datetime | None,
) -> bool:
    """Whether that leaving was told of that transition.

    Args:
        told: when each kind of message about an alert's transition was queued first.
        back_at: when the patient had come back before this leaving; None = never left before.
    """
    for (kind, about, named), at in told.items():
        if kind != HANDOVER or about != alert_id or transition_of(named) != transition:
            continue
        _, _, leaving = named.partition(_MARK)
        before = datetime.fromisoformat(leaving) if leaving else at  # a former version named none
        if before == left_at or (at >= left_at and (back_at is None or before > back_at)):
            return True
    return False
