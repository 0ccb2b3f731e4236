"""`cmvmon protocol try`, `approve` and `list`: two persons, one content, and what judges meanwhile. All patients are made up."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import PolicyChanged, ProtocolUnusable, SiteError
from cmvmon.run.backups.backing_up import back_up
from cmvmon.run.replay.trying import tried
from cmvmon.shell.folder.protocol_files import SHIPPED, Protocol
from cmvmon.shell.store import session
from tests import sites
from tests.nights import nightly
from tests.sites import day

TEXT = resources.files("cmvmon.protocol").joinpath(SHIPPED).read_text(encoding="utf-8")
VERSION = Protocol.shipped().version


def numbered(label: str, text: str = TEXT) -> str:
    return text.replace(f'version = "{VERSION}"', f'version = "{label}"')


FIRST = numbered("ours-1")
MILDER = numbered("ours-2", TEXT.replace("not_before_day = 7.0", "not_before_day = 60.0"))  # nobody is overdue


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A ward of three that was judged for one night, by the site's own protocol."""
    sites.ward_of_three(tmp_path)
    put(tmp_path, FIRST)
    nightly(tmp_path, as_of=day(21.5))
    return tmp_path


def put(root: Path, text: str) -> Path:
    file = root / "protocol" / "own.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def protocol(root: Path, *arguments: object) -> str:
    """What a `cmvmon protocol` command prints. What it raises is raised."""
    called = ["protocol", *map(str, arguments), "--site", str(root)]
    done = CliRunner().invoke(app, called, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def approved(root: Path, file: Path, *, tried_by: str = "A. Made-Up", by: str = "B. Made-Up") -> None:
    protocol(root, "try", file, "--by", tried_by)
    protocol(root, "approve", file, "--by", by)


def listed(root: Path) -> dict[str, Any]:
    return dict(json.loads(protocol(root, "list", "--json")))


def overdue(root: Path) -> tuple[str, str | None]:
    """How the alert stands that no recent result is known of one patient: its state, and why."""
    query = "SELECT state, cause FROM alert_events WHERE rule = 'no_follow_up' AND patient_id = 'SYNTHETIC-ONE'"
    state, cause = sites.rows(root, f"{query} ORDER BY sequence")[-1]
    return state, cause


def judged_by(root: Path) -> list[str]:
    """The labels of the nights, in order."""
    return [row[0] for row in sites.rows(root, "SELECT protocol_version FROM assessments ORDER BY as_of")]


def of_the_file(root: Path) -> list[str]:
    query = (
        "SELECT state FROM alert_events WHERE rule = 'operations' AND evidence LIKE '%policy_waits%' ORDER BY sequence"
    )
    return [row[0] for row in sites.rows(root, query)]


def pages(root: Path, code: str) -> dict[str, str]:
    found = {p.name: sites.unmarked(p.read_text(encoding="utf-8")) for p in (root / "pages").glob(f"*.{code}.html")}
    assert len(found) == 7  # three patients, the ward, and three about the site
    return found


def test_a_changed_number_judges_nobody_until_one_person_tried_it_and_another_approved_it(root: Path) -> None:
    approved(root, root / "protocol" / "own.toml")
    first, second = Protocol.read(FIRST).sha256, Protocol.read(MILDER).sha256
    file = put(root, MILDER)
    nightly(root, as_of=day(22.5))
    assert overdue(root) == ("open", None)
    assert judged_by(root) == ["ours-1", "ours-1"], "the night went on, by what was approved"
    for code, words in (
        ("en", "Protocol file ours-2 waits for a second person; judged by ours-1, approved by B. Made-Up on"),
        (
            "nl",
            "Protocolbestand ours-2 wacht op een tweede persoon; beoordeeld met ours-1, goedgekeurd door B. Made-Up op",
        ),
    ):
        for name, page in pages(root, code).items():
            assert words in page, name
    assert of_the_file(root) == ["open"]
    status = CliRunner().invoke(app, ["status", "--site", str(root)])
    assert "WAITS        Protocol file ours-2 waits for a second person" in status.stdout
    assert "NOT WELL     protocol: a protocol file waits for a second person" in status.stdout

    told = protocol(root, "try", file, "--by", "A. Made-Up")
    assert "changed  [rules.no_follow_up] not_before_day: 7 -> 60" in told
    assert "2 nights" in told
    (row,) = (line.split() for line in told.splitlines() if line.startswith("no_follow_up"))
    assert row == ["no_follow_up", "1", "0", "0", "1"], "fired once, would not have, and is gone under it"
    nightly(root, as_of=day(22.6))
    assert overdue(root) == ("open", None), "a trial changes nothing"

    with pytest.raises(SiteError, match=r"a\. made-up tried ours-2; another person must approve it"):
        protocol(root, "approve", file, "--by", " a. made-up")
    told = protocol(root, "approve", file, "--by", "C. Made-Up")
    assert "changed  [rules.no_follow_up] not_before_day: 7 -> 60" in told, "the report again"
    assert "tried by A. Made-Up, approved by C. Made-Up" in told
    nightly(root, as_of=day(23.5))
    assert overdue(root) == ("resolved", "policy_changed")
    assert of_the_file(root) == ["open", "resolved"]
    assert all("waits for a second person" not in page for page in pages(root, "en").values())
    hashes = sites.rows(root, "SELECT as_of, protocol_hash FROM assessments ORDER BY as_of")
    assert [row[1] for row in hashes] == [first, first, first, second]
    found = listed(root)
    assert (found["in_force"]["version"], found["in_force"]["approved_by"]) == ("ours-2", "C. Made-Up")
    assert [(one["version"], one["tried_by"], one["actor"]) for one in found["approvals"]] == [
        ("ours-2", "A. Made-Up", "C. Made-Up"),
        ("ours-1", "A. Made-Up", "B. Made-Up"),
    ]
    assert f"in force ours-2 ({second[:8]}), approved by C. Made-Up, since" in protocol(root, "list")


def test_a_site_that_never_approved_anything_is_judged_by_its_file_as_before(root: Path) -> None:
    put(root, MILDER)
    nightly(root, as_of=day(22.5))
    assert overdue(root) == ("resolved", "policy_changed")
    assert "no protocol was ever approved here" in protocol(root, "list")
    assert of_the_file(root) == []


def test_a_file_that_was_edited_after_its_trial_is_refused_with_both_hashes(root: Path) -> None:
    file = put(root, MILDER)
    protocol(root, "try", file, "--by", "A. Made-Up")
    edited = MILDER.replace("not_before_day = 60.0", "not_before_day = 30.0")
    put(root, edited)
    with pytest.raises(SiteError) as refused:
        protocol(root, "approve", file, "--by", "B. Made-Up")
    assert Protocol.read(MILDER).sha256[:8] in str(refused.value)
    assert Protocol.read(edited).sha256[:8] in str(refused.value)
    assert listed(root)["approvals"] == []


def test_what_nobody_tried_what_bears_a_used_label_and_what_is_broken_is_not_approved(root: Path) -> None:
    with pytest.raises(SiteError, match=r"ours-2 \(.*\) was never tried on this site"):
        protocol(root, "approve", put(root, MILDER), "--by", "B. Made-Up")
    same = put(root, MILDER.replace("ours-2", "ours-1"))
    for asked in ("try", "approve"):
        with pytest.raises(PolicyChanged, match="another label"):
            protocol(root, asked, same, "--by", "B. Made-Up")
        with pytest.raises(ProtocolUnusable, match=r"\[rules\.guide_duration\] least_dayz"):
            protocol(root, asked, put(root, MILDER.replace("least_days =", "least_dayz =", 1)), "--by", "B. Made-Up")
        put(root, MILDER.replace("ours-2", "ours-1"))
    with pytest.raises(SiteError, match="--by is empty"):
        protocol(root, "try", same, "--by", " ")
    assert (listed(root)["trials"], listed(root)["approvals"]) == ([], [])


def test_a_file_that_cannot_be_read_is_named_and_the_approved_text_judges_on(root: Path) -> None:
    approved(root, root / "protocol" / "own.toml")
    put(root, FIRST + "\n[[[\n")
    nightly(root, as_of=day(22.5))
    assert overdue(root) == ("open", None)
    for page in pages(root, "nl").values():
        assert "Protocolbestand niet bruikbaar: herstellen" in page
        assert "Beoordeeld met ours-1, goedgekeurd door B. Made-Up" in page
    (root / "protocol" / "own.toml").unlink()
    nightly(root, as_of=day(23.5))
    for page in pages(root, "en").values():
        assert f"Protocol file {VERSION} waits for a second person; judged by ours-1" in page, "of the package"
    assert judged_by(root) == ["ours-1"] * 3


CANT_BE_APPROVED = {
    "its label had other content": (
        MILDER.replace("ours-2", "ours-1"),
        "policy_label_used",
        ("bears a label that other content had, and can't be approved: it needs another one", "heeft een naam"),
        "its label was used before: it needs another one",
    ),
    "it can't be read": (
        FIRST + "\n[[[\n",
        "policy_not_read",
        ("The protocol file can't be used: mend it", "Protocolbestand niet bruikbaar: herstellen"),
        "can't be used: mend it",
    ),
}


@pytest.mark.parametrize("why", CANT_BE_APPROVED)
def test_a_file_that_nobody_can_approve_waits_for_nobody_and_what_is_to_be_done_is_said(root: Path, why: str) -> None:
    text, code, in_pages, in_short = CANT_BE_APPROVED[why]
    approved(root, root / "protocol" / "own.toml")
    put(root, text)
    nightly(root, as_of=day(22.5))
    for language, words in zip(("en", "nl"), in_pages, strict=True):
        for page in map(unescape, pages(root, language).values()):
            assert words in page
            assert ("waits for a second person" in page) is ("wacht op een tweede persoon" in page) is False
    ran = [
        CliRunner().invoke(app, [*asked, "--site", str(root)])
        for asked in (["status"], ["alerts", "list", "--lang", "en"], ["doctor"])
    ]
    told = [*(one.stdout for one in ran), protocol(root, "list")]
    (work,) = [line for line in told[0].splitlines() if line.startswith("NOT WELL     protocol: the protocol file")]
    assert in_short in work
    assert f"NOT USED     {'Protocol file ours-1' if code == 'policy_label_used' else in_pages[0]}" in told[0]
    assert in_short in told[1]
    assert in_pages[0] in told[2]
    assert "NOT USED the site's protocol file" in told[3]
    assert [one for one in told if "waits for a second person" in one or "WAITS" in one] == []
    evidence = sites.rows(root, "SELECT evidence FROM alert_events WHERE rule = 'operations' ORDER BY sequence")[-1][0]
    assert json.loads(evidence)["code"] == code
    put(root, FIRST)
    nightly(root, as_of=day(23.5))
    states = sites.rows(root, "SELECT state FROM alert_events WHERE rule = 'operations' ORDER BY sequence")
    assert [row[0] for row in states] == ["open", "resolved"]


def test_a_file_that_waits_and_then_bears_a_used_label_is_said_anew_under_the_same_alert(root: Path) -> None:
    approved(root, root / "protocol" / "own.toml")
    put(root, MILDER)
    nightly(root, as_of=day(22.5))
    put(root, MILDER.replace("ours-2", "ours-1"))
    nightly(root, as_of=day(23.5))
    told = CliRunner().invoke(app, ["alerts", "list", "--lang", "en", "--site", str(root)]).stdout
    assert "its label was used before" in told
    assert "waits for a second person" not in told


def test_a_signature_that_came_after_the_approval_is_shown_and_needs_no_second_one(root: Path) -> None:
    approved(root, root / "protocol" / "own.toml")
    signed = FIRST.replace('owner_signed_by = ""', 'owner_signed_by = "A. Made-Up"')
    put(root, signed.replace('signed_at = ""', "signed_at = 2026-03-01"))
    nightly(root, as_of=day(22.5))
    assert all("not signed" not in page for page in pages(root, "en").values())
    assert of_the_file(root) == []


def test_a_trial_that_is_old_or_of_before_another_approval_is_made_again(root: Path) -> None:
    own = put(root, FIRST)
    other = root / "other.toml"
    other.write_text(MILDER, encoding="utf-8")
    protocol(root, "try", other, "--by", "A. Made-Up")
    approved(root, own)
    with pytest.raises(SiteError, match="another protocol was approved on"):
        protocol(root, "approve", other, "--by", "B. Made-Up")
    told = protocol(root, "try", other, "--by", "A. Made-Up")
    assert "against  ours-1" in told
    assert "NOTE     the site's protocol file holds another one" in protocol(
        root, "approve", other, "--by", "B. Made-Up"
    )
    with pytest.raises(SiteError, match=r"ours-2 is approved already, by B\. Made-Up"):
        protocol(root, "approve", other, "--by", "C. Made-Up")


def test_a_trial_of_more_than_a_week_ago_is_made_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, began = put(root, MILDER), session.now()
    protocol(root, "try", file, "--by", "A. Made-Up")
    monkeypatch.setattr(session, "now", lambda: began + timedelta(days=7, hours=1))
    with pytest.raises(SiteError, match="more than 7 days ago"):
        protocol(root, "approve", file, "--by", "B. Made-Up")
    monkeypatch.setattr(session, "now", lambda: began + timedelta(days=6, hours=23))
    assert "approved ours-2" in protocol(root, "approve", file, "--by", "B. Made-Up")


def test_a_site_without_a_night_can_approve_what_it_begins_with(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    with sites.open_site(tmp_path):
        pass
    told = protocol(tmp_path, "try", put(tmp_path, FIRST), "--by", "A. Made-Up")
    assert "no night is recorded in 30 days: nothing could be counted" in told
    protocol(tmp_path, "approve", tmp_path / "protocol" / "own.toml", "--by", "B. Made-Up")
    nightly(tmp_path, as_of=day(21.5))
    assert judged_by(tmp_path) == ["ours-1"]


def test_a_trial_holds_counts_and_no_patient(root: Path) -> None:
    file = put(root, MILDER)
    tried(root, file, by="A. Made-Up")
    (kept,) = sites.rows(root, "SELECT report FROM protocol_trials")
    assert "SYNTHETIC" not in kept[0]
    assert '"fired"' in kept[0]


def test_a_first_file_of_the_site_is_held_against_the_package_s_that_judged_until_then(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    file = put(tmp_path, MILDER)
    said = protocol(tmp_path, "try", file, "--by", "A. Made-Up")
    assert f"against  {VERSION}" in said
    assert "no_follow_up" in said
    assert "not_before_day" in said
    assert "no key differs" not in said


def test_where_the_nights_were_judged_by_a_text_that_is_not_kept_it_says_so_and_what_to_do(root: Path) -> None:
    said = protocol(root, "try", put(root, MILDER), "--by", "A. Made-Up")
    assert "no key differs" in said
    assert "put its file back and approve it first" in said


def test_a_title_or_a_point_makes_no_second_person(root: Path) -> None:
    file = root / "protocol" / "own.toml"
    protocol(root, "try", file, "--by", "dr. A. Made-Up")
    with pytest.raises(SiteError, match="another person must approve it"):
        protocol(root, "approve", file, "--by", "A made up")


@pytest.mark.parametrize("approved_before", [False, True])
def test_a_restore_ends_with_the_protocol_in_force_and_that_later_approvals_are_gone(
    root: Path, tmp_path_factory: pytest.TempPathFactory, approved_before: bool
) -> None:
    folder, own = tmp_path_factory.mktemp("kept"), root / "protocol" / "own.toml"
    if approved_before:
        approved(root, own)
    kept = back_up(root, folder)
    approved(root, put(root, MILDER), by="C. Made-Up")
    for how in ((), ("--json",)):
        into = folder / f"new{len(how)}"
        done = CliRunner().invoke(app, ["restore", str(kept.folder), "--into", str(into), *how])
        assert done.exit_code == 0, done.output
        if how:
            told = json.loads(done.stdout)["protocol"]
            assert (told["version"], told["approved_by"]) == ("ours-1", "B. Made-Up" if approved_before else None)
            continue
        by = "approved by B. Made-Up on" if approved_before else "the site's file: NOTHING IS APPROVED in this backup"
        now, gone = done.stdout.splitlines()[-2:]
        assert f"protocol in force: ours-1 ({Protocol.read(FIRST).sha256[:8]}), {by}" in now
        assert f"approvals of protocols after {kept.manifest.taken_at.isoformat(sep=' ', timespec='seconds')}" in gone
        assert "GONE" in gone
    checked = CliRunner().invoke(app, ["restore", str(kept.folder), "--verify"])
    assert "protocol" not in checked.stdout, "nothing was restored"


def test_a_restore_of_a_site_whose_protocol_file_is_broken_says_that_nobody_is_judged(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    put(root, FIRST + "\n[[[\n")
    kept = back_up(root, folder)
    done = CliRunner().invoke(app, ["restore", str(kept.folder), "--into", str(folder / "new")])
    assert done.exit_code == 0, done.output
    assert "NOBODY IS JUDGED: " in done.stdout
