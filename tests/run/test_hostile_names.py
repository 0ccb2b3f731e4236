"""Names of files in the drop folder that try to be more than a name (faults.md, row 105): data, under the delivery's own id."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.calls import here
from tests.sites import day, drop, result, stay

NAMES = {
    "a line break": "one\r\nX-Other: 1.csv",
    "a command": "; rm -rf $HOME `id` | tee x && .csv",
    "as many characters as a folder takes": f"{'x' * 251}.csv",
    "turned around": "\u202evsc.eno\u202c.csv",
    "steering a terminal": "\x1b[2J\x1b]0;x\x07.csv",
    "markup and SQL": "'; DROP TABLE icu_stays;--<script>alert(1)<\u2215script>.csv",
    "ways out of the folder": "x..\\..\\etc\\passwd%2f..%2f.csv",
    "bytes that are no text": os.fsdecode(b"\xff\xfe.csv"),
}


def named(root: Path, name: str, *lines: str) -> Path:
    """A delivery of results under that name."""
    path = drop(root, "viral_load_results", lines)
    return path.rename(path.with_name(name))


@pytest.mark.slow
@pytest.mark.parametrize("case", NAMES)
def test_what_it_holds_is_taken_in_and_its_name_is_only_told(case: str, tmp_path: Path) -> None:
    root, name = tmp_path / "site", NAMES[case]
    drop(root, "icu_stays", [stay("SYNTHETIC-1")])
    path = named(root, name, result("SYNTHETIC-1", 0, 5_000), result("SYNTHETIC-1", 1, "ca. 5"))
    done = nightly(root, as_of=day(2))
    assert done.taken_in.faults == ()
    assert sites.rows(root, "SELECT viral_load_iu_per_ml FROM viral_load_results") == [(5000.0,)]
    assert path.exists()
    landed = [one.name for one in (root / "landing").rglob("*") if re.search("csv|passwd|script", one.name)]
    assert landed == []
    assert [one.name for one in tmp_path.iterdir()] == ["site"]
    (root / "drop" / "synthetic" / "viral_load_results" / "broken.csv").write_text("no header\n", "utf-8")
    os.replace(root / "drop/synthetic/viral_load_results/broken.csv", path)  # now it is refused, and named
    sites.lain_still(path)
    told = [
        here(*words, site=root)
        for words in (("nightly", "--as-of", sites.text(day(3))), ("quarantine", "list"), ("status", "--json"))
    ]
    said = "".join(one.stdout + one.stderr for one in told)
    assert "REFUSED" in said
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", said)
    assert not re.search(r"^X-Other", said, re.M)
    assert json.loads(told[-1].stdout)


@pytest.mark.slow
def test_a_symbolic_link_of_such_a_name_is_told_and_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "site", tmp_path / "outside"
    target = named(outside, "one.csv", result("SYNTHETIC-OUTSIDE", 0, 5_000))
    drop(root, "viral_load_results", [result("SYNTHETIC-1", 0, 5_000)])
    for name in NAMES.values():
        (root / "drop" / "synthetic" / "viral_load_results" / name).symlink_to(target)
    (root / "drop" / NAMES["bytes that are no text"] / NAMES["bytes that are no text"]).mkdir(parents=True)
    done = nightly(root, as_of=day(1))
    assert {fault.code for fault in done.taken_in.faults} == {"symbolic_link", "unknown_table"}
    assert sites.rows(root, "SELECT patient_id FROM viral_load_results") == [("SYNTHETIC-1",)]
