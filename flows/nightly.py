"""The night as a flow: take in -> assess -> publish, for every patient. A list of calls to `cmvmon.run`.

Parameters are a folder and a moment, results are counts: nothing of a patient enters Prefect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from cmvmon.domain.errors import CmvmonError, StoreBusy
from cmvmon.flows.scrubbing import scrubbed
from cmvmon.run.deliveries.intake import TakenIn
from cmvmon.run.health.nights import ENDS_WITHIN
from cmvmon.run.judging.assessing import Counts
from cmvmon.run.messages.telling import told_after
from cmvmon.run.nightly import night
from cmvmon.run.nightly.night_alerts import noting_a_stop
from cmvmon.run.pages.publish import Published
from cmvmon.shell.store.session import moment


def when_the_store_was_busy(_task: Any, _run: Any, state: Any) -> bool:
    """Trying again helps when another program kept the database, and never for a broken table or file."""
    return isinstance(state.result(raise_on_failure=False), StoreBusy)


STEP: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": 10,
    "retry_condition_fn": when_the_store_was_busy,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@task(name="take in", **STEP)
def take_in(root: str, as_of: datetime | None) -> TakenIn:
    """The drop folder into the store."""
    with scrubbed():
        return _without_names(night.take_in_step(Path(root), as_of=as_of))


def _without_names(taken_in: TakenIn) -> TakenIn:
    """The same without the names of files, which may be private: a result of Prefect holds codes and places only."""
    told = (
        replace(fault, message=f"{fault.feed}/{fault.table}: {fault.code}", file_name=None) for fault in taken_in.faults
    )
    return replace(taken_in, faults=tuple(told))


@task(name="assess and publish", **STEP)
def assess_and_publish(root: str, as_of: datetime | None) -> tuple[Counts, Published]:
    """Every rule on every patient, once, and the pages made from it: an assessment holds patients and can't be a result."""
    with scrubbed():
        return night.assess_and_publish_step(Path(root), as_of=as_of)


@flow(name="nightly", persist_result=False, validate_parameters=True, timeout_seconds=ENDS_WITHIN.total_seconds())
def nightly(root: str, as_of: str | None = None) -> tuple[TakenIn, Counts, Published]:
    """One night on the site at `root`, judged at `as_of` (ISO 8601; None = when each step begins)."""
    at = None if as_of is None else moment(as_of)
    with saying_what_became_of_it(root):
        taken_in = take_in(root, at)
        counts, published = assess_and_publish(root, at)
    create_markdown_artifact(_in_counts(taken_in, counts, published), key="nightly")
    if is_served():
        print(_in_a_line(taken_in, counts, published), flush=True)  # noqa: T201 - the line of a good night
    return taken_in, counts, published


@contextmanager
def saying_what_became_of_it(root: str) -> Iterator[None]:
    """A night that is stopped leaves an alert about the work, and where it is served, a sentence. People are told of both."""
    try:
        with told_after(Path(root)), noting_a_stop(Path(root)):
            yield
    except CmvmonError as error:
        if is_served():
            print(f"NOT DONE the night: {error}", flush=True)  # noqa: T201
        raise


def is_served() -> bool:
    """Whether a schedule started this run; whoever starts one by hand says themselves what it came to."""
    return runtime.deployment.id is not None


def _in_a_line(taken_in: TakenIn, counts: Counts, published: Published) -> str:
    new = sum(not one.was_known for one in taken_in.counted)
    refused = sum(one.refused is not None for one in taken_in.counted)
    changes = counts.changes
    return (
        f"night as of {counts.as_of.isoformat(timespec='minutes')}: {new} new deliveries, {refused} refused, "
        f"{len(taken_in.faults)} files not read; {counts.patients} patients; alerts opened {changes.opened}, "
        f"resolved {changes.resolved}, closed {changes.closed}; {published.written} files written"
    )


def _in_counts(taken_in: TakenIn, counts: Counts, published: Published) -> str:
    """The night as a table of counts."""
    lines = ["| delivery | received | accepted | quarantined | duplicates | ignored |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {c.feed}/{c.table} {c.delivery_id[:12]} | {c.received} | {c.accepted} | {c.quarantined} | {c.duplicates} | {c.ignored} |"
        for c in taken_in.counted
    ]
    verdicts = f"{counts.alert} alert, {counts.clear} clear, {counts.not_assessable} not assessable"
    return "\n".join([*lines, "", f"{counts.patients} patients: {verdicts}. {published.written} files written."])
