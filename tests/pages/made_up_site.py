"""A made-up site of seven ventilated patients, for the pages about the site. All patients are made up."""

from __future__ import annotations

from pathlib import Path

from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.sites import course, day, drop, result, text

N = 7  # patients: enough for a share
AS_OF, NEXT = day(20), day(21)


def stays(n: int) -> list[str]:
    """Everybody is ventilated from day 0 on; the first came on day 2, ventilated since; the last leaves on day 9."""
    told = []
    for i in range(n):
        admitted, left = text(day(2 if i == 0 else 0)), text(day(9)) if i == n - 1 else ""
        told.append(f"stay-{i},SYNTHETIC-{i},{admitted},{left},SYNTHETIC-ICU,S-0{i},{text(day(0))},,")
    return told


def serology(root: Path, lines: list[str]) -> None:
    path = root / "drop" / "synthetic" / "cmv_serology" / "one.csv"
    path.parent.mkdir(parents=True)
    header = "patient_id,of_whom,test,sampled_at,serology_result,given_before"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    sites.lain_still(path)


def make(root: Path) -> Path:
    """Seven patients, six of them seropositive; two reactivate, on day 6 and day 12, and are treated from day 12.5 on; two
    nights; one record of a unit that nobody named, and one result withdrawn on the second day."""
    found = [result("SYNTHETIC-1", 6, 5000, specimen="plasma"), result("SYNTHETIC-2", 12, 90000, specimen="plasma")]
    found += [result(f"SYNTHETIC-{i}", 5, "not detected", specimen="plasma") for i in (0, 3, 4, 5)]
    found.append(result("SYNTHETIC-3", 8, 700, specimen="plasma", unit="cups"))
    drop(root, "viral_load_results", found)
    drop(root, "icu_stays", stays(N))
    drop(root, "antiviral_courses", [course("SYNTHETIC-2", start=12.5)])
    positive = [f"SYNTHETIC-{i},recipient,igg,{text(day(-30))},positive," for i in range(6)]
    serology(root, positive)
    nightly(root, as_of=AS_OF)
    withdrawn = {"accession": "SYNTHETIC-1-plasma-6", "reported": text(day(20.5))}
    drop(
        root,
        "viral_load_results",
        [result("SYNTHETIC-1", 6, 5000, specimen="plasma", status="W", **withdrawn)],
        name="b.csv",
    )
    nightly(root, as_of=NEXT)
    return root
