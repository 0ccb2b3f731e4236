"""A session on an engine that speaks Spark Connect: reached, of a version and zone that will do, and its workers able to judge."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cmvmon
from cmvmon.domain.errors import CmvmonError, SiteError
from cmvmon.workbench.engines import SAIL
from cmvmon.workbench.engines.kernels import KEPT, NEVER, kernels_here

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OLDEST = (4, 0)  # the first that gives results as Arrow
_REACHED_WITHIN_S = 10
_TRIES, _LONGEST_WAIT_MS = 4, 2_000  # of a call: an engine that is gone for longer than seconds is told as gone
_PORT = 15002  # Spark Connect's own, where the address names none
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "+00:00"})
_ZONE = "spark.sql.session.timeZone"
_MOMENT = datetime(2024, 3, 31, 2, 30, 0, 123_457, tzinfo=UTC)  # that no clock of Amsterdam shows, to the microsecond
_WARMUP = "run `cmvmon warmup` on every worker, or put it into their image"
Tell = Callable[[str], None]


@contextmanager
def session(remote: str, tell: Tell = lambda _line: None) -> Iterator[SparkSession]:
    """A session whose zone is UTC and whose workers have this cmvmon; it ends with the block.

    It is tried by a moment that a worker gives back: in UTC, to the microsecond.

    Args:
        remote: `sc://HOST:PORT`, or `sail` for an engine that starts here, on loopback, and ends with the block.
        tell: is given a line where the worker that was asked has no compiled kernels.

    Raises SiteError: nothing answers there, or what does will not do; what went wrong on the engine, without its text.
    """
    if not hasattr(
        sys.modules["__main__"], "__file__"
    ):  # `python -c`: PySpark would take it for its own doctests, and end it
        sys.modules["__main__"].__file__ = "-c"
    for noise in ("PySpark does not yet fully support pandas", r"\[RETRIES_EXCEEDED\]"):  # the second is told in words
        warnings.filterwarnings("ignore", message=noise)
    if remote == SAIL:
        with _sail() as address, session(address, tell) as spark:
            yield spark
        return
    _must_answer(remote)
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    try:
        spark = SparkSession.builder.remote(remote).create()
    except PySparkException as error:
        raise SiteError(f"what answers at --remote gave no session ({_kind_of(error)}); is it Spark Connect?") from None
    spark.client.set_retry_policies([DefaultPolicy(max_retries=_TRIES, max_backoff=_LONGEST_WAIT_MS)])
    try:
        spark.conf.set(_ZONE, "UTC")
        check_engine(spark.version, spark.conf.get(_ZONE))
        kernels = _check_workers(spark)
        if kernels != KEPT:
            tell(_of_kernels(kernels))
        yield spark
    except CmvmonError:
        raise
    except PySparkException as error:  # its text may quote a row
        raise SiteError(
            f"the engine stopped ({_kind_of(error)}); its own log says more. Run it again when it is well"
        ) from None
    finally:
        _end(spark)


def _kind_of(error: Any) -> str:
    return error.getCondition() or type(error).__name__


def _end(spark: SparkSession) -> None:
    from pyspark.errors import PySparkException

    try:
        spark.stop()
    except PySparkException:  # it is gone
        return


def _must_answer(remote: str) -> None:
    there = urlsplit(remote)
    if there.scheme != "sc" or not there.hostname:
        raise SiteError(f"--remote is {remote!r}; write sc://HOST:PORT, or {SAIL}")
    try:
        socket.create_connection((there.hostname, there.port or _PORT), timeout=_REACHED_WITHIN_S).close()
    except OSError as error:
        where, why = f"{there.hostname}:{there.port or _PORT}", error.strerror or type(error).__name__
        raise SiteError(
            f"nothing answers at --remote {where} ({why}); start the Spark Connect server, or mend the address"
        ) from error


def check_engine(version: str, zone: str | None) -> None:
    """Raises SiteError for an engine that is too old, or whose moments are not told in UTC."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        raise SiteError(f"the engine is Spark {version}; {'.'.join(map(str, _OLDEST))} or later is needed")
    if zone not in _UTC_NAMES:
        raise SiteError(f"the zone of the engine's session is {zone} and stays so; set {_ZONE} to UTC on the engine")


def check_moment(found: datetime) -> None:
    """Raises SiteError where a moment that was sent to a worker came back as another one: in another zone, or cut."""
    if found != _MOMENT:
        raise SiteError(
            f"the engine does not keep moments in UTC to the microsecond: {_MOMENT.isoformat()} came back as {found.isoformat()}; it "
            "would shift every sample. Use an engine that does"
        )


def _of_kernels(kernels: str) -> str:
    why = "have no folder to keep compiled kernels in" if kernels == NEVER else "have no compiled kernels yet"
    where = " with NUMBA_CACHE_DIR, a folder that they can write" if kernels == NEVER else ""
    return f"the engine's workers {why}: each worker process compiles for about a minute before it judges; {_WARMUP}{where}"


def _check_workers(spark: SparkSession) -> str:
    """How the kernels of a worker stand. Raises SiteError where it has no cmvmon, or another one than this, or shifts moments."""
    from pyspark.errors import PySparkException

    asked = spark.sql(f"SELECT TIMESTAMP '{_MOMENT:%Y-%m-%d %H:%M:%S.%f}' AS moment")
    try:
        ((found, kernels, moment),) = (
            row.values() for row in asked.mapInArrow(told_by_worker, _TOLD).toArrow().to_pylist()
        )
    except PySparkException as error:
        raise SiteError(
            f"a worker of the engine could not run cmvmon ({_kind_of(error)}); install cmvmon {cmvmon.__version__} for the Python of "
            "its workers, the same minor version of Python as here"
        ) from None
    if found != cmvmon.__version__:
        raise SiteError(
            f"the engine's workers have cmvmon {found}, and here is {cmvmon.__version__}; install the same on both"
        )
    check_moment(moment)
    return str(kernels)


_TOLD = "version string, kernels string, moment timestamp"


def told_by_worker(batches: Iterator[Any]) -> Iterator[Any]:
    """The version of cmvmon where this runs, how its kernels stand, and the moment that was sent."""
    import pyarrow as pa

    for batch in batches:
        for moment in batch.column("moment"):
            told = {"version": [importlib.metadata.version("cmvmon")], "kernels": [kernels_here()]}
            yield pa.RecordBatch.from_pydict(told | {"moment": pa.array([moment.as_py()], moment.type)})


@contextmanager
def _sail() -> Iterator[str]:
    os.environ.setdefault("RUST_LOG", "error")  # it tells of every step otherwise
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    try:
        host, port = server.listening_address
        yield f"sc://{host}:{port}"
    finally:
        server.stop()
