"""One row per ventilation period, as docs/tables.md says: the last word on the stay holds for every row of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.ward.ward_list import candidates
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, text


def stay(
    *, left: float | None = None, ventilated: float | None = None, until: float | None = None, bed: str = "1"
) -> str:
    moments = [day(0), left, ventilated, until]
    admitted, discharged, start, stop = (
        "" if at is None else text(at if not isinstance(at, (int, float)) else day(at)) for at in moments
    )
    return f"S1,P1,{admitted},{discharged},ICU,{bed},{start},{stop},"


def in_bed(root: Path, at: float) -> bool:
    with open_site(root) as opened, opened.reading() as connection:
        found = known.known_table(connection, BY_NAME[ICU_STAYS.name], as_of=day(at))
        assert found is not None
        is_open = bool(found["discharged_at"].is_null().any())
        assert not is_open or "P1" in candidates(connection, as_of=day(at))
    assert found["discharged_at"].n_unique() == 1
    return is_open


@pytest.mark.parametrize("sends", ["rows", "snapshot"])
def test_a_patient_who_is_intubated_after_admission_and_discharged_is_not_left_in_bed(site: Path, sends: str) -> None:
    (site / "tables").mkdir()
    declared = f'feed = "ward"\ndescription = "Invented"\n[icu_stays]\nsends = "{sends}"\n'
    (site / "tables" / "ward.toml").write_text(declared, encoding="utf-8")
    nights = [
        [stay()],
        [stay(ventilated=1.5)],
        [stay(ventilated=1.5, until=2.5)],
        [stay(ventilated=1.5, until=2.5, left=3.5)],
        [stay(ventilated=1.5, until=2.5, bed="2")],  # the discharge was a mistake
        [stay(ventilated=1.5, until=2.5, left=5.5), stay(ventilated=4.5, until=5.2, left=5.5)],
    ]
    with open_site(site) as opened:
        for n, lines in enumerate(nights, start=1):
            sites.drop(site, "icu_stays", lines, feed="ward", name=f"{n}.csv")
            taken = take_in_drop(opened, received_at=day(n))
            assert sum(one.withdrawn for one in taken.counted) == 0
    assert [in_bed(site, at) for at in (1, 2, 3, 4, 5, 6)] == [True, True, True, False, True, False]
