"""A session on an engine that speaks Spark Connect: reached, of a version and zone that will do, and its workers able to judge."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cmvmon
from cmvmon.domain.errors import CmvmonError, SiteError
from cmvmon.workbench.engines import SAIL

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OLDEST = (4, 0)  # the first that gives results as Arrow
_REACHED_WITHIN_S = 10
_TRIES, _LONGEST_WAIT_MS = 4, 2_000  # of a call: an engine that is gone for longer than seconds is told as gone
_PORT = 15002  # Spark Connect's own, where the address names none
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "+00:00"})
_ZONE = "spark.sql.session.timeZone"


@contextmanager
def session(remote: str) -> Iterator[SparkSession]:
    """A session whose zone is UTC and whose workers have this cmvmon; it ends with the block.

    Args:
        remote: `sc://HOST:PORT`, or `sail` for an engine that starts here, on loopback, and ends with the block.

    Raises SiteError: nothing answers there, or what does will not do; what went wrong on the engine, without its text.
    """
    if not hasattr(
        sys.modules["__main__"], "__file__"
    ):  # `python -c`: PySpark would take it for its own doctests, and end it
        sys.modules["__main__"].__file__ = "-c"
    for noise in ("PySpark does not yet fully support pandas", r"\[RETRIES_EXCEEDED\]"):  # the second is told in words
        warnings.filterwarnings("ignore", message=noise)
    if remote == SAIL:
        with _sail() as address, session(address) as spark:
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
        _check_workers(spark)
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


def _check_workers(spark: SparkSession) -> None:
    """Raises SiteError where a worker has no cmvmon, or another one than this."""
    from pyspark.errors import PySparkException

    try:
        (found,) = spark.range(1).mapInArrow(version_of_worker, "version string").toArrow()["version"].to_pylist()
    except PySparkException as error:
        raise SiteError(
            f"a worker of the engine could not run cmvmon ({_kind_of(error)}); install cmvmon {cmvmon.__version__} for the Python of "
            "its workers, the same minor version of Python as here"
        ) from None
    if found != cmvmon.__version__:
        raise SiteError(
            f"the engine's workers have cmvmon {found}, and here is {cmvmon.__version__}; install the same on both"
        )


def version_of_worker(batches: Iterator[Any]) -> Iterator[Any]:
    """The version of cmvmon where this runs."""
    import pyarrow as pa

    for _ in batches:
        yield pa.RecordBatch.from_pydict({"version": [importlib.metadata.version("cmvmon")]})


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
