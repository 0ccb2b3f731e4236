"""Fetching Spark for the tests: only what the lock says is taken, and what can't be had is told in one line."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests import spark

NAMES = ("deps/bin/spark-submit", "deps/jars/spark-core.jar", "deps/examples/much.py", "lib/pyspark.zip", "setup.py")


def package(folder: Path) -> Path:
    """An archive laid out as the source package is, with other bytes."""
    folder.mkdir()
    name = spark.LOCK.read_text("utf-8").split()[0].replace("==", "-")
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        for inside in NAMES:
            member = tarfile.TarInfo(f"{name}/{inside}")
            member.size, member.mode = 3, 0o755
            archive.addfile(member, io.BytesIO(b"one"))
    return folder / f"{name}.tar.gz"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Spark would be kept, with no network, no other package than those of the folder `given`, and a Java."""
    (tmp_path / "venv").mkdir()
    monkeypatch.setattr(spark, "HOME", tmp_path / "venv" / "spark")
    monkeypatch.setattr(spark, "_java_version", lambda: spark.OLDEST_JAVA)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path / "given"), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return tmp_path / "venv" / "spark"


@pytest.mark.parametrize("is_given", [False, True], ids=["none", "of another hash"])
def test_a_package_that_is_not_the_one_of_the_lock_is_not_taken_and_nothing_is_left(
    is_given: bool, home: Path, tmp_path: Path
) -> None:
    if is_given:
        package(tmp_path / "given")
    assert spark.fetch() == "Spark could not be fetched: the tests on it will say that they were skipped"
    assert list(home.parent.iterdir()) == []
    assert "`make spark`" in str(spark.why_not())


def test_of_the_package_a_server_s_own_parts_are_kept_and_a_fetched_spark_is_not_fetched_again(
    home: Path, tmp_path: Path
) -> None:
    spark._unpack(package(tmp_path / "given"), home)
    kept = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
    assert kept == {"bin/spark-submit", "jars/spark-core.jar", "python/lib/pyspark.zip"}
    (home / spark.LOCK.name).write_bytes(spark.LOCK.read_bytes())
    assert (spark.fetch(), spark.why_not()) == ("", None)
    (home / spark.LOCK.name).write_text("pyspark==3.0.0", "utf-8")
    assert "`make spark`" in str(spark.why_not())


def test_without_java_nothing_is_fetched_and_the_line_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "_java_version", lambda: 11)
    assert spark.fetch().startswith("no Java 17 on this machine")
    assert not home.exists()
