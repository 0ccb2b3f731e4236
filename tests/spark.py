"""Spark itself, for tests and benchmarks: a Connect server of its own on loopback, with its workers. `make spark` fetches it.

The source package of `pyspark` on PyPI is the one place of a package registry that holds a whole Spark (450 MB). It is taken by the
version and hash of tests/spark.lock, and what a server needs is kept in .venv/spark. It runs on Java 17 or later.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

from tests.servers import free_port

LOCK = Path(__file__).with_name("spark.lock")
HOME = Path(__file__).parents[1] / ".venv" / "spark"
OLDEST_JAVA = 17
_NEEDED = ("deps/bin/", "deps/jars/", "lib/")  # of the package; examples, licences and the rest stay out
_STARTS_WITHIN_S, _STOPS_WITHIN_S = 600, 60
_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_TRIES = 4  # of a part, as on a cluster; alone, `local[N]` gives up at the first worker that dies


def why_not() -> str | None:
    """Why Spark can't be started here, in one line; None where it can."""
    if _java_version() < OLDEST_JAVA:
        return f"no Java {OLDEST_JAVA} on this machine, so analyses were not tried on Spark itself (apt-get install default-jre-headless)"
    if not _is_here():
        return "no Spark on this machine, so analyses were not tried on it (`make spark`, 450 MB)"
    return None


@dataclass(frozen=True)
class Connect:
    """A Connect server that runs: its address, its process and what it says."""

    address: str
    pid: int
    log: Path

    def workers(self) -> list[int]:
        """The Python processes that judge just now: Spark's daemon forks them, and so is one itself."""
        daemons = _children(self.pid)
        return [worker for daemon in daemons for worker in _children(daemon)]

    def lost_parts(self) -> int:
        """How many parts, so far, were begun and not ended, for whichever reason."""
        return self.log.read_text("utf-8", errors="replace").count("Lost task ")


@contextmanager
def connect_server(
    folder: Path, *, cores: int = 2, heap: str = "1g", python: str = sys.executable, **of_its_own: str
) -> Iterator[Connect]:
    """A server on loopback and a free port, with so many parts at once, and every file of its own in `folder`.

    `python`: of its workers. `of_its_own`: settings of a session, as `timeZone` of `spark.sql.session`.
    It is stopped by its own process id. Raises RuntimeError with the end of what it said where it does not start.
    """
    port, log = free_port(), folder / "spark.log"
    for name in ("conf", "local", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": folder / "local",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.ui.enabled": "false",
    } | {f"spark.sql.session.{name}": value for name, value in of_its_own.items()}
    command = [str(HOME / "bin" / "spark-submit"), "--class", _SERVER, "--driver-memory", heap]
    command += ["--master", f"local[{cores},{_TRIES}]"]
    command += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    with log.open("wb") as told:
        process = subprocess.Popen(  # each script of Spark gives its place to the next, so that this is the server's own id
            [*command, "spark-internal"], cwd=folder / "work", env=_environment(folder, python), stdin=subprocess.DEVNULL,
            stdout=told, stderr=told,
        )  # fmt: skip
    try:
        _until_it_answers(process, port, log)
        yield Connect(f"sc://127.0.0.1:{port}", process.pid, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOPS_WITHIN_S)


def cpu_s(pid: int) -> float:
    """The seconds that a process has computed so far; 0 where it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def peak_mib(pid: int) -> float:
    """The most MiB that a process has held so far; 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024.0
    return 0.0


def fetch() -> str:
    """Fetches Spark where it is not, or is another than the lock's; says in one line what came of it."""
    if _is_here():
        return ""
    lacks = why_not()
    if _java_version() < OLDEST_JAVA:
        return str(lacks)
    print("fetching Spark for the long tests of analyses (450 MB) ...", flush=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as folder:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
        ]
        done = subprocess.run(
            [*pip, "--require-hashes", "-r", str(LOCK), "-d", folder], capture_output=True, check=False
        )
        packages = list(Path(folder).glob("*.tar.gz"))
        if done.returncode or len(packages) != 1:
            return "Spark could not be fetched: the tests on it will say that they were skipped"
        unfinished = Path(folder) / "spark"
        _unpack(packages[0], unfinished)
        shutil.copy(LOCK, unfinished)
        shutil.rmtree(HOME, ignore_errors=True)
        unfinished.rename(HOME)
    return ""


def _unpack(package: Path, to: Path) -> None:
    """What a server needs of the package, laid out as a Spark: bin, jars, and what its Python workers import in python/lib."""
    with tarfile.open(package) as archive:
        for member in archive:
            inside = member.name.partition("/")[2]
            if inside.startswith(_NEEDED) and (member.isfile() or member.isdir()):
                folder, _, rest = inside.partition("/")
                member.name = rest if folder == "deps" else f"python/lib/{rest}"
                archive.extract(member, to, filter="data")


def _is_here() -> bool:
    return (HOME / LOCK.name).is_file() and (HOME / LOCK.name).read_bytes() == LOCK.read_bytes()


def _java_version() -> int:
    """Java's major version; 0 where there is none."""
    if (java := shutil.which("java")) is None:
        return 0
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


def _environment(folder: Path, python: str) -> dict[str, str]:
    """This process's own, without what anybody set for another Spark; its workers are of that Python."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_", "JAVA_TOOL"))
    }
    return kept | {
        "SPARK_HOME": str(HOME),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def _until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.2)
    said = log.read_text("utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"Spark did not start within {_STARTS_WITHIN_S} s:\n{said}")


def _children(pid: int) -> list[int]:
    """The process ids of what every thread of that process started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text("ascii").split())
    return found


if __name__ == "__main__":
    if words := fetch():
        print(words)
