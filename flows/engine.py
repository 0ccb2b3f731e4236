"""Prefect's engine, made quiet and kept inside the site: no telemetry, no results on disk, no file outside.

Prefect reads its settings when it is first imported, so these functions come before any import of `cmvmon.flows.nightly`.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cmvmon.domain.errors import SiteError

if TYPE_CHECKING:
    from cmvmon.run.deliveries.intake import TakenIn
    from cmvmon.run.judging.assessing import Counts
    from cmvmon.run.pages.publish import Published

_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # The first start makes Prefect's own database, which takes longer than its default of 20 s allows.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # How often the runner asks what is due, in seconds: a result waits for it on its way to the page. Prefect's default is 10.
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # What became of a run is said by the flow, in a sentence; the engine would say it again with every line of its code.
    "PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "CRITICAL",
    "GX_ANALYTICS_ENABLED": "false",
}
# How Prefect's errors begin where there is no server to ask: it has no class for them.
_NO_ENGINE = (
    "Failed to reach API",
    "Timed out while attempting to connect to ephemeral",
    "Unable to find an available port",
)


def quiet(root: Path) -> None:
    """Sets what Prefect reads when it is imported, unless whoever started us has set it otherwise."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_HOME", str((root / ".prefect").resolve()))


def run_once(root: Path, *, as_of: datetime) -> tuple[TakenIn, Counts, Published]:
    """One night as a flow run, under the engine that PREFECT_API_URL names, else an ephemeral one.

    Raises SiteError where no engine answers: the night was not run then.
    """
    quiet(root)
    from cmvmon.flows.nightly import nightly

    try:
        return nightly(str(root.resolve()), as_of.isoformat())
    except RuntimeError as error:
        if not str(error).startswith(_NO_ENGINE):
            raise
        raise SiteError(_no_engine()) from error


def _no_engine() -> str:
    """Its own words hold the address and what a server printed: they stay with Prefect's."""
    if os.environ.get("PREFECT_API_URL"):
        return (
            "the Prefect server that PREFECT_API_URL names did not answer; the night was not run. Start it, or unset the "
            "variable for a server of this run's own, or do without Prefect: --plain"
        )
    seconds = os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]
    return (
        f"Prefect's own server did not answer within {seconds} s; the night was not run. Try again when the machine is less "
        "busy, allow more seconds in PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or do without Prefect: --plain"
    )
