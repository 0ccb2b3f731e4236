"""`cmvmon calibrate`: thresholds that keep their rate of false alarms on series that did not set them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.workbench import calibration
from cmvmon.workbench.calibration import REBOUND, Calibrated, calibrate


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Calibrated, Path]:
    folder = tmp_path_factory.mktemp("calibrate")
    return calibrate(folder / "a.toml", rate=0.05, days=42, seed=8, patients=3000, root=folder), folder


def test_the_rate_is_kept_on_series_that_did_not_set_the_thresholds(done: tuple[Calibrated, Path]) -> None:
    for row in done[0].judged:
        error = np.sqrt(0.05 * 0.95 / row["without_cause"])
        assert abs(row["false_alarms"] - 0.05) < 5 * error, row  # both sets scatter


def test_alarms_find_more_of_those_with_a_cause_than_of_those_without(done: tuple[Calibrated, Path]) -> None:
    for row in done[0].judged:
        assert row["sensitivity"] > 4 * row["false_alarms"], row
        assert 0.0 < row["median_delay_days"] <= row["delay_90_percent_days"] <= 42.0


def test_a_stricter_rate_gives_higher_thresholds(done: tuple[Calibrated, Path]) -> None:
    strict = calibrate(done[1] / "b.toml", rate=0.01, days=42, seed=8, patients=3000, root=done[1])
    for key, level in done[0].thresholds.items():
        assert strict.thresholds[key] > level


def test_the_written_stanzas_are_those_that_a_protocol_holds(done: tuple[Calibrated, Path]) -> None:
    text = (done[1] / "a.toml").read_text(encoding="utf-8")
    stanzas = tomllib.loads(text)["alarm"]
    assert set(stanzas) == {"plasma", "bal"}
    for key, stanza in stanzas.items():
        assert {"source", "strength", "owner", "guide", REBOUND} == set(stanza)
        assert stanza[REBOUND] == pytest.approx(done[0].thresholds[key], rel=1e-3)
    assert "not from patients" in text


def test_the_same_seed_gives_the_same_bytes(done: tuple[Calibrated, Path]) -> None:
    calibrate(done[1] / "c.toml", rate=0.05, days=42, seed=8, patients=3000, root=done[1])
    assert (done[1] / "c.toml").read_bytes() == (done[1] / "a.toml").read_bytes()


def test_the_threshold_is_the_lowest_level_that_keeps_the_rate() -> None:
    """Twenty series without cause, each with one sample; the highest statistic of each is 0.01, 0.02 ... 0.20."""
    truth = pl.DataFrame(
        {"class": ["responder"] * 20, "drug_change": [None] * 20}, schema_overrides={"drug_change": pl.String}
    )
    values = np.arange(1, 21) / 100.0
    found = calibration._Watched(np.arange(20), np.full(20, 7.0), values, truth)
    level = calibration.threshold(found, 0.05)
    assert np.mean(values >= level) == 0.05
    assert 0.19 < level <= 0.20


def test_a_rate_that_is_none_and_a_file_of_someone_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="share between 0 and 1"):
        calibrate(tmp_path / "a.toml", rate=5.0, days=42, seed=1, patients=100, root=tmp_path)
    (tmp_path / "protocol.toml").write_text("x = 1\n")
    with pytest.raises(SiteError, match="not written by"):
        calibrate(tmp_path / "protocol.toml", rate=0.05, days=42, seed=1, patients=100, root=tmp_path)


def test_a_threshold_that_nothing_can_set_is_refused(tmp_path: Path) -> None:
    """Within a week no rebound has begun: there is nothing to find, and any level would do."""
    with pytest.raises(SiteError, match=r"probability_rebound in .* can't be set"):
        calibrate(tmp_path / "a.toml", rate=0.05, days=7, seed=7, patients=200, root=tmp_path)
    assert not (tmp_path / "a.toml").exists()
