"""Excel files in the drop folder: one is taken in by the nightly run as its CSV is, and one that is not read is refused and told of."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.excel_files import excel, package
from tests.sites import day, drop, result


def loads(root: Path) -> list[tuple[object, ...]]:
    with open_site(root) as opened, opened.reading() as connection:
        rows = known.known(connection, opened.site, as_of=day(10))[VIRAL_LOAD_RESULTS]
    return sorted(rows.select("patient_id", "accession_number", "detection", "viral_load_iu_per_ml").rows())


def test_a_sheet_in_the_drop_folder_says_what_its_csv_says_and_an_old_file_is_refused_by_name(tmp_path: Path) -> None:
    lines = [result("SYNTHETIC-1", 0, 40_000), result("SYNTHETIC-1", 7, "<200")]
    of_csv, of_excel = tmp_path / "csv", tmp_path / "excel"
    drop(of_csv, "viral_load_results", lines, name="a.csv")
    nightly(of_csv, as_of=day(9))
    (written,) = (of_csv / "drop").rglob("a.csv")
    rows = list(csv.reader(io.StringIO(written.read_text("utf-8"))))
    for name, data in (
        ("a.xlsx", excel(("Results", rows))),
        ("b.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
    ):
        path = of_excel / written.relative_to(of_csv).with_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sites.lain_still(path)
    done = nightly(of_excel, as_of=day(9))
    assert loads(of_excel) == loads(of_csv)
    assert len(loads(of_excel)) == 2
    assert [one.refused for one in done.taken_in.counted if one.refused] == ["old_excel"]


def test_a_sheet_with_a_zip_within_it_or_a_part_above_it_is_refused_in_words_and_nothing_is_written_outside(
    tmp_path: Path,
) -> None:
    root = tmp_path / "deep" / "er" / "site"
    (header, row) = (["patient_id"], ["SYNTHETIC-1"])
    drop(root, "viral_load_results", [result("SYNTHETIC-1", 0, 40_000)])
    before = {path for path in tmp_path.rglob("*") if root not in path.parents}
    said = []
    for n, more in enumerate(
        ({"../" * n + "evil.txt": b"x" for n in range(1, 9)}, {"xl/inner.zip": package({"a": b"x"})})
    ):
        path = root / "drop" / "synthetic" / "viral_load_results" / f"{n}.xlsx"
        path.write_bytes(excel(("S", [header, row]), more=more))
        sites.lain_still(path)
        done = nightly(root, as_of=day(9 + n))
        (refused,) = [one for one in done.taken_in.counted if one.refused and not one.was_known]
        assert refused.refused == "malformed_excel"
        said.append(str(refused.refused_because))
    assert "leads out of the file" in said[0]
    assert "is a zip itself" in said[1]
    assert {path for path in tmp_path.rglob("*") if root not in path.parents} == before
    assert not list(tmp_path.rglob("evil.txt"))
    assert len(loads(root)) == 1
