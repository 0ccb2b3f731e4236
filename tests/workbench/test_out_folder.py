"""OUT of an analysis holds the tables of one run, all of them: whichever way it runs, whenever it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cmvmon.cli import app
from cmvmon.domain.errors import NotWritten, SiteError
from cmvmon.simulate import ward
from cmvmon.workbench.analysis import analyze
from cmvmon.workbench.engines import spark_session
from cmvmon.workbench.engines.spark_run import analyze_on_spark
from cmvmon.workbench.out_folder import WRITTEN, room_for
from tests.workbench.written import ALWAYS

EARLY, LATE = datetime(2024, 1, 20, tzinfo=UTC), datetime(2024, 2, 5, tzinfo=UTC)
Way = Callable[[Path, Path, datetime | None], object]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small ward, as Parquet."""
    made, folder = ward(6, 40, 5), tmp_path / "in"
    folder.mkdir()
    made.viral_load_results.write_parquet(folder / "viral_load_results.parquet")
    made.antiviral_courses.write_parquet(folder / "antiviral_courses.parquet")
    return folder


@pytest.fixture(scope="module")
def sail() -> Iterator[str]:
    with spark_session._sail() as address:
        yield address


@pytest.fixture(params=["without an engine", "on an engine"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    root = tmp_path / "site"
    if request.param == "without an engine":
        return lambda source, out, as_of: analyze(source, out, root=root, as_of=as_of)
    remote = request.getfixturevalue("sail")
    return lambda source, out, as_of: analyze_on_spark(str(source), str(out), remote=remote, root=root, as_of=as_of)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unusable(source: Path) -> None:
    path = source / "viral_load_results.parquet"
    pl.read_parquet(path).with_columns(compartment=pl.lit("lung")).write_parquet(path)


@pytest.mark.slow
def test_a_second_run_into_the_tables_of_a_former_one_is_refused_before_anything_is_written(
    way: Way, source: Path, tmp_path: Path
) -> None:
    """Also where it could not have judged anything: what it sets apart never stands beside what another run computed."""
    out = tmp_path / "out"
    way(source, out, None)
    before = files(out)
    assert {name.partition(".")[0] for name in before} == {*ALWAYS}
    for moment in (EARLY, None):
        with pytest.raises(SiteError, match=f"^OUT holds {', '.join(ALWAYS)} already; name another"):
            way(source, out, moment)
        assert files(out) == before
        unusable(source)
    with pytest.raises(SiteError, match=r"^OUT holds weekly_decline, verdicts"):
        way(source, out, None)
    assert files(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_one_table_of_a_former_run_is_enough(way: Way, name: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    pl.DataFrame({"a": [1]}).write_parquet(out / f"{name}.parquet")
    before = files(out)
    with pytest.raises(SiteError, match=f"^OUT holds {name} already; name another"):
        way(source, out, LATE)
    assert files(out) == before


@pytest.mark.slow
def test_where_no_row_can_be_used_the_reasons_are_counted_and_nothing_is_written(
    way: Way, source: Path, tmp_path: Path
) -> None:
    out, n = tmp_path / "out", pl.read_parquet(source / "viral_load_results.parquet").height
    unusable(source)
    with pytest.raises(
        SiteError, match=rf"^no row can be used \(set apart: {n} unknown_compartment\), so there is no moment"
    ):
        way(source, out, None)
    assert not out.exists() or files(out) == {}
    way(source, out, LATE)  # and with a moment each row is told
    told = pl.read_parquet(str(out / "quarantined.parquet") + ("/*" if (out / "quarantined.parquet").is_dir() else ""))
    assert told["reason"].to_list() == ["unknown_compartment"] * n


@pytest.fixture
def former(source: Path, tmp_path: Path) -> Path:
    """OUT with the tables of an earlier moment, of which one is not always written."""
    out = tmp_path / "out"
    analyze(source, out, root=tmp_path / "site", as_of=EARLY, ask_next=True)
    return out


def test_with_replace_the_new_tables_take_the_place_of_all_of_the_former_ones(
    former: Path, source: Path, tmp_path: Path
) -> None:
    former.chmod(0o710)
    analyze(source, former, root=tmp_path / "site", as_of=LATE, replace=True)
    analyze(
        source, tmp_path / "new", root=tmp_path / "site", as_of=LATE, replace=True
    )  # where nothing stands, as without
    assert files(former) == files(tmp_path / "new")
    assert {path.stem for path in former.iterdir()} == {*ALWAYS}
    assert former.stat().st_mode & 0o777 == 0o710
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "new", "out"]


def test_a_run_that_fails_leaves_the_tables_that_it_was_to_replace(former: Path, source: Path, tmp_path: Path) -> None:
    before = files(former)
    unusable(source)
    with pytest.raises(SiteError, match="no row can be used"):
        analyze(source, former, root=tmp_path / "site", replace=True)
    assert files(former) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def between_the_renames(monkeypatch: pytest.MonkeyPatch, happens: Callable[[Path], None]) -> None:
    """`happens` with OUT once the former tables have been put aside, before the new ones take their place."""
    rename = os.rename

    def renamed(old: Path, new: Path) -> None:
        rename(old, new)
        if Path(new).name == "former":
            happens(Path(old))

    monkeypatch.setattr("cmvmon.workbench.out_folder.os.rename", renamed)


def test_ended_between_the_two_renames_the_former_tables_stand(
    former: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_: Path) -> None:
        raise KeyboardInterrupt

    before = files(former)
    between_the_renames(monkeypatch, ended)
    with pytest.raises(KeyboardInterrupt):
        analyze(source, former, root=tmp_path / "site", as_of=LATE, replace=True)
    assert files(former) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_where_another_program_makes_out_meanwhile_neither_tables_are_removed_and_it_is_said_where_they_lie(
    former: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raced(out: Path) -> None:
        out.mkdir()
        (out / "theirs.txt").write_text("theirs", encoding="utf-8")

    before = files(former)
    between_the_renames(monkeypatch, raced)
    with pytest.raises(NotWritten, match="nothing is removed") as told:
        analyze(source, former, root=tmp_path / "site", as_of=LATE, replace=True)
    assert [path.name for path in former.iterdir()] == ["theirs.txt"]
    (aside,) = (path for path in tmp_path.iterdir() if path.name.startswith("."))
    assert aside.name in str(told.value)
    assert files(aside / "former") == before
    assert {path.stem for path in (aside / "tables").iterdir()} == {*ALWAYS}


def test_a_folder_that_holds_more_than_tables_of_a_run_is_replaced_by_nobody(
    former: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        there.chdir(former)
        with pytest.raises(SiteError, match="call it from outside OUT"):
            analyze(source, Path("."), root=tmp_path / "site", as_of=LATE, replace=True)
    (former / "notes.txt").write_text("mine", encoding="utf-8")
    before = files(former)
    with pytest.raises(SiteError, match=r"OUT holds more than the tables of a run: 'notes\.txt'; "):
        analyze(source, former, root=tmp_path / "site", as_of=LATE, replace=True)
    assert files(former) == before


def test_what_stands_in_a_folder_beside_the_tables_stays(source: Path, tmp_path: Path) -> None:
    analyze(source, source, root=tmp_path / "site", as_of=LATE)
    assert {path.stem for path in source.iterdir()} == {*ALWAYS} | {"viral_load_results", "antiviral_courses"}


def test_replace_is_refused_on_an_engine(tmp_path: Path) -> None:
    words = [
        "analyze",
        str(tmp_path),
        "--out",
        str(tmp_path / "out"),
        "--engine",
        "spark",
        "--remote",
        "sail",
        "--replace",
    ]
    with pytest.raises(SiteError, match="--replace is for --engine local"):
        app(words, standalone_mode=False)


@pytest.mark.parametrize("is_there", [False, True])
def test_of_two_runs_at_once_the_one_that_ends_last_changes_nothing(tmp_path: Path, is_there: bool) -> None:
    out = tmp_path / "out"
    if is_there:
        out.mkdir()
    last = contextlib.ExitStack()
    mine = last.enter_context(room_for(out, replace=True))
    (mine.tables / "verdicts.parquet").write_text("mine", encoding="utf-8")
    with room_for(out, replace=False) as other:
        (other.tables / "verdicts.parquet").write_text("of the other", encoding="utf-8")
    with pytest.raises(SiteError, match="OUT holds verdicts already"):
        last.close()
    assert files(tmp_path) == {"out/verdicts.parquet": b"of the other"}


def test_a_place_that_can_not_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NotWritten, match="out can't be written"), room_for(tmp_path / "file" / "out", replace=False):
        pass
    with pytest.raises(SiteError, match="file is a file"), room_for(tmp_path / "file", replace=False):
        pass
    with pytest.raises(ZeroDivisionError), room_for(tmp_path / "a" / "b" / "out", replace=False):
        raise ZeroDivisionError
    assert files(tmp_path) == {"file": b""}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


DEADLY = """
import os, signal, sys
from pathlib import Path
at, seen = int(sys.argv[1]), []
def renames(event, arguments):
    if event == "os.rename":
        seen.append(arguments)
        if len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)
from cmvmon.workbench.out_folder import room_for
with room_for(Path(sys.argv[2]), replace=True) as room:
    for name in sys.argv[3:]:
        (room.tables / f"{name}.parquet").write_text("new", encoding="utf-8")
    sys.addaudithook(renames)
"""


@pytest.mark.slow
@pytest.mark.parametrize("stands", [True, False])
def test_a_run_that_is_killed_at_any_rename_never_leaves_a_part_of_two_runs_or_of_one(
    stands: bool, tmp_path: Path
) -> None:
    """With SIGKILL, so that nothing is put right afterwards. Once one goes through, every moment before has been tried."""
    for at in range(1, len(ALWAYS) + 6):
        out = tmp_path / str(at) / "out"
        out.parent.mkdir()
        if stands:
            out.mkdir()
            for name in sorted(ALWAYS):
                (out / f"{name}.parquet").write_text("old", encoding="utf-8")
        ended = subprocess.run(
            [sys.executable, "-P", "-c", DEADLY, str(at), str(out), *ALWAYS], timeout=120, check=False
        )
        found = {path.stem: path.read_text(encoding="utf-8") for path in out.glob("*")}
        if ended.returncode == 0:
            assert found == dict.fromkeys(ALWAYS, "new")
            assert at > 1
            return
        assert ended.returncode == -signal.SIGKILL
        assert found in ({}, dict.fromkeys(ALWAYS, "old"), dict.fromkeys(ALWAYS, "new"))
        if stands:  # never lost: where it is not in OUT, it lies whole beside it
            kept = [folder for folder in out.parent.rglob("*") if (folder / "verdicts.parquet").exists()]
            assert "old" in {(folder / "verdicts.parquet").read_text(encoding="utf-8") for folder in kept}
    raise AssertionError("it renames without end")
