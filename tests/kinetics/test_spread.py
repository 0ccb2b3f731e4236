"""The weeks on several cores: the same bits as on one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.kinetics import treatment_courses
from cmvmon.kinetics.line.fit import prior_numbers
from cmvmon.kinetics.weeks import spread
from cmvmon.kinetics.weeks.weekly_decline import bank_of, gap_table, kernel_input
from cmvmon.shell.folder.site import Site
from cmvmon.simulate import ward


@pytest.mark.parametrize("method", words.METHOD)
def test_the_number_of_threads_changes_no_bit(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Site(tmp_path / "no such site").protocol()
    monkeypatch.setattr(spread, "LEAST_CLOCKS", 1)
    made = ward(24, 42, 5)
    results = made.viral_load_results.filter(pl.col("result_status") == words.FINAL).unique("result_id")
    as_of = results["collected_at"].max()
    assert isinstance(as_of, datetime)
    clocks = treatment_courses(made.antiviral_courses, protocol=protocol, as_of=as_of)
    given = kernel_input(results, clocks, protocol=protocol, as_of=as_of, method=method)
    prior = prior_numbers(([5.0, 0.5], [[1.0, 0.1], [0.1, 0.5]]))
    priors = np.tile(prior, (int(given.clocks.prior.max()) + 1, 1))

    def weeks(threads: int) -> tuple[bytes, bytes]:
        bank = bank_of(protocol, method)
        numbers, whole = spread.spread_weeks(
            given.rows, given.clocks, gap_table(clocks), (priors, priors), bank, given.policy, most_threads=threads
        )
        assert numbers.shape[1] == whole.shape[1] > len(given.clocks.start) > 7
        return numbers.tobytes(), whole.tobytes()

    alone = weeks(1)
    assert weeks(2) == alone
    assert weeks(7) == alone
