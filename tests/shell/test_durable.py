"""What has landed is on the disk before it is acknowledged, and is believed only while it is what landed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.basis.files import write_atomically, write_texts
from cmvmon.shell.folder import landing
from cmvmon.shell.taken_in import intake_store
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, drop, result

PACKAGED = Path(__file__).parents[2] / "cmvmon" / "feeds" / "labs" / "synthetic.toml"
LINES = [result("SYNTHETIC-1", 0, 1000), result("SYNTHETIC-2", 0, 5000, unit="IE/ml")]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is asked of the disk, in order: (`sync`, what), (`rename`, new name)."""
    events: list[tuple[str, Path]] = []
    sync, rename = os.fsync, os.replace

    def watched_sync(handle: int) -> None:
        events.append(("sync", Path(os.readlink(f"/proc/self/fd/{handle}"))))
        sync(handle)

    def watched_rename(source: Any, target: Any) -> None:
        events.append(("rename", Path(target)))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_rename)
    return events


def test_a_file_is_synced_before_it_gets_its_name_and_its_folder_after(
    tmp_path: Path, done: list[tuple[str, Path]]
) -> None:
    write_atomically(tmp_path / "raw", b"x")
    (first, aside), renamed, last = done
    assert first == "sync"
    assert (aside.parent, aside.name[:9]) == (tmp_path, ".writing-")
    assert [renamed, last] == [("rename", tmp_path / "raw"), ("sync", tmp_path)]


def test_several_files_are_each_synced_before_they_get_their_name_and_their_folder_once_after_all(
    tmp_path: Path, done: list[tuple[str, Path]]
) -> None:
    texts = {f"{number}.html": f"page {number}" for number in range(9)}
    assert write_texts(tmp_path, texts) == 9
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == texts
    *earlier, last = done
    assert last == ("sync", tmp_path)
    for at, (what, _) in enumerate(earlier):
        syncs = sum(asked == "sync" for asked, _ in earlier[: at + 1])
        assert what == "sync" or syncs >= sum(asked == "rename" for asked, _ in earlier[: at + 1])
    assert sorted(path.name for what, path in earlier if what == "rename") == sorted(texts)
    done.clear()
    assert write_texts(tmp_path, texts | {"3.html": "another"}) == 1
    assert [what for what, _ in done] == ["sync", "rename", "sync"]


def test_a_new_folder_is_synced_into_the_one_that_holds_it(tmp_path: Path, done: list[tuple[str, Path]]) -> None:
    write_atomically(tmp_path / "a" / "b" / "raw", b"x")
    assert done[:2] == [("sync", tmp_path), ("sync", tmp_path / "a")]
    assert done[-1] == ("sync", tmp_path / "a" / "b")


def test_a_delivery_is_on_the_disk_before_any_row_of_it_is_stored(
    tmp_path: Path, done: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = intake_store.append

    def watched_append(*given: Any, **named: Any) -> intake_store.Counted:
        done.append(("store", Path()))
        return append(*given, **named)

    monkeypatch.setattr(intake_store, "append", watched_append)
    path = drop(tmp_path, "viral_load_results", LINES)
    with open_site(tmp_path) as opened:
        done.clear()
        (counted,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(1))
    folder = tmp_path / "landing" / counted.delivery_id
    until_stored = done[: done.index(("store", Path()))]
    for name in ("raw", "synthetic.viral_load_results.json"):
        at = until_stored.index(("rename", folder / name))
        before, after = until_stored[at - 1], until_stored[at + 1]
        assert before[0] == "sync"
        assert before[1].name.startswith(".writing-")
        assert after == ("sync", folder)
    assert ("sync", tmp_path / "landing") in until_stored  # the folder's own name


def test_bytes_that_are_not_those_that_landed_are_refused(tmp_path: Path) -> None:
    landed = landing.land(
        tmp_path,
        b"one",
        feed="synthetic",
        table="icu_stays",
        form="csv",
        file_name="x.csv",
        landed_at=day(0),
        is_history=False,
    )
    assert landing.raw(tmp_path, landed.delivery_id) == b"one"
    (tmp_path / landed.delivery_id / "raw").write_bytes(b"two")
    with pytest.raises(SiteError, match="is not what landed; restore it from a backup"):
        landing.raw(tmp_path, landed.delivery_id)


@pytest.mark.slow
def test_a_night_takes_nothing_from_a_landed_file_that_was_changed_and_says_so(tmp_path: Path) -> None:
    """A record that waits is judged again from the landing: with another load in the file, it must not be."""
    path = drop(tmp_path, "viral_load_results", LINES)
    nightly(tmp_path, as_of=day(1))
    path.unlink()
    (raw,) = (tmp_path / "landing").glob("*/raw")
    raw.chmod(0o640)
    raw.write_bytes(raw.read_bytes().replace(b"5000", b"9000"))
    (tmp_path / "labs" / "synthetic.toml").write_text(
        PACKAGED.read_text(encoding="utf-8").replace('"IU/mL" =', '"IE/ml" = "iu_per_ml"\n"IU/mL" ='), encoding="utf-8"
    )
    taken_in = nightly(tmp_path, as_of=day(2)).taken_in
    assert ["is not what landed" in fault.message for fault in taken_in.faults] == [True]
    assert sites.rows(tmp_path, "SELECT patient_id, viral_load_iu_per_ml FROM viral_load_results") == [
        ("SYNTHETIC-1", 1000.0)
    ]
