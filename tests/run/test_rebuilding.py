"""A site made again from what has landed holds what the old one held, hash for hash. All made up."""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.answers import rule_switching
from cmvmon.run.answers.quarantine_answers import answer_quarantine
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.daytime.merging import merge
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.landing import ids
from cmvmon.shell.store import session
from cmvmon.shell.taken_in import journal
from tests import sites
from tests.sites import course, day, drop, falling, result, stay, text

SNAPSHOTS = 'feed = "synthetic"\ndescription = "x"\n[antiviral_courses]\nsends = "snapshot"\n'
DELIVERED = ("viral_load_results", "antiviral_courses", "icu_stays", "patient_links", "quarantined_records")
BESIDES = ("deliveries", "arrivals", "waiting_records", "quarantine_answers", "rule_switches")


@pytest.fixture
def lived(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site after four nights: snapshots that return to earlier bytes, a correction, a record that waits and is answered, a
    merge by hand, a rule that is switched off and on, another that stays off, files that are gone from the drop folder."""
    (site / "tables").mkdir(exist_ok=True)
    (site / "tables" / "synthetic.toml").write_text(SNAPSHOTS, encoding="utf-8")
    drop(site, "viral_load_results", [*falling("SYNTHETIC-A", 0.3), result("SYNTHETIC-B", 0, "murky")])
    drop(site, "icu_stays", [stay("SYNTHETIC-A"), stay("SYNTHETIC-B", bed="S-02")])
    both = [course("SYNTHETIC-A"), course("SYNTHETIC-B")]
    for night, lines in ((21, both), (22, both[:1]), (23, both)):
        path = drop(site, "antiviral_courses", lines, name=f"courses_2026-01-{night:02}.csv")
        os.utime(path, (night * 86400, night * 86400))
        nightly(site, as_of=day(night))
        path.unlink()
    corrected = result("SYNTHETIC-A", 21, 50_000, status="C", reported=text(day(23.5)))
    drop(site, "viral_load_results", [corrected], name="two.csv")
    nightly(site, as_of=day(24))
    record = next(row for row in listed_quarantine(site) if row["table_name"] == "viral_load_results")
    monkeypatch.setattr(session, "now", lambda: day(24.2))
    answer_quarantine(site, record["record"], answer="ignored", why="never a load", actor="data team")
    monkeypatch.setattr(session, "now", lambda: day(24.3))
    merge(site, "SYNTHETIC-B", "SYNTHETIC-A", at=day(24), until=None, by="admission office")
    for code, is_disabled in (("suppressed", True), ("rebound", True), ("suppressed", False)):
        at = day(24.4 if is_disabled else 24.5)
        monkeypatch.setattr(session, "now", lambda at=at: at)
        rule_switching.switch(site, code, is_disabled=is_disabled, why="under review", actor="dr. A")
    return site


def held_by(root: Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    every = sites.everything(root) | {"arrivals": sorted(sites.rows(root, "SELECT * FROM arrivals"))}
    return {name: every[name] for name in tables}


def test_every_row_is_as_it_was(lived: Path, tmp_path: Path) -> None:
    new = tmp_path.parent / f"{tmp_path.name}-new"
    done = rebuild(lived, new)
    assert (done.faults, done.read_otherwise, done.unread_lines, done.without_line) == ((), 0, 0, 0)
    assert (done.deliveries, done.answers) == (len(ids(lived / "landing")), 4)
    assert [(one.is_equal, one.at_other_moments) for one in done.tables] == [(True, 0)] * len(done.tables)
    assert sum(one.new for one in done.tables) > 10
    assert held_by(new, *DELIVERED, *BESIDES) == held_by(lived, *DELIVERED, *BESIDES)
    again = rebuild(new, tmp_path.parent / f"{tmp_path.name}-again")
    assert all(one.is_equal for one in again.tables)


def test_a_site_whose_database_is_lost_is_made_again_and_judges_as_before(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sites.ward_of_three(old)
    nightly(old, as_of=day(22))
    before = sites.rows(old, "SELECT rule, patient_id, state FROM alert_events ORDER BY 1, 2")
    (old / "cmvmon.sqlite").write_bytes(b"")
    done = rebuild(old, new)
    assert done.tables == ()
    assert "0 bytes" in str(done.not_compared)
    shutil.copytree(old / "drop", new / "drop", dirs_exist_ok=True)
    again = nightly(new, as_of=day(22))
    assert {counted.was_known for counted in again.taken_in.counted} == {True}
    assert sites.rows(new, "SELECT rule, patient_id, state FROM alert_events ORDER BY 1, 2") == before
    assert {path.name for path in (new / "pages").iterdir()} == {path.name for path in (old / "pages").iterdir()}


def test_a_site_of_before_the_journal_is_rebuilt_by_the_moments_of_landing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sites.ward_of_three(old)
    nightly(old, as_of=day(22))
    (old / "landing" / "journal.ndjson").unlink()
    done = rebuild(old, new)
    assert done.without_line == 3
    assert all(one.is_equal and not one.at_other_moments for one in done.tables)


def test_a_row_that_changed_in_the_old_store_differs_and_what_cannot_be_taken_in_is_told(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sites.ward_of_three(old)
    nightly(old, as_of=day(22))
    sites.write(old, "DROP TRIGGER no_update_of_viral_load_results")
    sites.write(old, "UPDATE viral_load_results SET content = 'x' WHERE version_number = 2")
    (lost,) = (id_ for (id_,) in sites.rows(old, "SELECT delivery_id FROM deliveries WHERE table_name = 'icu_stays'"))
    (old / "landing" / lost / "raw").write_bytes(b"another")
    with (old / "landing" / "journal.ndjson").open("a") as file:
        file.write('{"what": "taken_in", "delive')
    done = rebuild(old, new)
    told = {one.table: (one.only_old, one.only_new) for one in done.tables}
    assert (told["viral_load_results"], told["icu_stays"], told["antiviral_courses"]) == ((1, 1), (3, 0), (0, 0))
    assert ["is not what landed" in fault.message for fault in done.faults] == [True]
    assert done.unread_lines == 1


def test_the_new_site_never_writes_into_the_old_ones_server(site_on_postgresql: Path, tmp_path: Path) -> None:
    sites.ward_of_three(site_on_postgresql)
    nightly(site_on_postgresql, as_of=day(22))
    before = sites.everything(site_on_postgresql)
    done = rebuild(site_on_postgresql, tmp_path / "new")
    assert all(one.is_equal for one in done.tables)
    assert (tmp_path / "new" / "cmvmon.sqlite").exists()
    assert "database" not in (tmp_path / "new" / "settings.toml").read_text()
    assert sites.everything(site_on_postgresql) == before


def test_a_folder_that_holds_something_and_a_site_without_landings_are_refused(tmp_path: Path) -> None:
    old = tmp_path / "old"
    sites.ward_of_three(old)
    with pytest.raises(SiteError, match="nothing has landed"):
        rebuild(old, tmp_path / "new")
    nightly(old, as_of=day(22))
    for into in (old, old / "drop" / "new", tmp_path):
        with pytest.raises(SiteError, match="name a new folder outside it"):
            rebuild(old, into)


def test_a_line_of_the_journal_is_on_the_disk_for_each_taking_in_and_none_for_a_night_that_brings_nothing(
    tmp_path: Path,
) -> None:
    sites.ward_of_three(tmp_path)
    noted = tmp_path / "landing" / "journal.ndjson"
    nightly(tmp_path, as_of=day(22))
    first = noted.read_text()
    assert [json.loads(line)["received_at"] for line in first.splitlines()] == [day(22).isoformat()] * 3
    nightly(tmp_path, as_of=day(22) + timedelta(days=1))
    assert noted.read_text() == first


def test_what_cannot_be_noted_in_the_journal_is_not_taken_in(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the disk is full: a delivery that is stored and stands in no line would come back at another moment."""

    def full(path: Path, line: str) -> None:
        raise SiteError(f"{path.name} can't be written")

    drop(site, "icu_stays", [stay("SYNTHETIC-A")])
    with monkeypatch.context() as patched:
        patched.setattr(journal, "append_line", full)
        assert ["journal.ndjson" in fault.message for fault in nightly(site, as_of=day(21)).taken_in.faults] == [True]
    assert sites.rows(site, "SELECT count(*) FROM icu_stays") == [(0,)]
    nightly(site, as_of=day(22))
    assert sites.rows(site, "SELECT count(*) FROM icu_stays") == [(1,)]
