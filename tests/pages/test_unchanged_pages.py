"""A page that would show what it shows is not rendered again; and none survives a change of anything that it is made from.

After each change the site's pages are held against the same ones written into an empty folder, where nothing is remembered.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cmvmon.run.answers import rule_switching
from cmvmon.run.daytime.refresh import pages_again
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages import fingerprints
from cmvmon.run.pages.fingerprints import Fingerprints, files_of, zone
from cmvmon.run.pages.page_files import RECORD
from cmvmon.run.pages.publish import Published, page_of, publish, publish_without_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import held, open_site
from tests import sites
from tests.pages import made_up, made_up_ward
from tests.sites import day

AT = day(22)
N_PAGES = 3 * 2 + 3 + 3 * 2  # three patients, the ward with its index, data, unit and method
PAGE = "SYNTHETIC-SLOW"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("unchanged")
    sites.ward_of_three(root)
    nightly(root, as_of=AT)
    return root


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Path:
    """A site after its night."""
    shutil.copytree(made, tmp_path / "site")
    return tmp_path / "site"


def again(root: Path, as_of: datetime = AT) -> Published:
    """Publishes, and holds every page against those of an empty folder."""
    anew = root / "anew"
    shutil.rmtree(anew, ignore_errors=True)
    with held(Site(root)), open_site(root) as opened:
        assessment = assessed(opened, as_of=as_of)
        done = publish(opened, assessment, as_of=as_of)
        publish(opened, assessment, as_of=as_of, into=anew)
    assert not (anew / RECORD).exists(), "what is shown elsewhere is remembered nowhere"
    written = {path.name: path.read_bytes() for path in anew.iterdir()}
    assert {name: (root / "pages" / name).read_bytes() for name in written} == written
    return done


def test_the_same_moment_again_renders_nothing_and_writes_nothing(site: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (site / "pages").iterdir()}
    done = again(site)
    assert (done.rendered, done.written) == (0, 0)
    assert {path.name: path.stat().st_mtime_ns for path in (site / "pages").iterdir()} == before


def test_a_later_moment_renders_every_page_because_each_says_as_of_when_it_is(site: Path) -> None:
    assert again(site, AT + timedelta(days=1)).rendered == N_PAGES
    assert again(site, AT + timedelta(days=1)).rendered == 0
    assert again(site, AT).rendered == N_PAGES, "only the last publishing is remembered"


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(Path.unlink, id="deleted"),
        pytest.param(lambda page: page.write_bytes(page.read_bytes()[:-1]), id="cut_off"),
        pytest.param(lambda page: page.write_bytes(b""), id="empty"),
        pytest.param(lambda page: page.write_text(page.read_text("utf-8").replace("BAL", "CSF"), "utf-8"), id="edited"),
    ],
)
@pytest.mark.parametrize("which", ["patient", "ward.nl.html", "index.html", "unit.en.html"])
def test_a_file_that_is_not_as_it_was_written_is_made_again(
    site: Path, harm: Callable[[Path], object], which: str
) -> None:
    name = page_of(Site(site), PAGE, "en") if which == "patient" else which
    page = site / "pages" / name
    sound = page.read_bytes()
    page.write_bytes(sound + b"<!-- BAL -->")
    harm(page)
    assert again(site).rendered == 1
    assert page.read_bytes() == sound


@pytest.mark.parametrize(
    "record", ["", "{", "[]", "{}", "null", '{"ward.nl.html": 3}', '{"ward.nl.html": ["x"]}', "\x00", None]
)
def test_a_record_that_is_missing_or_broken_remembers_nothing(site: Path, record: str | None) -> None:
    path = site / "pages" / RECORD
    sound = path.read_bytes()
    if record is None:
        path.unlink()
    else:
        path.write_text(record, "utf-8")
    done = again(site)
    assert (done.rendered, done.written) == (N_PAGES, 0)
    assert path.read_bytes() == sound


def test_a_record_that_says_another_hash_or_another_input_is_not_believed(site: Path) -> None:
    path = site / "pages" / RECORD
    record = json.loads(path.read_text("utf-8"))
    name = page_of(Site(site), PAGE, "nl")
    (site / "pages" / name).write_text("old", "utf-8")
    shows, _ = record[name]
    record[name] = ["0" * 64, hashlib.sha256(b"old").hexdigest()]
    path.write_text(json.dumps(record), "utf-8")
    assert again(site).rendered == 1
    assert json.loads(path.read_text("utf-8"))[name][0] == shows


def test_a_new_result_of_one_patient_renders_hers_and_writes_no_page_of_another(site: Path) -> None:
    alone = {page_of(Site(site), name, code) for name in ("SYNTHETIC-FAST", "SYNTHETIC-ONE") for code in ("nl", "en")}
    before = {name: (site / "pages" / name).stat().st_mtime_ns for name in alone}
    sites.drop(site, "viral_load_results", [sites.result(PAGE, 21.5, 31000)], name="two.csv")
    nightly(site, as_of=AT)
    assert "31,000" in sites.page_of(site, PAGE)
    assert {name: (site / "pages" / name).stat().st_mtime_ns for name in alone} == before
    assert again(site).rendered == 0


def test_settings_that_pages_show_render_them_again(site: Path) -> None:
    settings = site / "settings.toml"
    given = settings.read_text("utf-8") if settings.exists() else ""
    settings.write_text(f'time_zone = "America/New_York"\n{given}', "utf-8")
    assert again(site).rendered == N_PAGES
    settings.write_text(f'language = "en"\ntime_zone = "America/New_York"\n{given}', "utf-8")
    assert again(site).rendered > 0, "the index is in another language"
    assert (site / "pages" / "index.html").read_bytes() == (site / "pages" / "ward.en.html").read_bytes()


def test_a_rule_that_is_switched_off_stands_on_every_page(site: Path) -> None:
    rule_switching.switch(site, "response", is_disabled=True, why="under review", actor="dr. A")
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert again(site, later).rendered == N_PAGES
    assert "under review" in sites.page_of(site, PAGE)


def test_another_program_renders_every_page(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "program", lambda: "another")
    done = again(site)
    assert (done.rendered, done.written) == (N_PAGES, 0)


def test_other_rules_of_a_zone_render_every_page(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "zone", lambda name: f"{name} with other days of summer time")
    assert again(site).rendered == N_PAGES
    monkeypatch.undo()
    assert zone("Europe/Amsterdam") != zone("America/New_York") != zone("UTC")


def test_a_page_that_was_refreshed_between_is_made_again(site: Path) -> None:
    with held(Site(site)), open_site(site) as opened:
        later = AT + timedelta(hours=5)
        publish(opened, assessed(opened, as_of=later), as_of=later, only={PAGE})
    assert again(site).rendered == 5, "her two pages, the ward's two and its index"


def test_a_page_that_says_the_work_was_stopped_is_made_again(site: Path) -> None:
    publish_without_store(Site(site), "database_unusable")
    assert again(site).rendered == 3


def test_pages_again_at_the_same_moment_renders_nothing_where_nobody_said_anything(site: Path) -> None:
    assert pages_again(site, as_of=AT).rendered == 0


def test_any_file_of_the_program_counts(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "patient.html").write_text("{{ age }}", "utf-8")
    (tmp_path / "words.toml").write_text("a = 1", "utf-8")
    seen = [files_of(tmp_path)]
    (tmp_path / "words.toml").write_text("a = 2", "utf-8")
    seen.append(files_of(tmp_path))
    (tmp_path / "templates" / "patient.html").rename(tmp_path / "templates" / "person.html")
    seen.append(files_of(tmp_path))
    (tmp_path / "draw.js").write_text("", "utf-8")
    seen.append(files_of(tmp_path))
    assert len({repr(files) for files in seen}) == 4
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "words.pyc").write_bytes(b"compiled")
    assert files_of(tmp_path) == seen[-1]


def other(value: Any) -> Any:
    """Another value of its kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, datetime | date):
        return value + timedelta(microseconds=1) if isinstance(value, datetime) else value + timedelta(days=1)
    if isinstance(value, pl.DataFrame):
        return value.clear() if value.height else value.rename({value.columns[0]: "another"})
    if isinstance(value, frozenset):
        return value | {"another"}
    if isinstance(value, dict):
        return {**value, "another": "another"}
    if isinstance(value, list | tuple):
        return (*value, "another")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        first = next(field.name for field in dataclasses.fields(value) if field.init)
        return dataclasses.replace(value, **{first: other(getattr(value, first))})
    assert value is None, type(value)
    return "another"


@pytest.mark.parametrize(
    "view", [made_up.slow_patient(), made_up.empty_patient(), made_up_ward.ward()], ids=["patient", "empty", "ward"]
)
def test_every_field_of_a_view_counts(view: Any) -> None:
    told = Fingerprints().of(view, "nl")
    assert told is not None
    assert told == Fingerprints().of(dataclasses.replace(view), "nl") != Fingerprints().of(view, "en")
    for field in dataclasses.fields(view):
        changed = dataclasses.replace(view, **{field.name: other(getattr(view, field.name))})
        assert Fingerprints().of(changed, "nl") != told, field.name


def test_any_cell_of_a_patients_results_counts() -> None:
    view = made_up.slow_patient()
    told = Fingerprints().of(view)
    results = view.results
    for i in range(results.height):
        nudged = results.with_columns(
            pl.when(pl.int_range(pl.len()) == i)
            .then(pl.col("collected_at") + pl.duration(microseconds=1))
            .otherwise("collected_at")
            .alias("collected_at")
        )
        assert Fingerprints().of(dataclasses.replace(view, results=nudged)) != told
    assert Fingerprints().of(dataclasses.replace(view, results=results.clone())) == told


def test_a_value_that_cant_be_told_apart_has_no_fingerprint() -> None:
    assert Fingerprints().of(dataclasses.replace(made_up.slow_patient(), caveats=(object(),))) is None
