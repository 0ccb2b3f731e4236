"""What `cmvmon status` says, as Prometheus metrics: counts, moments and codes, never a value, a number or an id of a patient.

A label is the name of a feed only where a file of the site or the package describes it: a folder may bear any name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cmvmon import __version__
from cmvmon.domain.errors import CmvmonError, SiteError
from cmvmon.domain.words import OPERATIONS
from cmvmon.run.checks.status import Messages, Status, status
from cmvmon.run.health.feed_health import FeedHealth
from cmvmon.run.health.work_faults import described
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import now

UNDESCRIBED, REFUSED = "undescribed", "refused"
_LOOPBACK = "127.0.0.1"
_WRITES_EVERY_S = 30.0
_FOR_EVERYBODY = 0o644  # node-exporter is another user
_STOPS_WITHIN_S = 10.0


def text(root: Path) -> bytes:
    """The metrics of the site now, in Prometheus' text format. A site that can't be read gives `cmvmon_readable 0` and little more."""
    registry = CollectorRegistry()
    registry.register(_OfSite(root))
    return generate_latest(registry)


def write(root: Path) -> Path:
    """Writes them, whole or not at all, into the file that settings.toml names, and gives it. Raises SiteError."""
    path = Site(root).settings().metrics_file
    if path is None:
        raise SiteError(
            "settings.toml names no metrics_file; name one that ends in .prom, in the folder that node-exporter reads"
        )
    if not path.parent.is_dir():
        raise SiteError(f"settings.toml: the folder of metrics_file {path} does not exist; make it, or name another")
    write_atomically(path, text(root), mode=_FOR_EVERYBODY)
    return path


@contextmanager
def exposing(root: Path, *, say: Callable[[str], None]) -> Iterator[int | None]:
    """Serves the metrics on loopback and writes their file now and then, as far as settings.toml asks; gives the port.

    Why the file can't be written is said once. Raises SiteError where the port is taken.
    """
    settings, over = Site(root).settings(), Event()
    server = writer = None
    if settings.metrics_port:
        registry = CollectorRegistry()
        registry.register(_OfSite(root))
        try:
            server = start_http_server(settings.metrics_port, addr=_LOOPBACK, registry=registry)
        except OSError as error:
            raise SiteError(
                f"settings.toml: metrics_port {settings.metrics_port} can't be used ({error.strerror}); choose another"
            ) from None
    if settings.metrics_file is not None:
        writer = Thread(target=_keep_writing, args=(root, over, say), daemon=True)
        writer.start()
    try:
        yield settings.metrics_port or None
    finally:
        over.set()
        if server is not None:
            server[0].shutdown()
            server[0].server_close()
            server[1].join(_STOPS_WITHIN_S)
        if writer is not None:
            writer.join(_STOPS_WITHIN_S)


def _keep_writing(root: Path, over: Event, say: Callable[[str], None]) -> None:
    said = ""
    while True:
        words = ""
        try:
            write(root)
        except CmvmonError as error:
            words = str(error)
        except Exception as error:  # noqa: BLE001 - its words may hold anything, and the next look may do well
            words = f"the metrics were not written: an error of cmvmon ({type(error).__name__}). Tell whoever maintains cmvmon"
        if words and words != said:
            say(words)
        said = words
        if over.wait(_WRITES_EVERY_S):
            return


class _OfSite(Collector):
    """What is asked for is looked up anew."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def collect(self) -> Iterator[Metric]:
        yield _one("cmvmon_info", "1; the version stands in the label.", 1, version=__version__)
        yield _one("cmvmon_looked_at_timestamp_seconds", "When this was looked up.", now().timestamp())
        try:
            found = status(self._root)
            known = described(Site(self._root))
        except CmvmonError:
            yield _one("cmvmon_readable", "1 = site and database can be read; 0: `cmvmon status` says why not.", 0)
            return
        yield _one("cmvmon_readable", "1 = site and database can be read; 0: `cmvmon status` says why not.", 1)
        yield from _of_work(found)
        yield from _of_feeds(found)
        yield from _of_messages(found, known)
        yield from _of_certificates(found)


def _of_work(found: Status) -> Iterator[Metric]:
    yield from _moment("cmvmon_last_night", "The moment that the last whole night judged.", found.last_night)
    yield from _moment("cmvmon_last_assessed", "The last moment that was judged for anybody.", found.last_assessed)
    yield from _moment("cmvmon_last_backup", "When the rows of the last backup were read.", found.last_backup)
    is_never = found.last_backup is None and found.backup_fault is None
    yield _one("cmvmon_never_backed_up", "1 = there was never a backup.", is_never)
    yield _one(
        "cmvmon_at_rest",
        "1 = a night is missing, nobody listens who should, or the work was stopped.",
        found.is_at_rest,
    )
    yield _one("cmvmon_night_overdue", "1 = a night is missing.", found.is_overdue)
    runs = GaugeMetricFamily("cmvmon_running", "1 = the program runs on this machine.", labels=("program",))
    for program, is_running in (
        ("serve", found.is_serving),
        ("watch", found.is_watching),
        ("listen", found.is_listening),
    ):
        if is_running is not None:  # of another user it can't be told
            runs.add_metric((program,), is_running)
    yield runs
    yield _one(
        "cmvmon_work_alerts",
        f"Alerts about the work ({OPERATIONS}) that stand open.",
        len({one.feed for one in found.stopped}),
    )
    yield _one(
        "cmvmon_laboratories_in_doubt",
        "Laboratories whose results moved together, so that nothing is said of these loads.",
        len({one.feed for one in found.stopped if one.moved is not None}),
    )
    yield _one(
        "cmvmon_deliveries_never_taken_in", "Deliveries that landed and were never taken in.", found.n_never_taken_in
    )
    yield _one("cmvmon_people_messages_waiting", "Messages to people that wait.", found.telling.n_waiting)
    yield _one(
        "cmvmon_people_messages_failing", "Of these, those that could not be delivered so far.", found.telling.n_failing
    )
    yield _one(
        "cmvmon_people_messages_given_up", "Messages to people that were given up lately.", found.telling.n_given_up
    )
    yield _one("cmvmon_inbox_readable", "0 = what came by a socket can't be read.", found.inbox_fault is None)


def _of_feeds(found: Status) -> Iterator[Metric]:
    labels = ("feed", "table")
    last = GaugeMetricFamily("cmvmon_feed_last_received_timestamp_seconds", "The last sign of life.", labels=labels)
    lately = GaugeMetricFamily("cmvmon_feed_deliveries_last_day", "Deliveries judged in 24 hours.", labels=labels)
    expected = GaugeMetricFamily(
        "cmvmon_feed_expected_interval_seconds", "What is expected between two, agreed or by default.", labels=labels
    )
    silent = GaugeMetricFamily("cmvmon_feed_silent", "1 = longer ago than is expected.", labels=labels)
    waits = GaugeMetricFamily("cmvmon_feed_quarantined_records", "Records that wait in quarantine.", labels=labels)
    refused = GaugeMetricFamily("cmvmon_feed_refused", "1 = the newest delivery stands refused.", labels=labels)
    ahead = GaugeMetricFamily("cmvmon_feed_clock_ahead_seconds", "Sent after it had come: at most.", labels=labels)
    differ = GaugeMetricFamily("cmvmon_feed_statuses_differ", "Results used as less than they say.", labels=labels)
    for (feed, table), each in _by_label(found.feeds).items():
        at = (feed, table)
        heard = [one.last_at for one in each if one.last_at is not None]
        hours = [one.expected_every_h for one in each if one.expected_every_h is not None]
        told = [one.is_silent for one in each if one.is_silent is not None]
        if heard:
            last.add_metric(at, max(heard).timestamp())
        if hours:
            expected.add_metric(at, min(hours) * 3600)
        if told:
            silent.add_metric(at, any(told))
        lately.add_metric(at, sum(one.deliveries_last_day for one in each))
        waits.add_metric(at, sum(one.n_quarantined for one in each))
        refused.add_metric(at, any(one.refused is not None for one in each))
        ahead.add_metric(at, max(one.clock_ahead_s or 0.0 for one in each))
        differ.add_metric(at, sum(one.statuses_differ for one in each))
    yield from (last, lately, expected, silent, waits, refused, ahead, differ)


def _by_label(feeds: tuple[FeedHealth, ...]) -> dict[tuple[str, str], list[FeedHealth]]:
    """By feed and table; those of feeds that no file describes are one."""
    found: dict[tuple[str, str], list[FeedHealth]] = {}
    for each in feeds:
        at = (each.feed, each.table) if each.is_described else (UNDESCRIBED, UNDESCRIBED)
        found.setdefault(at, []).append(each)
    return found


def _of_messages(found: Status, known: frozenset[str]) -> Iterator[Metric]:
    counts: dict[str, Callable[[Messages], int]] = {
        "stored": lambda one: one.stored, "moved": lambda one: one.moved, "id_reused": lambda one: one.id_reused,
    }  # fmt: skip
    by_feed: dict[str, list[Messages]] = {}
    for one in found.messages:
        name = REFUSED if one.feed is None else one.feed if one.feed in known else UNDESCRIBED
        by_feed.setdefault(name, []).append(one)
    for name, of in counts.items():
        counter = CounterMetricFamily(f"cmvmon_messages_{name}", f"Messages of the inbox: {name}.", labels=("feed",))
        for feed, each in by_feed.items():
            counter.add_metric((feed,), sum(map(of, each)))
        yield counter
    pieces = GaugeMetricFamily(
        "cmvmon_no_messages_last_day", "Pieces by a socket that are no message.", labels=("code",)
    )
    for piece in found.no_messages:
        pieces.add_metric((piece.code,), piece.n)
    yield pieces
    waiting = GaugeMetricFamily("cmvmon_messages_waiting", "Messages that nobody has taken in yet.", labels=("feed",))
    lately = GaugeMetricFamily("cmvmon_messages_last_day", "Messages that came in 24 hours.", labels=("feed",))
    last = GaugeMetricFamily("cmvmon_last_message_timestamp_seconds", "When the last one came.", labels=("feed",))
    oldest = GaugeMetricFamily(
        "cmvmon_oldest_waiting_message_timestamp_seconds", "When the first of those that wait came.", labels=("feed",)
    )
    for feed, each in by_feed.items():
        waiting.add_metric((feed,), sum(one.waiting for one in each))
        lately.add_metric((feed,), sum(one.last_day for one in each))
        last.add_metric((feed,), max(one.last_at for one in each).timestamp())
        waits = [one.oldest_waiting_at for one in each if one.oldest_waiting_at is not None]
        if waits:
            oldest.add_metric((feed,), min(waits).timestamp())
    yield from (waiting, lately, last, oldest)


def _of_certificates(found: Status) -> Iterator[Metric]:
    """Of a sender under the name of its file; the feed is the file's too."""
    ends = GaugeMetricFamily(
        "cmvmon_certificate_days_left", "Days until it ends; below 0 it has.", labels=("of", "feed")
    )
    for one in found.certificates:
        if one.ends_at is not None:
            ends.add_metric((one.of, one.feed or ""), (one.ends_at - found.at).total_seconds() / 86400)
    yield ends


def _one(name: str, words: str, value: float, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, words, labels=tuple(labels))
    family.add_metric(tuple(labels.values()), float(value))
    return family


def _moment(name: str, words: str, at: datetime | None) -> Iterator[Metric]:
    """A moment; nothing where there was none."""
    if at is not None:
        yield _one(f"{name}_timestamp_seconds", words, at.timestamp())
