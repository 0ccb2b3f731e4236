"""One alert by its id, or by how its id begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmvmon.domain.errors import SiteError

_NAMED = 5  # alerts that an ambiguous id is told to begin


def chosen(alerts: Sequence[dict[str, Any]], alert_id: str) -> dict[str, Any]:
    """The one of these alerts whose id begins so. Raises SiteError where none does, or several do."""
    where_ids_are = "`cmvmon alerts list --all` prints the ids"
    if not alert_id.strip():
        raise SiteError(f"the id of an alert is empty; give the id, or how it begins; {where_ids_are}")
    found = [alert for alert in alerts if alert["alert_id"].startswith(alert_id)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SiteError(f"no alert has an id that begins with {alert_id!r}; {where_ids_are}")
    named = "; ".join(f"{alert['alert_id']} ({alert['rule']})" for alert in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise SiteError(
        f"{len(found)} alerts have an id that begins with {alert_id!r}: {named}{more}. "
        f"Give more of the id; {where_ids_are}"
    )
