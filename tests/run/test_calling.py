"""What `cmvmon serve` takes in by day is stored and waits for a lab feed; a night and a watch are left alone. Knows no Prefect."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.errors import StoreError
from cmvmon.run.daytime import calling, refresh
from cmvmon.run.daytime.calling import Caller
from cmvmon.run.daytime.feed import follow
from cmvmon.run.daytime.watching import Look, Trouble
from cmvmon.run.health.at_work import WATCH, only_one
from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.listen.listening import result
from tests.run.test_inbox_taking import come
from tests.sites import rows

UNASSESSED = "SELECT delivery_id FROM unassessed_deliveries"
ASSESSMENTS = "SELECT scope FROM assessments ORDER BY as_of"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose night was there, and a caller that waits for nobody."""
    monkeypatch.setattr(calling, "QUIET_FOR_S", 0.0)
    monkeypatch.setattr(calling, "_LOOKS_FOR_CALLS_EVERY_S", 0.0)
    sites.ward_of_three(tmp_path)
    nightly(tmp_path)
    return tmp_path


def test_what_comes_is_stored_and_called_for_and_one_run_brings_all_of_it_to_the_pages(site: Path) -> None:
    assert rows(site, UNASSESSED) == []
    come(site, result("1"))
    caller = Caller(site)
    (look,) = caller.look()
    assert isinstance(look, Look)
    assert look.assessed is None
    assert rows(site, ASSESSMENTS) == [("all",)]
    due = caller.due()
    assert due is not None
    first, waiting = due
    caller.calls.made(waiting, 1e9)
    come(site, result("2"))
    assert len([*caller.look()]) == 1
    assert caller.due() is None  # one call is out
    fed = follow(site, first)
    assert len(fed.deliveries) == 2
    assert fed.published is not None
    assert follow(site, first).deliveries == ()  # a second run finds nothing left
    assert (rows(site, UNASSESSED), caller.due()) == ([], None)


def test_a_run_that_is_stopped_before_its_pages_stand_leaves_what_it_was_called_for(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(site, result("1"))
    list(Caller(site).look())
    (waiting,) = rows(site, UNASSESSED)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(refresh, "publish", stop)
        with pytest.raises(KeyboardInterrupt):
            follow(site, waiting[0])
    assert rows(site, UNASSESSED) == [waiting]
    nightly(site)  # the night takes along what was missed
    assert rows(site, UNASSESSED) == []


def test_where_a_watch_runs_or_a_night_is_due_nothing_is_touched(
    site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    come(site, result("1"))
    with only_one(site, WATCH):
        assert [*Caller(site).look()] == []
    new = tmp_path_factory.mktemp("new") / "site"
    sites.ward_of_three(new)
    caller = Caller(new)
    assert ([*caller.look()], caller.due()) == ([], None)
    caller.missing = None if caller.missing is None else (caller.missing[0], -1e9)  # it should have ended long ago
    assert len([*caller.look()]) == 1


def test_a_database_that_can_not_be_used_is_said_once_and_the_caller_goes_on(site: Path) -> None:
    (site / "cmvmon.sqlite").write_bytes(b"no database at all" * 1000)
    caller = Caller(site)
    (trouble,) = caller.look()
    assert isinstance(trouble, Trouble)
    caller.looked_at = float("-inf")
    assert [*caller.look()] == []
    with pytest.raises(StoreError):
        caller.due()
