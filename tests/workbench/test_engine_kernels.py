"""What an engine's worker says of itself before anything is read: its kernels, and a moment that it gives back."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.kinetics.bank.update import begin
from cmvmon.kinetics.numerics.compiling import is_on_disk
from cmvmon.workbench.engines import spark_session

SENT = spark_session._MOMENT
SESSION = """
from cmvmon.workbench.engines.spark_session import session
with session("sail", print) as spark:
    print("session")
"""
# What a worker does, on a stream that looks at the kernels when it is first read; two parts, one after the other.
JUDGE = """
from datetime import UTC, datetime
from numba.core import event
from cmvmon.kinetics.bank.update import begin
from cmvmon.kinetics.numerics.compiling import is_on_disk
from cmvmon.domain.rows import ASSAYS
from cmvmon.domain.results import CONCORDANCE
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.workbench.batch import How
from cmvmon.workbench.engines.moved_rows import Everybody, counted, judged_rows
class Compiled(event.Listener):
    n = 0
    def on_start(self, told): self.n += 1
    def on_end(self, told): pass
compiled = Compiled()
event.register("numba:compile", compiled)
everybody = Everybody(How(Protocol.shipped(), datetime(2024, 2, 1, tzinfo=UTC), "bank"), ASSAYS.empty(), frozenset())
def read():
    print(is_on_disk(begin), compiled.n)
    yield from ()
print(is_on_disk(begin), compiled.n)
list(counted(read(), everybody=everybody))
list(judged_rows(read(), everybody=everybody, unit=CONCORDANCE.empty()))
"""


def run(script: str, cache: Path | None) -> list[str]:
    own = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    env = own if cache is None else own | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_workers_without_compiled_kernels_are_told_in_one_line_before_anything_is_read(tmp_path: Path) -> None:
    first, second = run(SESSION, tmp_path / "empty")
    assert first.startswith(
        "the engine's workers have no compiled kernels yet: each worker process compiles for about a minute"
    )
    assert "`cmvmon warmup` on every worker" in first
    assert second == "session"


@pytest.mark.slow
def test_workers_whose_kernels_are_on_disk_are_not_spoken_of() -> None:
    """Whatever this checkout compiled before; where nothing did, its kernels are no more kept than those of a new worker."""
    said = run(SESSION, None)
    assert said[-1] == "session"
    assert len(said) == (1 if is_on_disk(begin) else 2)


@pytest.mark.slow
def test_where_no_folder_can_be_written_a_folder_is_asked_for(tmp_path: Path) -> None:
    """numba then refuses to cache; here because the folder that is named for it is a file."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = tmp_path / "file" / "folder"
    script = f"import numba.core.config as c; c.CACHE_LOCATOR_CLASSES = 'UserProvidedCacheLocator'; {SESSION.strip()}"
    first, second = run(script.replace("; from", "\nfrom"), cache)
    assert first.startswith(
        "the engine's workers have no folder to keep compiled kernels in: each worker process compiles"
    )
    assert first.endswith("with NUMBA_CACHE_DIR, a folder that they can write")
    assert second == "session"


@pytest.mark.long
def test_a_worker_compiles_before_its_first_batch_is_read_and_once_only(tmp_path: Path) -> None:
    before, first, second = (line.split() for line in run(JUDGE, tmp_path / "empty"))
    assert before == ["False", "0"]
    assert first[0] == "True"
    assert int(first[1]) > 10
    assert second == first


@pytest.mark.slow
def test_a_worker_whose_kernels_are_on_disk_compiles_nothing() -> None:
    if is_on_disk(begin):
        assert run(JUDGE, None) == ["True 0"] * 3


@pytest.mark.parametrize(
    "found",
    [
        SENT.replace(microsecond=123_000),
        SENT.replace(microsecond=0),
        SENT.replace(tzinfo=timezone(timedelta(hours=2))),
        SENT + timedelta(hours=1),
    ],
)
def test_an_engine_that_cuts_or_shifts_a_moment_is_refused(found: datetime) -> None:
    with pytest.raises(SiteError, match=r"does not keep moments in UTC to the microsecond: 2024-03-31T02:30:00.123457"):
        spark_session.check_moment(found)


def test_the_moment_may_come_back_under_another_name_of_its_zone() -> None:
    spark_session.check_moment(SENT.astimezone(timezone(timedelta(hours=2))))
    assert SENT.tzinfo is UTC
    assert SENT.microsecond % 1000
