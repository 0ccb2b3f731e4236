"""What a machine is told of the work: the same as `cmvmon status --json`, in counts, codes and moments, and nothing of a patient."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cmvmon.domain.errors import SiteError
from cmvmon.run.backups.backing_up import back_up
from cmvmon.run.checks import metrics
from cmvmon.run.checks.status import Status, status
from cmvmon.run.health import nights
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.site import Site
from cmvmon.shell.incoming.certificates import SEEN, certificates
from cmvmon.shell.incoming.inbox import Inbox, Message, key_of
from cmvmon.shell.work.opening import open_site
from tests import servers, sites
from tests.calls import here
from tests.listen import listening
from tests.listen.certificates import authority
from tests.listen.test_who_may_send import over_tls
from tests.run.test_inbox_taking import come
from tests.sites import day, drop, falling, result

WITHIN_S = 150.0  # of a machine that others use too
PLANTED = ("SYNTHETIC-Visser-1", "SYNTHETIC-Visser-2", "visser-maria", "visser_letter", "VISSER^MARIA", "98765432")
Labels = tuple[tuple[str, str], ...]


def measured(root: Path) -> dict[str, dict[Labels, float]]:
    """By name of a metric its values, by its labels, as Prometheus reads them."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(metrics.text(root).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def of(found: Mapping[str, Mapping[Labels, float]], name: str, **labels: str) -> float | None:
    return found.get(name, {}).get(tuple(sorted(labels.items())))


@pytest.fixture
def site(one_site: Path, tmp_path: Path) -> Path:
    """A site after a night, with what waits: a record, a message, a refused delivery, and names planted wherever one can be."""
    return Path(shutil.copytree(one_site, tmp_path / "site"))


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("one") / "site"
    sites.ward_of_three(root)
    drop(
        root,
        "viral_load_results",
        [*falling(PLANTED[0], 0.3), result(PLANTED[1], 0, "murky")],
        name=f"{PLANTED[3]}.csv",
    )
    drop(root, "viral_load_results", falling(PLANTED[0], 1), feed=PLANTED[2], name="other.csv")
    bad = drop(root, "icu_stays", [], name=f"{PLANTED[3]}.csv", feed="synthetic")
    bad.write_text(f'patient_id,"{PLANTED[0]}\n', encoding="utf-8")
    sites.lain_still(bad)
    nightly(root)
    listening.settings(root)
    listening.sender(root)
    come(root, listening.result("M1", number=PLANTED[5]).replace(b"PID|", f"PID|{PLANTED[4]}".encode()))
    return root


def test_nothing_of_a_patient_and_no_name_that_somebody_gave_a_folder_is_told(site: Path) -> None:
    assert any(PLANTED[0] in str(row) for row in sites.rows(site, "SELECT * FROM viral_load_results")), "it was planted"
    come(site, listening.result("M2"), feed=PLANTED[2])
    said = metrics.text(site).decode()
    assert [name for name in PLANTED if name.lower() in said.lower()] == []
    assert 'feed="undescribed"' in said
    plain = here("status", "--json", site=site)
    told = plain.stdout + plain.stderr
    assert [name for name in PLANTED if name in told and name != PLANTED[2]] == [], "feeds are named, patients are not"


def test_metrics_say_what_the_status_says(site: Path) -> None:
    at, found, said = {"feed": "synthetic", "table": "viral_load_results"}, measured(site), status(site)
    (feed,) = (one for one in said.feeds if (one.feed, one.table) == ("synthetic", "viral_load_results"))
    assert (feed.n_quarantined, feed.is_silent, feed.refused, feed.expected_every_h) == (1, False, None, 48.0)
    assert feed.deliveries_last_day == 2
    assert feed.last_at is not None
    assert of(found, "cmvmon_feed_quarantined_records", **at) == 1
    assert of(found, "cmvmon_feed_silent", **at) == 0
    assert of(found, "cmvmon_feed_deliveries_last_day", **at) == 2
    assert of(found, "cmvmon_feed_expected_interval_seconds", **at) == 48 * 3600
    assert of(found, "cmvmon_feed_last_received_timestamp_seconds", **at) == pytest.approx(feed.last_at.timestamp())
    assert of(found, "cmvmon_deliveries_never_taken_in") == said.n_never_taken_in == 2, (
        "one refused whole, one of a feed that no file describes"
    )
    assert of(found, "cmvmon_work_alerts") == len(said.stopped) > 0
    assert said.last_night is not None
    assert of(found, "cmvmon_last_night_timestamp_seconds") == pytest.approx(said.last_night.timestamp())
    assert (of(found, "cmvmon_at_rest"), said.is_at_rest) == (1, True), "it has a listen.toml, and nobody listens"
    assert of(found, "cmvmon_running", program="listen") == 0
    (waiting,) = said.messages
    assert (waiting.waiting, waiting.last_day) == (1, 0), "it came in June"
    assert of(found, "cmvmon_messages_waiting", feed="example_hl7") == 1
    assert of(found, "cmvmon_messages_stored_total", feed="example_hl7") == 1
    assert of(found, "cmvmon_messages_moved_total", feed="example_hl7") == 0
    assert waiting.oldest_waiting_at is not None
    oldest = of(found, "cmvmon_oldest_waiting_message_timestamp_seconds", feed="example_hl7")
    assert oldest == pytest.approx(waiting.oldest_waiting_at.timestamp())
    nightly(site)
    again = measured(site)
    assert of(again, "cmvmon_messages_waiting", feed="example_hl7") == 0
    assert of(again, "cmvmon_messages_moved_total", feed="example_hl7") == 1
    assert "cmvmon_oldest_waiting_message_timestamp_seconds" not in again


def test_the_rate_of_messages_is_of_the_last_24_hours(site: Path) -> None:
    inbox = Inbox(site)
    for n, hours in enumerate((25, 23, 1)):
        at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="microseconds")
        inbox.store(
            [Message(listening.result(f"R{n}"), key_of("LIS", "EXAMPLE", f"R{n}"), at, b"", "example_hl7", "lis")]
        )
    inbox.close()
    assert [one.last_day for one in status(site).messages] == [2]
    assert of(measured(site), "cmvmon_messages_last_day", feed="example_hl7") == 2


def test_a_silent_feed_is_told_by_its_own_rhythm_and_has_a_code(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = site / "labs" / "quick.toml"
    sites.laboratories(site, "quick")
    own.write_text(own.read_text("utf-8") + "[delivered_every]\nhours = 3\n", "utf-8")
    (site / "listen.toml").unlink()
    drop(site, "viral_load_results", falling("SYNTHETIC-Q", 0.3), feed="quick")
    nightly(site)
    at = {"feed": "quick", "table": "viral_load_results"}
    assert of(measured(site), "cmvmon_feed_silent", **at) == 0
    assert of(measured(site), "cmvmon_feed_expected_interval_seconds", **at) == 3 * 3600
    monkeypatch.setattr(nights, "now", lambda: datetime.now(UTC) + timedelta(hours=4))
    assert of(measured(site), "cmvmon_feed_silent", **at) == 1
    assert [one.feed for one in status(site).silent] == ["quick"]


def test_a_site_that_can_not_be_read_says_so_and_no_more(site: Path) -> None:
    (site / "cmvmon.sqlite").write_bytes(b"this is no database, and has more than a few bytes" * 100)
    found = measured(site)
    assert of(found, "cmvmon_readable") == 0
    assert set(found) == {"cmvmon_info", "cmvmon_looked_at_timestamp_seconds", "cmvmon_readable"}


def test_never_backed_up_is_no_age(site: Path, tmp_path: Path) -> None:
    found = measured(site)
    assert (of(found, "cmvmon_never_backed_up"), of(found, "cmvmon_last_backup_timestamp_seconds")) == (1, None)
    done = back_up(site, tmp_path / "backups")
    found = measured(site)
    assert of(found, "cmvmon_never_backed_up") == 0
    assert of(found, "cmvmon_last_backup_timestamp_seconds") == pytest.approx(done.manifest.taken_at.timestamp())


def test_until_when_certificates_hold_is_told_of_the_listener_and_of_each_sender_as_it_was_seen(tmp_path: Path) -> None:
    signed = authority(tmp_path / "keys", "hospital")
    certificate, key, _ = signed.sign("listener", days=(-1, 5))
    files = "".join(
        f'{name} = "{path}"\n'
        for name, path in (("certificate", certificate), ("key", key), ("authority", signed.file))
    )
    root = listening.site(tmp_path / "site", files)
    listening.sender(root, addresses=None, certificates=["lis.hospital"])
    nightly(root)
    assert [(one.of, one.feed) for one in certificates(root)] == [("listener", None), ("authority", None)]
    with listening.started(root) as listener:
        assert over_tls(listener, signed.shown("lis.hospital", signed.file, days=(-1, 2)), listening.result("1")) == [
            ("AA", "1")
        ]
        assert over_tls(listener, signed.shown("lis.hospital", signed.file, days=(-1, 3)), listening.result("2")) == [
            ("AA", "2")
        ]
        found = measured(root)
        assert listener.stop() == 0
    days = {
        name: of(found, "cmvmon_certificate_days_left", of=name, feed=feed)
        for name, feed in (("listener", ""), ("authority", ""), ("lis", "example_hl7"))
    }
    assert days == {
        "listener": pytest.approx(5, abs=0.1),
        "authority": pytest.approx(9, abs=0.1),
        "lis": pytest.approx(3, abs=0.1),
    }
    said = here("status", site=root)
    assert "certificate  of lis ends in 2 days" in said.stdout
    certificate.write_text("none", "utf-8")
    assert [one.ends_at for one in certificates(root) if one.of == "listener"] == [None]
    assert of(measured(root), "cmvmon_certificate_days_left", of="listener", feed="") is None


@pytest.mark.parametrize("said", ['"soon"', "7", "null", '"2027-01-01T00:00:00"', '["2027-01-01T00:00:00+00:00"]'])
def test_an_end_that_can_not_be_read_is_none_and_the_others_are_told(said: str, tmp_path: Path) -> None:
    root = listening.site(tmp_path)
    listening.sender(root, "other", sending_facility="OTHER")
    nightly(root)
    (root / SEEN).write_text(f'{{"lis": {said}, "other": "2100-01-01T00:00:00+00:00"}}', "utf-8")
    assert {one.of: one.ends_at is None for one in certificates(root)} == {"lis": True, "other": False}
    found = measured(root)
    assert of(found, "cmvmon_readable") == 1
    assert of(found, "cmvmon_certificate_days_left", of="lis", feed="example_hl7") is None
    assert (of(found, "cmvmon_certificate_days_left", of="other", feed="example_hl7") or 0) > 9_000


@pytest.mark.parametrize("error", [ValueError("SYNTHETIC-1"), ZeroDivisionError("SYNTHETIC-1"), MemoryError()])
def test_an_error_of_ours_ends_no_writing_and_is_told_by_its_kind_alone(
    error: Exception, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cmvmon.prom"
    (site / "settings.toml").write_text(f'metrics_file = "{file}"\n', "utf-8")
    real, looked = metrics.status, list[int]()

    def fails_at_first(root: Path) -> Status:
        looked.append(1)
        if len(looked) < 3:
            raise error
        return real(root)

    monkeypatch.setattr(metrics, "status", fails_at_first)
    monkeypatch.setattr(metrics, "_WRITES_EVERY_S", 0.01)
    said: list[str] = []
    with metrics.exposing(site, say=said.append):
        listening.until(file.exists, WITHIN_S)
    (words,) = said
    assert type(error).__name__ in words
    assert "SYNTHETIC" not in words


def test_watch_serves_them_on_loopback_alone_and_writes_the_file_that_the_site_names(
    site: Path, tmp_path: Path
) -> None:
    port, file = servers.free_port(), tmp_path / "collected" / "cmvmon.prom"
    file.parent.mkdir()
    (site / "settings.toml").write_text(f'metrics_port = {port}\nmetrics_file = "{file}"\n', "utf-8")
    process = subprocess.Popen(
        [str(listening.CMVMON), "watch", "--site", str(site)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        listening.until(file.exists, WITHIN_S)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WITHIN_S) as answer:
            served = answer.read().decode()
        assert 'cmvmon_running{program="watch"} 1.0' in served
        assert "cmvmon_readable 1.0" in file.read_text("utf-8")
        assert file.stat().st_mode & 0o444 == 0o444
        assert _listens_at(port) == {"0100007F"}
        refused = here("metrics", "--write", site=site)
        assert (refused.returncode, refused.stdout) == (0, f"written to {file}\n")
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=WITHIN_S)
    assert f"metrics  http://127.0.0.1:{port}/metrics" in said
    assert process.returncode == 0
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def _listens_at(port: int) -> set[str]:
    """The addresses, as the kernel writes them, at which anybody listens on that port."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text("utf-8").splitlines()[1:]
    ]
    return {line[1].split(":")[0] for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == port}


def test_a_store_that_is_made_while_several_threads_look_at_it_is_made_once(tmp_path: Path) -> None:
    """As `cmvmon watch` on a new site, with somebody who asks for its metrics at that moment."""
    for n in range(5):
        root = tmp_path / str(n)
        with ThreadPoolExecutor(8) as pool:
            for looked in [pool.submit(_opened, root) for _ in range(8)]:
                assert looked.result(WITHIN_S) == []


def _opened(root: Path) -> list[object]:
    with open_site(root) as opened, opened.reading() as connection:
        return list(connection.exec_driver_sql("SELECT * FROM deliveries").all())


def test_a_port_that_is_taken_and_a_folder_that_is_not_there_are_told_in_words(site: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (site / "settings.toml").write_text(f"metrics_port = {taken.getsockname()[1]}\n", "utf-8")
        with pytest.raises(SiteError, match="can't be used"), metrics.exposing(site, say=print):
            pass
    with pytest.raises(SiteError, match="names no metrics_file"):
        metrics.write(site)
    (site / "settings.toml").write_text(f'metrics_file = "{tmp_path}/none/cmvmon.prom"\n', "utf-8")
    said: list[str] = []
    with metrics.exposing(site, say=said.append):
        listening.until(lambda: said)
    assert "does not exist; make it" in said[0]


@pytest.mark.parametrize(
    "line",
    ["metrics_port = -1", 'metrics_port = "9477"', "metrics_port = true", "metrics_file = 3", 'metrics_file = "a.txt"'],
)
def test_settings_that_can_not_be_used_are_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(f"{line}\n", "utf-8")
    with pytest.raises(SiteError, match=r"settings.toml: metrics_(port|file) must be"):
        Site(tmp_path).settings()


def test_the_demo_is_silent_to_nobody(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    (tmp_path / "settings.toml").write_text("demo = true\n", "utf-8")
    nightly(tmp_path, as_of=day(22))
    assert {one.is_silent for one in status(tmp_path).feeds} == {None}
    assert json.dumps([one.table for one in status(tmp_path).feeds])
