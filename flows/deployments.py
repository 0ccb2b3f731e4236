"""Which flows are served, and when they run. No logic.

Prefect sets no limit on how many run at once: steps take turns on the site by its own lock (docs/decisions/0030-serve-and-watch.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cmvmon.run.health.nights import DUE_AT

NIGHTLY_CRON = f"{DUE_AT.minute} {DUE_AT.hour} * * *"


def deployments(root: Path, time_zone: str) -> list[Any]:
    """The night on its schedule, and the lab feed, which a stored delivery of this site calls for (cmvmon.flows.relay)."""
    from prefect.deployments.runner import EntrypointType  # type: ignore[attr-defined]
    from prefect.events import DeploymentEventTrigger
    from prefect.schedules import Cron

    from cmvmon.flows.lab_feed import lab_feed
    from cmvmon.flows.nightly import nightly
    from cmvmon.flows.relay import EVENT, RESOURCE, SITE

    where = str(root.resolve())
    # Named by module, a flow is found wherever `cmvmon serve` was started.
    common: dict[str, Any] = {
        "parameters": {"root": where},
        "entrypoint_type": EntrypointType.MODULE_PATH,
    }
    stored = DeploymentEventTrigger(
        name="a delivery was stored",
        expect={EVENT},
        match={"prefect.resource.id": f"{RESOURCE}.*", SITE: where},
        parameters={"root": where, "delivery_id": "{{ event.resource.delivery_id }}"},
    )
    return [
        nightly.to_deployment(name="nightly", schedules=[Cron(NIGHTLY_CRON, timezone=time_zone)], **common),
        lab_feed.to_deployment(name="lab-feed", triggers=[stored], **common),
    ]
