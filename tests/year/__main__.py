"""`python -m tests.year --nights 365 --seed 1`: the year of a made-up site against the model, and what was found."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from tests.year.play import contracts_by_polars, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.year", description=__doc__)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--live-contracts", action="store_true", help="judge the promises by polars alone")
    options = parser.parse_args()
    begun = time.perf_counter()
    how = contracts_by_polars() if options.live_contracts else nullcontext()
    with how, tempfile.TemporaryDirectory() as folder:
        year = play(Path(folder) / "site", options.seed, options.nights, told=lambda line: print(line, flush=True))
    print(
        f"seed {options.seed}, {options.nights} nights in {time.perf_counter() - begun:.0f} s: {len(year.differences)} differences; "
        f"compared {dict(year.compared)}; {year.n_alerts_opened} alerts opened; at most {max(year.n_waiting)} records "
        f"waited, {year.n_waiting[-1]} at the end; {dict(sorted(year.happened.items()))}"
    )
    return int(bool(year.differences))


if __name__ == "__main__":
    raise SystemExit(main())
