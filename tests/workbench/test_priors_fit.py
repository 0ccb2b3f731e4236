"""`cmvmon priors fit` and `analyze --priors`: a site's own priors are learned, told, and used only when named."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.protocol import read_trajectory_priors
from cmvmon.shell.folder.site import Site
from cmvmon.workbench.analysis import analyze
from cmvmon.workbench.priors_fit import fit_priors
from cmvmon.workbench.simulation import simulate


@pytest.fixture(scope="module")
def ward_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("priors") / "ward"
    simulate(300, 90, 11, out=folder, root=folder / "nowhere")
    return folder


def few(ward_folder: Path, n: int, out: Path) -> Path:
    """The same tables with the results of the first n patients only."""
    shutil.copytree(ward_folder, out)
    results = pl.read_parquet(out / "viral_load_results.parquet")
    names = results["patient_id"].unique().sort()[:n]
    results.filter(pl.col("patient_id").is_in(names.to_list())).write_parquet(out / "viral_load_results.parquet")
    return out


def distance(path: Path) -> float:
    """How far the declines of the plasma lines lie from those shipped, weighted by how common a line is."""
    shipped = Site(path.parent).protocol().trajectory_priors
    assert shipped is not None
    learned = read_trajectory_priors(path.read_text(encoding="utf-8"), name=path.name)
    pairs = zip(shipped.lines["plasma"], learned.lines["plasma"], strict=True)
    return sum(a.weight * abs(a.mean[1] - b.mean[1]) for a, b in pairs)


def test_a_site_with_few_series_stays_nearer_to_the_defaults_than_one_with_many(
    ward_folder: Path, tmp_path: Path
) -> None:
    small = fit_priors(few(ward_folder, 10, tmp_path / "ten"), tmp_path / "few-1.toml", root=tmp_path)
    large = fit_priors(ward_folder, tmp_path / "many-1.toml", root=tmp_path)
    assert small.n_series["plasma"] < 20 < 250 < large.n_series["plasma"]
    assert 0.0 < distance(tmp_path / "few-1.toml") < distance(tmp_path / "many-1.toml")
    assert large.log_likelihood_gain["plasma"] > 0.0


def test_the_file_says_what_it_was_learned_from_and_names_no_patient(ward_folder: Path, tmp_path: Path) -> None:
    fitted = fit_priors(ward_folder, tmp_path / "own-icu-1.toml", root=tmp_path)
    text = (tmp_path / "own-icu-1.toml").read_text(encoding="utf-8")
    priors = read_trajectory_priors(text, name="own-icu-1.toml")
    assert priors.version == "own-icu-1"
    assert priors.learned["started_from"] == "simulated-1"
    assert priors.learned["plasma_series"] == fitted.n_series["plasma"]
    patients = pl.read_parquet(ward_folder / "viral_load_results.parquet")["patient_id"].unique()
    assert not any(name in text for name in patients)


def test_learning_again_from_the_same_rows_in_another_order_gives_the_same_bytes(
    ward_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(ward_folder, tmp_path / "shuffled")
    path = tmp_path / "shuffled" / "viral_load_results.parquet"
    pl.read_parquet(path).sample(fraction=1.0, shuffle=True, seed=3).write_parquet(path)
    (tmp_path / "a").mkdir()
    fit_priors(ward_folder, tmp_path / "a" / "own-1.toml", root=tmp_path)
    (tmp_path / "b").mkdir()
    fit_priors(tmp_path / "shuffled", tmp_path / "b" / "own-1.toml", root=tmp_path)
    assert (tmp_path / "a" / "own-1.toml").read_bytes() == (tmp_path / "b" / "own-1.toml").read_bytes()


def test_other_priors_change_the_numbers_and_every_row_names_them(ward_folder: Path, tmp_path: Path) -> None:
    fit_priors(ward_folder, tmp_path / "own-1.toml", root=tmp_path)
    analyze(ward_folder, tmp_path / "shipped", root=tmp_path)
    analyze(ward_folder, tmp_path / "own", root=tmp_path, priors=tmp_path / "own-1.toml")
    shipped, own = (pl.read_parquet(tmp_path / name / "weekly_decline.parquet") for name in ("shipped", "own"))
    assert shipped["protocol_version"].unique().to_list() == [Site(tmp_path).protocol().version]
    assert own["protocol_version"].unique().to_list() == [Site(tmp_path).protocol().version + "+own-1"]
    assert pl.read_parquet(tmp_path / "own" / "verdicts.parquet")["protocol_version"][0].endswith("+own-1")
    gap = (own["mean_decline_log10_per_week"] - shipped["mean_decline_log10_per_week"]).abs().drop_nulls()
    assert 1e-6 < float(np.median(gap.to_numpy())) < 0.3


def test_the_line_method_needs_no_priors_of_the_bank_and_says_which_method_it_is(
    ward_folder: Path, tmp_path: Path
) -> None:
    analyze(ward_folder, tmp_path / "line", root=tmp_path, method="line")
    rows = pl.read_parquet(tmp_path / "line" / "weekly_decline.parquet")
    assert rows["method"].unique().to_list() == ["line"]
    assert rows["probability_rebound"].null_count() == rows.height
    analyze(ward_folder, tmp_path / "bank", root=tmp_path)
    banked = pl.read_parquet(tmp_path / "bank" / "weekly_decline.parquet")
    assert banked["method"].unique().to_list() == ["bank"]
    estimated = banked.filter(pl.col("mean_decline_log10_per_week").is_not_null())
    assert estimated["probability_rebound"].null_count() == 0
    assert estimated["odds_non_responder"].null_count() == 0


def test_when_to_sample_next_is_written_where_it_is_asked_for(ward_folder: Path, tmp_path: Path) -> None:
    """At the middle of the watch some calls are open; whatever the ranges, the table has the same bytes."""
    at = datetime(2024, 2, 10, tzinfo=UTC)
    small = few(ward_folder, 40, tmp_path / "forty")
    analyze(small, tmp_path / "plain", root=tmp_path, as_of=at)
    assert not (tmp_path / "plain" / "next_sample.parquet").exists()
    for n in (1, 3):
        analyze(small, tmp_path / f"asked{n}", root=tmp_path, as_of=at, ask_next=True, partitions=n)
    one, three = (tmp_path / f"asked{n}" / "next_sample.parquet" for n in (1, 3))
    assert one.read_bytes() == three.read_bytes()
    table = pl.read_parquet(one)
    weekly = pl.read_parquet(tmp_path / "plain" / "weekly_decline.parquet")
    latest = weekly.group_by("patient_id", "compartment", "laboratory", "assay").agg(pl.col("call").last())
    assert 0 < table.height <= latest.filter(pl.col("call") == "indeterminate").height
    assert table["probability_decisive"].is_between(0.0, 1.0).all()


def test_what_cant_be_used_as_priors_is_refused_in_words(ward_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="is no file"):
        analyze(ward_folder, tmp_path / "out", root=tmp_path, priors=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text('version = "bad"\n')
    with pytest.raises(ProtocolError, match="source is missing"):
        analyze(ward_folder, tmp_path / "out", root=tmp_path, priors=tmp_path / "bad.toml")
    with pytest.raises(SiteError, match="bank"):
        analyze(ward_folder, tmp_path / "out", root=tmp_path, method="spline")
    for name in ("own priors.toml", "own.txt"):
        with pytest.raises(SiteError, match="can't be a priors file"):
            fit_priors(ward_folder, tmp_path / name, root=tmp_path)
    with pytest.raises(SiteError, match="name of priors that exist already"):
        fit_priors(ward_folder, tmp_path / "simulated-1.toml", root=tmp_path)
    (tmp_path / "protocol.toml").write_text("version = 'mine'\n")
    with pytest.raises(SiteError, match="exists, and its name is its version"):
        fit_priors(ward_folder, tmp_path / "protocol.toml", root=tmp_path)


def test_a_site_uses_its_own_priors_once_its_protocol_names_them(ward_folder: Path, tmp_path: Path) -> None:
    fit_priors(ward_folder, tmp_path / "own-1.toml", root=tmp_path)
    site = tmp_path / "site"
    (site / "protocol" / "priors").mkdir(parents=True)
    shutil.copy(tmp_path / "own-1.toml", site / "protocol" / "priors")
    packaged = Path(__file__).parents[2] / "cmvmon" / "protocol" / "icu_cmv_2024.toml"
    text = packaged.read_text(encoding="utf-8")
    (site / "protocol" / "ours.toml").write_text(text)
    assert Site(site).protocol().trajectory_priors.version == "simulated-1"  # type: ignore[union-attr]
    (site / "protocol" / "ours.toml").write_text(text.replace('name = "simulated-1"', 'name = "own-1"'))
    assert Site(site).protocol().trajectory_priors.version == "own-1"  # type: ignore[union-attr]
    (site / "protocol" / "ours.toml").write_text(text.replace('name = "simulated-1"', 'name = "own-2"'))
    with pytest.raises(ProtocolError, match=r"own-2.*known are own-1, simulated-1"):
        Site(site).protocol()


def test_priors_never_change_behind_the_name_that_the_protocol_gives(ward_folder: Path, tmp_path: Path) -> None:
    """Other numbers under the version in use are refused, as a file for one analysis and as a site's own."""
    packaged = Path(__file__).parents[2] / "cmvmon" / "protocol" / "priors" / "simulated-1.toml"
    lines = packaged.read_text(encoding="utf-8").splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("mean = ["))
    lines[place] = "mean = [3.5, 1.2]"
    changed = "\n".join(lines)
    (tmp_path / "mine.toml").write_text(changed)
    with pytest.raises(SiteError, match="give it a version of its own"):
        analyze(ward_folder, tmp_path / "out", root=tmp_path, priors=tmp_path / "mine.toml")
    (tmp_path / "site" / "protocol" / "priors").mkdir(parents=True)
    (tmp_path / "site" / "protocol" / "priors" / "simulated-1.toml").write_text(changed)
    with pytest.raises(ProtocolError, match="give it a name of its own"):
        Site(tmp_path / "site").protocol()
