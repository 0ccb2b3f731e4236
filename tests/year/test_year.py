"""Forty nights of a made-up unit with every mishap: nothing that the site says differs from what is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.year.mishaps import BLOCK, MISHAPS, nights
from tests.year.play import contracts_by_polars, play

SEED = 1
FIRST = 20  # nights


def test_the_first_nights_leave_who_is_in_bed_treated_and_alerted_as_is_true(tmp_path: Path) -> None:
    """Two thirds of the mishaps happen in these; the others, and what comes of them, are in the long form."""
    with contracts_by_polars():
        year = play(tmp_path / "site", SEED, FIRST)
    assert year.differences == []
    assert len(year.happened) >= 2 * len(MISHAPS) // 3
    assert year.compared["nights"] == FIRST
    assert year.n_alerts_opened >= 4
    assert max(year.n_waiting) > 0


@pytest.mark.long
def test_forty_nights_with_every_mishap_leave_who_is_in_bed_treated_and_alerted_as_is_true(tmp_path: Path) -> None:
    with contracts_by_polars():
        year = play(tmp_path / "site", SEED, BLOCK)
    assert year.differences == []
    assert set(year.happened) == set(MISHAPS)
    assert year.compared["nights"] == BLOCK
    assert year.n_alerts_opened >= 10
    assert 0 < max(year.n_waiting) <= 10
    assert year.n_waiting[-1] == 0


def test_a_year_is_the_same_for_the_same_seed_and_holds_every_mishap_about_nine_times() -> None:
    assert list(nights(5, 60)) == list(nights(5, 60))
    assert list(nights(5, 60)) != list(nights(6, 60))
    happened = [kind for night in nights(5, 365) for kind in night.happened]
    assert min(happened.count(kind) for kind in MISHAPS) >= 4
