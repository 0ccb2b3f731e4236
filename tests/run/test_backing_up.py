"""A backup that is taken at work restores to the same hashes on both databases; one that was changed restores to nothing. All made up."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.errors import AlreadyRunning, CmvmonError, SiteError, StoreError
from cmvmon.run.backups import restoring
from cmvmon.run.backups.backing_up import BACKUP, BackedUp, back_up
from cmvmon.run.backups.restoring import restore, verify
from cmvmon.run.checks.status import status
from cmvmon.run.health import at_work, backup_checkup
from cmvmon.run.health.backup_checkup import of_backup
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.landing import ids, raw
from cmvmon.shell.folder.site import Site
from cmvmon.shell.incoming.inbox import Inbox, Message, key_of
from cmvmon.shell.incoming.inbox_moves import Moves
from cmvmon.shell.keeping import last_backup
from cmvmon.shell.keeping.backup_files import HASH, MANIFEST
from cmvmon.shell.keeping.store_backup import contents
from cmvmon.shell.rows.schema import METADATA
from cmvmon.shell.work import content_hashes
from cmvmon.shell.work.opening import open_site
from tests import postgresql, sites
from tests.calls import here
from tests.disks import mounted
from tests.listen import listening
from tests.sites import day, drop, falling

PLANTED = "SYNTHETIC-Planted-Name"
WITHIN_S = 150.0  # of a machine that others use too


@pytest.fixture
def lived(site: Path) -> Path:
    """A site with a night behind it, a message that waits, the files of a listener, and a patient whose name is looked for."""
    sites.laboratories(site, "synthetic")
    sites.ward_of_three(site)
    drop(site, "viral_load_results", falling(PLANTED, 0.3), name="planted.csv")
    nightly(site)
    listening.site(site)
    _comes(site, 1)
    return site


@pytest.fixture
def backups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of every site."""
    return tmp_path_factory.mktemp("backups")


def _comes(root: Path, n: int, *, feed: str = "example_hl7") -> None:
    inbox = Inbox(root)
    inbox.store([_message(n, feed)])
    inbox.close()


def _message(n: int, feed: str = "example_hl7") -> Message:
    given = listening.result(str(n))
    return Message(given, key_of("LIS", "EXAMPLE", str(n)), "2026-06-01T12:00:00.000000+00:00", b"", feed, "lis")


def hashes(root: Path) -> dict[str, tuple[int, str]]:
    with open_site(root) as opened:
        content_hashes.check(opened)
        return {one.table: (one.rows, one.content) for one in contents(opened, set(METADATA.tables))}


def stated(done: BackedUp) -> dict[str, tuple[int, str]]:
    return {one.table: (one.rows, one.content) for one in done.manifest.tables}


def test_a_restored_site_holds_every_row_and_file_and_shows_the_same_pages(lived: Path, backups: Path) -> None:
    done = back_up(lived, backups)
    assert stated(done) == hashes(lived)
    assert done.manifest.left_out == ()
    restore(done.folder, backups / "new")
    new = backups / "new"
    assert sites.everything(new) == sites.everything(lived)
    assert hashes(new) == hashes(lived)
    for name in ("page.key", "listen.toml", "senders/lis.toml", "labs/synthetic.toml", "landing/journal.ndjson"):
        assert (new / name).read_bytes() == (lived / name).read_bytes(), name
        assert (new / name).stat().st_mode == (lived / name).stat().st_mode, name
    assert ids(new / "landing") == ids(lived / "landing")
    assert [one.waiting for one in Moves(new).state()] == [1]
    nightly(new)
    nightly(lived)
    assert sites.page_bytes(new).keys() == sites.page_bytes(lived).keys()
    assert Moves(new).waiting_feeds() == []


@contextmanager
def load(root: Path) -> Iterator[list[str]]:
    """A listener and a watch at work in processes of their own, a sender that sends as fast as it is answered, and files that are
    dropped; gives the ids of the messages that were acknowledged so far."""
    acknowledged: list[str] = []
    over = threading.Event()

    def send(port: int) -> None:
        while not over.is_set():
            control = f"L{len(acknowledged)}"
            assert listening.sent(port, listening.result(control)) == [("AA", control)]
            acknowledged.append(control)

    def deliver() -> None:
        n = 0
        while not over.wait(0.2):
            drop(root, "viral_load_results", falling(f"SYNTHETIC-L{n}", 0.3), name=f"load{n}.csv")
            n += 1

    with listening.started(root) as listener:
        watch = subprocess.Popen(
            [str(listening.CMVMON), "watch", "--site", str(root)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        threads = [threading.Thread(target=send, args=(listener.port,)), threading.Thread(target=deliver)]
        try:
            for thread in threads:
                thread.start()
            yield acknowledged
            assert watch.poll() is None
            assert all(thread.is_alive() for thread in threads), "nobody was kept from working"
        finally:
            over.set()
            for thread in threads:
                thread.join(WITHIN_S)
            watch.kill()
            watch.wait(WITHIN_S)


def test_backups_taken_under_load_restore_to_equal_hashes_on_both_databases(
    lived: Path, backups: Path, server: postgresql.Server
) -> None:
    done: list[tuple[BackedUp, set[str]]] = []
    with load(lived) as acknowledged:
        listening.until(lambda: _n_loaded(lived) > 2, WITHIN_S)
        for _ in range(3):
            before = set(acknowledged)
            done.append((back_up(lived, backups), before))
            time.sleep(1.1)  # a backup bears the second in its name
    assert len({one.sha256 for one, _ in done}) == 3
    assert done[0][0].manifest.n_rows < done[-1][0].manifest.n_rows, "it was at work meanwhile"
    for n, (one, before) in enumerate(done):
        for kind, database in (("sqlite", None), ("postgresql", server.new_database())):
            new = backups / f"{kind}{n}"
            assert restore(one.folder, new, to_database=database) == one.manifest
            assert hashes(new) == stated(one)
        assert before <= _control_ids(new), "what was acknowledged before it began is in it"
        deliveries = {name for (name,) in sites.rows(new, "SELECT delivery_id FROM deliveries")}
        assert deliveries <= ids(new / "landing"), "of each delivery that is known the bytes are there"
        assert all(raw(new / "landing", name) for name in ids(new / "landing"))
    nightly(new)
    assert Moves(new).waiting_feeds() == []
    known = {number for (number,) in sites.rows(new, "SELECT accession_number FROM viral_load_results")}
    assert {f"F{control}" for control in before} <= known


def _n_loaded(root: Path) -> int:
    return int(
        sites.rows(root, "SELECT count(*) FROM viral_load_results WHERE substr(patient_id, 1, 11) = 'SYNTHETIC-L'")[0][
            0
        ]
    )


def _control_ids(root: Path) -> set[str]:
    """MSH-10 of every message of the inbox."""
    return {bytes(text).split(b"|")[9].decode() for (text,) in listening.contents(root, "SELECT raw FROM messages")}


def test_a_changed_byte_of_any_file_is_refused_and_nothing_is_made(tmp_path: Path, backups: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    done = back_up(tmp_path, backups)
    names = [path for path in sorted(done.folder.rglob("*")) if path.is_file()]
    assert len(names) > 8
    for path in names:
        good = path.read_bytes()
        place = len(good) * 2 // 3
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(SiteError, match=r"changed\)|is not what was written"):
            restore(done.folder, backups / "new")
        path.write_bytes(good)
    assert sorted(path.name for path in backups.iterdir()) == [done.folder.name]
    assert verify(done.folder) == done.manifest


def _is_gone(folder: Path) -> None:
    (folder / "site" / "page.key").unlink()


def _is_more(folder: Path) -> None:
    (folder / "site" / "labs" / "other.toml").parent.mkdir(exist_ok=True)
    (folder / "site" / "labs" / "other.toml").write_text("x", "utf-8")


def _rewritten(folder: Path, **said: object) -> None:
    facts = json.loads((folder / MANIFEST).read_text("utf-8")) | said
    data = json.dumps(facts).encode()
    (folder / MANIFEST).write_bytes(data)
    (folder / HASH).write_text(f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n", "utf-8")


def _has_other_counts(folder: Path) -> None:
    tables = json.loads((folder / MANIFEST).read_text("utf-8"))["tables"]
    _rewritten(folder, tables=[table | {"rows": table["rows"] + (table["table"] == "icu_stays")} for table in tables])


REFUSED = {
    "a file is gone": (_is_gone, r"site/page.key \(gone\)"),
    "there is one more": (_is_more, r"site/labs/other.toml \(not in the manifest\)"),
    "a newer schema": (lambda folder: _rewritten(folder, schema="0099"), "has schema 0099, made by a newer cmvmon"),
    "a newer form": (lambda folder: _rewritten(folder, format=2), "a newer cmvmon made the backup"),
    "another count of rows": (_has_other_counts, "rows are not as the manifest states: icu_stays"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), "no backup, or not a whole one"),
    "another thing": (lambda folder: _rewritten(folder, files=3), "not one that cmvmon wrote"),
}


@pytest.fixture(scope="module")
def one_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, to = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("kept")
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    return back_up(root, to).folder


@pytest.mark.parametrize("how", REFUSED)
def test_what_is_not_the_backup_that_was_made_is_refused_in_words(how: str, one_backup: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(one_backup, backup)
    spoil, words = REFUSED[how]
    spoil(backup)
    with pytest.raises(CmvmonError, match=words):
        restore(backup, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]


@pytest.mark.parametrize("kind", ["a folder", "an empty folder", "a file", "a link to nothing"])
def test_a_target_that_exists_is_refused_and_left_as_it_is(kind: str, one_backup: Path, tmp_path: Path) -> None:
    into = tmp_path / "new"
    if kind == "a file":
        into.write_text("mine", "utf-8")
    elif kind == "a link to nothing":
        into.symlink_to(tmp_path / "nowhere")
    else:
        into.mkdir()
        if kind == "a folder":
            (into / "mine").write_text("mine", "utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SiteError, match="exists; nothing was done"):
        restore(one_backup, into)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "words"), [(("-o", "size=200k"), "No space left|disk is full"), (("-o", "ro"), "Read-only")]
)
def test_a_full_disk_and_a_read_only_one_leave_nothing_half_written(
    options: tuple[str, ...], words: str, one_backup: Path, tmp_path: Path
) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    with mounted(tmp_path / "disk", *options) as disk:
        with pytest.raises(CmvmonError, match=words):
            restore(one_backup, disk / "new")
        with pytest.raises(CmvmonError, match=words):
            back_up(root, disk)
        assert list(disk.iterdir()) == []
    assert status(root).last_backup is None


def test_a_disk_that_is_full_by_now_keeps_the_backups_that_lie_on_it(tmp_path: Path) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    with mounted(tmp_path / "disk", "-o", "size=64m") as disk:
        older = back_up(root, disk)
        with suppress(OSError), (disk / "ballast").open("wb") as ballast:
            while True:
                ballast.write(b"x" * (1 << 16))
        with pytest.raises(CmvmonError, match=r"No space left|disk is full"):
            back_up(root, disk)
        assert {path.name for path in disk.iterdir()} == {older.folder.name, "ballast"}
        assert verify(older.folder) == older.manifest
    assert status(root).last_backup is not None


def test_a_backup_on_a_read_only_disk_is_checked_and_restored(one_backup: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-o", "size=64m") as disk:
        shutil.copytree(one_backup, disk / "kept")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=20)
        restore(disk / "kept", tmp_path / "new")
    assert hashes(tmp_path / "new") == {one.table: (one.rows, one.content) for one in verify(one_backup).tables}


def test_a_backup_that_is_killed_leaves_nothing_under_a_name_and_the_next_one_tells_of_its_rest(
    tmp_path: Path, backups: Path
) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    process = subprocess.Popen([str(listening.CMVMON), "backup", "--to", str(backups), "--site", str(tmp_path)])
    listening.until(lambda: any(backups.iterdir()), WITHIN_S)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(WITHIN_S)
    (rest,) = backups.iterdir()
    assert rest.name.startswith(".writing-")
    assert status(tmp_path).last_backup is None
    done = back_up(tmp_path, backups)
    assert done.n_unfinished == 1
    assert verify(done.folder) == done.manifest


def test_only_this_user_reads_a_backup_whatever_the_mask(lived: Path, backups: Path) -> None:
    before = os.umask(0)
    try:
        done = back_up(lived, backups / "further")
    finally:
        os.umask(before)
    modes = {path.is_dir(): set[str]() for path in done.folder.rglob("*")}
    for path in (backups / "further", done.folder, *done.folder.rglob("*")):
        modes[path.is_dir()].add(oct(path.stat().st_mode & 0o777))
    assert modes == {True: {"0o700"}, False: {"0o600"}}


def test_the_restored_site_never_names_the_database_of_the_old_one(
    site_on_postgresql: Path, backups: Path, server: postgresql.Server
) -> None:
    sites.ward_of_three(site_on_postgresql)
    nightly(site_on_postgresql, as_of=day(22))
    old = Site(site_on_postgresql).database
    done = back_up(site_on_postgresql, backups)
    assert done.manifest.database == "postgresql"
    restore(done.folder, backups / "file")
    assert Site(backups / "file").database.get_backend_name() == "sqlite"
    with pytest.raises(SiteError, match="not empty"):
        restore(done.folder, backups / "again", to_database=old.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match="can't be opened"):
        restore(done.folder, backups / "gone", to_database=f"postgresql+psycopg://cmvmon@/nowhere?host={server.folder}")
    restore(done.folder, backups / "server", to_database=server.new_database())
    assert Site(backups / "server").database not in (old, Site(backups / "file").database)
    assert not (backups / "server" / "cmvmon.sqlite").exists()
    assert (
        sites.everything(backups / "server")
        == sites.everything(backups / "file")
        == sites.everything(site_on_postgresql)
    )
    assert sorted(path.name for path in backups.iterdir()) == sorted([done.folder.name, "file", "server"])


@pytest.mark.parametrize("is_on_server", [False, True])
@pytest.mark.parametrize("step", ["rename", "sync_folder"])
def test_what_a_restore_that_could_not_end_leaves_is_told(
    step: str,
    is_on_server: bool,
    one_backup: Path,
    tmp_path: Path,
    server: postgresql.Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    into = tmp_path / "new"
    url = server.new_database() if is_on_server else None
    with monkeypatch.context() as broken:
        broken.setattr(restoring.os if step == "rename" else restoring, step, refuses)
        with pytest.raises(SiteError) as told:
            restore(one_backup, into, to_database=url)
    assert into.exists() == (step == "sync_folder") == (f"{into} stands" in str(told.value))
    assert ("nothing is left of it" in str(told.value)) == (step == "rename" and not is_on_server)
    assert ("database that --database names" in str(told.value)) == is_on_server
    if url is not None:
        with pytest.raises(SiteError, match="not empty"):
            restore(one_backup, tmp_path / "again", to_database=url)


def test_a_store_in_which_a_cell_was_changed_is_not_backed_up(tmp_path: Path, backups: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    sites.write(tmp_path, "DROP TRIGGER no_update_of_viral_load_results")
    sites.write(tmp_path, "UPDATE viral_load_results SET viral_load_iu_per_ml = 1 WHERE version_number = 2")
    with pytest.raises(StoreError, match=r"damaged.*1 row\(s\) of viral_load_results not as stored"):
        back_up(tmp_path, backups)
    assert list(backups.iterdir()) == []


def test_what_can_not_be_read_is_told_links_are_followed_and_the_others_are_kept(tmp_path: Path, backups: Path) -> None:
    root, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    elsewhere.mkdir()
    (elsewhere / "a.toml").write_text("linked", "utf-8")
    (root / "more").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    (root / "labs" / "gone.toml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "labs" / "pipe")
    changed = next(path for path in sorted(root.glob("landing/*/raw")))
    changed.write_bytes(b"another")
    done = back_up(root, backups)
    assert [place.split(":")[0] for place in done.manifest.left_out] == [
        "site/labs/gone.toml", "site/labs/pipe", f"site/{changed.relative_to(root).as_posix()}",
    ]  # fmt: skip
    assert (done.folder / "site" / "more" / "a.toml").read_text("utf-8") == "linked"
    assert not (done.folder / "site" / "more" / "back").exists()
    assert verify(done.folder) == done.manifest


def _deny(monkeypatch: pytest.MonkeyPatch, denied: Path) -> None:
    """A folder that this user may not list, also where the tests are root's."""
    real = os.scandir

    def scandir(path: Any = ".") -> object:
        if not isinstance(path, int) and Path(path) == denied:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.parametrize("name", ["labs", "landing", "protocol/older", "."])
def test_no_backup_is_made_without_a_folder_that_a_restored_site_needs(
    name: str, tmp_path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    (root / "protocol" / "older").mkdir()
    _deny(monkeypatch, root / name)
    with pytest.raises(SiteError, match=r"can't be read \(Permission denied\).*none was made"):
        back_up(root, backups)
    assert list(backups.iterdir()) == []


def test_no_backup_is_made_where_the_disk_of_what_landed_is_not_there(tmp_path: Path, backups: Path) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    (root / "tables").rename(tmp_path / "away")
    (root / "tables").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SiteError, match=r"tables can't be read.*none was made"):
        back_up(root, backups)
    assert list(backups.iterdir()) == []


def test_another_folder_that_can_not_be_read_and_bytes_without_a_note_are_told(
    tmp_path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    (root / "notes").mkdir()
    old, lands = root / "landing" / ("0" * 64), root / "landing" / ("1" * 64)
    for folder in (old, lands):
        folder.mkdir()
        (folder / "raw").write_bytes(b"x")
    long_ago = time.time() - 3_600
    os.utime(old, (long_ago, long_ago))
    _deny(monkeypatch, root / "notes")
    done = back_up(root, backups)
    assert done.manifest.left_out == (
        f"site/landing/{old.name}: has no note of how it came",
        "site/notes: the folder can't be read (Permission denied)",
    )
    assert verify(done.folder) == done.manifest


def test_the_age_of_the_last_backup_is_told_and_never_is_no_age(
    tmp_path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites.ward_of_three(tmp_path)
    assert list(of_backup(Site(tmp_path))) == []
    nightly(tmp_path, as_of=day(22))
    assert status(tmp_path).last_backup is None
    ((state, words),) = of_backup(Site(tmp_path))
    assert (state, words.split(":")[0]) == ("note", "never")
    done = back_up(tmp_path, backups)
    assert status(tmp_path).last_backup == done.manifest.taken_at
    ((state, words),) = of_backup(Site(tmp_path))
    assert (state, "0 days ago" in words) == ("ok", True)
    monkeypatch.setattr(backup_checkup, "now", lambda: datetime.now(UTC) + timedelta(days=8))
    ((state, words),) = of_backup(Site(tmp_path))
    assert (state, "8 days ago" in words) == ("note", True)
    (tmp_path / last_backup.NAME).write_text("{}", "utf-8")
    assert "can't be read" in str(status(tmp_path).backup_fault)
    with pytest.raises(SiteError, match="nobody can tell"):
        list(of_backup(Site(tmp_path)))
    restore(done.folder, backups / "new")
    assert status(backups / "new").last_backup is None


def test_one_backup_at_a_time_and_none_into_the_site(tmp_path: Path, backups: Path) -> None:
    with pytest.raises(SiteError, match="no database yet"):
        back_up(tmp_path, backups)
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    with pytest.raises(SiteError, match="lies in the site"):
        back_up(tmp_path, tmp_path / "backups")
    with at_work.only_one(tmp_path, BACKUP), pytest.raises(AlreadyRunning, match="runs on this site already"):
        back_up(tmp_path, backups)
    assert list(backups.iterdir()) == []


def test_the_commands_tell_counts_and_places_and_no_patient(lived: Path, backups: Path) -> None:
    made = _command("backup", "--to", backups, "--json", "--site", lived)
    folder = json.loads(made)["folder"]
    said = [
        made,
        _command("restore", folder, "--verify"),
        _command("restore", folder, "--into", backups / "new"),
        _command("status", "--site", lived, code=2),
    ]
    assert "last backup" in said[-1]
    assert "every hash and row count as the manifest states" in said[1]
    assert "h ago" in next(line for line in said[-1].splitlines() if line.startswith("last backup"))
    assert not any(PLANTED in words or "Planted" in words for words in said)
    assert PLANTED in str(sites.everything(backups / "new"))
    refused = here("restore", folder)
    assert (refused.returncode, "name the new site with --into" in refused.stderr) == (2, True)


def _command(*words: str | Path, code: int = 0) -> str:
    done = here(*words)
    assert done.returncode == code, done.stderr
    return done.stdout
