"""A database that is damaged, read-only, newer or busy is refused in words that say what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmvmon.domain.errors import AlreadyRunning, StoreBusy, StoreError
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.dialects import dialect
from cmvmon.shell.folder import landing
from cmvmon.shell.folder.site import FOLDERS, Site
from cmvmon.shell.migrations.frozen import append_only_tables
from cmvmon.shell.rows.schema import METADATA
from cmvmon.shell.store import database
from cmvmon.shell.work import content_hashes
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.memory import show_the_way_to

TRIGGERS = "SELECT tbl_name, upper(substr(name, 4, 6)) FROM sqlite_master WHERE type = 'trigger'"
SERVERS_TRIGGERS = (
    "SELECT event_object_table, event_manipulation FROM information_schema.triggers UNION ALL SELECT relname, 'TRUNCATE' "
    "FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname LIKE 'no_truncate_of_%%'"
)


def _triggers(site: Path) -> str:
    return SERVERS_TRIGGERS if (site / "settings.toml").exists() else TRIGGERS


def test_the_migrated_schema_is_the_one_that_the_program_knows(site: Path) -> None:
    """Whoever changes METADATA after the first release adds a version: until it is there, this fails."""
    with open_site(site) as opened, opened.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        checks = {
            table: {check["name"] for check in sa.inspect(connection).get_check_constraints(table)}
            for table in METADATA.tables
        }
    assert checks == {
        table.name: {str(c.name) for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        for table in METADATA.tables.values()
    }


def test_every_table_of_the_migrated_schema_is_append_only_but_the_lists_of_what_stands_open_or_waits(
    site: Path,
) -> None:
    with open_site(site):
        pass
    query = _triggers(site)
    verbs = ["DELETE", *(["TRUNCATE"] if query == SERVERS_TRIGGERS else []), "UPDATE"]
    assert sorted(sites.rows(site, query)) == sorted((table, verb) for table in append_only_tables() for verb in verbs)
    assert set(METADATA.tables) - set(append_only_tables()) == {
        "open_alerts",
        "outbox_waiting",
        "unassessed_deliveries",
        "unjudged_landings",
        "waiting_records",
    }


@pytest.mark.slow
def test_tables_that_a_program_of_before_the_release_did_not_have_are_made_and_what_was_there_is_kept(
    site: Path,
) -> None:
    sites.drop(site, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 50000)])
    nightly(site, as_of=sites.day(1))
    whole = sites.rows(site, _triggers(site))
    with open_site(site) as opened, opened.writing() as connection:
        for later in ("kidney_function", "rule_switches"):
            connection.exec_driver_sql(f"DROP TABLE {later}")
    with open_site(site) as opened, opened.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM viral_load_results").scalar_one() == 1
    assert sorted(sites.rows(site, _triggers(site))) == sorted(whole)
    nightly(site, as_of=sites.day(2))


def test_a_database_of_before_the_release_whose_tables_had_other_columns_is_left_as_it_is(site: Path) -> None:
    with open_site(site) as opened, opened.writing() as connection:
        connection.exec_driver_sql("DROP TABLE kidney_function")
        connection.exec_driver_sql("ALTER TABLE alert_events ADD COLUMN long_gone INTEGER")
    for _ in range(2):  # nothing was changed: it is found again
        with (
            pytest.raises(StoreError, match=r"its table alert_events has other columns.*rebuild --into NEW"),
            open_site(site),
        ):
            pytest.fail("it was opened")


def test_several_programs_that_meet_a_new_database_make_its_schema_once(site: Path) -> None:
    script = "import sys; from pathlib import Path; from cmvmon.shell.work.opening import open_site\nwith open_site(Path(sys.argv[1])): pass"
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(site)], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sites.rows(site, "SELECT version_num FROM alembic_version") == [(database.SCHEMA_VERSION,)]


@pytest.mark.parametrize(
    ("library", "mode"), [((3, 40, 1), "truncate"), ((3, 51, 2), "truncate"), ((3, 51, 3), "wal"), ((3, 52, 0), "wal")]
)
def test_the_write_ahead_log_is_used_only_where_the_librarys_own_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: tuple[int, int, int], mode: str
) -> None:
    with open_site(tmp_path):
        pass
    bare = sqlite3.connect(tmp_path / "cmvmon.sqlite")  # as an earlier version left it
    bare.execute("PRAGMA journal_mode=WAL")
    bare.close()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", library)
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == mode
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
    (said,) = [f.words for f in checkup(tmp_path, example=lambda: ()) if f.what == "database"]
    assert ("may lose data" in said) == (mode == "truncate")


@pytest.mark.parametrize("damage", ["not a database at all", "a page overwritten"])
def test_a_damaged_database_is_refused_in_words_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    with open_site(tmp_path):
        pass
    path = tmp_path / "cmvmon.sqlite"
    for leftover in tmp_path.glob("cmvmon.sqlite-*"):
        leftover.unlink()
    data = bytearray(path.read_bytes())
    data[: len(data) if "not" in damage else 0] = b"x" * (len(data) if "not" in damage else 0)
    data[4096:12288] = b"\xff" * 8192
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"damaged.*backup"), open_site(tmp_path, looks_for_damage=True):
        pass
    assert [f.state for f in checkup(tmp_path, example=lambda: ()) if f.what == "database"] == ["broken"]
    assert path.read_bytes() == bytes(data)


def test_a_newer_schema_is_refused(site: Path) -> None:
    with open_site(site):
        pass
    sites.write(site, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"9999.*newer"), open_site(site):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a folder to another user for this test")
def test_a_read_only_database_is_refused_in_words(tmp_path: Path) -> None:
    sites.drop(tmp_path, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000)])
    with open_site(tmp_path):
        pass
    # A child that drops its rights after everything is imported: root may write any file.
    script = (
        "import os, sys; from pathlib import Path\n"
        "from cmvmon.run.deliveries.intake import take_in_drop; from cmvmon.shell.work.opening import open_site\n"
        "from cmvmon.domain.errors import StoreError; from tests.sites import day\n"
        "import alembic.command, cmvmon.feeds.laboratory, cmvmon.rules, cmvmon.protocol\n"
        "from cmvmon.shell.folder.site import Site\n"
        "root = Path(sys.argv[1]); Site(root).laboratories(); Site(root).protocol()\n"
        "os.setegid(65534); os.seteuid(65534)\n"
        "try:\n"
        "    with open_site(root) as opened: take_in_drop(opened, received_at=day(1))\n"
        "except StoreError as error: print(error)\n"
    )
    show_the_way_to(tmp_path)
    for name in FOLDERS:
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cmvmon.sqlite").chmod(0o444)
    (tmp_path / "landing").chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert "can't be" in done.stdout, done.stderr
    assert "nothing was changed" in done.stdout or "check that its folder" in done.stdout


def test_a_second_run_on_one_site_is_refused_and_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / ".nightly.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from cmvmon.shell.basis.lock import only_run\nwith only_run(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)",
            str(lock),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match="another run is at work"), only_run(lock):
            pass
    finally:
        holder.kill()
        holder.wait(timeout=10)
    with only_run(lock, wait_s=5):
        pass


def test_a_write_that_fails_halfway_leaves_nothing_of_it(site: Path) -> None:
    """The delivery, its records, its quarantine and its counts stand together or not at all."""
    path = sites.drop(
        site, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000), sites.result("SYNTHETIC-2", 0, "?")]
    )
    with open_site(site):
        pass
    if (site / "settings.toml").exists():
        refuse = "CREATE FUNCTION full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$"
        sites.write(site, refuse.replace("full()", "refuse()"))
        body, said = "FOR EACH ROW EXECUTE FUNCTION refuse()", "the disk is full"
    else:
        body, said = "BEGIN SELECT RAISE(ABORT, 'no'); END", "refused the work"
    sites.write(site, f"CREATE TRIGGER refused BEFORE INSERT ON quarantined_records {body}")
    with open_site(site) as opened, pytest.raises(StoreError, match=said):
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=sites.day(1))
    assert sites.rows(site, "SELECT count(*) FROM deliveries") == [(0,)]
    assert sites.rows(site, "SELECT count(*) FROM viral_load_results") == [(0,)]


def test_a_disk_that_is_full_is_said_by_the_drivers_own_code(tmp_path: Path) -> None:
    path = sites.drop(tmp_path, "viral_load_results", [sites.result("SYNTHETIC-1", n, 1000) for n in range(300)])
    with open_site(tmp_path) as opened:
        opened.engine.dispose()  # the next connection is given no room to grow
        sa.event.listen(opened.engine, "connect", lambda bare, _: bare.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(StoreError, match="disk is full"):
            take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=sites.day(400))


def test_a_database_that_another_program_keeps_is_busy_and_not_broken(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_S", 1)
    path = sites.drop(site, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000)])
    with open_site(site) as one, open_site(site) as two, one.writing(), pytest.raises(StoreBusy, match="kept busy"):
        take_in_file(two, path, feed="synthetic", table="viral_load_results", received_at=sites.day(1))


def test_a_reader_sees_one_state_while_another_writes(site: Path) -> None:
    path = sites.drop(site, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000)])
    count = sa.select(sa.func.count()).select_from(METADATA.tables["deliveries"])

    def take_in() -> None:
        with open_site(site) as two:
            take_in_file(two, path, feed="synthetic", table="viral_load_results", received_at=sites.day(1))

    with ThreadPoolExecutor(1) as pool:
        with open_site(site) as one, one.reading() as connection:
            before = connection.execute(count).scalar_one()
            writer = pool.submit(take_in)
            with suppress(TimeoutError):  # SQLite's rollback journal lets a writer end once the readers have
                writer.result(timeout=2)
            assert (before, connection.execute(count).scalar_one()) == (0, 0)
        writer.result(timeout=60)
    assert sites.rows(site, "SELECT count(*) FROM deliveries") == [(1,)]


def test_a_database_of_no_bytes_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Also on a site where nothing has landed: what is made new has a header from its first moment."""
    (tmp_path / "cmvmon.sqlite").touch()
    with pytest.raises(StoreError, match=r"0 bytes, and nothing was made in its place.*rebuild"), open_site(tmp_path):
        pass
    assert (tmp_path / "cmvmon.sqlite").stat().st_size == 0
    assert [f.state for f in checkup(tmp_path, example=lambda: ()) if f.what == "database"] == ["broken"]


def test_a_database_that_is_gone_while_deliveries_have_landed_is_not_made_anew(site: Path) -> None:
    landing.land(
        Site(site).landing, b"x", feed="synthetic", table="icu_stays", form="csv", file_name="new.csv", landed_at=sites.day(1),
        is_history=False,
    )  # fmt: skip
    with pytest.raises(StoreError, match=r"is gone, and nothing was made in its place.*rebuild"), open_site(site):
        pass
    assert not database.exists(Site(site).database)


def test_rows_that_are_not_what_was_stored_are_found_by_their_hash(site: Path) -> None:
    sites.ward_of_three(site)
    nightly(site, as_of=sites.day(22))
    with open_site(site) as opened:
        n = sites.rows(site, "SELECT count(*) FROM viral_load_results")[0][0]
        assert content_hashes.check(opened) >= n
    for table in ("viral_load_results", "verdicts"):  # as a disk does: past the triggers, on a page that is whole
        on_table = f" ON {table}" if (site / "settings.toml").exists() else ""
        sites.write(site, f"DROP TRIGGER no_update_of_{table}{on_table}")
    sites.write(site, "UPDATE viral_load_results SET viral_load_iu_per_ml = 17 WHERE version_number = 1")
    sites.write(
        site,
        "UPDATE verdicts SET verdict = 'clear' WHERE number IN (SELECT min(number) FROM verdicts WHERE verdict <> 'clear')",
    )
    with pytest.raises(StoreError, match=r"1 row\(s\) of verdicts, 1 row\(s\) of viral_load_results not as stored"):
        nightly(site, as_of=sites.day(23))
    assert "1 row(s) of viral_load_results" in next(
        f.words for f in checkup(site, example=lambda: ()) if f.what == "database"
    )


def test_a_night_compares_one_range_and_the_nights_together_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_hashes, "A_NIGHT", 4)
    lines = [sites.result(f"SYNTHETIC-{n}", 0, 1000) for n in range(10)]
    with open_site(tmp_path) as opened:
        path = sites.drop(tmp_path, "viral_load_results", lines)
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=sites.day(1))
        compared = [content_hashes.check(opened, night=sites.day(n)) for n in range(3)]
    assert sorted(compared) == [2, 4, 4]
