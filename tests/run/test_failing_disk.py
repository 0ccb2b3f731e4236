"""Each write and each sync of taking a file in fails once, by a disk that is full or broken: nothing is lost, doubled or half there.

The sweep goes over the calls of one `cmvmon ingest`, from landing to store, as strace counts them. A few of them here, all of them among
the long tests.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import sites
from tests.calls import CMVMON
from tests.depth import LONG
from tests.sites import drop, falling

pytestmark = pytest.mark.usefixtures("tracing")
WAYS = [("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("write", "EIO"), ("write", "ENOSPC"), ("fdatasync", "EIO"), ("fsync", "EIO")]  # fmt: skip
LIMIT_S = 300


def ingest(root: Path, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, str(CMVMON), "ingest", str(root.parent / "one.csv"), "--feed", "synthetic", "--history"]
    return subprocess.run([*command, "--site", str(root)], capture_output=True, text=True, check=False, timeout=LIMIT_S)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tracing: None) -> tuple[Path, dict[str, int]]:
    """A site with a file to be taken in, and how often a whole taking in makes each call."""
    folder = tmp_path_factory.mktemp("whole")
    sites.laboratories(folder / "site", "synthetic")
    with sites.open_site(folder / "site"):
        pass
    drop(folder / "site", "viral_load_results", falling("SYNTHETIC-1", 0.3)).rename(folder / "one.csv")
    shutil.copytree(folder, folder.with_name("counted"))
    trace = folder / "trace"
    done = ingest(
        folder.with_name("counted") / "site", "strace", "-f", "--seccomp-bpf", "-o", str(trace), "-e", "trace=pwrite64,write,fdatasync,fsync"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    calls = re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.M)
    return folder, {call: calls.count(call) for call, _ in WAYS}


@pytest.mark.parametrize(("call", "error"), WAYS, ids=lambda one: one)
def test_wherever_a_call_fails_it_is_told_and_once_the_disk_is_well_each_record_is_there_once(
    call: str, error: str, prepared: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    whole, counts = prepared
    n = counts[call]
    assert n > 0, "this call is never made: nothing would be tried"
    wrong = []
    for which in range(1, n + 1) if LONG else sorted({1, n}):
        folder = tmp_path / str(which)
        shutil.copytree(whole, folder)
        root = folder / "site"
        failed = ingest(
            root, "strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={which}"
        )  # fmt: skip
        stored = sites.rows(root, "SELECT count(*) FROM viral_load_results")
        told = failed.returncode != 0 and failed.stderr.startswith("cmvmon: ") and "unexpected" not in failed.stderr
        if failed.returncode == 0 and stored != [(4,)]:
            wrong.append((which, "said to be done, and is not"))
        elif failed.returncode != 0 and not told:
            wrong.append((which, f"code {failed.returncode}: {failed.stderr[-300:]}"))
        if stored not in ([(0,)], [(4,)]):
            wrong.append((which, f"half of it is stored: {stored}"))
        again = ingest(root)
        if again.returncode != 0 or sites.rows(root, "SELECT count(*) FROM viral_load_results") != [(4,)]:
            wrong.append((which, f"not taken in once the disk is well: {again.stderr[-300:]}"))
        shutil.rmtree(folder)
    assert wrong == []


def test_a_full_disk_of_the_log_leaves_what_was_taken_in_and_is_said(tmp_path: Path) -> None:
    root = tmp_path / "site"
    sites.laboratories(root, "synthetic")
    path = drop(root, "viral_load_results", falling("SYNTHETIC-1", 0.3))
    command = [str(CMVMON), "ingest", str(path), "--feed", "synthetic", "--history", "--site", str(root)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 2
    assert done.stderr == (
        "cmvmon: a file, or what this command prints, can't be written (No space left on device); check the disk. "
        "What was done before that stands: run it again\n"
    )
    assert sites.rows(root, "SELECT count(*) FROM viral_load_results") == [(4,)]
