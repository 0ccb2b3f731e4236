"""What landed is on the disk before it is judged, is checked when it is read, and is told apart by its very text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.deliveries.intake import take_in_drop, take_in_file
from cmvmon.shell.folder import landing
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, drop, result


def test_bytes_that_are_not_what_landed_are_refused_when_they_are_read(tmp_path: Path) -> None:
    path = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 1000)])
    with open_site(tmp_path) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", received_at=day(1))
    raw = tmp_path / "landing" / counted.delivery_id / "raw"
    raw.write_bytes(raw.read_bytes().replace(b"1000", b"9000"))
    with pytest.raises(SiteError, match=r"is not what landed; restore it"):
        landing.raw(tmp_path / "landing", counted.delivery_id)


def test_the_bytes_and_every_new_name_are_synced_before_the_note_and_the_note_before_anything_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 1000)])
    done: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(handle: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name[:9]}")
        real_sync(handle)

    def replace(source: str, target: Path) -> None:
        real_replace(source, target)
        done.append(f"name {Path(target).name}")

    with open_site(tmp_path) as opened:
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(landing, "raw", lambda *_: pytest.fail("judged") if "name" not in done[-2] else data)
        data = path.read_bytes()
        (counted,) = take_in_file(opened, path, feed="synthetic", received_at=day(1))
    folder = f"sync {counted.delivery_id[:9]}"
    note = "synthetic.viral_load_results.json"
    written = "sync .writing-"
    landed = ["sync landing", written, "name raw", folder, written, f"name {note}", folder]
    assert done == [*landed, "sync journal.n", "sync landing"]  # the journal's line once it was judged


def test_a_file_whose_folder_is_gone_is_a_fault_with_the_code_of_its_error(tmp_path: Path) -> None:
    path = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, "?")])
    with open_site(tmp_path) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", received_at=day(1))
        path.unlink()
        for kept in (tmp_path / "landing" / counted.delivery_id).iterdir():
            kept.unlink()
        drop(tmp_path, "viral_load_results", [result("SYNTHETIC-2", 0, 1)], feed="nobody")
        drop(tmp_path, "icu_stays", [sites.stay("SYNTHETIC-2")], feed="a feed")
        done = take_in_drop(opened, received_at=day(2))
    assert {fault.feed: fault.code for fault in done.faults} == {
        "nobody": "laboratory_file",
        "a feed": "not_taken_in",
        "synthetic": "not_taken_in",
    }


def test_the_same_delivered_text_is_a_repeat_even_where_a_changed_laboratory_file_reads_it_otherwise(
    tmp_path: Path,
) -> None:
    lines = [result("SYNTHETIC-1", 0, 1000), result("SYNTHETIC-2", 0, 500)]
    packaged = (Path(__file__).parents[2] / "cmvmon/feeds/labs/synthetic.toml").read_text(encoding="utf-8")
    with open_site(tmp_path) as opened:
        one = drop(tmp_path, "viral_load_results", lines[:1])
        take_in_file(opened, one, feed="synthetic", received_at=day(1))
        changed = packaged.replace("lod_iu_per_ml = 100\n", "lod_iu_per_ml = 90\n")
        (tmp_path / "labs" / "synthetic.toml").write_text(changed, encoding="utf-8")
        two = drop(tmp_path, "viral_load_results", lines, name="two.csv")
        (counted,) = take_in_file(opened, two, feed="synthetic", received_at=day(2))
    assert (counted.accepted, counted.duplicates, counted.quarantined) == (1, 1, 0)


def test_a_note_of_an_earlier_version_is_of_one_table_and_of_a_file_that_nobody_has_at_hand(tmp_path: Path) -> None:
    note = tmp_path / ("0" * 64) / "synthetic.icu_stays.json"
    note.parent.mkdir()
    note.write_text('{"file_name": "x.csv", "landed_at": "2026-03-01T04:00:00+00:00", "is_history": false}', "utf-8")
    (landed,) = landing.landed(tmp_path, "0" * 64)
    assert (landed.feed, landed.table, landed.form) == ("synthetic", "icu_stays", "csv")
    assert (landed.is_history, landed.is_at_hand) == (False, False)


def test_a_delivery_that_was_judged_is_known_by_its_feed_and_its_table_or_format(tmp_path: Path) -> None:
    path = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 1000)])
    with open_site(tmp_path) as opened:
        (counted,) = take_in_file(opened, path, feed="synthetic", received_at=day(1))
        with opened.reading() as connection:
            judged = feed_state.judged(connection)
    assert judged == {(counted.delivery_id, "synthetic", kept_as) for kept_as in ("viral_load_results", "csv")}
    assert landing.notes_besides(tmp_path / "landing", judged) == []
    assert len(landing.notes_besides(tmp_path / "landing", ())) == 1


def test_the_same_bytes_under_two_tables_of_a_feed_are_two_deliveries_and_each_comes_again_for_itself(
    tmp_path: Path,
) -> None:
    first = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, "?")])
    second = drop(tmp_path, "antiviral_courses", [])
    second.write_bytes(first.read_bytes())
    sites.lain_still(second)
    with open_site(tmp_path) as opened:
        faults = [take_in_drop(opened, received_at=day(at)).faults for at in (1, 2)]
    assert faults[1] == faults[0]
    waiting = "SELECT table_name FROM quarantined_records NATURAL JOIN waiting_records ORDER BY 1"
    assert sites.rows(tmp_path, waiting) == [("antiviral_courses",), ("viral_load_results",)]
