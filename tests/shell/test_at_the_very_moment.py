"""What comes at a moment is known at that moment, and not a microsecond before it: every question of the store agrees."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cmvmon.domain.delivered import LEADING
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known, lately, numbers_in_store, signs_of_life, who_is_there, who_waits
from cmvmon.shell.taken_in import never_taken_in
from cmvmon.shell.waiting import feed_state, quarantine
from cmvmon.shell.work.opening import OpenSite, open_site
from tests.sites import day, drop, laboratories, result

TABLE = LEADING.name
WHO = "SYNTHETIC-1"
TICK = timedelta(microseconds=1)


def send(opened: OpenSite, feed: str, value: object, *, at: float, sampled: float = 0, **told: str) -> None:
    path = drop(opened.site.root, TABLE, [result(WHO, sampled, value, **told)], feed=feed, name=f"{at:g}.csv")
    take_in_file(opened, path, feed=feed, table=TABLE, received_at=day(at))


def answers(connection: sa.Connection, as_of: datetime) -> dict[str, Any]:
    rows = known.known_table(connection, LEADING, as_of=as_of)
    return {
        "is_known": numbers_in_store.is_known(connection, WHO, as_of=as_of),
        "every_number": numbers_in_store.every_number(connection, as_of=as_of),
        "written_otherwise": numbers_in_store.written_otherwise(connection, [WHO.lower()], as_of=as_of),
        "was_delivered": known.was_delivered(connection, LEADING.rows, as_of=as_of),
        "known_table": None if rows is None else rows["patient_id"].to_list(),
        "waiting": who_waits.waiting(connection, LEADING, as_of=as_of),
        "patients_since": who_is_there.patients_since(
            connection, LEADING.rows, "collected_at", since=day(0), as_of=as_of
        ),
        "last_sign": signs_of_life.last_sign(connection, "synthetic", TABLE, as_of=as_of),
        "feed_tables": [one.last_received_at for one in feed_state.feed_tables(connection, as_of=as_of)],
    }


def test_a_result_is_known_from_the_moment_of_its_receipt_on(site: Path) -> None:
    with open_site(site) as opened:
        send(opened, "synthetic", 1000, at=1)
        with opened.reading() as connection:
            assert answers(connection, day(1)) == {
                "is_known": True,
                "every_number": {WHO},
                "written_otherwise": {WHO},
                "was_delivered": True,
                "known_table": [WHO],
                "waiting": {WHO},
                "patients_since": {WHO},
                "last_sign": day(1),
                "feed_tables": [day(1)],
            }
            assert answers(connection, day(1) - TICK) == {
                "is_known": False,
                "every_number": frozenset(),
                "written_otherwise": frozenset(),
                "was_delivered": False,
                "known_table": None,
                "waiting": set(),
                "patients_since": set(),
                "last_sign": None,
                "feed_tables": [],
            }
            later = {"since": day(0) + TICK, "as_of": day(1)}
            assert who_is_there.patients_since(connection, LEADING.rows, "collected_at", **later) == set()


def test_a_number_is_told_as_that_of_two_laboratories_from_the_receipt_of_the_second_on(site: Path) -> None:
    laboratories(site, "synthetic", "lab_b")
    with open_site(site) as opened:
        send(opened, "synthetic", 1000, at=1)
        send(opened, "lab_b", 1000, at=2)
        with opened.reading() as connection:
            both = sorted(numbers_in_store.at_several_laboratories(connection, as_of=day(2)))
            assert both == [(WHO, "lab_b"), (WHO, "synthetic")]
            assert numbers_in_store.at_several_laboratories(connection, as_of=day(2) - TICK) == []


def test_a_record_waits_in_quarantine_from_the_moment_of_its_receipt_on(site: Path) -> None:
    with open_site(site) as opened:
        send(opened, "synthetic", 1000, at=1)
        send(opened, "synthetic", "?", at=2, sampled=1)
        with opened.reading() as connection:
            assert [one.patient_id for one in quarantine.waits(connection, as_of=day(2))] == [WHO]
            assert quarantine.waits(connection, as_of=day(2) - TICK) == frozenset()


def test_a_delivery_counts_as_taken_in_from_the_moment_of_its_receipt_on(site: Path) -> None:
    with open_site(site) as opened:
        send(opened, "synthetic", 1000, at=1)
        with opened.reading() as connection:
            assert never_taken_in.never_taken_in(connection, as_of=day(1)) == 0


@pytest.mark.parametrize(("after", "until", "fates"), [(0.5, 1, ["corrected"]), (1, 2, [])])
def test_a_correction_lies_in_the_time_that_ends_with_its_moment_and_not_in_the_one_that_begins_with_it(
    site: Path, after: float, until: float, fates: list[str]
) -> None:
    with open_site(site) as opened:
        send(opened, "synthetic", 1000, at=0.5)
        send(opened, "synthetic", 2000, at=1, status="C")
        with opened.reading() as connection:
            assert lately.rewritten(connection, day(after), day(until))["fate"].to_list() == fates
