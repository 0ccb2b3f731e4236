"""A death before the birth that is on record, or a birth after the death: the one that comes last is set apart, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.feeds.reasons import remedy
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.taken_in import beside_another
from tests import sites
from tests.sites import day, drop, result, stay, text

WHO, OTHER = "SYNTH-1", "SYNTH-2"
DEAD = f"{text(day(1))},,died,{text(day(1.1))}"  # on 2 March 2026
BORN, UNBORN = "1961-05-30", "2026-03-04"
WHEN = text(day(4))


def born(on: str, who: str = WHO) -> tuple[str, str]:
    return "birth_dates", f"{who},{on},{WHEN}"


def died(told: str, who: str = WHO) -> tuple[str, str]:
    return "deaths", f"{who},{told}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    drop(tmp_path, "icu_stays", [stay(WHO), stay(OTHER, bed="S-02")])
    drop(tmp_path, "viral_load_results", [result(WHO, 0, 500), result(OTHER, 0, 500)])
    return tmp_path


def night(root: Path, at: float, *told: tuple[str, str]) -> list[tuple[str, str, str, str]]:
    """A night with these rows, and what waits after it: table, patient, reason and column."""
    for n, (table, line) in enumerate(told):
        drop(root, table, [line], name=f"{at}-{n}.csv")
    assert nightly(root, as_of=day(at)).taken_in.faults == ()
    query = "SELECT q.table_name, q.patient_id, q.reason, q.column FROM waiting_records w JOIN quarantined_records q"
    on = " AND ".join(f"q.{name} = w.{name}" for name in ("delivery_id", "feed", "record_number", "table_name"))
    return sorted(set(sites.rows(root, f"{query} ON {on}")))


FIRST = {
    "the birth first": ((born(UNBORN), died(DEAD)), ("deaths", WHO, "died_before_birth", "died_at")),
    "the death first": ((died(DEAD), born(UNBORN)), ("birth_dates", WHO, "born_after_death", "born_on")),
}


@pytest.mark.slow
@pytest.mark.parametrize("together", [False, True], ids=["two nights", "one night"])
@pytest.mark.parametrize("order", FIRST)
def test_the_one_that_comes_last_is_set_apart_and_what_another_patient_says_is_not(
    site: Path, order: str, together: bool
) -> None:
    (first, second), waits = FIRST[order]
    if together and order == "the birth first":  # of one night the tables are read in the order of their names
        night(site, 5, first, second, born(BORN, OTHER), died(DEAD, OTHER))
        found = night(site, 6)
    else:
        assert night(site, 5, first, born(BORN, OTHER)) == []
        found = night(site, 6, second, died(DEAD, OTHER))
    assert found == [waits]
    stored = {name: sites.rows(site, f"SELECT patient_id FROM {name}") for name in ("deaths", "birth_dates")}
    assert sorted(stored[waits[0]]) == [(OTHER,)]
    assert len(stored[{"deaths": "birth_dates", "birth_dates": "deaths"}[waits[0]]]) == 2
    assert "Ask the sender" in remedy(waits[2])
    assert night(site, 7) == found, "nothing is set apart again"


@pytest.mark.slow
@pytest.mark.parametrize("on", [BORN, "2026-03-02", "2026-03-03"])
def test_who_died_on_the_day_of_the_birth_or_a_day_before_it_in_another_zone_is_taken_in(site: Path, on: str) -> None:
    assert night(site, 5, born(on)) == night(site, 6, died(DEAD)) == []


@pytest.mark.slow
def test_once_the_birth_is_corrected_the_death_is_judged_again_by_itself(site: Path) -> None:
    assert [row[2] for row in night(site, 5, born(UNBORN), died(DEAD))] == ["died_before_birth"]
    assert night(site, 6, ("birth_dates", f"{WHO},{BORN},{text(day(5))}")) == []
    assert sites.rows(site, "SELECT patient_id FROM deaths") == [(WHO,)]


@pytest.mark.slow
def test_a_death_that_is_taken_back_sets_no_birth_apart(site: Path) -> None:
    night(site, 5, died(DEAD))
    night(site, 6, ("deaths", f"{WHO},,,alive,{text(day(5.5))}"))
    assert night(site, 7, born(UNBORN)) == []


@pytest.mark.slow
def test_a_pair_that_was_stored_before_it_was_asked_stops_no_night_and_its_rows_may_come_again(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside_another, "beside", lambda _: None)  # as the release before
    assert night(site, 5, born(UNBORN), died(DEAD)) == []
    monkeypatch.undo()
    for at in (6, 7):
        assert night(site, at, born(UNBORN), died(DEAD)) == []
    assert [row[2] for row in night(site, 8, died(DEAD.replace("T08", "T07")))] == ["died_before_birth"]
    counts = [sites.rows(site, f"SELECT count(*) FROM {name}") for name in ("deaths", "birth_dates")]
    assert counts == [[(1,)], [(1,)]]
