"""docs/installing.md, docs/running.md and docs/scale.md: what stands after `$ ` is typed, and prints what the page shows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cmvmon.simulate import ward
from tests import sites
from tests.demo_run import DemoRun
from tests.docs.page_commands import ROOT
from tests.docs.typed import follow

pytestmark = pytest.mark.slow


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_page_on_installing_is_typed_in_an_empty_folder(tmp_path: Path) -> None:
    follow(page("installing.md"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_on_running_is_typed_in_the_site_of_the_demo(demo_run: DemoRun, tmp_path: Path) -> None:
    site = demo_run.copied(tmp_path / "site")
    before = {path.name for path in (site / "pages").iterdir()}
    follow(page("running.md"), tmp_path)
    assert {path.name for path in (site / "pages").iterdir()} == before
    assert (tmp_path / "elsewhere" / "ward.en.html").exists()
    assert sites.everything(tmp_path / "again") == sites.everything(site)


def test_the_page_on_a_country_s_data_is_typed_on_an_engine_that_starts_here(tmp_path: Path) -> None:
    made = ward(24, 42, 2024)
    (tmp_path / "in").mkdir()
    for name in ("viral_load_results", "antiviral_courses", "icu_stays"):
        getattr(made, name).write_parquet(tmp_path / "in" / f"{name}.parquet")
    follow(page("scale.md"), tmp_path)
    assert pl.read_parquet(tmp_path / "out" / "verdicts.parquet" / "*.parquet")["patient_id"].n_unique() == 24
