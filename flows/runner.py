"""Starts the runs when they are due, as a child of `cmvmon serve`: `python -m cmvmon.flows.runner ROOT`.

What an earlier one left behind is cleared first: runs whose process is gone, and those that were due while nobody was there.
One night stands for all that were missed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from cmvmon.domain.errors import CmvmonError
from cmvmon.run.health.nights import nights
from cmvmon.run.nightly.night_alerts import note_missed
from cmvmon.shell.basis.lifeline import end_with_parent
from cmvmon.shell.basis.losing_lines import lose_lines
from cmvmon.shell.folder.site import Site

_AT_ONCE = 4  # processes; the steps of several take turns on the site
_GONE = "its process ended with the `cmvmon serve` that started it"
_PASSED = "it was due while `cmvmon serve` did not run; one night stands for all that were missed"


def main(root: Path) -> None:
    """Serves the deployments of the site until it is stopped."""
    end_with_parent()
    lose_lines()
    from cmvmon.flows.deployments import deployments

    if nights(root).last is not None:
        with suppress(CmvmonError):  # whatever it is, the night meets it too, and says so
            note_missed(root, on_page=False)
    asyncio.run(_serve(root, deployments(root, Site(root).settings().time_zone)))


async def _serve(root: Path, deployments: Sequence[Any]) -> None:
    from prefect import get_client
    from prefect.runner import Runner

    # A schedule that is paused when a runner stops would say nothing more than that: it is started again with the next one.
    runner = Runner(name="cmvmon", limit=_AT_ONCE, pause_on_shutdown=False)
    runner.handle_sigterm = _end_at_once  # type: ignore[method-assign]
    ids = [await runner.aadd_deployment(each) for each in deployments]
    async with get_client() as client:
        await clear(client, ids, root)
        if nights(root).is_to_be_made_up:
            await client.create_flow_run_from_deployment(ids[0])
    await runner.start()


def _end_at_once(*_: object) -> None:
    """The runner holds nothing that must be put away; the night that it started is told by the same signal."""
    os._exit(0)


async def clear(client: Any, deployments: Sequence[UUID], root: Path) -> int:
    """Ends what these deployments left behind of the site at `root`, and says how many runs that were.

    A run that says it runs belongs to a process that is gone: of one site, one `cmvmon serve` runs at a time.
    """
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
    from prefect.client.schemas.objects import State, StateType
    from prefect.states import Cancelled, Crashed

    of_them = DeploymentFilter(id=DeploymentFilterId(any_=list(deployments)))
    dead = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED]
    passed = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": [StateType.SCHEDULED]}}, "expected_start_time": {"before_": datetime.now(UTC)}}
    )
    at_work = FlowRunFilter.model_validate({"state": {"type": {"any_": dead}}})
    ends: list[tuple[FlowRunFilter, State[Any]]] = [
        (at_work, Crashed(message=_GONE)),
        (passed, Cancelled(message=_PASSED)),
    ]
    ended: set[UUID] = set()
    for which, state in ends:
        while mine := [
            run
            for run in await client.read_flow_runs(flow_run_filter=which, deployment_filter=of_them)
            if run.id not in ended and run.parameters.get("root") == str(root.resolve())
        ]:
            for run in mine:
                await client.set_flow_run_state(run.id, state, force=True)
                ended.add(run.id)
    return len(ended)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
