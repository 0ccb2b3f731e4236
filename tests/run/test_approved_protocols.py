"""What an approved protocol holds for: every way in which a site judges, asks, is copied and is moved. All patients are made up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.errors import CmvmonError, ProtocolUnusable
from cmvmon.run.asking import rule_query
from cmvmon.run.asking.why_query import explained
from cmvmon.run.backups.backing_up import back_up
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.backups.restoring import restore
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.checks.status import status
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.nightly.night_alerts import noting_a_stop
from cmvmon.run.replay.approving import approve, listed
from cmvmon.run.replay.replaying import replay
from cmvmon.run.replay.trying import tried
from cmvmon.shell.folder import approved
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.cli.test_approving import FIRST, MILDER, TEXT, numbered, put
from tests.nights import nightly
from tests.pages.test_site_pages import said, section
from tests.sites import day

KEPT = ("protocol_trials", "protocol_approvals")


def lived(root: Path) -> Path:
    """A site that was judged for a night by ours-1, which two persons then put into force."""
    sites.ward_of_three(root)
    file = put(root, FIRST)
    nightly(root, as_of=day(21.5))
    tried(root, file, by="A. Made-Up")
    approve(root, file, by="B. Made-Up")
    return root


def labels(root: Path) -> list[str]:
    return [row[0] for row in sites.rows(root, "SELECT protocol_version FROM assessments ORDER BY as_of")]


def kept_by(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(sites.rows(root, f"SELECT * FROM {name}")) for name in KEPT}


def tipped(root: Path) -> str:
    (alert,) = sites.rows(root, "SELECT DISTINCT alert_id FROM alert_events WHERE rule = 'response'")
    return str(explained(root, alert[0], lang="en")["tipped_by"]["says"])


def test_every_asker_is_answered_by_the_approved_protocol_while_the_file_waits(site: Path) -> None:
    lived(site)
    first = Protocol.read(FIRST).sha256
    put(site, MILDER)
    with open_site(site) as opened:
        assert (opened.protocol.sha256, opened.waits is None) == (first, False)
    assert Site(site).protocol().sha256 == first
    nightly(site, as_of=day(22.5))
    assert labels(site) == ["ours-1", "ours-1"]
    assert "could not tell" not in tipped(site)
    numbers = {n["key"]: (n["value"], n["file"]) for n in rule_query.shown_rule(site, "no_follow_up")["numbers"]}
    assert numbers["not_before_day"] == (7.0, "ours-1, approved, kept in the store")
    done = replay(site, since=day(21).date(), until=day(23).date())
    assert [one.protocol.sha256 for one in done.sides] == [first]
    assert done.judged_otherwise == 0
    waits = status(site).policy_waits
    assert waits is not None
    assert (waits.file_version, waits.version, waits.approved_by) == ("ours-2", "ours-1", "B. Made-Up")
    said = [(one.state, one.words) for one in checkup(site, example=tuple) if one.what == "protocol"]
    assert [state for state, _ in said] == ["ok", "note"]
    assert "approved by B. Made-Up" in said[0][1]
    assert "Protocol file ours-2 waits for a second person" in said[1][1]


def test_a_result_that_comes_by_day_is_judged_by_the_approved_protocol_and_its_page_says_what_waits(site: Path) -> None:
    lived(site)
    put(site, MILDER)
    landed = sites.land(site, "viral_load_results", [sites.result("SYNTHETIC-ONE", 21.8, 900_000)], at=day(21.9))
    lab_feed(site, landed, as_of=day(22))
    assert labels(site) == ["ours-1", "ours-1"]
    assert "Protocol file ours-2 waits for a second person" in sites.page_of(site, "SYNTHETIC-ONE")


def test_tables_of_a_feed_are_read_though_the_protocol_file_is_broken(site: Path) -> None:
    lived(site)
    (site / "tables").mkdir(exist_ok=True)
    (site / "tables" / "synthetic.toml").write_text('feed = "synthetic"\ndescription = "x"\n', encoding="utf-8")
    put(site, FIRST + "\n[[[\n")
    sites.drop(site, "antiviral_courses", [sites.course("SYNTHETIC-NEW", start=20)], name="two.csv")
    nightly(site, as_of=day(22.5))
    assert sites.rows(site, "SELECT count(*) FROM antiviral_courses WHERE patient_id = 'SYNTHETIC-NEW'") == [(1,)]


def test_an_alert_of_a_former_approved_protocol_is_explained_by_that_one(site: Path) -> None:
    lived(site)
    nightly(site, as_of=day(21.6))
    assert "could not tell" not in tipped(site)
    file = put(site, MILDER)
    tried(site, file, by="A. Made-Up")
    approve(site, file, by="B. Made-Up")
    assert Site(site).protocol().version == "ours-2"
    assert "could not tell" not in tipped(site)


OF_ANOTHER_PROGRAM = FIRST.replace("least_days =", "least_dayz =", 1)  # as a program before would have kept it


@pytest.mark.parametrize(
    ("text", "place"),
    [(OF_ANOTHER_PROGRAM, "approved ours-0 [rules.guide_duration] least_dayz"), (FIRST, "approved ours-0")],
    ids=["a key that it does not know", "a text that is not the one of the hash"],
)
def test_an_approved_text_that_this_program_can_no_longer_use_judges_nobody_and_says_what_to_do(
    site: Path, text: str, place: str
) -> None:
    lived(site)
    with open_site(site) as opened, opened.writing() as connection:
        row, told = approved.trials(connection)[0], {"version": "ours-0", "protocol_hash": "0" * 64}
        texts = {"text": numbered("ours-0", text), "priors_name": "", "priors_text": ""}
        approved.record_trial(connection, row | told | texts)
        said = {
            "tried_at": row["tried_at"],
            "tried_by": "A. Made-Up",
            "approved_at": row["tried_at"] + timedelta(days=1),
        }
        approved.record_approval(connection, told | said | {"actor": "B. Made-Up"})
    with pytest.raises(ProtocolUnusable, match="nobody approved") as refused, noting_a_stop(site):
        nightly(site, as_of=day(22.5))
    assert "cmvmon protocol try FILE --by NAME" in str(refused.value)
    assert place in refused.value.places
    assert labels(site) == ["ours-1"], "nothing was judged by the file, which nobody approved since"
    assert "Nothing was judged since" in (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert "nobody approved" in listed(site)["in_force"]["fault"]
    report = tried(site, put(site, MILDER), by="A. Made-Up")["report"]
    assert (report["against"], report["changes"]) == (None, [])
    assert {row["fired"] for row in report["alerts"]} == {None}
    approve(site, put(site, MILDER), by="B. Made-Up")
    nightly(site, as_of=day(22.5))
    assert labels(site)[-1] == "ours-2"


def test_a_package_that_ships_another_protocol_leaves_a_site_on_the_one_that_was_approved(site: Path) -> None:
    sites.ward_of_three(site)
    put(site, TEXT)  # what the package ships, as the program before it did
    nightly(site, as_of=day(21.5))
    tried(site, site / "protocol" / "own.toml", by="A. Made-Up")
    approve(site, site / "protocol" / "own.toml", by="B. Made-Up")
    (site / "protocol" / "own.toml").unlink()
    with open_site(site) as opened:
        assert opened.waits is None, "the package holds the same"
    other = site / "protocol" / "own.toml"
    other.write_text(MILDER, encoding="utf-8")
    with open_site(site) as opened:
        assert opened.protocol.sha256 == Protocol.shipped().sha256


def test_of_two_who_approve_at_once_one_does(site: Path) -> None:
    lived(site)
    tried(site, put(site, MILDER), by="A. Made-Up")
    script = (
        "import sys; from pathlib import Path; from cmvmon.domain.errors import SiteError\n"
        "from cmvmon.run.replay.approving import approve\n"
        "root = Path(sys.argv[1])\n"
        "try: print('approved', approve(root, root / 'protocol' / 'own.toml', by=sys.argv[2])['actor'])\n"
        "except SiteError as error: print('refused', error)\n"
    )
    asked = [
        subprocess.Popen([sys.executable, "-P", "-c", script, str(site), name], stdout=subprocess.PIPE, text=True)
        for name in ("B. Made-Up", "C. Made-Up")
    ]
    said = sorted(one.communicate(timeout=120)[0] for one in asked)
    assert [one.split()[0] for one in said] == ["approved", "refused"]
    assert "is approved already, by" in said[1]
    assert len(listed(site)["approvals"]) == 2, "ours-1, and ours-2 once"


def test_a_backup_holds_trials_and_approvals_and_the_restored_site_is_judged_by_them(
    site: Path, tmp_path: Path
) -> None:
    lived(site)
    put(site, MILDER)
    into = tmp_path.parent / f"{tmp_path.name}-restored"
    restore(back_up(site, tmp_path.parent / f"{tmp_path.name}-backups").folder, into)
    assert kept_by(into) == kept_by(site)
    nightly(into, as_of=day(22.5))
    assert labels(into)[-1] == "ours-1"
    shutil.rmtree(into)


def test_a_site_made_again_from_what_landed_holds_them_too_though_its_protocol_file_is_broken(
    site: Path, tmp_path: Path
) -> None:
    lived(site)
    put(site, FIRST + "\n[[[\n")
    new, again = (tmp_path.parent / f"{tmp_path.name}-{name}" for name in ("new", "again"))
    done = rebuild(site, new)
    assert (done.faults, done.unread_lines, done.answers) == ((), 0, 2)
    assert kept_by(new) == kept_by(site)
    assert kept_by(rebuild(new, again) and again) == kept_by(site), "the new journal tells it too"
    nightly(new, as_of=day(22.5))
    assert labels(new) == ["ours-1"]


def test_rows_of_trials_and_approvals_stay_as_they_are(site: Path) -> None:
    lived(site)
    for name in KEPT:
        with pytest.raises(CmvmonError), open_site(site) as opened, opened.writing() as connection:
            connection.exec_driver_sql(f"UPDATE {name} SET actor = 'somebody else'")


def test_the_method_page_lists_what_changed_since_the_protocol_that_was_approved_before_it_without_a_former_file(
    site: Path,
) -> None:
    lived(site)
    nightly(site, as_of=day(21.6))
    assert "NOT TOLD: no former protocol" in changes_on_the_page(site)
    file = put(site, MILDER)
    tried(site, file, by="A. Made-Up")
    approve(site, file, by="B. Made-Up")
    nightly(site, as_of=day(22.5))
    told = changes_on_the_page(site)
    assert "Keys that differ from ours-1: 1" in told
    assert "not_before_day 7 60" in told
    put(site, FIRST)
    tried(site, file, by="A. Made-Up")
    approve(site, file, by="B. Made-Up")
    nightly(site, as_of=day(23.5))
    assert "not_before_day 60 7" in changes_on_the_page(site), "back to the first, held against the second"


def changes_on_the_page(root: Path) -> str:
    return said(section((root / "pages" / "method.en.html").read_text("utf-8"), "changes"))
