"""An analysis on an engine: every row as without one, whatever joins patients of different parts; what is amiss, in words."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import polars as pl
import pytest

from cmvmon.cli import app
from cmvmon.domain.columns import Kind
from cmvmon.domain.errors import CmvmonError, DeliveryError, SiteError
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.simulate import SCENARIOS, ward
from cmvmon.workbench import batch
from cmvmon.workbench.analysis import Analysed, analyze
from cmvmon.workbench.engines import SPARK, moved_rows, spark_run, spark_session, where_to_run
from cmvmon.workbench.engines.spark_run import analyze_on_spark
from tests import spark
from tests.servers import free_port
from tests.workbench.conftest import ENGINES
from tests.workbench.written import ALWAYS as WRITTEN

pytestmark = pytest.mark.slow


def put(tables: dict[str, pl.DataFrame], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, frame in tables.items():
        frame.write_parquet(folder / f"{name}.parquet", row_group_size=500)
    return folder


def made(scenario: str, *, patients: int = 60, seed: int = 5) -> dict[str, pl.DataFrame]:
    found = ward(patients, 40, seed, scenario=scenario)
    tables = {"viral_load_results": found.viral_load_results, "antiviral_courses": found.antiviral_courses}
    return tables | {"icu_stays": found.icu_stays}


def same_rows(here: Path, there: Path, names: tuple[str, ...] = WRITTEN) -> dict[str, int]:
    """How many rows each table has; after a sort they are the same, to the bit."""
    heights = {}
    for name in names:
        ours = pl.read_parquet(here / f"{name}.parquet")
        theirs = pl.read_parquet(there / f"{name}.parquet" / "*.parquet").select(ours.columns).cast(ours.schema)
        assert theirs.sort(ours.columns).equals(ours.sort(ours.columns)), name
        heights[name] = ours.height
    return heights


@pytest.mark.parametrize("partitions", [2, 16])
def test_an_engine_gives_the_rows_that_are_given_without_one(
    hard_ward: dict[str, pl.DataFrame],
    engine: str,
    tmp_path: Path,
    partitions: int,
) -> None:
    """With a number under two patients, results moved to another patient, corrections, repeats and broken rows."""
    source, root = put(hard_ward, tmp_path / "in"), tmp_path / "site"
    here = analyze(source, tmp_path / "here", root=root)
    there = analyze_on_spark(str(source), str(tmp_path / "there"), remote=engine, root=root, partitions=partitions)
    heights = same_rows(tmp_path / "here", tmp_path / "there")
    assert {name for name, height in heights.items() if not height} == {
        "facts_of_mutation"
    }  # nobody's result is one of its own
    assert there == Analysed(
        here.as_of.astimezone(UTC), here.patients, here.weekly_rows, here.verdicts, here.quarantined
    )
    assert {path.name for path in (tmp_path / "there").iterdir()} == {f"{name}.parquet" for name in WRITTEN}


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=[] if name == "everything" else pytest.mark.long) for name in SCENARIOS]
)
def test_of_every_scenario_an_engine_gives_the_same_rows(scenario: str, engine: str, tmp_path: Path) -> None:
    source, root = put(made(scenario), tmp_path / "in"), tmp_path / "site"
    asked = {"as_of": datetime(2024, 2, 5, tzinfo=UTC), "ask_next": scenario == "everything"}
    analyze(source, tmp_path / "here", root=root, **asked)  # type: ignore[arg-type]
    analyze_on_spark(str(source), str(tmp_path / "there"), remote=engine, root=root, **asked)  # type: ignore[arg-type]
    same_rows(tmp_path / "here", tmp_path / "there", (*WRITTEN, "next_sample") if asked["ask_next"] else WRITTEN)


def test_tables_of_a_catalog_are_read_and_written_by_name(engine: str, tmp_path: Path) -> None:
    tables, root = made("ward"), tmp_path / "site"
    source = put(tables, tmp_path / "in")
    analyze(source, tmp_path / "here", root=root)
    with spark_session.session(engine) as spark:
        for schema in ("told", "computed"):
            spark.sql(f"CREATE DATABASE {schema} LOCATION '{tmp_path / schema}'")
        for name in tables:
            spark.read.parquet(str(source / f"{name}.parquet")).write.saveAsTable(f"told.{name}")
        from cmvmon.workbench.analysis import policy_of
        from cmvmon.workbench.engines.places import places
        from cmvmon.workbench.engines.spark_run import _Run, _Wanted

        wanted = _Wanted(*policy_of(root, method=None, priors=None), None, ask_next=False, partitions=None)
        _Run(spark, *places(spark, "told", "computed"), wanted).run()
        for name in WRITTEN:
            ours = pl.read_parquet(tmp_path / "here" / f"{name}.parquet")
            theirs = pl.from_arrow(spark.table(f"computed.{name}").toArrow())
            assert isinstance(theirs, pl.DataFrame)
            assert theirs.select(ours.columns).cast(ours.schema).sort(ours.columns).equals(ours.sort(ours.columns)), (
                name
            )
        left = {row.name for row in spark.catalog.listTables("computed")}
        assert left == set(WRITTEN)


def test_who_has_too_many_results_is_named_among_the_rows_set_apart_and_the_others_are_judged(
    engine: str, tmp_path: Path
) -> None:
    tables = made("ward")
    results = tables["viral_load_results"].select(VIRAL_LOAD_RESULTS.exchanged)
    crowd = results.filter(pl.col("patient_id") == results["patient_id"][0])
    copies = batch.MOST_RESULTS // crowd.height + 1
    many = crowd.join(pl.DataFrame({"copy": range(copies)}), how="cross").with_columns(
        result_id=pl.format("{}-{}", "result_id", "copy")
    )
    source = put(tables | {"viral_load_results": pl.concat([results, many.select(results.columns)])}, tmp_path / "in")
    analyze(source, tmp_path / "here", root=tmp_path / "site")
    analyze(source, tmp_path / "cut", root=tmp_path / "site", partitions=5)
    analyze_on_spark(str(source), str(tmp_path / "there"), remote=engine, root=tmp_path / "site")
    same_rows(tmp_path / "here", tmp_path / "there")
    for name in WRITTEN:
        assert (tmp_path / "here" / f"{name}.parquet").read_bytes() == (
            tmp_path / "cut" / f"{name}.parquet"
        ).read_bytes()
    (apart,) = pl.read_parquet(tmp_path / "here" / "quarantined.parquet").to_dicts()
    assert (apart["reason"], apart["column"]) == ("too_many_results", "patient_id")
    assert crowd["patient_id"][0] in apart["delivered_text"]
    verdicts = pl.read_parquet(tmp_path / "here" / "verdicts.parquet")
    assert verdicts["patient_id"].n_unique() == results["patient_id"].n_unique() - 1


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        ("no results", SiteError, "IN holds no viral_load_results that the engine sees"),
        ("no column", DeliveryError, "antiviral_courses: the table lacks started_at"),
        ("a type", DeliveryError, "viral_load_results: viral_load_iu_per_ml is Boolean"),
        ("csv", SiteError, r"IN holds icu_stays\.csv; an engine reads Parquet"),
        ("links", SiteError, "IN holds patient_links, which only a site applies"),
        ("out", SiteError, "OUT holds verdicts already; name another"),
        (
            "no usable row",
            SiteError,
            r"no row can be used \(set apart: [0-9]+ unknown_compartment\), so there is no moment",
        ),
    ],
)
def test_what_an_engine_can_not_take_is_refused_in_words_and_nothing_is_left(
    engine: str, tmp_path: Path, spoil: str, error: type[CmvmonError], says: str
) -> None:
    source, out = put(made("ward", patients=5), tmp_path / "in"), tmp_path / "out"
    results, courses = source / "viral_load_results.parquet", source / "antiviral_courses.parquet"
    if spoil == "no results":
        results.unlink()
    elif spoil == "no column":
        pl.read_parquet(courses).drop("started_at").write_parquet(courses)
    elif spoil == "a type":
        pl.read_parquet(results).with_columns(viral_load_iu_per_ml=pl.lit(True)).write_parquet(results)
    elif spoil == "csv":
        (source / "icu_stays.parquet").rename(tmp_path / "aside")
        (source / "icu_stays.csv").write_text("patient_id\n", encoding="utf-8")
    elif spoil == "links":
        shutil.copy(courses, source / "patient_links.parquet")
    elif spoil == "out":
        put({"verdicts": pl.DataFrame({"a": [1]})}, out)
    else:
        pl.read_parquet(results).with_columns(compartment=pl.lit("lung")).write_parquet(results)
    before = sorted(out.rglob("*"))
    with pytest.raises(error, match=says):
        analyze_on_spark(str(source), str(out), remote=engine, root=tmp_path / "site")
    assert sorted(path for path in out.rglob("*") if path.is_file()) == [path for path in before if path.is_file()]


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_that_is_killed_midway_is_told_in_words_and_the_next_run_begins_anew(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source, out, root = put(made("ward", patients=200), tmp_path / "in"), tmp_path / "out", tmp_path / "site"
    if kind == SPARK:
        request.getfixturevalue("spark_is_here")
    with _engine_of_its_own(kind, tmp_path) as (pid, address):
        watch = f"""
import os, signal, sys, time
from pathlib import Path
until = time.monotonic() + 240
while time.monotonic() < until and not any(path.is_file() for path in Path({str(out)!r}).rglob("*.parquet")):
    time.sleep(0.005)
os.kill({pid}, signal.SIGKILL)
"""
        killer = subprocess.Popen([sys.executable, "-P", "-c", watch])
        try:
            with pytest.raises(SiteError, match="the engine stopped"):
                analyze_on_spark(str(source), str(out), remote=address, root=root)
        finally:
            killer.kill()
            killer.wait(20)
    assert not [path for name in WRITTEN for path in out.glob(f"{name}.parquet")]
    with _engine_of_its_own(kind, tmp_path / "again") as (_, address):
        analyze_on_spark(str(source), str(out), remote=address, root=root)
    analyze(source, tmp_path / "here", root=root)
    same_rows(tmp_path / "here", out)


@contextlib.contextmanager
def _engine_of_its_own(kind: str, folder: Path) -> Iterator[tuple[int, str]]:
    """An engine in a process that may be killed: its id, and its address."""
    if kind == SPARK:
        with spark.connect_server(folder / "spark") as server:
            yield server.pid, server.address
        return
    port = free_port()
    script = (
        f"from pysail.spark import SparkConnectServer; SparkConnectServer('127.0.0.1', {port}).start(background=False)"
    )
    process = subprocess.Popen([sys.executable, "-P", "-c", script], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield process.pid, f"sc://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(20)


@pytest.mark.long
def test_a_worker_that_is_killed_while_it_judges_costs_its_part_once_more_and_no_row(
    spark_server: spark.Connect, hard_ward: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    """Of Spark: its workers are processes. Sail's are threads of the engine, which is killed whole or not at all."""
    source, out, root = put(hard_ward, tmp_path / "in"), tmp_path / "there", tmp_path / "site"
    lost_before, killed, is_over = spark_server.lost_parts(), [], Event()

    def kill_one_that_computes() -> None:
        while not killed and not is_over.wait(0.05):
            if not (out / "cmvmon_working_judged.parquet").exists():
                continue
            before = {worker: spark.cpu_s(worker) for worker in spark_server.workers()}
            time.sleep(0.3)
            spent = {worker: spark.cpu_s(worker) - so_far for worker, so_far in before.items()}
            busiest = max(spent, key=lambda worker: spent[worker], default=None)
            if busiest is not None and spent[busiest] > 0:
                os.kill(busiest, signal.SIGKILL)
                killed.append(busiest)

    killer = Thread(target=kill_one_that_computes)
    killer.start()
    try:
        analyze_on_spark(str(source), str(out), remote=spark_server.address, root=root, partitions=16)
    finally:
        is_over.set()
        killer.join()
    assert len(killed) == 1
    assert spark_server.lost_parts() > lost_before
    analyze(source, tmp_path / "here", root=root)
    assert all(same_rows(tmp_path / "here", out).values())
    assert {path.name for path in out.iterdir()} == {f"{name}.parquet" for name in WRITTEN}


@pytest.mark.long
def test_a_server_of_another_zone_gives_the_same_rows_for_the_session_is_told_in_utc(
    spark_is_here: None, hard_ward: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    source, root = put(hard_ward, tmp_path / "in"), tmp_path / "site"
    with spark.connect_server(tmp_path / "spark", timeZone="America/St_Johns") as server:
        analyze_on_spark(str(source), str(tmp_path / "there"), remote=server.address, root=root)
    analyze(source, tmp_path / "here", root=root)
    assert all(same_rows(tmp_path / "here", tmp_path / "there").values())


@pytest.mark.long
def test_workers_that_lack_cmvmon_are_told_before_anything_is_read(spark_is_here: None, tmp_path: Path) -> None:
    """By the Python of which this environment is made, which has no library of it."""
    source, out = put(made("ward", patients=5), tmp_path / "in"), tmp_path / "out"
    bare = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    with (
        spark.connect_server(tmp_path / "spark", python=str(bare)) as server,
        pytest.raises(SiteError, match=r"a worker of the engine could not run cmvmon .*install cmvmon"),
    ):
        analyze_on_spark(str(source), str(out), remote=server.address, root=tmp_path / "site")
    assert not out.exists()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("no server")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--engine", "spork"], "--engine is 'spork'; choose local or spark"),
        (["--remote", "sail"], "--remote is for --engine spark"),
        (["--engine", "spark"], "--engine spark needs --remote"),
        (["--engine", "spark", "--remote", "http://x"], "write sc://HOST:PORT, or sail"),
        (["--engine", "spark", "--remote", "sc://127.0.0.1:1"], r"nothing answers at --remote 127\.0\.0\.1:1"),
    ],
)
def test_words_that_name_no_engine_are_refused_by_the_command(words: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=says):
        app(["analyze", str(tmp_path), "--out", str(tmp_path / "out"), *words], standalone_mode=False)


@pytest.mark.parametrize(
    ("version", "zone", "says"),
    [
        ("3.5.1", "UTC", "the engine is Spark 3.5.1; 4.0 or later"),
        ("4.1.0", "Europe/Amsterdam", "zone of the engine's session is Europe/Amsterdam"),
        ("4.1.0", None, "zone"),
    ],
)
def test_an_engine_of_an_old_version_or_another_zone_is_refused(version: str, zone: str | None, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        spark_session.check_engine(version, zone)


@pytest.mark.parametrize(("version", "zone"), [("4.0.0", "UTC"), ("4.2.0", "Etc/UTC"), ("10.1", "Z")])
def test_an_engine_that_will_do_is_taken(version: str, zone: str) -> None:
    spark_session.check_engine(version, zone)


def test_something_else_that_listens_there_is_told_apart_from_an_engine(tmp_path: Path) -> None:
    """A server that closes every connection: left alone, the client would try for ten minutes."""

    def close_each(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                listening.accept()[0].close()

    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=close_each, args=(listening,), daemon=True).start()
        remote = f"sc://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(SiteError, match=r"the engine stopped|gave no session"):
            analyze_on_spark(str(tmp_path), str(tmp_path / "out"), remote=remote, root=tmp_path / "site")
    assert time.monotonic() - begun < 100


def test_without_an_engine_nothing_is_started() -> None:
    assert where_to_run("local", None) is None
    assert where_to_run("spark", "sail") == "sail"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.TEXTS], ids=lambda kind: kind.value)
def test_every_kind_of_a_delivered_column_has_a_type_on_an_engine(kind: Kind) -> None:
    """Lists of texts stand in facts alone, which no engine moves."""
    assert spark_run._sql_type(kind.dtype)
    assert moved_rows.arrow_schema(pl.Schema({"column": kind.dtype})).names == ["column"]
