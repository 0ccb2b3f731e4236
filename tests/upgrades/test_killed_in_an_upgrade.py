"""Killed at any statement of an upgrade, before it and after it: the schema is the old one or the new one, and the next start ends it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmvmon.shell.rows.schema import METADATA
from cmvmon.shell.store.database import SCHEMA_VERSION
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.depth import LONG, one_of
from tests.killing import Deadly, was_killed
from tests.upgrades import before
from tests.upgrades.test_upgrades import goes_on, lost

BEFORE, AFTER = "before_cursor_execute", "after_cursor_execute"


def opened_killed(root: Path, which: int, event: str) -> None:
    """Opens the site, and is killed at a statement that writes; also at the end of the transaction, which is no statement."""
    deadly = Deadly(which)

    def statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if not text.lstrip().upper().startswith(("SELECT", "PRAGMA", "SHOW")):
            deadly.at(lambda: None)()

    sa.event.listen(sa.Engine, event, statement)
    sa.event.listen(sa.Engine, "commit", lambda _: deadly.at(lambda: None)())
    with open_site(root):
        pass


def is_of_today(root: Path) -> bool:
    """Whether every table and column of today is there, and the version says so. Raises AssertionError where one of both is so."""
    engine = sites.database(root)
    try:
        with engine.connect() as connection:
            (version,) = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one()
            is_whole = compare_metadata(MigrationContext.configure(connection), METADATA) == []
    finally:
        engine.dispose()
    assert is_whole == (version == SCHEMA_VERSION), f"between two schemas: {version}"
    return is_whole


def killed_through(root_of: Any, event: str, every: int) -> tuple[int, int]:
    """Kills at each statement in turn; how many kills left the old schema, and how many the new one."""
    ends = {True: 0, False: 0}
    which = 1
    while True:
        root = root_of(which)
        was = before.tables(root)
        is_killed = was_killed(opened_killed, root, which, event)
        is_new = is_of_today(root)
        if not is_killed:
            assert is_new
            goes_on(root, was)
            return ends[False], ends[True]
        ends[is_new] += 1
        if not is_new:
            assert before.tables(root) == was, which
        with open_site(root):
            pass
        assert is_of_today(root)
        assert lost(was, before.tables(root)) == []
        which += every


@pytest.mark.parametrize("event", one_of([BEFORE, AFTER], place=1))
@pytest.mark.parametrize("commit", before.MOVED)
def test_killed_at_any_statement_of_an_upgrade_the_schema_is_the_old_or_the_new_one_and_the_next_start_ends_it(
    commit: str, event: str, tmp_path: Path
) -> None:
    kept = before.site(commit, tmp_path / "kept", server=None)

    def root_of(which: int) -> Path:
        root = tmp_path / f"{which}"
        shutil.copytree(kept, root)
        return root

    old, _ = killed_through(root_of, event, 1 if LONG else 4)
    assert old > 1, "an upgrade of few statements: nothing was tried"


@pytest.mark.parametrize("commit", before.MOVED)
def test_on_postgresql_it_is_so_too(commit: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("server")

    def root_of(which: int) -> Path:
        return before.site(commit, tmp_path / f"{which}", server=server)

    old, _ = killed_through(root_of, AFTER, 1 if LONG else 15)
    assert old > 0
