"""Calls for lab feeds by Prefect's events, as a child of `cmvmon serve`, or beside a work pool of the site's own:
`python -m cmvmon.flows.relay SITE`.

An event names a delivery and the site's folder, and nothing else. Where Prefect can't be reached what came is taken in all the same,
and is called for later.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.domain.extras import lacking, needs
from cmvmon.flows.engine import quiet
from cmvmon.run.daytime.calling import Caller
from cmvmon.run.daytime.watching import Look
from cmvmon.shell.basis.lifeline import end_with_parent
from cmvmon.shell.basis.losing_lines import lose_lines

SERVED = "CMVMON_SERVED"  # in the environment of a child of `cmvmon serve`, which ends with it
EVENT = "cmvmon.delivery.stored"
RESOURCE = "cmvmon.delivery"
SITE = "cmvmon.site"
_LOOKS_EVERY_S = 0.25
_CALLS_AGAIN_AFTER_S = 10.0  # where Prefect could not be reached
_ANSWERS_WITHIN_S = 20.0


def main(root: Path) -> None:
    """Looks and calls until it is stopped. What it has to say it says in a sentence, for whoever reads `cmvmon serve`."""
    quiet(root)
    lose_lines()
    if not os.environ.get("PREFECT_API_URL"):
        raise SiteError("PREFECT_API_URL names no server to call; `cmvmon serve` starts one of its own, and calls it")
    caller, said, not_before = Caller(root), "", 0.0
    while True:
        for words in _looked(caller):
            print(words, flush=True)  # noqa: T201 - said for `cmvmon serve`
        trouble = ""
        try:
            due = caller.due() if time.monotonic() >= not_before else None
            if due is not None:
                asyncio.run(asyncio.wait_for(call(due[0], root), _ANSWERS_WITHIN_S))
                caller.calls.made(due[1], time.monotonic())
                said = ""
        except StoreError as error:
            trouble = f"calling for a lab feed: {error}"
        except Exception as error:  # noqa: BLE001 - whatever Prefect's client raises; its text names addresses
            trouble = f"calling for a lab feed: Prefect can't be reached ({type(error).__name__}). It is tried again"
        if trouble:
            not_before = time.monotonic() + _CALLS_AGAIN_AFTER_S
            if trouble != said:
                print(f"NOT DONE {trouble}", flush=True)  # noqa: T201
            said = trouble
        time.sleep(_LOOKS_EVERY_S)


def _looked(caller: Caller) -> Iterator[str]:
    for found in caller.look():
        if isinstance(found, Look):
            deliveries = {one.delivery_id: one.refused is not None for one in found.taken_in.counted}
            n_refused, n_unread = sum(deliveries.values()), len(found.taken_in.faults)
            yield f"taken in: {len(deliveries)} new deliveries, {n_refused} refused, {n_unread} files not read"
        else:
            yield f"NOT DONE {found.words}"


async def call(delivery_id: str, root: Path) -> None:
    """Sends the event, and returns when Prefect has it. Raises what Prefect's client raises."""
    from prefect.events.clients import get_events_client
    from prefect.events.schemas.events import Event, Resource

    resource = {
        "prefect.resource.id": f"{RESOURCE}.{delivery_id}",
        "delivery_id": delivery_id,
        SITE: str(root.resolve()),
    }
    async with get_events_client(reconnection_attempts=0, checkpoint_every=1) as client:
        await client.emit(Event(event=EVENT, resource=Resource.model_validate(resource)))


if __name__ == "__main__":
    if os.environ.get(SERVED):
        end_with_parent()
    if missing := lacking("prefect"):
        sys.exit(f"{needs('the relay', 'prefect')} ({', '.join(missing)})")
    main(Path(sys.argv[1]))
