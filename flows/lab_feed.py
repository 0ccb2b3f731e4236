"""What came in as a flow: assess the patients whom the stored deliveries touch, publish their pages.

It is called for by an event about one delivery, and takes along what waits beside it; where another run did so nothing is left to do.
`delivery_id` (SHA-256 of the delivery's bytes) is text, because triggers pass text; patient numbers never leave the run.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from cmvmon.domain.errors import CmvmonError
from cmvmon.flows.nightly import STEP, is_served
from cmvmon.flows.scrubbing import scrubbed
from cmvmon.run.daytime import feed
from cmvmon.run.daytime.feed import Fed
from cmvmon.run.health.nights import ENDS_WITHIN
from cmvmon.shell.store.session import moment


@task(name="assess, publish", **STEP)
def assess_and_publish(root: str, delivery_id: str, as_of: str | None) -> Fed:
    """Whom the deliveries that wait touch; their numbers stay in the store."""
    with scrubbed():
        return feed.follow(Path(root), delivery_id, as_of=None if as_of is None else moment(as_of))


@task(name="hold what is stored against its contracts", **STEP)
def check(root: str, delivery_ids: tuple[str, ...], as_of: str | None) -> int:
    """How many patients were looked at, once their pages stand."""
    with scrubbed():
        return feed.check_deliveries(Path(root), delivery_ids, as_of=None if as_of is None else moment(as_of))


@flow(name="lab-feed", persist_result=False, timeout_seconds=ENDS_WITHIN.total_seconds())
def lab_feed(root: str, delivery_id: str, as_of: str | None = None) -> Fed:
    """The delivery of that id, and all that wait with it, on the site at `root`."""
    try:
        fed = assess_and_publish(root, delivery_id, as_of)
    except CmvmonError as error:
        if is_served():
            print(f"NOT DONE a lab feed: {error}", flush=True)  # noqa: T201 - the line of a run that was called for
        raise
    create_markdown_artifact(_in_a_line(fed), key="lab-feed")
    if is_served():
        print(_in_a_line(fed), flush=True)  # noqa: T201
    if fed.published is not None:
        check(root, fed.deliveries, as_of)
    return fed


def _in_a_line(fed: Fed) -> str:
    if not fed.deliveries:
        return "lab feed: another run took it along"
    if fed.assessed is None or fed.published is None:
        return f"lab feed: {len(fed.deliveries)} deliveries touch nobody"
    return (
        f"lab feed as of {fed.assessed.as_of.isoformat(timespec='seconds')}: {len(fed.deliveries)} deliveries, "
        f"{fed.assessed.patients} patients; {fed.published.written} files written"
    )
