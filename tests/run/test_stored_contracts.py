"""What is stored keeps its contracts too: the doctor and the check after a delivery ask Great Expectations. All made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.errors import ContractBroken
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.daytime.feed import check_deliveries, lab_feed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language
from tests import sites
from tests.sites import day, result, text

NIGHT, LATER = day(21.5), day(21.75)
BREAKS = (
    "INSERT INTO viral_load_results SELECT * FROM (SELECT {columns} FROM viral_load_results "
    "WHERE patient_id = 'SYNTHETIC-ONE' LIMIT 1) AS copied"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=NIGHT)
    return tmp_path


def one_delivery(root: Path, value: object = 900_000) -> str:
    line = result("SYNTHETIC-ONE", 21.55, value, reported=text(day(21.6)))
    return sites.land(root, "viral_load_results", [line], at=LATER)


def break_a_promise(root: Path) -> None:
    """A row that no delivery could have brought: a load below zero, written past every check."""
    names = [row[1] for row in sites.rows(root, "PRAGMA table_info(viral_load_results)")]
    instead = {
        "version_number": "version_number + 1000",
        "viral_load_iu_per_ml": "-5.0",
        "record_key": "'broken'",
        "result_id": "'broken'",
        "detection": "'quantified'",
    }
    sites.write(root, BREAKS.format(columns=", ".join(instead.get(name, name) for name in names)))


def found(root: Path) -> dict[str, tuple[str, str]]:
    return {f.what: (f.state, f.words) for f in checkup(root, example=list) if f.what.startswith("contract")}


def test_the_doctor_holds_every_delivered_table_against_its_contract(site: Path) -> None:
    before = found(site)
    assert before["contract host_status"] == ("not told", "never delivered")
    assert before["contract antiviral_courses"] == ("ok", "every promise kept, 3 rows")
    assert before["contract viral_load_results"][0] != "broken"
    break_a_promise(site)
    state, words = found(site)["contract viral_load_results"]
    assert (state, "viral_load_iu_per_ml" in words, "1 rows" in words) == ("broken", True, True)
    assert "-5" not in words


def test_after_a_delivery_what_is_stored_of_its_patients_is_judged_by_great_expectations(site: Path) -> None:
    delivery = one_delivery(site)
    assert lab_feed(site, delivery, as_of=LATER).published is not None
    assert check_deliveries(site, [delivery], as_of=LATER) == 1
    break_a_promise(site)
    with pytest.raises(ContractBroken, match="viral_load_results breaks its contract"):
        check_deliveries(site, [delivery], as_of=LATER)
    assert stopped(site)
    first = language("nl").sentences["ward.work.stopped"].split("{")[0]
    assert first in (Site(site).pages / "ward.nl.html").read_text(encoding="utf-8")


def stopped(root: Path) -> bool:
    with open_site(root) as opened, opened.reading() as connection:
        return any(a["rule"] == "operations" for a in alert_store.alerts(connection, states={"open"}))


def test_a_delivery_that_touches_nobody_needs_no_check(site: Path) -> None:
    delivery = sites.land(site, "viral_load_results", [sites.result(" ", 1, 500)], at=LATER)  # of nobody
    lab_feed(site, delivery, as_of=LATER)
    assert check_deliveries(site, [delivery], as_of=LATER) == 0
