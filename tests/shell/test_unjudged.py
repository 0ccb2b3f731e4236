"""What has landed and is not judged stands in a table, as the folders have it; what is not for us is dismissed. On both databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import NoLaboratoryFile, SiteError
from cmvmon.run.answers import dismissing
from cmvmon.run.answers.quarantine_answers import answer_quarantine, answered
from cmvmon.run.asking.quarantine_list import NEVER_JUDGED, listed_quarantine
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.checks.status import status
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder import landing
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.work.opening import open_site
from tests import patients, sites
from tests.sites import day, drop, result

OPEN_OPERATIONS = (
    "SELECT subject FROM alert_events WHERE rule = 'operations' AND alert_id IN (SELECT alert_id FROM open_alerts)"
)
WAITING = "SELECT feed, kept_as FROM unjudged_landings WHERE delivery_id != '' ORDER BY 1"
LINE = result("SYNTHETIC-ONE", 1, 900)


def mistyped(root: Path) -> str:
    """A delivery that landed under the name of no feed, and a night that could not judge it."""
    delivery = sites.land(root, "viral_load_results", [LINE], at=day(2), feed="sinthetic")
    with pytest.raises(NoLaboratoryFile, match="quarantine dismiss"):
        lab_feed(root, delivery, as_of=day(2))
    return delivery


def feeds_told(root: Path) -> list[str]:
    return sorted({json.loads(subject)["feed"] for (subject,) in sites.rows(root, OPEN_OPERATIONS)})


def never(root: Path) -> int:
    return status(root).n_never_taken_in


def test_what_lands_waits_until_it_is_judged(site: Path) -> None:
    delivery = sites.land(site, "viral_load_results", [LINE], at=day(2))
    assert sites.rows(site, WAITING) == [("synthetic", "viral_load_results")]
    assert never(site) == 1
    lab_feed(site, delivery, as_of=day(2))
    assert sites.rows(site, WAITING) == []
    assert never(site) == 0


def test_what_had_landed_and_was_not_noted_is_noted_when_it_lands_again_unless_it_is_settled(site: Path) -> None:
    """Whoever landed it first was killed between the two; found by thousands of kills, and no look found it until the night."""
    with open_site(site) as opened:
        told = {"feed": "synthetic", "table": "viral_load_results", "form": "csv", "file_name": "new.csv"}
        text = "\n".join([patients.HEADERS["viral_load_results"], LINE]) + "\n"
        landing.land(opened.site.landing, text.encode(), **told, landed_at=day(2), is_history=False)  # type: ignore[arg-type]
    assert sites.rows(site, WAITING) == []
    delivery = sites.land(site, "viral_load_results", [LINE], at=day(2))
    assert sites.rows(site, WAITING) == [("synthetic", "viral_load_results")]
    lab_feed(site, delivery, as_of=day(2))
    sites.land(site, "viral_load_results", [LINE], at=day(3))
    assert sites.rows(site, WAITING) == []
    dismissed = mistyped(site)
    dismissing.dismiss(site, dismissed, why="mistyped", actor="A. Nurse")
    sites.land(site, "viral_load_results", [LINE], at=day(3), feed="sinthetic")
    assert sites.rows(site, WAITING) == []


def test_at_a_moment_before_it_was_judged_it_waited(site: Path) -> None:
    delivery = sites.land(site, "viral_load_results", [LINE], at=day(2))
    lab_feed(site, delivery, as_of=day(4))
    with open_site(site) as opened, opened.reading() as connection:
        waited = [len(unjudged.never_judged(connection, day(d))) for d in (1, 2, 3, 4, 5)]
    assert waited == [0, 1, 1, 0, 0]


def test_a_store_that_knew_of_no_landing_goes_through_the_folders_once(site: Path) -> None:
    """As of a program from before the table, on each kind of database; and so does each night."""
    judged = sites.land(site, "viral_load_results", [LINE], at=day(2))
    lab_feed(site, judged, as_of=day(2))
    mistyped(site)
    (site / "landing" / ("ab" * 32)).mkdir()  # nothing in it says how it came
    before = sites.rows(site, "SELECT * FROM unjudged_landings ORDER BY 1, 2")
    sites.write(site, "DROP TABLE unjudged_landings")
    assert never(site) == 0  # whoever only looks goes through nothing
    with open_site(site):
        pass
    after = sites.rows(site, "SELECT * FROM unjudged_landings ORDER BY 1, 2")
    assert [row for row in after if row[0] != "ab" * 32] == before
    assert len(after) == len(before) + 1
    assert never(site) == 2
    landing.land(
        site / "landing", b"copied by hand", feed="other", table=None, form="hl7", file_name="x.hl7", landed_at=day(2), is_history=False
    )  # fmt: skip
    nightly(site, as_of=day(3))
    assert sites.rows(site, "SELECT count(*) FROM deliveries WHERE feed = 'other'") == [
        (1,)
    ]  # it was found, and judged


def test_a_mistyped_delivery_is_dismissed_and_counts_nowhere(
    site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    delivery = mistyped(site)
    (line,) = listed_quarantine(site)
    assert (line["reason"], line["feed"]) == (NEVER_JUDGED, "sinthetic")
    assert (feeds_told(site), never(site)) == (["sinthetic"], 1)
    with pytest.raises(SiteError, match="no delivery of that name"):
        dismissing.dismiss(site, "0" * 12, why="mistyped", actor="A. Nurse")
    with pytest.raises(SiteError, match="--why is empty"):
        dismissing.dismiss(site, delivery, why=" ", actor=None)
    name = dismissing.dismiss(site, line["record"], why="mistyped; taken in again", actor="A. Nurse")
    assert name == line["record"]
    assert (listed_quarantine(site), feeds_told(site), never(site)) == ([], [], 0)
    (said,) = answered(site)
    assert (said["record"], said["answer"], said["actor"]) == (name, "dismissed", "A. Nurse")
    nightly(site)  # the folders still hold it
    assert (sites.rows(site, WAITING), feeds_told(site), never(site)) == ([], [], 0)
    assert (site / "landing" / delivery / "raw").exists()
    made = tmp_path_factory.mktemp("made") / "new"
    assert rebuild(site, made).faults == ()
    assert (sites.rows(made, WAITING), never(made)) == ([], 0)
    dismissing.take_back(site, name, why="it was ours", actor="A. Nurse")
    assert (never(site), answered(site)) == (1, [])
    sites.laboratories(site, "sinthetic")
    nightly(site)
    assert (never(site), feeds_told(site)) == (0, [])


def test_the_command_dismisses_and_takes_back(site: Path) -> None:
    delivery = mistyped(site)
    said = ["--site", str(site), "--why", "mistyped"]
    done = CliRunner().invoke(app, ["quarantine", "dismiss", delivery[:12], *said, "--by", "A. Nurse"])
    assert (done.exit_code, "dismissed" in done.output) == (0, True)
    again = CliRunner().invoke(app, ["quarantine", "dismiss", delivery[:12], *said, "--take-back"])
    assert (again.exit_code, "it waits again" in again.output) == (0, True)


def test_a_refused_file_of_which_every_record_is_rejected_alerts_no_more(site: Path) -> None:
    bad = drop(site, "viral_load_results", [], name="bad.csv")
    bad.write_text("patient_id;value\n1;2\n", encoding="utf-8")
    sites.lain_still(bad)
    nightly(site)
    assert feeds_told(site) == ["synthetic"]
    (record,) = listed_quarantine(site)
    answer_quarantine(site, record["record"], answer="rejected", why="sent by mistake", actor="A. Nurse")
    assert feeds_told(site) == []
    nightly(site)
    assert (feeds_told(site), never(site)) == ([], 0)


def test_of_a_refused_file_with_two_kinds_the_alert_stands_while_one_record_waits(site: Path) -> None:
    bad = drop(site, "viral_load_results", [], name="bad.csv")
    bad.write_text("patient_id;value\n1;2\n3;4\n", encoding="utf-8")
    sites.lain_still(bad)
    nightly(site)
    waiting = listed_quarantine(site)
    for n, record in enumerate(waiting, 1):
        answer_quarantine(site, record["record"], answer="closed", why="told the laboratory", actor=None)
        assert feeds_told(site) == ([] if n == len(waiting) else ["synthetic"])
