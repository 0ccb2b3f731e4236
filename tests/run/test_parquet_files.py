"""Parquet files in the drop folder, where CSV files of the same table would lie."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.sites import day


def test_a_parquet_file_in_the_place_of_a_csv_gives_the_same_rows_and_a_damaged_one_stops_nothing(
    tmp_path: Path,
) -> None:
    as_csv = sites.drop(tmp_path / "csv", "icu_stays", [sites.stay("P2")], feed="ward", name="a.csv")
    nightly(tmp_path / "csv", as_of=day(9))
    out = io.BytesIO()
    pl.read_csv(as_csv, infer_schema=False).write_parquet(out)
    folder = tmp_path / "parquet" / "drop" / "ward" / "icu_stays"
    folder.mkdir(parents=True)
    for name, data in (("a.parquet", out.getvalue()), ("b.parquet", out.getvalue()[:-9]), ("c.PARQUET", b"PAR1")):
        (folder / name).write_bytes(data)
        sites.lain_still(folder / name)
    done = nightly(tmp_path / "parquet", as_of=day(9))
    query = "SELECT stay_id, patient_id, admitted_at FROM icu_stays"
    assert sites.rows(tmp_path / "parquet", query) == sites.rows(tmp_path / "csv", query) != []
    assert sorted(one.refused or "" for one in done.taken_in.counted) == ["", "malformed_parquet", "malformed_parquet"]
