"""Results in any order of arrival in a real store: `python -m benchmarks settling_in_store [--histories 2000 --stories 100 --seed 1]`.

The stories are those of `python -m benchmarks settling`, without movements and merges, each of a patient of its own. One site is one
order of arrival of every story: permuted, with repeats, and now and then replayed. Its first file holds what comes first of each
story, and so on; each is landed, judged and stored as a delivery of a laboratory. At the end the current results, the records that
wait in the quarantine (by patient and reason), and what every rule says of the patient must have one hash for all orders of a story.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import polars as pl

from benchmarks.settling import ARRIVAL, arrivals, results_said, without_arrival
from cmvmon.data_contracts import gate
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_versions
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.judging.assessing import assessed
from cmvmon.shell.as_known import known
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.work.opening import open_site
from tests.feeds.hl7_texts import file_of
from tests.feeds.shipped import LABS

_FIRST, _AS_OF = datetime(2026, 5, 8, tzinfo=UTC), datetime(2026, 5, 9, tzinfo=UTC)
FEED = "example_hl7"
Messages = list[list[str]]


def stories(seed: int, n: int) -> dict[str, Messages]:
    """The messages of each of these made-up patients."""
    told = {f"SYNTH-{seed}-{number}": random.Random(f"{seed} {number}") for number in range(n)}
    return {patient: list(results_said(drawn, f"{patient[6:]}-", patient)) for patient, drawn in told.items()}


def ended_in(root: Path, told: Mapping[str, Messages], orders: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """By patient the hash of what is known, waits and is said after these orders of arrival, in a new site."""
    (root / "labs").mkdir(parents=True)
    # What can't be read is a part of the stories: no file is refused whole for it.
    text = "max_quarantined_share = 1.0\n" + (LABS / f"{FEED}.toml").read_text("utf-8")
    (root / "labs" / f"{FEED}.toml").write_text(text, "utf-8")
    for place in range(max(map(len, orders.values()))):
        come = [told[who][order[place]] for who, order in orders.items() if place < len(order)]
        path = root / f"{place}.hl7"
        path.write_bytes(file_of(*come))
        with open_site(root) as opened:
            take_in_file(opened, path, feed=FEED, received_at=_FIRST + timedelta(minutes=place))
    with open_site(root) as opened:
        verdicts = assessed(opened, as_of=_AS_OF, is_live=True).verdicts
        with opened.reading() as connection:
            frame = known.known(connection, opened.site, as_of=_AS_OF)[VIRAL_LOAD_RESULTS]
            waits = {(one.patient_id, one.reason) for one in quarantine.waits(connection, as_of=_AS_OF)}
    verdicts = verdicts.filter(pl.col("rule") != "result_withdrawn_after_use").with_columns(
        pl.col("evidence").map_elements(without_arrival, return_dtype=pl.String)
    )
    results = current_versions(frame)
    left_out = {*ARRIVAL, "delivered_value", "delivered_unit"} - {"result_id"}
    said = defaultdict[str, list[str]](list)
    for rows in (results.select(name for name in results.columns if name not in left_out), verdicts):
        for row in rows.to_dicts():
            said[row["patient_id"]].append(repr(row))
    for patient, reason in waits:
        said[str(patient)].append(reason)
    return {who: hashlib.sha256(repr(sorted(said[who])).encode()).hexdigest() for who in told}


def main(arguments: list[str] | None = None) -> int:
    """Plays the histories; 1 when any of them ends otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks settling_in_store")
    parser.add_argument("--histories", type=int, default=2000)
    parser.add_argument("--stories", type=int, default=100)
    parser.add_argument(
        "--each", type=int, default=10, help="orders of arrival of one story, beside the one in which it was said"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    start, n_played, n_differ, seed = time.monotonic(), 0, 0, options.seed * 1_000_000
    # Whether a table keeps its contract is not asked here: polars does it in a fraction of the time, as in the tests.
    with patch.object(gate, "gate", gate.live_gate):
        while n_played < options.histories:
            told, drawn = stories(seed, options.stories), random.Random(seed)
            as_said: dict[str, str] = {}
            for n in range(options.each + 1):
                orders = {who: arrivals(drawn, len(each)) if n else range(len(each)) for who, each in told.items()}
                with tempfile.TemporaryDirectory() as folder:
                    found = ended_in(Path(folder, "site"), told, orders)
                as_said = as_said or found
                other = [who for who in told if found[who] != as_said[who]]
                for who in other:
                    print(f"{who}: {list(orders[who])} ends otherwise than as said", flush=True)
                n_played, n_differ = n_played + len(told) * bool(n), n_differ + len(other)
            took = time.monotonic() - start
            print(f"{n_played} histories, seed {options.seed}: {n_differ} end otherwise ({took:.0f} s)", flush=True)
            seed += 1
    return int(n_differ > 0)


if __name__ == "__main__":
    sys.exit(main())
