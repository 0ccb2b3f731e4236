"""Pages on a disk that can only be read, or has no room: data and alerts stand, it is said in words, and the pages say their own age."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmvmon.domain.errors import NotWritten
from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.calls import here
from tests.disks import mounted, read_only
from tests.sites import day, drop, result


def ward(root: Path) -> str:
    return (root / "pages" / "ward.en.html").read_text("utf-8")


def test_a_night_whose_pages_can_only_be_read_keeps_data_and_alerts_and_says_what_to_do(tmp_path: Path) -> None:
    root = tmp_path / "site"
    sites.laboratories(root, "synthetic")
    file = root / "labs" / "synthetic.toml"
    file.write_text(file.read_text("utf-8").replace("synthetic = true", "synthetic = false"), "utf-8")
    sites.ward_of_three(root)
    with mounted(root / "pages"):
        nightly(root, as_of=day(21.5))
        left = root / "pages" / ".writing-of-a-run-that-was-killed"
        left.write_text("half", "utf-8")
        os.utime(left, (0, 0))
        before = sites.page_bytes(root)
        alerts = sites.rows(root, "SELECT count(*) FROM alert_events")
        drop(root, "viral_load_results", [result("SYNTHETIC-ONE", 21, 9_000_000)], name="two.csv")
        with read_only(root / "pages"):
            done = here("nightly", "--as-of", day(22).isoformat(), site=root)
            assert done.returncode == 2
            assert "can't be written (Read-only file system); check the disk and the folder's rights" in done.stderr
            assert "what was taken in and assessed stands; `cmvmon report` writes the pages that are still of before" in done.stderr  # fmt: skip
            assert "Traceback" not in done.stderr
            assert sites.page_bytes(root) == before
        assert sites.rows(root, "SELECT count(*) FROM viral_load_results WHERE viral_load_iu_per_ml = 9000000") == [(1,)]  # fmt: skip
        assert sites.rows(root, "SELECT count(*) FROM alert_events") != alerts
        assert '<p class="stale" hidden data-as-of=' in ward(root)  # its own bar, by the reader's clock (tests/pages)
        assert "9,000,000 IU/mL" not in ward(root)
        assert here("report", site=root).returncode == 0
        assert "9,000,000 IU/mL" in ward(root)


@pytest.mark.parametrize("options", ["nr_inodes=3", "size=64k"], ids=["no names left", "full"])
def test_a_night_whose_pages_find_no_room_says_so_and_what_stands(tmp_path: Path, options: str) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    with mounted(root / "pages", "-o", options):
        with pytest.raises(NotWritten, match=r"No space left on device.*what was taken in and assessed stands"):
            nightly(root, as_of=day(21.5))
        assert not list((root / "pages").glob(".writing-*"))
    assert sites.rows(root, "SELECT count(*) FROM alert_events") != [(0,)]
    nightly(root, as_of=day(22))
    assert "SYNTHETIC-SLOW" in ward(root)
