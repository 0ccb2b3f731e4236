"""A site that an earlier cmvmon made goes on under today's: its rows, alerts and answers stay, and nothing is said a second time."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.errors import StoreError
from cmvmon.run.asking import queries
from cmvmon.run.backups.backing_up import back_up
from cmvmon.run.backups.rebuilding import rebuild
from cmvmon.run.backups.restoring import restore, verify
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.migrations import frozen
from cmvmon.shell.migrations.frozen import append_only_tables
from cmvmon.shell.rows.schema import METADATA
from cmvmon.shell.store.database import SCHEMA_VERSION
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.calls import here
from tests.run.test_backing_up import mounted
from tests.sites import course, day, drop, falling, stay
from tests.upgrades import before
from tests.upgrades.lived import lived

Tables = dict[str, list[dict[str, Any]]]
KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=[(commit, kind) for commit in before.MOVED for kind in KINDS], ids="-".join)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A site of before, on either database; its last night was that of day 24."""
    commit, kind = request.param
    server = request.getfixturevalue("server") if kind == "postgresql" else None
    return before.site(commit, tmp_path / "site", server=server)


def standings(root: Path) -> dict[str, str]:
    """Every alert by its id: how it stands open, or how it ended."""
    return {
        one["alert_id"]: one["standing"] or one["state"] for one in queries.listed_alerts(root, every=True, lang="en")
    }


def lost(was: Tables, now: Tables) -> list[str]:
    """The tables of which a row is gone, or says something else, though rows are only added to them."""
    named = sorted(set(append_only_tables()) & set(was))
    return [name for name in named if any(row not in as_before(now[name], was[name]) for row in was[name])]


def as_before(rows: list[dict[str, Any]], was: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without the columns that were added since, of which those of before hold nothing."""
    names = set(was[0]) if was else set()
    return [{name: row[name] for name in names} for row in rows]


def added(rows: list[dict[str, Any]], was: list[dict[str, Any]]) -> list[Any]:
    """What stands in the columns that were added since, in the rows of before."""
    plain = as_before(rows, was)
    return [row[name] for row, old in zip(rows, plain, strict=True) if old in was for name in set(row) - set(old)]


def goes_on(root: Path, was: Tables) -> None:
    """Today's nights keep what there was, tell of nobody anew, and judge who comes."""
    before_it = standings(root)
    nightly(root, as_of=day(24.01))
    now = before.tables(root)
    assert lost(was, now) == []
    assert not any(any(added(now[name], was[name])) for name in set(append_only_tables()) & set(was))
    more = [row for row in as_before(now["alert_events"], was["alert_events"]) if row not in was["alert_events"]]
    assert {row["event"] for row in more} <= {"updated"}, "something was opened, ended or answered that was not before"
    assert now["outbox_messages"] == was["outbox_messages"]
    assert standings(root) == before_it
    assert {words.ACKNOWLEDGED, words.SNOOZED, words.NEW, "resolved"} <= set(before_it.values())
    assert [row["rule"] for row in now["rule_switches"]] == ["plasma_does_not_exclude"]
    assert len(now["waiting_records"]) == 1
    assert "dr. A" in sites.page_of(root, _of(root, words.ACKNOWLEDGED))

    known = next(row for row in was["deliveries"] if row["table_name"] == LEADING.name)
    raw = root / "landing" / known["delivery_id"] / "raw"
    drop(root, LEADING.name, raw.read_text("utf-8").splitlines()[1:], name="again.csv")
    drop(root, LEADING.name, falling("SYNTHETIC-NEW", 0.1), name="new.csv")
    drop(root, "antiviral_courses", [course("SYNTHETIC-NEW")], name="new.csv")
    drop(root, "icu_stays", [stay("SYNTHETIC-NEW", bed="S-20")], name="new.csv")
    nightly(root, as_of=day(24.02))
    newer = before.tables(root)
    assert lost(now, newer) == []
    more = [row for row in newer["alert_events"] if row not in now["alert_events"]]
    said = {(row["patient_id"], row["event"]) for row in more if row["event"] != "updated"}
    assert said == {("SYNTHETIC-NEW", "opened")}
    assert len(newer[LEADING.name]) == len(now[LEADING.name]) + 4


def _of(root: Path, standing: str) -> str:
    return next(
        one["patient_id"] for one in queries.listed_alerts(root, every=False, lang="en") if one["standing"] == standing
    )


def test_rows_alerts_answers_and_history_stay_nothing_is_said_again_and_who_comes_is_judged(old: Path) -> None:
    was = before.tables(old)
    assert set(METADATA.tables) - set(was), "it has every table of today already: it shows nothing"
    goes_on(old, was)
    with open_site(old) as opened, opened.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_doctor_moves_it_as_the_page_on_upgrades_says_and_changes_nothing_else(old: Path) -> None:
    was = before.tables(old)
    done = here("doctor", site=old)
    assert "database" in done.stdout, done.stderr
    now = before.tables(old)
    assert set(now) >= set(METADATA.tables)
    assert lost(was, now) == []
    of_before = {name: as_before(rows, was[name]) if was[name] else rows for name, rows in now.items() if name in was}
    assert of_before | {"alembic_version": was["alembic_version"]} == was


def test_it_is_backed_up_before_its_first_night_and_the_backup_goes_on_just_so(old: Path, tmp_path: Path) -> None:
    was = before.tables(old)
    made = back_up(old, tmp_path / "backups")
    verify(made.folder)
    goes_on(old, was)
    restore(made.folder, tmp_path / "restored")
    restored = before.tables(tmp_path / "restored")  # in SQLite, where a moment is a text
    assert {name: len(rows) for name, rows in restored.items()}.items() >= {
        name: len(was[name]) for name in was
    }.items()
    goes_on(tmp_path / "restored", restored)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("commit", before.MOVED)
def test_a_backup_that_the_earlier_program_made_is_restored_and_goes_on(
    commit: str, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = before.backup(commit, tmp_path / "kept")
    manifest = verify(folder)
    url = request.getfixturevalue("server").new_database() if kind == "postgresql" else None
    assert restore(folder, tmp_path / "new", to_database=url) == manifest
    was = before.tables(tmp_path / "new")
    assert {one.table: one.rows for one in manifest.tables}.items() <= {
        name: len(rows) for name, rows in was.items()
    }.items()
    goes_on(tmp_path / "new", was)


def test_a_move_that_fails_half_way_leaves_the_database_as_it_was_and_the_next_one_does_it(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = before.tables(old)
    made = frozen.statements_for

    def broken(name: str, tables: set[str]) -> list[str]:
        return [*made(name, tables), "INSERT INTO no_such_table VALUES (1)"]

    with monkeypatch.context() as patched:
        patched.setattr(frozen, "statements_for", broken)
        with pytest.raises(StoreError, match="refused the work"), open_site(old):
            pytest.fail("it was opened")
    assert before.tables(old) == was
    goes_on(old, was)


@pytest.mark.parametrize("commit", before.REBUILT)
def test_of_one_whose_tables_had_other_columns_every_command_says_so_and_it_is_made_again_from_what_landed(
    commit: str, tmp_path: Path
) -> None:
    root = before.site(commit, tmp_path / "site", server=None)
    was = before.tables(root)
    for command in (("nightly",), ("doctor",), ("backup", "--to", tmp_path / "backups")):
        done = here(*command, site=root)
        assert "made by a cmvmon before its release" in done.stdout + done.stderr, command
        assert "`cmvmon rebuild --into NEW`" in done.stdout + done.stderr
        assert done.returncode != 0
    assert before.tables(root) == was
    with pytest.raises(StoreError, match="before its release"):
        restore(before.backup(commit, tmp_path / "kept"), tmp_path / "restored")
    assert not (tmp_path / "restored").exists()

    rebuild(root, tmp_path / "new")
    nightly(tmp_path / "new", as_of=day(24.01))
    now = before.tables(tmp_path / "new")
    assert len(now[LEADING.name]) == len(was[LEADING.name])
    opened = {row["patient_id"] for row in was["alert_events"] if row["state"] == "open"}
    assert opened & {row["patient_id"] for row in now["alert_events"]}


# What each says of a store that it can't use, by its code. A night that stops says so on the ward's pages, too.
COMMANDS = {
    ("nightly",): 7,
    ("assess",): 7,
    ("report",): 7,
    ("alerts", "list"): 7,
    ("status",): 7,
    ("doctor",): 2,
    ("backup", "--to", "ASIDE"): 7,
}


def said_by(command: tuple[str, ...], root: Path, aside: Path) -> tuple[int, str]:
    done = here(*(str(aside) if word == "ASIDE" else word for word in command), site=root)
    assert "Traceback" not in done.stdout + done.stderr, command
    return done.returncode, done.stdout + done.stderr


def test_a_site_of_a_newer_program_is_refused_by_every_command_in_words_with_its_code_and_stays_as_it_is(
    site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    aside = tmp_path_factory.mktemp("aside")  # the site is the test's own folder
    sites.ward_of_three(site)
    nightly(site, as_of=day(22))
    sites.write(site, "UPDATE alembic_version SET version_num = '9999'")
    waiting = drop(site, LEADING.name, falling("SYNTHETIC-NEW", 0.1), name="new.csv")
    was = before.tables(site), files(site)
    for command, expected in COMMANDS.items():
        code, said = said_by(command, site, aside)
        assert code == expected, (command, said)
        assert f"has schema 9999, made by a newer cmvmon; this one knows {SCHEMA_VERSION}" in said, command
        assert (before.tables(site), files(site)) == was, command
    assert waiting.exists()
    assert not list(aside.glob("*"))


def files(root: Path) -> dict[str, str]:
    """Every file of the site but its database, locks and pages, with the hash of its bytes."""
    own = (path for path in sorted(root.rglob("*")) if path.is_file() and path.parent != root / "pages")
    found = (path for path in own if not path.name.startswith((".", "cmvmon.sqlite")))
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.parametrize("commit", before.MOVED)
def test_on_a_volume_that_is_read_only_it_is_refused_in_words_and_goes_on_once_that_can_be_written(
    commit: str, tmp_path: Path
) -> None:
    kept = before.site(commit, tmp_path / "site", server=None)
    with mounted(tmp_path / "volume", "-o", "size=64m") as volume:
        root = volume / "site"
        shutil.copytree(kept, root)
        was, of_files = before.tables(root), files(root)
        subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True, timeout=20)
        for command in (("nightly",), ("doctor",), ("backup", "--to", "ASIDE")):
            code, said = said_by(command, root, tmp_path / "aside")
            assert code in (2, 7), (command, said)
            assert "read-only" in said.lower(), (command, said)
        assert not list((tmp_path / "aside").glob("*"))
        subprocess.run(["mount", "-o", "remount,rw", str(volume)], check=True, timeout=20)
        assert (before.tables(root), files(root)) == (was, of_files)
        goes_on(root, was)


def test_what_made_the_sites_of_before_still_makes_one(tmp_path: Path) -> None:
    """So that the site of the next release can be made, too."""
    lived(tmp_path / "site", tmp_path / "backups")
    was = before.tables(tmp_path / "site")
    assert {row["state"] for row in was["alert_events"]} == {"open", "resolved"}
    goes_on(tmp_path / "site", was)
