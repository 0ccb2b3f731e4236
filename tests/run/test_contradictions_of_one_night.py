"""Two files of one night that contradict each other stop nobody: no row stands for what can't be without it, and that is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.delivered import BY_NAME
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, result

AT = "2026-03-01T08:00:00Z"
CASES = {  # the header, and what two files say of one record
    "birth_dates": ("patient_id,born_on,stated_at", f"S1,1961-05-30,{AT}", f"S1,1962-05-30,{AT}"),
    "doses_given": (
        "patient_id,drug,administered,given_at,dose_mg",
        f"S1,ganciclovir,given,{AT},350",
        f"S1,ganciclovir,missed,{AT},",
    ),
    "samples_ordered": (
        "patient_id,order_number,compartment,ordered_at,state",
        f"S1,O1,bal,{AT},ordered",
        f"S1,O1,bal,{AT},cancelled",
    ),
    "patient_movements": (
        "patient_id,visit_number,movement,stated_at,moved_at,unit",
        f"S1,V1,transfer,{AT},{AT},icu",
        f"S1,V1,transfer,{AT},{AT},elsewhere",
    ),
}
AMOUNTS = (
    "patient_id,drug,administered,given_at,dose_mg",
    f"S1,ganciclovir,given,{AT},350",
    f"S1,ganciclovir,given,{AT},300",
)


@pytest.mark.parametrize(
    ("table", "told"), [*CASES.items(), ("doses_given", AMOUNTS)], ids=[*CASES, "two amounts of one dose"]
)
def test_the_night_goes_on_and_of_that_patient_a_row_could_not_be_read(
    tmp_path: Path, table: str, told: tuple[str, str, str]
) -> None:
    header, *rows = told
    for number, row in enumerate(rows):
        path = tmp_path / "drop" / "synthetic" / table / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{header}\n{row}\n")
        sites.lain_still(path)
    sites.drop(tmp_path, "viral_load_results", [result("S1", 1, 50000), result("S2", 1, 40000)])
    done = nightly(tmp_path, as_of=day(3))
    assert done.assessed.patients == 2
    with open_site(tmp_path) as opened, opened.reading() as connection:
        found = known.known(connection, opened.site, as_of=day(3))
    assert found[BY_NAME[table].rows].is_empty()
    assert found.unread_of(BY_NAME[table].rows) == {"S1"}
