"""What every test run needs: no telemetry, Prefect's files apart, the kind of every test, and sites on each database."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.testing
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from cmvmon.domain.one_thread import in_one_thread
from tests import allowed, postgresql
from tests import demo_run as demo_runs
from tests.depth import LONG
from tests.memory import in_memory
from tests.spread import ByGroup, group_of, turn

if (memory := in_memory()) is not None:  # of every process of a run: the first one says so to those that it starts
    os.environ.setdefault("TMPDIR", str(memory))
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", os.environ["TMPDIR"])  # one place: a bundle is copied by links
    tempfile.tempdir = None
# Set before anything imports Prefect or Great Expectations, which read them once.
_prefect = tempfile.mkdtemp(prefix="cmvmon-prefect-")
atexit.register(shutil.rmtree, _prefect, ignore_errors=True)
os.environ.update(
    {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": _prefect,
        "GX_ANALYTICS_ENABLED": "false",
    }
)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every program that a test starts compiles its libraries again
sys.dont_write_bytecode = False
os.environ.pop("CMVMON_SITE", None)

# The tree of commands is built once in a process, not for every command that is called in it: 45 ms of processor each.
typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)

# No example is failed for its time: the machine may be busy. In CI a commit is tried with the same examples each time,
# so that a verdict is about the commit; who runs the tests by hand gets new examples, and adds what they find with `@example`.
settings.register_profile(
    "cmvmon", deadline=None, max_examples=100 if LONG else 50, derandomize="CMVMON_SAME_EXAMPLES" in os.environ
)
settings.load_profile("cmvmon")

TESTS = Path(__file__).parent
# Folders and files whose tests are left out of `make unit`, decided with `pytest --durations`: docs/decisions/0017-suite.md.
KINDS = {
    "dear": (  # of the judging code: `make coverage` runs them, `make unit` does not
        "feeds/test_ndjson.py",
        "kinetics/test_bank_trajectory.py",
        "kinetics/test_noise.py",
        "rules/test_every_rule.py",
        "rules/test_explaining.py",
        "rules/test_together.py",
        "shell/test_copying.py",
    ),
    "prefect": ("flows",),
    "browser": (
        "board/test_in_a_browser.py",
        "docs/test_docs_site_in_a_browser.py",
        "docs/test_ward_tutorial.py",
        "pages/test_in_a_browser.py",
        "pages/test_patient_sheet.py",
        "pages/test_fitted_trajectory.py",
        "pages/test_bad_input_in_a_browser.py",
        "pages/test_board_in_a_browser.py",
        "pages/test_every_page_in_a_browser.py",
        "pages/test_site_pages_in_a_browser.py",
    ),
    "slow": (
        "benchmarks",
        "board",
        "cli",
        "contracts/test_agreement.py",
        "contracts/test_gate.py",
        "contracts/test_mapper.py",
        "contracts/test_whole_table.py",
        "deploy/test_bundle.py",
        "deploy/test_container.py",
        "deploy/test_system_calls.py",
        "docs/test_docs_site.py",
        "docs/test_board_page.py",
        "docs/test_examples.py",
        "docs/test_face.py",
        "docs/test_house.py",
        "docs/test_readme.py",
        "docs/test_tutorials.py",
        "examples",
        "kinetics/test_bank.py",
        "kinetics/test_bank_grid.py",
        "kinetics/test_bank_learning.py",
        "kinetics/test_bank_weeks.py",
        "kinetics/test_concordance.py",
        "kinetics/test_coverage.py",
        "listen",
        "kinetics/test_fit_line.py",
        "kinetics/test_next_sample.py",
        "kinetics/test_noise_estimates.py",
        "kinetics/test_posterior.py",
        "kinetics/test_short_series.py",
        "kinetics/test_weekly_properties.py",
        "pages/test_next_sample.py",
        "pages/test_reading.py",
        "reference",
        "run",
        "shell/test_intake_store.py",
        "simulate",
        "upgrades",
        "workbench",
        "year",
    ),
}
# Of the time of a night of few patients Great Expectations takes four fifths. In these places a night is only the way to what
# is tested, and its promises are judged as those of a live page are, by polars; that both say the same is tested in
# contracts/test_agreement.py. Everywhere else, in these files, and where a test asks for it
# (`judged_as_every_night`), a night is judged as a hospital's is.
NIGHTS_ON_THE_WAY = (
    "benchmarks",
    "board",
    "cases",
    "cli",
    "pages",
    "reference",
    "run",
    "shell",
    "telling",
    "upgrades",
    "year",
)
JUDGED_AS_EVERY_NIGHT = (
    "cli/test_cli.py",
    "run/test_night.py",
    "run/test_stored_contracts.py",
)

# Elsewhere a test asks polars on its own thread, as a night and a new result do (docs/decisions/0085-one-thread.md): a third less time.
ON_ALL_CORES = ("deploy", "flows", "kinetics", "run/test_one_thread.py", "test_spark.py", "workbench")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    place = pyfuncitem.path.relative_to(TESTS).as_posix() if pyfuncitem.path.is_relative_to(TESTS) else ""
    if not any(place == named or place.startswith(f"{named}/") for named in ON_ALL_CORES):
        pyfuncitem.obj = in_one_thread(pyfuncitem.obj)
    return (yield)


@pytest.fixture(autouse=True, scope="module")
def promises_judged_as_live(request: pytest.FixtureRequest) -> Iterator[None]:
    """Judges the promises of nights by polars, in the files where these are only on the way."""
    place = request.path.relative_to(TESTS).as_posix() if request.path.is_relative_to(TESTS) else ""
    with pytest.MonkeyPatch.context() as patched:
        if place.startswith(tuple(f"{folder}/" for folder in NIGHTS_ON_THE_WAY)) and place not in JUDGED_AS_EVERY_NIGHT:
            from cmvmon.data_contracts import gate

            patched.setattr(gate, "of_every_night", gate.gate, raising=False)
            patched.setattr(gate, "gate", gate.live_gate)
        yield


@pytest.fixture
def judged_as_every_night(monkeypatch: pytest.MonkeyPatch) -> None:
    """The promises of this test's nights are judged as a hospital's are, in a file where those of others are on the way."""
    from cmvmon.data_contracts import gate

    monkeypatch.setattr(gate, "gate", gate.of_every_night)  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
        for kind, places in KINDS.items():
            if any(place == named or place.startswith(f"{named}/") for named in places):
                item.add_marker(kind)
        if "postgresql" in item.nodeid or {"server", "site_on_postgresql"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("dear")  # a server is started for them
    items.sort(key=lambda item: turn(group_of(item.nodeid)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("public_data"):
        allowed.public(mark.args[0])


@pytest.fixture(scope="session")
def tracing() -> None:
    """That strace may follow a program and make its system calls fail; skipped where it may not."""
    if not allowed.may_trace():
        allowed.missing("STRACE")


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> demo_runs.DemoRun:
    """The demo as its reader types it, once for all the processes of this run."""
    return demo_runs.of(demo_runs.shared_folder(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server]:
    """A PostgreSQL of this worker's own. Absent: skipped in one line, or failed where CMVMON_REQUIRE_POSTGRESQL=1."""
    programs = postgresql.programs()
    if programs is None:
        if os.environ.get("CMVMON_REQUIRE_POSTGRESQL") == "1":
            pytest.fail(postgresql.WHY_NOT)
        pytest.skip(postgresql.WHY_NOT)
    started = postgresql.Server(programs)
    yield started
    started.stop()


def _on_postgresql(server: postgresql.Server) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        root.mkdir(parents=True, exist_ok=True)
        (root / "settings.toml").write_text(f'database = "{server.new_database()}"\n', encoding="utf-8")
        return root

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def new_site(request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    """Makes a folder the site of an empty database, of the kind that is tried."""
    if request.param == "sqlite":
        return lambda root: root
    return _on_postgresql(request.getfixturevalue("server"))


@pytest.fixture
def site(new_site: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A site without a row, on each kind of database."""
    return new_site(tmp_path)


@pytest.fixture
def site_on_postgresql(server: postgresql.Server, tmp_path: Path) -> Path:
    """A site without a row, on PostgreSQL."""
    return _on_postgresql(server)(tmp_path / "on_postgresql")
