"""What one new result asks of the store grows neither with the past of a site nor, in statements, with its ward."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from benchmarks import made_site
from cmvmon.episodes import ACKNOWLEDGE, Word
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_history, alert_store
from cmvmon.shell.alerts.answered import answered_results
from cmvmon.shell.as_known import signs_of_life
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.shell.test_alert_store import record, verdict
from tests.sites import day

_EVERY = 100  # instructions of SQLite's machine between two counts
_MOST_STATEMENTS = 180  # 350 once, 175 before the laboratories of a ward of six patients or more were asked together


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Statements that are asked meanwhile, and hundreds of instructions of SQLite that they take."""
    found = {"statements": 0, "steps": 0}

    def step() -> None:
        found["steps"] += 1

    def statement(*_: object) -> None:
        found["statements"] += 1

    def watch(connection: sa.Connection) -> None:
        connection.connection.driver_connection.set_progress_handler(step, _EVERY)  # type: ignore[union-attr]

    events: list[tuple[str, Callable[..., None]]] = [("engine_connect", watch), ("before_cursor_execute", statement)]
    for name, told in events:
        sa.event.listen(sa.Engine, name, told)
    try:
        yield found
    finally:
        for name, told in events:
            sa.event.remove(sa.Engine, name, told)


def site_of(root: Path, patients: int, past: int = 0) -> Path:
    made_site.fill(root, patients)
    nightly(root, as_of=made_site.NIGHT)
    if past:
        made_site.plant_past(root, past, until=made_site.NIGHT)
    return root


def one_result(root: Path) -> dict[str, int]:
    """What the second of two new results asks of the store: the first one is not counted."""
    for number, at_day in ((0, 29.0), (1, 29.1)):
        lines = made_site.new_result(number, at_day).decode().splitlines()[1:]
        delivery = sites.land(root, "viral_load_results", lines, at=day(at_day + 0.02))
        with counted() as found:
            done = lab_feed(root, delivery, as_of=day(at_day + 0.25))
        assert done.published is not None
        assert done.published.written
    return found


def test_a_long_past_of_deliveries_and_alerts_makes_one_new_result_no_dearer(tmp_path: Path) -> None:
    without, with_past = (one_result(site_of(tmp_path / str(past), 3, past)) for past in (0, 5_000))
    assert with_past["statements"] == without["statements"]
    assert with_past["steps"] < 1.2 * without["steps"], (without, with_past)


def test_one_new_result_asks_no_more_statements_of_a_larger_ward_and_few_of_any(tmp_path: Path) -> None:
    few, many = (one_result(site_of(tmp_path / str(patients), patients)) for patients in (8, 20))
    assert few["statements"] == many["statements"] <= _MOST_STATEMENTS


def test_what_ended_and_what_was_answered_of_some_is_that_of_all_cut_down_to_them(site: Path) -> None:
    with open_site(site) as opened:
        said = [
            verdict(who, "alert", day(1), json.dumps({"grounds": ["high"], "result_ids": [who.lower()]}))
            for who in "ABC"
        ]
        record(opened, said, day(1))
        with opened.writing() as connection:
            for alert in alert_store.alerts(connection):
                if alert["patient_id"] != "C":
                    alert_store.answer(connection, alert["alert_id"], Word(ACKNOWLEDGE, day(2), actor="dr. A"))
        record(opened, [verdict("A", "clear", day(3)), verdict("C", "clear", day(3))], day(3), patients=["A", "C"])
        with opened.reading() as connection:
            assert answered_results(connection, as_of=day(4))["result_id"].to_list() == ["a", "b"]
            for some in (["A"], ["B"], ["A", "C"], []):
                ended = alert_history.ended_between(connection, day(2), day(4))
                mine = [alert for alert in ended if alert["patient_id"] in some]
                assert alert_history.ended_between(connection, day(2), day(4), patients=some) == mine
                told = answered_results(connection, as_of=day(4), patients=some)["result_id"].to_list()
                assert told == sorted({who.lower() for who in some} & {"a", "b"})
            assert not alert_history.ended_between(connection, day(3), day(4), patients=["A"]), (
                "it ended at that moment"
            )


def test_feeds_and_tables_are_told_each_once_with_their_last_delivery(site: Path) -> None:
    with open_site(site) as opened:
        with opened.reading() as connection:
            assert feed_state.feeds_and_tables(connection) == []
        brought = [
            ("synthetic", "viral_load_results", sites.result("SYNTHETIC-1", at, 1000 + at)) for at in (0, 1, 2)
        ] + [
            ("ward", "icu_stays", sites.stay("SYNTHETIC-1")),
            ("pharmacy", "antiviral_courses", sites.course("SYNTHETIC-1")),
            ("ward", "antiviral_courses", sites.course("SYNTHETIC-2")),
        ]
        for n, (feed, table, line) in enumerate(brought):
            path = sites.drop(site, table, [line], feed=feed, name=f"{n}.csv")
            take_in_file(opened, path, feed=feed, table=table, received_at=day(5 + n))
        with opened.reading() as connection:
            found = feed_state.feeds_and_tables(connection)
            assert found == sorted({(feed, table) for feed, table, _ in brought})
            last = {
                (one.feed, one.table): one.last_received_at for one in feed_state.feed_tables(connection, as_of=day(20))
            }
            assert last == {(feed, table): day(5 + n) for n, (feed, table, _) in enumerate(brought)}
            by_then = feed_state.feed_tables(connection, as_of=day(6))
            assert [(one.table, one.last_received_at) for one in by_then] == [("viral_load_results", day(6))]
            assert set(signs_of_life.last_signs(connection, as_of=day(20))) == set(found)
