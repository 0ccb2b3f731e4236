"""The log of a program that is left to run: a line of JSON at an event, with its moment. A line that can't be written ends nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from cmvmon.shell.basis.losing_lines import lose_lines


def say_in_json() -> Callable[[dict[str, object]], None]:
    """What says such a line; from now on no output of this process fails."""
    lose_lines(lambda n: _line({"event": "lines_lost", "n": n}))
    return lambda facts: print(_line(facts), flush=True)


def _line(facts: dict[str, object]) -> str:
    return json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds")} | facts)
