"""Who may be on the ward by movements: the store is asked for open ones alone, and names everybody whom their stays would name."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.run.nightly.night import nightly
from cmvmon.run.ward import ward_list
from cmvmon.shell.as_known import known
from cmvmon.shell.as_known.movements_left_open import may_go_on
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.work.opening import open_site
from tests.feeds.hl7_told_texts import merge
from tests.run.test_hl7_movements import at_feed, moved, of_march, put
from tests.sites import day

MOVEMENTS = VERSIONS["patient_movements"]


def asked(connection: sa.Connection, at: datetime) -> set[str]:
    return set(connection.execute(may_go_on(MOVEMENTS, after=at, as_of=at)).scalars())


def by_all_stays(connection: sa.Connection, at: datetime) -> set[str]:
    """Whom the stays of everybody name."""
    rows = known.known_table(connection, BY_NAME[ICU_STAYS.name], as_of=at)
    assert rows is not None
    return set(rows.filter(pl.col("discharged_at").is_null() | (pl.col("discharged_at") >= at))["patient_id"])


def test_only_visits_that_may_go_on_are_rebuilt(site: Path) -> None:
    root = at_feed(site)
    done = [
        m
        for n in range(30)
        for m in (
            moved("A01", 1, patient=f"OLD-{n}", visit=f"O{n}"),
            moved("A03", 5, patient=f"OLD-{n}", visit=f"O{n}"),
        )
    ]
    put(
        root,
        "1.hl7",
        *done,
        moved("A01", 2),
        moved("A01", 2, patient="BACK", visit="V2"),
        moved("A03", 5, patient="BACK", visit="V2"),
        moved("A13", 5, recorded=6, patient="BACK", visit="V2"),
        moved("A01", 2, patient="AGAIN", visit="V3"),
        moved("A03", 5, patient="AGAIN", visit="V3"),
        moved("A13", 5, recorded=6, patient="AGAIN", visit="V3"),
        moved("A03", 7, patient="AGAIN", visit="V3"),
        moved("A01", 2, patient="ELSEWHERE", visit="V4", ward="B4"),
    )
    assert nightly(root, as_of=day(1)).taken_in.faults == ()
    with open_site(root) as opened, opened.reading() as connection:
        assert asked(connection, day(1)) == {"SYNTH-1", "BACK"}
        assert ward_list.candidates(connection, as_of=day(1)) == {"SYNTH-1", "BACK"}


@pytest.mark.parametrize("seed", range(4))
def test_the_store_names_everybody_whom_the_stays_of_all_would_name(
    new_site: Callable[[Path], Path], tmp_path: Path, seed: int
) -> None:
    root, chance = at_feed(new_site(tmp_path / "made")), random.Random(seed)
    patients = [f"SYNTH-{n}" for n in range(25)]
    for night in (1, 2):
        said = []
        for patient in patients:
            for _ in range(chance.randrange(1, 6)):
                trigger = chance.choice(("A01", "A02", "A02", "A03", "A11", "A12", "A13"))
                at, late = chance.randrange(1, 8), chance.randrange(0, 3)
                ward, visit = chance.choice(("IC1", "B4")), f"V{chance.randrange(0, 12)}"
                said.append(moved(trigger, at, recorded=at + late, patient=patient, visit=visit, ward=ward))
        old, new = chance.sample(patients, 2)
        put(root, f"{night}.hl7", *said, merge(old, new, at=of_march(9)))
        nightly(root, as_of=day(night))
        with open_site(root) as opened, opened.reading() as connection:
            for at in (day(1), day(night)):
                assert ward_list.candidates(connection, as_of=at) == by_all_stays(connection, at)
