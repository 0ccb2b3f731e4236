"""Live deliveries, one result each, shuffled and by several senders at once, with nights in between: `python -m benchmarks order`.

What stands at the end must be what stands after the same deliveries in order, one by one: the same open alerts, the same
newest verdicts and weeks, the same stored results; and the night after them must change no alert, or one came late. Where a
rule can't tell at the end, an alert that was opened on what was known on the way stays open, as it must (docs/alerts.md):
those few are not compared. The clock goes on by a millisecond at each reading, and a last night is of one moment whatever
was read before: a decline up to now differs in its ninth digit from one of half a second later.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.folder.landing import land
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import open_site
from cmvmon.simulate import ward
from cmvmon.workbench.simulation import SYNTHETIC, delivered_texts, synthetic_laboratory
from tests.sites import lain_still

DAYS = 42
LAST_NIGHT = timedelta(hours=1)  # after everything
_NOT_COMPARED = ("as_of", "evidence")  # when it was said; and days since a sample, which count from then


def ward_in_lines(patients: int, seed: int, until: datetime) -> tuple[dict[str, str], list[str]]:
    """A synthetic ward that ends now: the texts of its other tables, and one CSV text for each of its results."""
    made = ward(patients, DAYS, seed, start=until - timedelta(days=DAYS))
    with tempfile.TemporaryDirectory() as name:
        texts = delivered_texts(made, synthetic_laboratory(Path(name)))
    header, *lines = texts.pop("viral_load_results").strip().splitlines()
    return texts, [f"{header}\n{line}\n" for line in lines]


def delivered(root: Path, text: str) -> str:
    """The id of a delivery whose bytes are landed."""
    return land(
        Site(root).prepare().landing,
        text.encode(),
        feed=SYNTHETIC,
        table="viral_load_results",
        form="csv",
        file_name="one.csv",
        landed_at=session.now(),
        is_history=False,
    ).delivery_id


def run(
    root: Path, tables: dict[str, str], results: Iterable[str], *, senders: int, nights: int, end: datetime
) -> set[tuple[str, ...]]:
    """Delivers everything; returns what the night after it changed: nothing, unless an alert was late.

    `end`: the moment of one night more, so that what is stored was said of one moment whatever the clock was read before.
    """
    for table, text in tables.items():
        path = root / "drop" / SYNTHETIC / table / "one.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        lain_still(path)
    nightly(root)
    texts = list(results)
    size = -(-len(texts) // (nights + 1))
    for start in range(0, len(texts), size):
        ids = [delivered(root, text) for text in texts[start : start + size]]
        with ThreadPoolExecutor(senders + 1) as pool:
            done: list[Future[object]] = [pool.submit(lab_feed, root, delivery) for delivery in ids]
            if start:
                done.append(pool.submit(nightly, root))
            for one in done:
                one.result()
    before = open_alerts(root)
    nightly(root)
    changed = before ^ open_alerts(root)
    with patch.object(session, "now", return_value=end):  # it has come: a night ahead of its clock is refused
        nightly(root, as_of=end)
    return changed


def open_alerts(root: Path) -> set[tuple[str, ...]]:
    with open_site(root) as opened, opened.reading() as connection:
        return {(alert["rule"], alert["subject"]) for alert in alert_store.alerts(connection, states={"open"})}


def said(root: Path) -> dict[str, pl.DataFrame]:
    """The newest verdicts and weeks of every subject, as they are stored."""
    found = {}
    with open_site(root) as opened, opened.reading() as connection:
        for rows in (VERDICTS, WEEKLY_DECLINE):
            table = stored_results.stored(connection, rows, as_of=session.now() + 2 * LAST_NIGHT)
            kept = [name for name in rows.schema if name in table.columns and name not in _NOT_COMPARED]
            found[rows.name] = table.select(kept).sort(rows.key)
        query = "SELECT result_id, detection, viral_load_iu_per_ml FROM viral_load_results ORDER BY result_id, content"
        stored = [tuple(row) for row in connection.exec_driver_sql(query)]
        found["results"] = pl.DataFrame(stored, orient="row", infer_schema_length=None)
    return found


class Clock:
    """A clock that goes on by a millisecond whenever it is read, in place of the one that the program reads."""

    def __init__(self, start: datetime) -> None:
        self._ticks, self._start = itertools.count(), start

    def __call__(self) -> datetime:
        return self._start + timedelta(milliseconds=next(self._ticks))


@contextmanager
def set_to(clock: Callable[[], datetime]) -> Iterator[None]:
    """Every module that reads the program's clock reads this one."""
    real = session.now
    readers = [module for module in list(sys.modules.values()) if getattr(module, "now", None) is real]
    try:
        for module in readers:
            vars(module)["now"] = clock
        yield
    finally:
        for module in readers:
            vars(module)["now"] = real


def differences(patients: int, deliveries: int, *, senders: int, nights: int, seed: int) -> list[str]:
    """What differs between the deliveries in order and shuffled, in words without patient data; none = as it must be."""
    start = session.now()
    tables, results = ward_in_lines(patients, seed, start)
    results = results[:deliveries]
    shuffled = random.Random(seed).sample(results, len(results))
    with tempfile.TemporaryDirectory() as name:
        in_order, mixed = Path(name) / "in_order", Path(name) / "mixed"
        late = {}
        for what, root, lines, how in (
            ("in order", in_order, results, {"senders": 1, "nights": 0}),
            ("shuffled", mixed, shuffled, {"senders": senders, "nights": nights}),
        ):
            with set_to(Clock(start)):
                late[what] = run(root, tables, lines, end=start + LAST_NIGHT, **how)
        found = [f"{len(alerts)} alerts changed in the night after ({name})" for name, alerts in late.items() if alerts]
        one, other = said(in_order), said(mixed)
        decided = set(
            one[VERDICTS.name].filter(pl.col("verdict") != words.NOT_ASSESSABLE).select("rule", "subject").rows()
        )
        differ = (open_alerts(in_order) ^ open_alerts(mixed)) & decided
        if differ:
            found.append(f"{len(differ)} open alerts differ ({', '.join(sorted({rule for rule, _ in differ}))})")
        return found + [f"stored {table} differ" for table in one if not one[table].equals(other[table])]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks order", description=__doc__)
    parser.add_argument("--patients", type=int, default=80)
    parser.add_argument("--deliveries", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    found = differences(
        options.patients, options.deliveries, senders=options.senders, nights=options.nights, seed=options.seed
    )
    print(
        f"{options.deliveries} deliveries twice in {time.perf_counter() - begun:.0f} s: {'; '.join(found) or 'the same'}"
    )
    return int(bool(found))
