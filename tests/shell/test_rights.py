"""Nobody beside this user and its group reads a site, whatever the umask; nobody else holds its lock; nothing half written stays."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmvmon import cli
from cmvmon.domain.errors import SiteError
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.basis.files import append_line, sweep, write_atomically
from cmvmon.shell.basis.lock import only_run
from tests import sites
from tests.memory import show_the_way_to
from tests.sites import day


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("mask", "taken_away"), [(0o000, 0), (0o022, 0), (0o077, 0o077)])
def test_folders_are_0750_and_files_0640_and_a_stricter_umask_is_kept(
    tmp_path: Path, mask: int, taken_away: int
) -> None:
    """In drop/ and of what the site's keeper made, the rights are theirs."""
    root = tmp_path / "icu"
    with umask(mask):
        nightly(root, as_of=day(21))
        sites.ward_of_three(root)
        nightly(root, as_of=day(22))
    made = [root, *(path for path in root.rglob("*") if "drop" not in path.relative_to(root).parts[:1])]
    made += [root / "drop"]
    wanted = {
        path: 0o750 if path.is_dir() else 0o600 if path.name.startswith((".nightly", "page.key")) else 0o640
        for path in made
    }
    assert len(made) > 20
    assert {path: oct(rights(path)) for path in made} == {
        path: oct(mode & ~taken_away) for path, mode in wanted.items()
    }


def test_a_lock_that_an_earlier_version_left_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    lock = tmp_path / ".nightly.lock"
    lock.touch()
    lock.chmod(0o666)
    with only_run(lock):
        assert rights(lock) == rights(tmp_path / ".nightly.lock.door") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user for this test")
def test_another_user_can_neither_hold_the_lock_nor_is_told_of_it_without_words(tmp_path: Path) -> None:
    show_the_way_to(tmp_path)
    lock = tmp_path / ".nightly.lock"
    with only_run(lock):
        pass
    script = (
        "import os, sys; from pathlib import Path\n"
        "from cmvmon.domain.errors import SiteError; from cmvmon.shell.basis.lock import only_run\n"
        "os.setegid(65534); os.seteuid(65534)\n"
        "try:\n"
        "    with only_run(Path(sys.argv[1])): print('held')\n"
        "except SiteError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(lock)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "must run as one user" in done.stdout


def test_what_a_killed_run_left_half_written_is_swept_by_the_next_night_and_what_is_being_written_is_not(
    tmp_path: Path,
) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    (landed, *_) = (tmp_path / "landing").glob("*/")
    left = [folder / ".writing-left" for folder in (tmp_path, tmp_path / "pages", tmp_path / "landing", landed)]
    young = tmp_path / "pages" / ".writing-now"
    for path in (*left, young):
        path.write_bytes(b"half")
    for path in left:
        sites.lain_still(path)
        sites.lain_still(path)
    nightly(tmp_path, as_of=day(23))
    assert [path.exists() for path in left] == [False] * 4
    assert young.exists()
    assert sweep(tmp_path / "nowhere") == 0


def test_a_line_after_one_that_was_cut_off_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.ndjson"
    append_line(path, "one")
    with path.open("ab") as file:
        file.write(b"tw")
    append_line(path, "three")
    assert path.read_text().splitlines() == ["one", "tw", "three"]
    assert rights(path) == 0o640


def test_a_site_that_others_may_read_is_told_by_doctor_with_what_to_do(tmp_path: Path) -> None:
    root = tmp_path / "icu"
    nightly(root, as_of=day(21))

    def told() -> list[tuple[str, bool]]:
        return [(f.state, "chmod -R o=" in f.words) for f in checkup(root, example=lambda: ()) if f.what == "rights"]

    assert told() == [("ok", False)]
    root.chmod(0o755)
    assert told() == [("ok", False)]  # what is in it is closed
    (root / "landing").chmod(0o755)
    assert told() == [("note", True)]
    assert [f for f in checkup(tmp_path / "none", example=lambda: ()) if f.what == "rights"] == []


def test_a_file_that_the_user_may_not_read_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/sites/icu/settings.toml")

    monkeypatch.setattr(cli, "app", refused)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "cmvmon: settings.toml can't be read or written (Permission denied); run this as the site's own user\n"
    )


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for write in (
        lambda: write_atomically(tmp_path / "file" / "x", b"y"),
        lambda: append_line(tmp_path / "file" / "x", "y"),
    ):
        with pytest.raises(SiteError, match="can't be written"):
            write()
