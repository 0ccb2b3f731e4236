"""`cmvmon noise fit`: from a folder or a site to a fragment that a laboratory file takes; nothing is applied by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.laboratory import read_laboratory
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.work.opening import open_site
from cmvmon.workbench.noise_fit import fit_noise
from tests.feeds.shipped import LABS
from tests.kinetics.test_noise_estimates import frame, pairs
from tests.sites import day, drop, result, text

CMVMON = Path(sys.executable).parent / "cmvmon"
SYNTHETIC = (LABS / "synthetic.toml").read_text("utf-8")


def folder(root: Path, results: pl.DataFrame) -> Path:
    """A folder as `analyze` reads it, of the synthetic laboratory."""
    source = root / "in"
    source.mkdir(exist_ok=True)
    results.with_columns(
        laboratory=pl.lit("synthetic"), assay=pl.lit("synthetic-pcr"), result_status=pl.lit("final")
    ).drop("is_conflicting", "sigma_log10").write_parquet(source / "viral_load_results.parquet")
    return source


def fitted(root: Path, results: pl.DataFrame) -> tuple[dict[str, object], str]:
    """The last assay of the fragment, read as TOML, and its text."""
    out = root / "noise.toml"
    fit_noise(folder(root, results), out, root=root)
    written = out.read_text(encoding="utf-8")
    return tomllib.loads(written)["assays"][-1], written


def test_repeats_of_plasma_become_a_sigma_that_a_laboratory_file_takes(tmp_path: Path) -> None:
    proposed, written = fitted(tmp_path, pairs(1, 0.3, samples=200))
    assert (proposed["name"], proposed["compartments"]) == ("synthetic-pcr", ["plasma"])
    assert 0.27 < float(str(proposed["sigma_log10"])) < 0.33
    assert "in use 0.130, OUTSIDE the interval" in written
    assert "known at 2026-01-01T00:00:00+00:00" in written
    assert "upper bound for the assay's own noise" in written
    line = next(line for line in written.splitlines() if line.startswith("sigma_log10"))
    own = SYNTHETIC.replace("lloq_iu_per_ml = 35\n", f"lloq_iu_per_ml = 35\n{line}\n")
    rows = read_laboratory(own, name="synthetic").assays().filter(compartment="plasma")
    assert rows["sigma_log10"].to_list() == [proposed["sigma_log10"]]


def test_two_levels_become_a_list_that_a_laboratory_file_takes(tmp_path: Path) -> None:
    near = pairs(1, 0.05, samples=25, level=2.2).with_columns(
        pl.concat_str(pl.lit("N"), pl.col(name)).alias(name) for name in ("patient_id", "result_id")
    )
    proposed, written = fitted(tmp_path, pl.concat([near, pairs(2, 0.2, samples=25)]))
    levels = proposed["sigma_log10"]
    assert isinstance(levels, list)
    assert [round(entry["level_iu_per_ml"]) for entry in levels] == [100, 316]
    assert levels[0]["sigma_log10"] < 0.1 < levels[1]["sigma_log10"]
    stanza = written[written.index("sigma_log10 = [") :]
    own = SYNTHETIC.replace("lloq_iu_per_ml = 35\n", f"lloq_iu_per_ml = 35\n{stanza}\n")
    assert read_laboratory(own, name="synthetic").assays().filter(compartment="plasma").height == 2


def test_bal_takes_residuals_before_repeats_since_a_repeat_leaves_out_the_lavage(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = [
        (f"P{i}", d, float(5 + 0.4 * off))
        for i in range(40)
        for d, off in zip((0.0, 3.0, 6.0), rng.normal(size=3), strict=True)
    ]
    again = [(p, d, y + 0.01 * (i % 2)) for i, (p, d, y) in enumerate(rows)]
    proposed, written = fitted(tmp_path, frame([*rows, *again], compartment="bal"))
    assert float(str(proposed["sigma_log10"])) > 0.25
    assert "# from residuals" in written
    assert "repeats, all levels: 0.00" in written


def test_too_few_is_said_and_nothing_is_proposed(tmp_path: Path) -> None:
    proposed, written = fitted(tmp_path, pairs(1, 0.3, samples=5))
    assert "sigma_log10" not in proposed
    assert "Nothing is proposed: too few in both." in written
    assert "repeats, all levels: too few (n = 5;" in written


def test_the_fragment_holds_no_patient_and_is_the_same_for_rows_in_another_order(tmp_path: Path) -> None:
    results = pairs(1, 0.3).with_columns(("MARKED-NAME-" + pl.col("patient_id")).alias("patient_id"))
    _, first = fitted(tmp_path, results)
    _, second = fitted(tmp_path, results.reverse())
    assert "MARKED-NAME" not in first
    assert first == second


def test_a_file_that_it_did_not_write_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "synthetic.toml"
    own.write_text(SYNTHETIC)
    with pytest.raises(SiteError, match="was not written by `cmvmon noise fit`"):
        fit_noise(folder(tmp_path, pairs(1, 0.3)), own, root=tmp_path)
    with pytest.raises(SiteError, match="is a folder"):
        fit_noise(folder(tmp_path, pairs(1, 0.3)), tmp_path, root=tmp_path)
    assert own.read_text() == SYNTHETIC


def test_no_folder_no_table_no_usable_row_and_no_site_are_said_in_words(tmp_path: Path) -> None:
    out = tmp_path / "noise.toml"
    empty = tmp_path / "empty"
    empty.mkdir()
    for source, words in (
        (tmp_path / "nowhere", "is no folder"),
        (empty, "holds neither"),
        (folder(tmp_path, pairs(1, 0.3).clear()), "nothing to learn from"),
        (None, "no database yet"),
    ):
        with pytest.raises(SiteError, match=words):
            fit_noise(source, out, root=tmp_path / "site")
    assert not out.exists()


def test_a_site_is_read_as_it_was_known_and_the_command_says_what_it_found(tmp_path: Path) -> None:
    site, out = tmp_path / "site", tmp_path / "noise.toml"
    rng = np.random.default_rng(1)
    lines = [
        result(f"SYNTHETIC-{i}", 0, round(10 ** (5 + 0.1 * rng.normal())), specimen="plasma", accession=f"A{i}-{k}")
        for i in range(30)
        for k in range(2)
    ]
    delivery = drop(site, "viral_load_results", lines)
    with open_site(site) as opened:
        take_in_file(
            opened, delivery, feed="synthetic", table="viral_load_results", received_at=day(3), is_history=True
        )

    def run(*arguments: str) -> str:
        command = [str(CMVMON), "noise", "fit", "--out", str(out), "--site", str(site), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=180).stdout

    told = run("--as-of", text(day(1)))
    assert "60 results" in told
    assert "Nothing was applied" in told
    assert "SYNTHETIC-" not in told + out.read_text()
    found = json.loads(run("--as-of", text(day(1)), "--json"))
    (repeats,) = [e for e in found["estimates"] if (e["source"], e["level"]) == ("repeats", "all")]
    assert (repeats["n"], repeats["status"], found["as_of"]) == (30, "ok", "2026-03-02T08:00:00+00:00")
    early = fit_noise(None, out, root=site, as_of=day(0.1))  # reported five hours after collection
    assert (early.n_results, early.estimates) == (0, ())
