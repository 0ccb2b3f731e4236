"""A header that is spelt otherwise is told: its column is read as if it had never been delivered, and no row is broken by that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.workbench.folder_tables import headers_not_read

CMVMON = Path(sys.executable).parent / "cmvmon"


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("renamed", "unread", "lacking"),
    [
        ({}, (), ()),
        ({"lloq_iu_per_ml": "lloq"}, ("lloq",), ("lloq_iu_per_ml",)),
        ({"laboratory": "Lab", "lod_iu_per_ml": "lod"}, ("lod", "Lab"), ("lod_iu_per_ml", "laboratory")),
    ],
)
def test_the_headers_of_a_file_are_held_against_the_columns_of_its_table(
    tmp_path: Path, form: str, renamed: dict[str, str], unread: tuple[str, ...], lacking: tuple[str, ...]
) -> None:
    path = tmp_path / f"viral_load_results.{form}"
    columns = VIRAL_LOAD_RESULTS.exchanged
    frame = pl.DataFrame({renamed.get(name, name): ["x"] for name in columns})
    (frame.write_csv if form == "csv" else frame.write_parquet)(path)
    found, missing = headers_not_read(path, VIRAL_LOAD_RESULTS)
    assert (set(found), set(missing)) == (set(unread), set(lacking))


@pytest.mark.parametrize("write", ["{},", ",{}", "{},,", "\ufeff{}"])
def test_a_header_that_is_empty_or_quoted_or_stands_twice_is_no_notice(tmp_path: Path, write: str) -> None:
    first, *others = VIRAL_LOAD_RESULTS.exchanged
    header = ",".join((f'"{first}"', *(f" {name} " for name in others), first))
    path = tmp_path / "viral_load_results.csv"
    path.write_text(write.format(header) + "\n", encoding="utf-8")
    assert headers_not_read(path, VIRAL_LOAD_RESULTS) == ((), ())


def test_an_analysis_says_which_headers_it_did_not_read_and_nothing_where_it_read_all(tmp_path: Path) -> None:
    row = "R1,SYN-1,plasma,lab,assay,2026-03-01T08:00:00Z,final,quantified,1200,17.5,35,10000000"
    text = ",".join(VIRAL_LOAD_RESULTS.exchanged) + f"\n{row}\n"
    told = {}
    for name, whole in (("right", text), ("wrong", text.replace("lloq_iu_per_ml", "lloq\x1b[31m", 1))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "viral_load_results.csv").write_text(whole, encoding="utf-8")
        if name == "wrong":
            (tmp_path / name / "antiviral_course\n.csv").write_text("patient_id\n", encoding="utf-8")
            (tmp_path / name / "notes.txt").write_text("mine", encoding="utf-8")
        done = subprocess.run(
            [CMVMON, "analyze", tmp_path / name, "--out", tmp_path / f"{name}-out"],
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        told[name] = done.stderr
    assert "headers" not in told["right"]
    assert "files" not in told["right"]
    assert (
        "files that were not read: antiviral_course\\n.csv; an analysis reads viral_load_results, antiviral_courses"
        in told["wrong"]
    )
    assert "viral_load_results.csv: headers that were not read: lloq" in told["wrong"]
    assert "as if never delivered: lloq_iu_per_ml" in told["wrong"]
    assert "\x1b" not in told["wrong"], "what a file holds moves no cursor"


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("header", ["stopped_at", "stoped_at", ""])
def test_an_analysis_ends_with_saying_that_courses_without_the_column_of_their_end_count_as_running(
    header: str, as_json: bool, tmp_path: Path
) -> None:
    """A Parquet file or CSV in which that header is spelt otherwise, or is not there at all, is read; only this line says how."""
    row = "R1,SYN-1,plasma,lab,assay,2026-03-01T08:00:00Z,final,quantified,1200,17.5,35,10000000"
    (tmp_path / "in").mkdir()
    results = ",".join(VIRAL_LOAD_RESULTS.exchanged) + f"\n{row}\n"
    (tmp_path / "in" / "viral_load_results.csv").write_text(results, encoding="utf-8")
    course = {"patient_id": "SYN-1", "drug": "ganciclovir", "started_at": "2026-03-01T08:00:00Z"}
    course |= {header: "2026-03-03T08:00:00Z"} if header else {}
    pl.DataFrame(course).write_csv(tmp_path / "in" / "antiviral_courses.csv")
    call = [CMVMON, "analyze", tmp_path / "in", "--out", tmp_path / "out", *(["--json"] if as_json else [])]
    done = subprocess.run(call, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    said = (
        "antiviral_courses.csv has no column stopped_at: every course in it counts as running up to the moment analysed"
    )
    *_, last = ("", *(done.stderr if as_json else done.stdout).splitlines())
    assert (said in last) == (header != "stopped_at")
    assert done.stdout.startswith("{") == as_json
