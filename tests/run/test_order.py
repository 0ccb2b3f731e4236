"""Deliveries and nights that meet: none is lost, none fails, and each waits for one step at most."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cmvmon.domain.errors import AlreadyRunning, SiteError
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.run.asking.said_query import said
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly import night
from cmvmon.run.nightly.night import nightly
from cmvmon.run.nightly.page_report import report_pages
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import held, open_site
from tests import sites
from tests.sites import course, day, drop, falling, stay


def slow_patients(root: Path, *patients: str) -> None:
    """Their courses and stays are known; their results are not."""
    drop(root, "antiviral_courses", [course(p) for p in patients])
    drop(root, "icu_stays", [stay(p, bed=f"S-0{i}") for i, p in enumerate(patients)])
    nightly(root, as_of=day(20))


def land(root: Path, patient: str, moment: datetime) -> str:
    return sites.land(root, "viral_load_results", falling(patient, 0.3), at=moment)


def slow(root: Path) -> list[str]:
    with open_site(root) as opened, opened.reading() as connection:
        found = alert_store.alerts(connection, states={"open"})
    return sorted(alert["patient_id"] for alert in found if alert["rule"] == "response")


def test_two_deliveries_seconds_apart_recorded_in_the_other_order_both_open_their_alert(tmp_path: Path) -> None:
    slow_patients(tmp_path, "SYNTHETIC-A", "SYNTHETIC-B")
    first, second = (land(tmp_path, f"SYNTHETIC-{name}", day(21.5)) for name in "AB")
    lab_feed(tmp_path, second, as_of=day(21.5) + timedelta(seconds=5))
    done = lab_feed(tmp_path, first, as_of=day(21.5))
    assert done.assessed is not None
    assert done.assessed.changes.opened == 1
    assert slow(tmp_path) == ["SYNTHETIC-A", "SYNTHETIC-B"]


def _hold(root: str, is_held: threading.Event, may_go: threading.Event) -> None:
    with held(Site(Path(root))):
        is_held.set()
        may_go.wait(60)


@pytest.fixture
def busy(site: Path) -> Iterator[threading.Event]:
    """Another process holds the site until the event is set."""
    processes = multiprocessing.get_context("spawn")
    is_held, may_go = processes.Event(), processes.Event()
    holder = processes.Process(target=_hold, args=(str(site), is_held, may_go))
    holder.start()
    assert is_held.wait(60)
    yield may_go  # type: ignore[misc]
    may_go.set()
    holder.join(60)


def test_the_clock_is_read_once_the_site_is_free(
    site: Path, busy: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock moves on while a delivery and a night wait."""
    clock = [day(1)]
    monkeypatch.setattr(session, "now", lambda: clock[0])
    delivery = land(site, "SYNTHETIC-A", day(0))
    done: list[object] = []
    waiting = [
        threading.Thread(target=lambda: done.append(lab_feed(site, delivery).assessed)),
        threading.Thread(target=lambda: done.append(night.take_in_step(site))),
    ]
    for thread in waiting:
        thread.start()
    time.sleep(1)
    assert done == []
    clock[0] = day(22)
    busy.set()
    for thread in waiting:
        thread.join(120)
    assert len(done) == 2
    received = {moment[:19] for (moment,) in sites.rows(site, "SELECT received_at FROM deliveries")}
    assert received == {day(22).strftime("%Y-%m-%dT%H:%M:%S")}


def test_whoever_waits_at_the_door_is_next_though_the_holder_wants_the_site_back_at_once(site: Path) -> None:
    """As a night does between two steps, with a delivery waiting."""
    order: list[str] = []
    is_waiting = threading.Event()

    def delivery() -> None:
        is_waiting.set()
        with held(Site(site)):
            order.append("delivery")

    thread = threading.Thread(target=delivery)
    with held(Site(site)):
        thread.start()
        is_waiting.wait(10)
        time.sleep(1)
        order.append("first step")
    with held(Site(site)):
        order.append("second step")
    thread.join(30)
    assert order == ["first step", "delivery", "second step"]


def test_the_wait_is_bounded_and_whoever_gives_up_says_so(site: Path, busy: threading.Event) -> None:
    for wait_s in (0.0, 0.3):
        with pytest.raises(AlreadyRunning, match="another run is at work"), held(Site(site), wait_s=wait_s):
            pass
    busy.set()
    with held(Site(site), wait_s=30):
        pass


def test_pages_of_a_night_are_not_older_than_those_of_a_delivery_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_patients(tmp_path, "SYNTHETIC-A")
    delivery = land(tmp_path, "SYNTHETIC-A", day(21.5))
    monkeypatch.setattr(session, "now", lambda: day(21.5))
    publish = night.publish_step

    def late_publish(root: Path, **named: object) -> object:
        lab_feed(root, delivery, as_of=day(21.6))
        return publish(root, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(night, "publish_step", late_publish)
    nightly(tmp_path)
    ward = sites.unmarked((tmp_path / "pages" / "ward.en.html").read_text("utf-8"))
    assert "0.3 log10 per week" in ward


def test_a_night_on_a_server_leaves_the_rows_and_pages_that_it_leaves_in_a_file(
    site_on_postgresql: Path, tmp_path: Path
) -> None:
    in_a_file = tmp_path / "in_a_file"
    for root in (in_a_file, site_on_postgresql):
        sites.ward_of_three(root)
        (root / "page.key").write_bytes(b"0" * 64)
        nightly(root, as_of=day(21.5))
    assert sites.everything(site_on_postgresql) == sites.everything(in_a_file)
    assert sites.page_bytes(site_on_postgresql) == sites.page_bytes(in_a_file)
    with open_site(site_on_postgresql) as opened:
        one = assessed(opened, as_of=day(21.5))
    with open_site(in_a_file) as opened:
        other = assessed(opened, as_of=day(21.5))
    for name in ("results", "courses", "stays", "verdicts", "weekly_decline"):
        assert getattr(one, name).equals(getattr(other, name)), name


def test_what_a_night_said_can_be_read_again_and_a_report_keeps_its_method(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5), method="line")
    with open_site(tmp_path, method="line") as opened:
        made = assessed(opened, as_of=day(21.5))
        with opened.reading() as connection:
            for row_type, frame in ((VERDICTS, made.verdicts), (WEEKLY_DECLINE, made.weekly_decline)):
                stored = stored_results.stored(connection, row_type, as_of=day(30)).select(*row_type.schema)
                assert stored.sort(*row_type.key).equals(frame.sort(*row_type.key))
    pages = sites.page_bytes(tmp_path)
    report_pages(tmp_path, patient=None, lang=None)
    assert sites.page_bytes(tmp_path) == pages
    told = said(tmp_path, as_of=day(22), patient="SYNTHETIC-SLOW")
    assert {row["method"] for rows in told.values() for row in rows} == {"line"}
    assert ("response", "alert") in {(row["rule"], row["verdict"]) for row in told["verdicts"]}
    with pytest.raises(SiteError, match="by then"):
        said(tmp_path, as_of=day(21), patient=None)
    with pytest.raises(SiteError, match="of that patient"):
        said(tmp_path, as_of=day(22), patient="NOBODY")


def test_an_alert_about_the_work_moves_forward_only(site: Path) -> None:
    path = drop(site, "viral_load_results", [sites.result("SYNTHETIC-1", 0, 1000)])
    path.write_text(path.read_text().replace("accession_number", "order_number"))
    with open_site(site) as opened:
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(2))
        with opened.writing() as connection:
            alert_store.record_operations(connection, feed="synthetic", evidence=None, stamp=opened.stamp(day(1)))
        with opened.reading() as connection:
            (standing,) = alert_store.alerts(connection, states={"open"})
    assert (standing["rule"], standing["changed_at"]) == ("operations", day(2))
