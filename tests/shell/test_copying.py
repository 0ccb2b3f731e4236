"""A site moves from one database to the other by one command: every row is kept, and new rows go on after them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.run.backups.moving import copy_to
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.folder.site import Site
from cmvmon.shell.keeping import copying
from cmvmon.shell.keeping.copying import Copied
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, result

SLASH = "é ' \" \\ %s 漢"


def filled(root: Path) -> None:
    """Deliveries with every kind of value: nulls, truths, texts that need care, moments, loads."""
    lines = [
        result("SYNTHETIC-1", 0, 1234.5),
        result("SYNTHETIC-2", 0, SLASH),
        result("SYNTHETIC-1", 7, "Not detected"),
    ]
    path = sites.drop(root, "viral_load_results", lines)
    stays = sites.drop(root, "icu_stays", [sites.stay("SYNTHETIC-1")])
    with open_site(root) as opened:
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(9), is_history=True)
        take_in_file(opened, stays, feed="synthetic", table="icu_stays", received_at=day(9))


def url(root: Path) -> str:
    return Site(root).database.render_as_string(hide_password=False)


@pytest.fixture
def other(request: pytest.FixtureRequest, site: Path, tmp_path: Path) -> Path:
    """A site without a row on the other kind of database."""
    if (site / "settings.toml").exists():
        return tmp_path / "other"
    return Path(request.getfixturevalue("site_on_postgresql"))


def test_a_store_is_copied_whole_to_the_other_kind_of_database_and_works_there(site: Path, other: Path) -> None:
    filled(site)
    Site(other).prepare()
    copied = {one.table: one.rows for one in copy_to(site, url(other))}
    assert (copied["viral_load_results"], copied["quarantined_records"], copied["icu_stays"]) == (2, 1, 1)
    assert sites.everything(other) == sites.everything(site)
    shutil.copytree(site / "landing", other / "landing", dirs_exist_ok=True)
    more = sites.drop(other, "viral_load_results", [result("SYNTHETIC-3", 8, 700)], name="more.csv")
    again = site / "drop" / "synthetic" / "viral_load_results" / "one.csv"
    with open_site(other) as opened:
        (known,) = take_in_file(opened, again, feed="synthetic", table="viral_load_results", received_at=day(10))
        (new,) = take_in_file(opened, more, feed="synthetic", table="viral_load_results", received_at=day(10))
    assert (known.was_known, new.accepted) == (True, 1)
    assert sorted(sites.rows(other, "SELECT version_number FROM viral_load_results")) == [(1,), (2,), (3,)]


def test_a_target_that_holds_a_row_or_is_the_site_itself_is_refused(site: Path, other: Path) -> None:
    filled(site)
    Site(other).prepare()
    filled(other)
    before = sites.everything(other)
    with pytest.raises(SiteError, match=r"not empty \(deliveries, icu_stays"):
        copy_to(site, url(other))
    with pytest.raises(SiteError, match="that the site has now"):
        copy_to(site, url(site))
    assert sites.everything(other) == before


def test_a_copy_that_differs_is_not_kept(site: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(site)
    Site(other).prepare()
    real: Callable[..., Copied] = copying.content
    seen: list[Copied] = []

    def one_row_is_lost(connection: object, table: object) -> Copied:
        seen.append(real(connection, table))
        return Copied(seen[-1].table, seen[-1].rows - (len(seen) % 2 == 0), seen[-1].content)

    monkeypatch.setattr(copying, "content", one_row_is_lost)
    with pytest.raises(StoreError, match="differs after it was copied"):
        copy_to(site, url(other))
    assert {len(rows) for name, rows in sites.everything(other).items() if name != "alembic_version"} == {0}


def test_the_command_says_what_it_copied_and_shows_no_password(site: Path, other: Path) -> None:
    filled(site)
    Site(other).prepare()
    runner = CliRunner()
    done = runner.invoke(app, ["store", "copy", "--to", url(other), "--site", str(site)], catch_exceptions=False)
    assert "every table is the same on both sides" in done.stdout
    refused = runner.invoke(app, ["store", "copy", "--to", "mysql://me:MARKED-SECRET@h/d", "--site", str(site)])
    assert "not a database that cmvmon knows" in str(refused.exception)
    assert "MARKED-SECRET" not in f"{refused.exception!r}{refused.output}"
