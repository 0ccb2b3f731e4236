"""An analysis in ranges of patients: the same bytes in 1, 2 and 8, whatever joins patients of different ranges."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.workbench.analysis import analyze
from cmvmon.workbench.ordered_parquet import ROW_GROUP, OrderedParquet
from cmvmon.workbench.partitions import Partitions, bounds_of
from tests.workbench.written import ALWAYS as WRITTEN


def written(tables: dict[str, pl.DataFrame], root: Path, partitions: int | None, *, csv: bool = False) -> list[bytes]:
    source, out = root / f"in-{csv}", root / f"out-{partitions}-{csv}"
    source.mkdir(exist_ok=True)
    for name, frame in tables.items():
        if csv:
            frame.write_csv(source / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
        else:
            frame.write_parquet(source / f"{name}.parquet", row_group_size=500)
    analyze(source, out, root=root / "site", partitions=partitions, replace=True)
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{name}.parquet" for name in WRITTEN)
    return [(out / f"{name}.parquet").read_bytes() for name in WRITTEN]


def test_the_bytes_do_not_depend_on_the_number_of_partitions(
    hard_ward: dict[str, pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With conflicts, corrections and moves across ranges, in batches that cut patients apart, from Parquet and CSV."""
    whole = written(hard_ward, tmp_path, 1)
    weekly, verdicts, quarantined = (
        pl.read_parquet(tmp_path / "out-1-False" / f"{name}.parquet")
        for name in ("weekly_decline", "verdicts", "quarantined")
    )
    assert weekly.filter(pl.col("reason").str.contains("conflicting_values")).height > 20
    assert verdicts["patient_id"].n_unique() > 300 - 5
    assert {"unknown_compartment", "stopped_before_started"} <= set(quarantined["reason"])
    monkeypatch.setattr("cmvmon.workbench.analysis.ROWS_PER_BATCH", 700)
    for partitions in (2, 8, 40):
        assert written(hard_ward, tmp_path, partitions) == whole, partitions
    texts = [written(hard_ward, tmp_path, partitions, csv=True) for partitions in (1, 8)]
    assert texts[0] == texts[1]
    assert texts[0][:-1] == whole[:-1]  # what is set apart names the row as it came


def test_the_default_follows_the_size_of_the_table(
    hard_ward: dict[str, pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small tables are taken whole, large ones in as many ranges as keep each at the size that was measured."""
    seen: list[int] = []
    real = Partitions.latest_usable
    monkeypatch.setattr(Partitions, "latest_usable", lambda self: (seen.append(len(self)), real(self))[1])
    whole = written(hard_ward, tmp_path, None)
    rows = hard_ward["viral_load_results"].height
    monkeypatch.setattr("cmvmon.workbench.analysis.ROWS_PER_PARTITION", rows // 3 + 1)
    assert written(hard_ward, tmp_path, None) == whole
    assert written(hard_ward, tmp_path, 2) == whole
    assert seen == [1, 4, 4], "three would do; two are worked on at once, and the third would have a core for itself"


def test_fewer_than_one_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="--partitions is 0"):
        analyze(tmp_path, tmp_path / "out", root=tmp_path / "site", partitions=0)


def test_a_refused_analysis_leaves_nothing_behind(hard_ward: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    hard_ward["viral_load_results"].write_parquet(tmp_path / "in" / "viral_load_results.parquet")
    (tmp_path / "in" / "icu_stays.parquet").write_bytes(b"x")
    for partitions in (1, 8):
        with pytest.raises(SiteError, match="icu_stays"):
            analyze(tmp_path / "in", tmp_path / "out", root=tmp_path / "site", partitions=partitions)
        assert not (tmp_path / "out").exists()


def test_the_rows_of_a_patient_are_never_split_and_every_row_has_its_range(
    hard_ward: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    results = VIRAL_LOAD_RESULTS.conform(hard_ward["viral_load_results"])
    for count in (1, 3, 50):
        kept = Partitions(tmp_path, bounds_of(results["patient_id"], count))
        for start in range(0, results.height, 777):
            kept.add(results.slice(start, 777), VIRAL_LOAD_RESULTS)
        parts = [kept.rows(VIRAL_LOAD_RESULTS, place) for place in range(len(kept))]
        ranges = [(p["patient_id"].min(), p["patient_id"].max()) for p in parts if p.height]
        assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))  # type: ignore[operator]
        assert sum(p.height for p in parts) == results.height
        assert kept.latest_usable() == current_results(results)["collected_at"].max()


def test_ranges_hold_about_as_many_rows_each() -> None:
    patients = pl.Series("patient_id", [f"P{i:04d}" for i in np.random.default_rng(1).integers(0, 2000, 20_000)])
    bounds = bounds_of(patients, 8)
    edges = ["", *bounds, "Z"]
    sizes = [patients.is_between(a, b, closed="left").sum() for a, b in itertools.pairwise(edges)]
    assert len(sizes) == 8
    assert max(sizes) < 1.1 * min(sizes)
    assert bounds_of(patients.clear(), 8) == bounds_of(pl.Series("p", [None], dtype=pl.String), 8) == ()


def test_a_file_written_in_pieces_depends_on_its_rows_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    n = 2 * ROW_GROUP + 321
    frame = pl.DataFrame({"name": rng.integers(0, 9, n).astype(str), "load": rng.normal(size=n)}).with_columns(
        load=pl.when(pl.col("load") > 1).then("load")
    )
    bytes_of = []
    for step in (n, 1000, ROW_GROUP):
        path = tmp_path / f"{step}.parquet"
        with OrderedParquet(path, dict(frame.schema), key=frame.columns[:1]) as file:
            for start in range(0, n, step):
                file.append(frame.slice(start, step))
        assert pl.read_parquet(path).equals(frame)
        bytes_of.append(path.read_bytes())
    assert bytes_of[0] == bytes_of[1] == bytes_of[2]


@pytest.mark.parametrize("row_type", [VIRAL_LOAD_RESULTS, ANTIVIRAL_COURSES], ids=lambda t: t.name)
def test_a_range_without_rows_is_an_empty_table(row_type: RowType, tmp_path: Path) -> None:
    assert Partitions(tmp_path, ("b",)).rows(row_type, 1).equals(row_type.empty())
