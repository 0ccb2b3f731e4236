"""The tutorials of the data team and the analyst, typed as they stand: every command works, and prints what the page shows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests import sites
from tests.docs.page_commands import ROOT
from tests.docs.typed import Step, as_shown, follow, steps
from tests.workbench.written import ALWAYS

TUTORIALS = ROOT / "docs" / "tutorials"


def test_the_data_team_s_tutorial_goes_from_a_sample_to_a_restored_site(tmp_path: Path) -> None:
    follow((TUTORIALS / "data_team.md").read_text(encoding="utf-8"), tmp_path)
    assert sites.everything(tmp_path / "restored") == sites.everything(tmp_path / "icu")
    found = sites.rows(tmp_path / "restored", "SELECT patient_id, rule FROM alert_events")
    told, new = ("SYNTH-03", "data_unfit"), ("SYNTH-03", "plasma_does_not_exclude")
    assert sorted(found) == [
        told,
        told,
        new,
    ]  # the result that was set apart: told, over when it was read, and what it says


def test_the_analyst_s_tutorial_makes_the_tables_that_it_names(tmp_path: Path) -> None:
    follow((TUTORIALS / "analyst.md").read_text(encoding="utf-8"), tmp_path)
    made = {path.stem for path in (tmp_path / "out").iterdir()}
    assert made == {*ALWAYS}
    assert pl.read_csv(tmp_path / "lines.csv")["n_censored"].to_list() == [1, 0]


def test_a_page_that_shows_something_else_than_is_printed_is_told(tmp_path: Path) -> None:
    page = "Save this as `a.txt`:\n\n```text\none\ntwo\n```\n\nIn `a.txt`:\n\n```diff\n one\n-two\n+three\n```\n\n```console\n$ cat a.txt\n{}\n```\n"
    follow(page.format("one\nthree"), tmp_path)
    for shown in ("one\ntwo", "one", "[...]\none"):
        with pytest.raises(AssertionError, match="printed"):
            follow(page.format(shown), tmp_path)
    with pytest.raises(AssertionError, match="exit 3"):
        follow("\n\n```console\n$ exit 3\n```\n", tmp_path)


def test_what_is_left_out_may_be_any_lines_and_nothing_else() -> None:
    assert as_shown(["a", "b", "c"], ["a", "[...]", "c"])
    assert not as_shown(["a", "b"], ["a", "[...]", "c"])
    assert steps("Then save it as `x`:\n\n```toml\ny = 1\n```\n") == [Step(path="x", text="y = 1\n")]
