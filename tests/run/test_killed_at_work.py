"""Killed by SIGKILL at the moments that matter: verdicts and alerts, pages, messages to people, and a backlog are whole afterwards, and
nothing is done twice.

Judging: at each row that it writes, and each commit. Pages: at each call by which a page gets onto the disk. Messages: before the mail server has one, between its answer and the note of it,
and after that. A backlog: again and again while it is taken in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.dml import UpdateBase

from benchmarks import feed_backlog
from cmvmon.data_contracts import gate
from cmvmon.run.deliveries.inbox_taking import MOST_MESSAGES, take_in_inbox, waits
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.judging import assessing
from cmvmon.run.messages.sending_waiting import Told
from cmvmon.run.messages.telling import tell
from cmvmon.run.nightly.night import assess_step, nightly, take_in_step
from cmvmon.run.nightly.page_report import report_pages
from cmvmon.run.pages.page_files import PageFiles
from cmvmon.shell.basis import files
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing import outbox, sending
from cmvmon.shell.work.opening import held, open_site
from tests import sites
from tests.depth import LONG, examples
from tests.killing import Deadly, begun, was_killed
from tests.listen import listening
from tests.servers import mail_server
from tests.sites import day, rows
from tests.telling.telling_site import a_ward, notify, says

# --- judging (row 4)

AGAIN = day(24)
LAST_STEP = 20  # the last commit; the first step is the computing
STEPS = range(1, LAST_STEP + 1) if LONG else (1, 2, 8, LAST_STEP)


def judged_killed(root: Path, which: int, how: str) -> None:
    """The judging of a night, killed while it computes, or at one of the statements that write and the commits that end them."""
    deadly = Deadly(which, after=how == "after")
    execute = sa.Connection.execute

    def executed(connection: sa.Connection, statement: Any, *given: Any, **named: Any) -> Any:
        call = deadly.at(execute) if isinstance(statement, UpdateBase) else execute
        return call(connection, statement, *given, **named)

    computing = patch.object(assessing, "assess", deadly.at(assessing.assess))
    writing = patch.object(sa.Connection, "execute", executed)
    committing = patch.object(DefaultDialect, "do_commit", deadly.at(DefaultDialect.do_commit))
    with patch.object(gate, "gate", gate.live_gate), writing, committing, computing:
        assess_step(root, as_of=AGAIN)


@pytest.fixture(scope="module")
def to_be_judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with alerts of a night before, and results since then by which one of them ends, one goes on and one begins."""
    root = tmp_path_factory.mktemp("judging") / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    sites.drop(root, "viral_load_results", sites.falling("SYNTHETIC-NEW", 0.3), name="two.csv")
    sites.drop(root, "viral_load_results", [sites.result("SYNTHETIC-ONE", 23, 500)], name="three.csv")
    take_in_step(root, as_of=AGAIN)
    return root


def test_killed_anywhere_in_judging_the_next_one_says_the_same_under_the_same_alert_ids(
    to_be_judged: Path, tmp_path: Path
) -> None:
    shutil.copytree(to_be_judged, never_killed := tmp_path / "never")
    assess_step(never_killed, as_of=AGAIN)
    due, before = sites.everything(never_killed), sites.everything(to_be_judged)
    wrong, whole = [], 0
    for which, how in [(n, "before") for n in STEPS] + [(LAST_STEP, "after")]:
        root = tmp_path / f"{which}-{how}"
        shutil.copytree(to_be_judged, root)
        assert was_killed(judged_killed, root, which, how), which
        found = sites.everything(root)
        whole += found == due
        wrong += [(which, how, "half recorded")] if found not in (before, due) else []
        assess_step(root, as_of=AGAIN)
        wrong += [(which, how, "another end")] if sites.everything(root) != due else []
        shutil.rmtree(root)
    assert wrong == []
    assert 0 < whole < 4, "of a few kills at the end everything is recorded, of the others nothing"
    assert not was_killed(judged_killed, shutil.copytree(to_be_judged, tmp_path / "all"), LAST_STEP + 1, "before")
    ids, of_before = (
        dict(rows(one, "SELECT alert_id, state FROM alert_events ORDER BY sequence"))
        for one in (never_killed, to_be_judged)
    )
    assert of_before.keys() < ids.keys(), "no alert began, or none went on: nothing would be seen"
    assert "resolved" in ids.values()


# --- pages (row 5)

Pages = dict[str, bytes]


def shown(folder: Path) -> Pages:
    """Every file of the pages that a reader may open, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name[0] != "."}


def written(folder: Path, pages: Pages) -> None:
    """Those pages as a publishing writes them."""
    of_folder = PageFiles(folder, remembers=True)
    for name, data in pages.items():
        of_folder.page(name, hashlib.sha256(data).hexdigest(), data.decode)
    of_folder.finish()


def written_killed(folder: Path, pages: Pages, which: int, how: str) -> None:
    """Writes them, and is killed at one of the calls that make a file, sync it, name it, or sync its folder."""
    with _deadly(which, how):
        written(folder, pages)


def report_killed(root: Path, which: int) -> None:
    """`cmvmon report`, killed when a page is about to get its name."""
    with patch.object(files.os, "replace", Deadly(which).at(os.replace)):
        report_pages(root, patient=None, lang=None)


def _deadly(which: int, how: str) -> Any:
    deadly = Deadly(which, after=how == "after")

    def half_there(handle: int) -> None:
        """The disk has half of what is being synced, as when the power failed."""
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.ftruncate(handle, os.fstat(handle).st_size // 2)

    if how == "half written":
        return patch.object(files.os, "fsync", deadly.at(os.fsync, half_there))
    return patch.multiple(files.os, **{name: deadly.at(getattr(os, name)) for name in ("open", "fsync", "replace")})


@pytest.fixture(scope="module")
def judged_again(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pages, Pages]:
    """A site that was judged again since its pages were written, its pages of before, and those that are due."""
    root = tmp_path_factory.mktemp("pages") / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(22))
    shutil.copytree(root / "pages", of_before := root.parent / "before")
    sites.drop(root, "viral_load_results", [sites.result("SYNTHETIC-ONE", 23, 500)], name="two.csv")
    nightly(root, as_of=day(24))
    report_pages(root, patient=None, lang=None)
    new = shown(root / "pages")
    shutil.rmtree(root / "pages")
    of_before.rename(root / "pages")
    old = shown(root / "pages")
    assert sum(old.get(name) != data for name, data in new.items()) > 4
    return root, old, new


@pytest.mark.parametrize("how", ["before", "after", "half written"])
def test_killed_at_any_call_that_writes_a_page_each_page_is_the_old_one_or_the_new_one(
    how: str, judged_again: tuple[Path, Pages, Pages], tmp_path: Path
) -> None:
    root, old, new = judged_again
    left = mixed = which = 0
    is_killed = True
    while is_killed:
        which += 1
        pages = tmp_path / str(which)
        shutil.copytree(root / "pages", pages)
        is_killed = was_killed(written_killed, pages, new, which, how)
        found = shown(pages)
        assert {name for name, data in found.items() if data not in (old.get(name), new.get(name))} == set(), which
        assert old.keys() <= found.keys(), which
        left += bool(files.unfinished(pages))
        mixed += found not in (old, new)
        written(pages, new)
        assert shown(pages) == new, which
        shutil.rmtree(pages)
    assert found == new
    assert which > sum(old.get(name) != data for name, data in new.items()), "not at every file"
    assert left, "no kill left anything half written: nothing was tried"
    assert mixed, "no kill fell between two pages"


def test_a_report_that_is_killed_leaves_pages_whole_the_next_one_ends_it_and_the_night_clears_away(
    judged_again: tuple[Path, Pages, Pages], tmp_path: Path
) -> None:
    prepared, old, new = judged_again
    root = tmp_path / "site"
    shutil.copytree(prepared, root)
    assert was_killed(report_killed, root, 4)
    found = shown(root / "pages")
    assert {name for name, data in found.items() if data not in (old.get(name), new.get(name))} == set()
    assert found not in (old, new)
    assert files.unfinished(root / "pages")
    for path in files.unfinished(root / "pages"):  # nobody can be at work on it any more
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    report_pages(root, patient=None, lang=None)
    assert shown(root / "pages") == new
    nightly(root, as_of=day(25))
    assert files.unfinished(root / "pages") == []


# --- messages (row 6)

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
KILLS = {  # what is killed, at which of its calls, before or after it; how many letters there are then, and how many at last
    "before it is sent": (sending, "send", 1, False, 0, 2),
    "between the answer and its note": (sending, "send", 1, True, 1, 3),
    "after its note": (outbox, "note", 4, True, 1, 3),  # within the transaction: it is not noted
    "before the next one's try is noted": (outbox, "note", 5, False, 1, 2),
    "between the answer to the second and its note": (sending, "send", 2, True, 2, 3),
}


def tell_killed(root: Path, kill: str) -> None:
    module, name, which, after, *_ = KILLS[kill]
    with patch.object(module, name, Deadly(which, after=after).at(getattr(module, name))):
        tell(root, at=NOON)


@pytest.mark.parametrize("kill", KILLS)
def test_killed_about_a_mail_server_s_answer_a_message_comes_again_under_its_id_or_not_at_all(
    kill: str, tmp_path: Path
) -> None:
    ward = a_ward(tmp_path)
    for patient in ("SYNTHETIC-A", "SYNTHETIC-C"):  # of two wards: two messages
        says(ward, patient, "alert", NOON)
    at_first, at_last = KILLS[kill][-2:]
    with mail_server() as box:
        notify(ward, port=box.port)
        assert was_killed(tell_killed, ward, kill)
        assert len(box.ids) == at_first
        tell(ward, at=NOON + timedelta(minutes=2))
        assert len(box.ids) == at_last
        assert tell(ward, at=NOON + timedelta(minutes=4)) == Told()
        assert len(box.ids) == at_last
    assert len(set(box.ids)) == 2
    assert {one["Subject"] for one in box.letters} == {
        "cmvmon: 1 new alert, now (ward ICU-A)",
        "cmvmon: 1 new alert, now (a ward that notify.toml does not name)",
    }


# --- a backlog (row 18)


def take_in_all(root: Path) -> None:
    with held(Site(root)), open_site(root) as opened:
        while waits(root):
            take_in_inbox(opened, received_at=datetime.now(UTC))
        assert not take_in_drop(opened, received_at=datetime.now(UTC)).faults


def stored(root: Path) -> int:
    with closing(sqlite3.connect(f"file:{root / 'cmvmon.sqlite'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM viral_load_results").fetchone()[0])


RESULTS = "SELECT accession_number, patient_id, viral_load_iu_per_ml FROM viral_load_results ORDER BY 1"


def test_killed_in_the_middle_of_a_backlog_it_goes_on_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    n = MOST_MESSAGES * examples(1, 5) + 2_500
    root = listening.site(tmp_path / "site")
    with open_site(root):
        pass
    feed_backlog._fill(root, n)
    shutil.copytree(root, whole := tmp_path / "whole")
    kills_between = 0
    for wait_s in (0.1, 0.5, 1.0, 0.0, *[0.3] * examples(2, 20)):
        before, process = stored(root), begun(take_in_all, root)
        deadline = time.monotonic() + wait_s
        while process.is_alive() and ((stored(root) == before and wait_s == 0.0) or time.monotonic() < deadline):
            time.sleep(0.01)
        process.kill()
        process.join()
        kills_between += 0 < stored(root) < n
    assert kills_between, "no kill fell between two deliveries"
    assert not was_killed(take_in_all, root)
    assert not was_killed(take_in_all, whole)
    assert stored(whole) == n
    assert rows(root, RESULTS) == rows(whole, RESULTS)
    assert not waits(root)
