"""The house as it is meant: import contracts that break when they should, a core that needs no orchestrator."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import KINDS

ROOT = Path(__file__).parents[2]
# A reason to be longer than 300 lines: each is one list, read as one.
LONGER = {
    "cmvmon/domain/rows.py": 340,
    "cmvmon/feeds/reasons.py": 310,
    "data_contracts/reading.py": 315,
    "cmvmon/domain/results.py": 360,
    "cmvmon/shell/rows/schema.py": 390,
    "cmvmon/text/languages/nl.py": 560,
    "cmvmon/text/languages/en.py": 560,
}
PACKAGES = ("cmvmon", "flows", "data_contracts", "dashboards")
# What stands at the top: anything else is what a machine made, and was taken in by mistake.
AT_THE_TOP = {*PACKAGES, ".ci", "benchmarks", "deploy", "docs", "examples", "tests"}
VIOLATIONS = {
    "Layers: face, Prefect, joins, edges, core": ("cmvmon/facts/patients.py", "import cmvmon.rules"),
    "Rules read facts, and nothing that makes them": ("cmvmon/rules/suppressed.py", "import cmvmon.kinetics"),
    "Every module of cmvmon has its layer": ("cmvmon/stray.py", "x = 1"),
    "The core knows no orchestrator, database, plot, network or log": ("cmvmon/feeds/times.py", "import logging"),
    "Prefect only in flows": ("cmvmon/run/nightly/night.py", "import prefect"),
    "Great Expectations and pandas only in data_contracts": ("cmvmon/dashboards/figure.py", "import pandas"),
    "Plotly and WeasyPrint only in dashboards": ("cmvmon/run/pages/views.py", "import plotly"),
    "The board judges nothing": ("cmvmon/board/desk.py", "import cmvmon.run.judging.assessing"),
    "Kinetics: nine wings, no circle": ("cmvmon/kinetics/bank/lines.py", "import cmvmon.kinetics.weeks.kernel"),
    "Run: wings, no circle": ("cmvmon/run/health/at_work.py", "import cmvmon.run.pages.views"),
    "Shell: wings, no circle": ("cmvmon/shell/basis/lock.py", "import cmvmon.shell.store.session"),
    "HL7: from bytes to records, and never back": ("cmvmon/feeds/hl7/reader.py", "import cmvmon.feeds.hl7.orders"),
    "FHIR: from JSON to records, and never back": (
        "cmvmon/feeds/fhir/entries.py",
        "import cmvmon.feeds.fhir.observations",
    ),
    "What keeps messages imports nothing that judges or shows": (
        "cmvmon/feeds/fhir/posted.py",
        "import cmvmon.feeds.reasons",
    ),
}


def test_there_is_a_planted_violation_for_each_contract() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'\[\[tool\.importlinter\.contracts\]\]\nname = "([^"]+)"', text)
    assert sorted(named) == sorted(VIOLATIONS)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a house in which every violation is planted at once: one look at it, not one for each."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "cmvmon", folder / "cmvmon", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for place, line in VIOLATIONS.values():
        path = folder / place
        path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{line}\n", encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    return done.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(contract: str, told: str) -> None:
    """And its own line is named under it: no other violation has broken it in its place."""
    assert re.search(rf"^{re.escape(contract)} BROKEN", told, re.M)
    place, line = VIOLATIONS[contract]
    module = place.removesuffix(".py").replace("/", ".")
    named = f"{module} -> {line.removeprefix('import ')} (l." if line.startswith("import ") else f"- {module}\n"
    _, _, under = told.partition(f"\n{contract}\n---")
    assert named in under.partition("\n---")[0]


def test_everything_but_flows_imports_and_runs_a_night_where_flows_and_prefect_can_not_be_imported(
    tmp_path: Path,
) -> None:
    """As after deleting `flows`: every other module is imported, and a site goes from files to an alert and its pages.

    The core's own tests import neither, so what they say of it holds with and without.
    """
    script = """
import importlib, pkgutil, sys
from pathlib import Path
sys.modules["cmvmon.flows"] = sys.modules["prefect"] = None
import cmvmon
for found in pkgutil.walk_packages(cmvmon.__path__, "cmvmon."):
    if ".migrations" not in found.name and found.name != "cmvmon.flows":
        importlib.import_module(found.name)
from cmvmon.run.nightly.night import nightly
from tests import sites
root = Path(sys.argv[1])
sites.ward_of_three(root)
done = nightly(root, as_of=sites.day(21.5))
assert sites.rows(root, "SELECT patient_id FROM alert_events WHERE rule = 'response'") == [("SYNTHETIC-SLOW",)]
print(done.published.written)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 6


def test_every_place_that_is_left_out_of_the_unit_tests_exists() -> None:
    gone = [named for places in KINDS.values() for named in places if not (ROOT / "tests" / named).exists()]
    assert gone == []


def test_no_test_of_the_core_imports_flows_or_prefect() -> None:
    importing = [
        path.relative_to(ROOT / "tests").parts[0]
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"^(from|import) (cmvmon\.flows|prefect)\b", path.read_text(encoding="utf-8"), re.M)
    ]
    # This file, and those of the wheel, name them in the scripts that they run.
    assert set(importing) <= {"flows", "docs", "examples"}


def test_every_source_file_says_what_it_is_for_and_none_is_long_without_a_reason() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(('"""', 'r"""')), path
        assert len(text.splitlines()) <= LONGER.get(str(path.relative_to(ROOT)), 300), path
        assert not re.search(r"utils|helpers|common", path.stem), path


def test_no_folder_that_a_machine_made_stands_in_the_repository() -> None:
    """A warehouse of an engine was once taken in with everything else."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.partition("/")[0] for line in listed.splitlines() if "/" in line} <= AT_THE_TOP


def test_importing_any_module_reads_no_clock_opens_no_socket_and_writes_no_file() -> None:
    """Every module is imported while an audit hook watches what our own lines do at import."""
    script = """
import importlib, pkgutil, sys, time
import cmvmon
names = [m.name for m in pkgutil.walk_packages(cmvmon.__path__, "cmvmon.") if ".migrations" not in m.name]
# Libraries first: what they do at import is theirs. What is left runs only our own lines.
from cmvmon.data_contracts.engine import great_expectations
great_expectations()
import alembic, babel, jinja2, numba, pandas, plotly, polars, prefect, sqlalchemy, typer
import prefect.artifacts, prefect.cache_policies
for name in names:
    importlib.import_module(name)
ours = ("cmvmon",)
for name in [n for n in sys.modules if n.partition(".")[0] in ours]:
    del sys.modules[name]
done = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if "__pycache__" not in str(arguments[0]):  # compiled code, ours and numba's, is kept there
            done.append((event, str(arguments[0])))
    elif event.startswith(("socket.connect", "subprocess.", "os.mkdir", "os.rename", "os.remove")):
        if "__pycache__" not in str(arguments):
            done.append((event, str(arguments)[:80]))
real = time.time
def clock():
    if sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] in ours:
        done.append(("clock", sys._getframe(1).f_globals["__name__"]))
    return real()
time.time = clock
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
assert not done, done
print(len(names))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=180, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout.split()[-1]) > 80
