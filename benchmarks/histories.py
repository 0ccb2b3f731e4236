"""Six events of a patient in two orders of arrival, many times: `python -m benchmarks histories [--pairs 200] [--seed 1]`.

The events and what is compared are those of tests/run/test_histories.py, which plays a few of them in every test run. What differs
is printed with both orders; with none in n pairs fewer than 3/n differ (95 %).
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from unittest.mock import patch

from cmvmon.data_contracts import gate
from tests.run.test_histories import EVENTS, as_said, ended_in
from tests.sites import laboratories

N_EVENTS = 6


def main(arguments: list[str] | None = None) -> int:
    """Plays the pairs; 1 when any two orders end otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks histories")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    drawn, n_differ = random.Random(options.seed), 0
    for n in range(1, options.pairs + 1):
        chosen = drawn.sample(sorted(EVENTS), N_EVENTS)
        orders = [as_said(drawn.sample(chosen, N_EVENTS)) for _ in range(2)]
        what = differs(*orders)
        if what:
            n_differ += 1
            print(f"{', '.join(what)} differ: {orders[0]} and {orders[1]}", flush=True)
        if n % 50 == 0 or n == options.pairs:
            print(
                f"{n} pairs of orders of {N_EVENTS} events, seed {options.seed}: {n_differ} end otherwise", flush=True
            )
    return int(n_differ > 0)


def differs(one: list[str], other: list[str]) -> list[str]:
    """What is not the same after the events arrived in these two orders: verdicts, open alerts, quarantine."""
    ends = []
    for order in (one, other):
        # Whether a table keeps its contract is not asked here: polars does it in a fraction of the time, as in the tests.
        with tempfile.TemporaryDirectory() as folder, patch.object(gate, "gate", gate.live_gate):
            laboratories(Path(folder), "synthetic")
            ends.append(ended_in(Path(folder), order))
    (verdicts, standing, waits), (others, others_standing, others_wait) = ends
    same = {
        "verdicts": verdicts.equals(others),
        "open alerts": standing == others_standing,
        "quarantine": waits == others_wait,
    }
    return [name for name, is_same in same.items() if not is_same]
