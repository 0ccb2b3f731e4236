"""One landed delivery as a flow: take it in, assess the patients it touches, publish their pages.

`delivery_id` (SHA-256 of the delivery's bytes) is text, because triggers pass text; patient numbers never leave the run.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from cmvmon.run import feed
from cmvmon.run.feed import Fed
from cmvmon.run.nights import ENDS_WITHIN
from cmvmon.shell.session import moment
from flows.nightly import STEP
from flows.scrubbing import scrubbed


@task(name="take in, assess, publish", **STEP)
def take_in_and_assess(root: str, delivery_id: str, as_of: str | None) -> Fed:
    """The delivery and whom it touches; their numbers stay in the store."""
    with scrubbed():
        return feed.lab_feed(Path(root), delivery_id, as_of=None if as_of is None else moment(as_of))


@task(name="hold what is stored against its contracts", **STEP)
def check(root: str, delivery_id: str, as_of: str | None) -> int:
    """How many patients were looked at, once their pages stand."""
    with scrubbed():
        return feed.check_deliveries(Path(root), [delivery_id], as_of=None if as_of is None else moment(as_of))


@flow(name="lab-feed", persist_result=False, timeout_seconds=ENDS_WITHIN.total_seconds())
def lab_feed(root: str, delivery_id: str, as_of: str | None = None) -> Fed:
    """One delivery on the site at `root`."""
    fed = take_in_and_assess(root, delivery_id, as_of)
    lines = [f"{c.feed}/{c.table}: received {c.received}, accepted {c.accepted}" for c in fed.taken_in]
    create_markdown_artifact("\n".join(lines), key="lab-feed")
    if fed.published is not None:
        check(root, delivery_id, as_of)
    return fed
