"""An analysis on an engine that holds the data of a country: the engine moves batches of rows, and judges nothing."""

from __future__ import annotations

from cmvmon.domain.errors import SiteError

LOCAL, SPARK = "local", "spark"
SAIL = "sail"  # for an address: an engine that starts here


def where_to_run(engine: str, remote: str | None) -> str | None:
    """The address of the engine; None = here, with none. Raises SiteError for what does not go together."""
    if engine not in (LOCAL, SPARK):
        raise SiteError(f"--engine is {engine!r}; choose {LOCAL} or {SPARK}")
    if engine == LOCAL and remote is not None:
        raise SiteError(f"--remote is for --engine {SPARK}")
    if engine == SPARK and remote is None:
        raise SiteError("--engine spark needs --remote sc://HOST:PORT, or --remote sail for an engine that starts here")
    return remote
