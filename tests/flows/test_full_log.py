"""The log of `cmvmon serve` can't be written, for its disk is full: nights run, and what comes by day is taken in, as before."""

from __future__ import annotations

from pathlib import Path

from tests import sites
from tests.flows.serving import states
from tests.full_logs import at_work_with_a_full_log, judged, wait
from tests.sites import drop, falling


def test_a_serve_runs_its_nights_and_takes_in_what_comes(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    with at_work_with_a_full_log("serve", tmp_path) as process:
        wait(process, lambda: len(judged(tmp_path)) == 3)
        wait(process, lambda: set(states(tmp_path)) == {"COMPLETED"})
        drop(tmp_path, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
        wait(process, lambda: "SYNTHETIC-NEW" in judged(tmp_path))
