"""What the measurements of pages and board call beyond their reach: then they end with 1, and say what."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import board, pages

QUIET, ANSWERING = board.REACH_S


@pytest.mark.parametrize(
    ("p99_s", "said"),
    [
        ({QUIET: 0.099, ANSWERING: 0.249}, []),
        ({QUIET: 0.1, ANSWERING: 0.2}, ["p99 100 ms (unchanged)"]),
        ({QUIET: 0.01, ANSWERING: 0.25}, ["p99 250 ms (an answer every 3 s)"]),
        ({QUIET: 1.0, ANSWERING: 2.0}, ["p99 1000 ms (unchanged)", "p99 2000 ms (an answer every 3 s)"]),
    ],
)
def test_a_p99_of_the_board_that_reaches_its_limit_is_told_also_while_somebody_answers(
    p99_s: dict[str, float], said: list[str]
) -> None:
    found = board.beyond(p99_s)
    assert [line.partition(",")[0] for line in found] == said


@pytest.mark.parametrize(
    ("most_bytes", "readable_s", "n_written", "n_told"),
    [
        (pages.MOST_BYTES, {"ward page": pages.SECONDS_TO_READ, "patient's page": float("nan")}, 0, 0),
        (pages.MOST_BYTES + 1, {}, 0, 1),
        (1, {"ward page": 2.01, "patient's page": 2.5}, 0, 2),
        (1, {}, 3, 1),
    ],
)
def test_a_page_that_is_too_large_or_too_slow_or_written_for_nothing_is_told(
    most_bytes: int, readable_s: dict[str, float], n_written: int, n_told: int
) -> None:
    assert len(pages.beyond(most_bytes, readable_s, n_written)) == n_told


@pytest.mark.slow
@pytest.mark.parametrize(("most", "code"), [(pages.MOST_BYTES, 0), (1_000, 1)])
def test_the_measurement_of_pages_ends_with_it(
    most: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "MOST_BYTES", most)
    assert pages.main(["--patients", "2", "--years", "0.5", "--no-browser"]) == code
    said = capsys.readouterr().out
    assert ("BEYOND ITS REACH: a patient's page has" in said, "all within their reach" in said) == (
        code == 1,
        code == 0,
    )
