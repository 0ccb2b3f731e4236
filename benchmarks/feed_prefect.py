"""From the answer to the page where Prefect starts each lab feed (`cmvmon serve`), and what of it is Prefect's own.

`by_prefect` reads from Prefect's own database when each run was made and when its engine began it: what lies before that is the
relay, the event, the trigger, the runner's look and the start of an engine's process; what lies after it is ours.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cmvmon.run.nightly.night import nightly
from tests.flows.serving import Served
from tests.listen import listening
from tests.listen.listening import sent, started, until

_RUN = (
    "SELECT r.created, r.start_time, r.end_time FROM flow_run r JOIN flow f ON f.id = r.flow_id "
    "WHERE f.name = 'lab-feed' AND r.start_time IS NOT NULL ORDER BY r.created DESC LIMIT 1"
)
HEAD = (
    "| patients | results | acknowledgement to page: p50 | slowest | of it, median: until the run is made | until its engine begins | "
    "until the page shows it |\n|---|---|---|---|---|---|---|"
)


def by_prefect(
    patients: int,
    repeats: int,
    *,
    before: Callable[[int], Sequence[bytes]],
    new: Callable[[int, int], bytes],
    is_shown: Callable[[Path, int], bool],
) -> str:
    """A row of the table. `before`: the messages of a patient that come before the night; `new`: that of one more result, by
    number and patient; `is_shown`: whether a page of the site shows that number's."""
    parts: list[tuple[float, float, float, float]] = []
    with tempfile.TemporaryDirectory() as name, started(root := listening.site(Path(name) / "site")) as listener:
        for patient in range(patients):
            sent(listener.port, *before(patient))
        nightly(root)
        served = Served(root)
        try:
            served.line("serving", 240)
            for number in range(repeats + 1):
                sent(listener.port, new(number, number % patients))
                begun, answered_at = time.monotonic(), datetime.now(UTC)
                until(lambda number=number: is_shown(root, number), 240)
                took = time.monotonic() - begun
                made, began = ((moment - answered_at).total_seconds() for moment in _last_run(root))
                if number:  # the first finds everything cold
                    parts.append((took, made, began - made, took - began))
                until(lambda: _has_ended(root), 120)
                time.sleep(random.uniform(0.5, 2.0))
            served.stop()
        finally:
            served.put_away()
        listener.stop()
    whole, *others = zip(*parts, strict=True)
    cells = [f"{median(each):.2f} s" for each in others]
    return f"| {patients} | {len(whole)} | {median(whole):.2f} s | {max(whole):.2f} s | {' | '.join(cells)} |"


def _asked(root: Path) -> tuple[str | None, ...]:
    file = root / ".prefect" / "prefect.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as connection:
        found: tuple[str | None, ...] | None = connection.execute(_RUN).fetchone()
    return found or (None, None, None)


def _last_run(root: Path) -> tuple[datetime, datetime]:
    """When the newest lab feed was made, and when its engine began it, in UTC."""
    made, began, _ = _asked(root)
    if made is None or began is None:
        raise RuntimeError("no lab feed began")
    return _utc(made), _utc(began)


def _has_ended(root: Path) -> bool:
    return _asked(root)[2] is not None


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
