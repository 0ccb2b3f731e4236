"""The benchmarks measure what they say: both peers do the same work, and a ratio is a ratio of the same rounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import trajectory_priors
from benchmarks.line_prior import main
from benchmarks.peers import by_linregress
from benchmarks.speed import kernel_input, lines_of_file
from benchmarks.timing import Timed, ratio, timed_together
from cmvmon.domain.series import SERIES_KEY
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import ward


def test_both_peers_find_the_same_slopes() -> None:
    series = kernel_input(ward(40, 56, seed=1).viral_load_results)
    ours, theirs = series.fit().decline, by_linregress(series.frame())
    assert 60 < len(ours) <= 80
    assert np.abs(ours - theirs).max() < 1e-9
    assert series.first(7).fit().decline.tolist() == ours[:7].tolist()


def test_a_file_gives_one_row_per_series(tmp_path: Path) -> None:
    results = ward(40, 56, seed=1).viral_load_results
    results.write_parquet(tmp_path / "results.parquet")
    lines = lines_of_file(tmp_path / "results.parquet", Protocol.shipped())
    assert (
        lines.select(SERIES_KEY).sort(SERIES_KEY).rows() == results.select(SERIES_KEY).unique().sort(SERIES_KEY).rows()
    )
    assert lines["n_results"].sum() == results["result_id"].n_unique()
    assert "invalid_input" not in lines["status"].to_list()


def test_a_ratio_is_that_of_the_medians_with_the_range_over_the_rounds() -> None:
    assert ratio(Timed((2.0, 4.0, 30.0)), Timed((1.0, 1.0, 2.0))) == "4.00 (2.00-15.0)"
    assert str(Timed((0.25, 0.5, 0.75))) == "500 ms (250-750)"


def test_every_peer_runs_once_in_every_round() -> None:
    ran: list[str] = []
    times = timed_together({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, repeats=3)
    assert ran == ["a", "b"] * 4
    assert [len(timed.seconds) for timed in times.values()] == [3, 3]


def test_the_prior_command_prints_stanzas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "[prior.plasma]\nintercept_mean_log10 = 4.0" in said
    assert "[prior.bal]\nintercept_mean_log10 = 5.0" in said
    assert "Not from patients" in said


def test_the_shipped_priors_of_the_bank_are_those_that_the_simulator_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert trajectory_priors.main(["--check"]) == 0
    assert "are those computed" in capsys.readouterr().out
    changed = trajectory_priors.shipped_text().replace("mean = [3.9", "mean = [3.8", 1)
    assert not trajectory_priors.is_same(changed, trajectory_priors.shipped_text())


def test_the_alarms_of_the_protocol_are_those_that_the_calibration_page_tells() -> None:
    page = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
    for alarm in Protocol.shipped().alarms.values():
        assert f"| {alarm.probability_rebound:.4f} |" in page
