"""What lies in the drop folder: files that are not whole yet, links, folders nobody may read, and what raises."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.ingest import Intake
from cmvmon.run.checks.status import status
from cmvmon.run.deliveries import intake, landed_delivery
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.drop_folder import look_through
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, drop, result, stay

RESULTS = "viral_load_results"


def stored(root: Path) -> list[str]:
    return [patient for (patient,) in sites.rows(root, f"SELECT patient_id FROM {RESULTS} ORDER BY 1")]


def settles(root: Path, seconds: float) -> None:
    (root / "settings.toml").write_text(f"file_settles_s = {seconds}\n", encoding="utf-8")


def test_a_file_that_is_still_growing_is_left_for_the_next_night_and_said(tmp_path: Path) -> None:
    settles(tmp_path, 1)
    drop(tmp_path, RESULTS, [result("SYNTHETIC-WHOLE", 0, 5_000)], name="whole.csv")
    path = drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)], name="growing.csv")
    path.touch()
    stop = threading.Event()

    def write() -> None:
        with path.open("a", encoding="utf-8") as file:
            for n in range(2, 200):
                file.write(result(f"SYNTHETIC-{n}", 0, 5_000) + "\n")
                file.flush()
                if stop.wait(0.05):
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = nightly(tmp_path, as_of=day(1))
    finally:
        stop.set()
        writer.join(timeout=20)
    assert stored(tmp_path) == ["SYNTHETIC-WHOLE"]
    (fault,) = done.taken_in.faults
    assert (fault.code, fault.file_name) == ("still_growing", "growing.csv")
    ward = (tmp_path / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert "file was still being written (file growing.csv)" in re.sub(r"\s+", " ", ward)
    sites.lain_still(path)
    again = nightly(tmp_path, as_of=day(2))
    assert again.taken_in.faults == ()
    assert len(stored(tmp_path)) > 1


def test_a_file_that_lies_still_while_it_is_watched_is_read_the_same_night(tmp_path: Path) -> None:
    settles(tmp_path, 0.3)
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)]).touch()
    started = time.monotonic()
    found = look_through(Site(tmp_path).drop, settles_s=0.3)
    assert 0.1 < time.monotonic() - started < 5
    assert ([item.path.name for item in found.files], found.growing) == (["one.csv"], ())


def test_a_file_whose_clock_runs_ahead_is_watched_too(tmp_path: Path) -> None:
    """A share may stamp its files a few seconds ahead of us."""
    path = drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)])
    os.utime(path, (time.time() + 30, time.time() + 30))
    later = threading.Timer(0.2, lambda: path.write_text("more", encoding="utf-8"))
    later.start()
    found = look_through(Site(tmp_path).drop, settles_s=0.5)
    later.join(timeout=10)
    assert [item.path.name for item in found.growing] == ["one.csv"]


@pytest.mark.parametrize(
    "name", ["one.csv.part", ".one.csv", "one.csv.tmp", "one.csv.filepart", "one.csv~", "one.CSV.PART"]
)
def test_a_name_that_says_unfinished_is_left_alone_until_it_is_renamed_and_told_after_an_hour(
    name: str, tmp_path: Path
) -> None:
    path = drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)]).rename(
        tmp_path / "drop" / "synthetic" / RESULTS / name
    )
    path.touch()
    assert look_through(Site(tmp_path).drop).strays == ()
    assert look_through(Site(tmp_path).drop).files == ()
    an_hour_ago = time.time() - 3_700
    os.utime(path, (an_hour_ago, an_hour_ago))
    (stray,) = look_through(Site(tmp_path).drop).strays
    assert (stray.code, stray.names) == ("unfinished", (name,))
    path.rename(path.with_name("two.csv"))
    assert [item.path.name for item in look_through(Site(tmp_path).drop).files] == ["two.csv"]


def test_a_file_that_changed_while_the_night_waited_for_the_site_is_left_for_the_next(tmp_path: Path) -> None:
    path = drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000), result("SYNTHETIC-2", 0, 5_000)])
    found = look_through(Site(tmp_path).drop)
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    with open_site(tmp_path) as opened:
        done = intake.take_in_drop(opened, received_at=day(1), found=found)
    assert ([fault.code for fault in done.faults], done.counted) == (["still_growing"], ())


def as_a_file(outside: Path, drop_folder: Path) -> None:
    (drop_folder / "synthetic" / RESULTS / "link.csv").symlink_to(outside / "synthetic" / RESULTS / "one.csv")


def as_a_table(outside: Path, drop_folder: Path) -> None:
    (drop_folder / "synthetic" / "icu_stays").symlink_to(outside / "synthetic" / RESULTS)


def as_a_feed(outside: Path, drop_folder: Path) -> None:
    (drop_folder / "other").symlink_to(outside / "synthetic")


def test_no_trouble_of_a_feed_hides_another(tmp_path: Path) -> None:
    """A table that is misspelt, a link, a file of another kind and a refused one: each stands on the page and in the status."""
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)])
    folder = tmp_path / "drop" / "synthetic"
    (folder / RESULTS / "empty.csv").touch()
    an_hour_ago = time.time() - 3_700
    os.utime(folder / RESULTS / "empty.csv", (an_hour_ago, an_hour_ago))
    (folder / RESULTS / "read.me").write_text("words", "utf-8")
    (folder / RESULTS / "link.csv").symlink_to(folder / RESULTS / "one.csv")
    (folder / "vira_load_results").mkdir()
    (folder / "vira_load_results" / "one.csv").write_text("words", "utf-8")
    nightly(tmp_path, as_of=day(1))
    codes = {each.code for each in status(tmp_path).stopped}
    assert codes == {"empty_file", "unknown_ending", "symbolic_link", "unknown_table"}
    page = (tmp_path / "pages" / "ward.en.html").read_text("utf-8")
    for words in ("empty", "file of an unknown kind", "a link instead of a file", "folder of an unknown table"):
        assert words in page, words
    alerts = sites.rows(tmp_path, "SELECT DISTINCT alert_id FROM alert_events WHERE rule = 'operations'")
    assert len(alerts) == 1, "one alert a feed: what is told of it is more, not how often somebody is told"
    for path in (folder / RESULTS / "link.csv", folder / RESULTS / "read.me"):
        path.unlink()
    nightly(tmp_path, as_of=day(2))
    assert {each.code for each in status(tmp_path).stopped} == {"empty_file", "unknown_table"}


@pytest.mark.parametrize("link", [as_a_file, as_a_table, as_a_feed])
def test_no_symbolic_link_in_the_drop_folder_is_followed(link: Callable[[Path, Path], None], tmp_path: Path) -> None:
    root, outside = tmp_path / "site", tmp_path / "outside"
    drop(outside, RESULTS, [result("SYNTHETIC-OUTSIDE", 0, 5_000)])
    drop(root, RESULTS, [result("SYNTHETIC-1", 0, 5_000)])
    link(outside / "drop", root / "drop")
    done = nightly(root, as_of=day(1))
    assert stored(root) == ["SYNTHETIC-1"]
    assert [fault.code for fault in done.taken_in.faults] == ["symbolic_link"]
    assert "never followed" in done.taken_in.faults[0].message


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process of another user")
def test_a_folder_that_nobody_may_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    """Looked at as another user where this one may read everything."""
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)])
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-1")])
    closed = tmp_path / "drop" / "synthetic" / "icu_stays"
    for folder in (tmp_path, *tmp_path.parents):
        if os.geteuid() == 0 and folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o055)
    closed.chmod(0o000)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            found = look_through(Site(tmp_path).drop)
            said = f"{[item.path.name for item in found.files]} {[stray.code for stray in found.strays]}"
        except OSError as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    try:
        assert os.read(reading, 10_000).decode() == "['one.csv'] ['unreadable_folder']"
    finally:
        os.waitpid(child, 0)
        os.close(reading)
        closed.chmod(0o755)


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ingest that stumbles, with what it read in its words, over deliveries that hold a certain patient."""
    real = landed_delivery.ingest

    def ingest(data: bytes, **told: object) -> Intake:
        if b"SYNTHETIC-BAD" in data:
            raise RuntimeError("SYNTHETIC-BAD is not what this expected")
        return real(data, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(landed_delivery, "ingest", ingest)


@pytest.mark.usefixtures("stumbling")
def test_one_delivery_over_which_the_programme_stumbles_stops_no_other_and_its_patient_is_not_in_the_message(
    tmp_path: Path,
) -> None:
    drop(tmp_path, RESULTS, [result("SYNTHETIC-BAD", 0, 5_000)], name="a.csv")
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)], name="b.csv")
    done = nightly(tmp_path, as_of=day(1))
    assert stored(tmp_path) == ["SYNTHETIC-1"]
    (fault,) = done.taken_in.faults
    assert (fault.code, fault.file_name) == ("not_taken_in", "a.csv")
    assert "RuntimeError in test_files_in_the_drop_folder.py" in fault.message
    assert "SYNTHETIC-BAD" not in fault.message
    ward = (tmp_path / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert "file could not be taken in (file a.csv)" in ward


def test_a_database_that_can_not_be_used_is_no_fault_of_a_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", 0, 5_000)])

    def refused(*_args: object, **_kwargs: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("cmvmon.shell.taken_in.intake_store.append", refused)
    with pytest.raises(StoreError, match="the disk is full"):
        nightly(tmp_path, as_of=day(1))


@pytest.mark.parametrize("given", ["-1", "601", "true", '"10"'])
def test_a_settling_time_that_can_not_be_meant_is_refused(given: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(f"file_settles_s = {given}\n", encoding="utf-8")
    with pytest.raises(SiteError, match=r"file_settles_s must be a number of seconds from 0 to 600"):
        Site(tmp_path).settings()
