"""A database that is damaged, read-only, newer or busy is refused in words that say what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmvmon.domain.errors import AlreadyRunning, StoreError
from cmvmon.shell.lock import only_run
from cmvmon.shell.schema import METADATA
from cmvmon.shell.session import open_site
from tests import sites


def test_the_migrated_schema_is_the_one_that_the_program_knows(tmp_path: Path) -> None:
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_it_runs_with_wal_and_full_synchronisation(tmp_path: Path) -> None:
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


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
    with pytest.raises(StoreError, match=r"damaged.*backup"), open_site(tmp_path):
        pass
    assert path.read_bytes() == bytes(data)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with open_site(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "cmvmon.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"9999.*newer"), open_site(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a folder to another user for this test")
def test_a_read_only_database_is_refused_in_words(tmp_path: Path) -> None:
    sites.drop(tmp_path, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000)])
    with open_site(tmp_path):
        pass
    # A child that drops its rights after everything is imported: root may write any file.
    script = (
        "import os, sys; from pathlib import Path\n"
        "from cmvmon.run.intake import take_in_drop; from cmvmon.shell.session import open_site\n"
        "from cmvmon.domain.errors import StoreError; from tests.sites import day\n"
        "import alembic.command, cmvmon.feeds.laboratory, cmvmon.rules, cmvmon.protocol\n"
        "from cmvmon.shell.site import Site\n"
        "root = Path(sys.argv[1]); Site(root).laboratories(); Site(root).protocol()\n"
        "os.setegid(65534); os.seteuid(65534)\n"
        "try:\n"
        "    with open_site(root) as opened: take_in_drop(opened, received_at=day(1))\n"
        "except StoreError as error: print(error)\n"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
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
            "import sys, time; from pathlib import Path; from cmvmon.shell.lock import only_run\nwith only_run(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)",
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


def test_a_write_that_fails_halfway_leaves_nothing_of_it(tmp_path: Path) -> None:
    """The delivery, its records, its quarantine and its counts stand together or not at all."""
    from cmvmon.run.intake import take_in_file

    path = sites.drop(
        tmp_path, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000), sites.result("SYNTHETIC-2", 0, "?")]
    )
    with open_site(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "cmvmon.sqlite") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON quarantined_records BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with open_site(tmp_path) as opened, pytest.raises(StoreError, match="full"):
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=sites.day(1))
    assert sites.rows(tmp_path, "SELECT count(*) FROM deliveries") == [(0,)]
    assert sites.rows(tmp_path, "SELECT count(*) FROM viral_load_results") == [(0,)]
