"""The commands that answer a question say of which moment, and answer nothing of one that is to come. All made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import sites
from tests.calls import here
from tests.sites import day, text


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ward")
    sites.ward_of_three(root)
    sites.drop(root, "viral_load_results", [sites.result("SYNTHETIC-X", 1, "murky")], feed="synthetic", name="bad.csv")
    assert here("nightly", "--as-of", text(day(22)), site=root).returncode == 0
    return root


@pytest.mark.parametrize(
    "words", [("unit",), ("concordance",), ("said",), ("next-sample", "--patient", "SYNTHETIC-ONE")]
)
def test_a_moment_that_is_to_come_is_refused(ward: Path, words: tuple[str, ...]) -> None:
    asked = here(*words, "--as-of", "2130-01-01T00:00:00Z", site=ward)
    assert (asked.returncode, "is still to come" in asked.stderr) == (2, True), asked.stderr


def test_the_units_numbers_say_their_moment_and_of_nobody_there_is_no_estimate(ward: Path) -> None:
    told = here("unit", "--as-of", "2019-01-01T00:00:00Z", site=ward)
    assert told.stdout.startswith("as of 2019-01-01T00:00:00+00:00\n"), told.stderr
    rows = json.loads(here("unit", "--as-of", text(day(22)), "--json", site=ward).stdout)
    assert {row["as_of"] for row in rows} == {day(22).isoformat()}
    shares = [row for row in rows if row["figure"] in ("reactivation", "response", "clearance", "acknowledged")]
    assert shares
    assert all((row["estimate"] is None) == (row["n"] == 0) for row in shares)


def test_the_quarantine_of_one_feed_is_listed_alone(ward: Path) -> None:
    every = json.loads(here("quarantine", "list", "--json", site=ward).stdout)
    assert every
    (
        ward / "labs" / "to_come.toml"
    ).touch()  # of a feed that is described, and of which nothing came, the list is empty
    try:
        assert json.loads(here("quarantine", "list", "--json", "--feed", "to_come", site=ward).stdout) == []
    finally:
        (ward / "labs" / "to_come.toml").unlink()
    unknown = here("quarantine", "list", "--json", "--feed", "other", site=ward)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "synthetic" in unknown.stderr
    mine = here("quarantine", "list", "--json", "--feed", "synthetic", site=ward)
    assert json.loads(mine.stdout) == every
