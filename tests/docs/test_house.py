"""The house as it is meant: import contracts that break when they should, a core that needs no orchestrator."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A reason to be longer than 300 lines: each is one list, read as one.
LONGER = {"cmvmon/domain/rows.py": 310, "cmvmon/text/languages/nl.py": 400, "cmvmon/text/languages/en.py": 400}
PACKAGES = ("cmvmon", "flows", "data_contracts", "dashboards")
VIOLATIONS = {
    "Layers: face, Prefect, joins, edges, core": ("cmvmon/rules/suppressed.py", "import cmvmon.kinetics"),
    "Every module of cmvmon has its layer": ("cmvmon/stray.py", "x = 1"),
    "The core knows no orchestrator, database, plot, network or log": ("cmvmon/feeds/times.py", "import logging"),
    "Prefect only in flows": ("cmvmon/run/night.py", "import prefect"),
    "Great Expectations and pandas only in data_contracts": ("dashboards/figure.py", "import pandas"),
    "Plotly only in dashboards": ("cmvmon/run/views.py", "import plotly"),
}


def test_there_is_a_planted_violation_for_each_contract() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'\[\[tool\.importlinter\.contracts\]\]\nname = "([^"]+)"', text)
    assert sorted(named) == sorted(VIOLATIONS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    place, line = VIOLATIONS[contract]
    path = tmp_path / place
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{line}\n", encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert f"{contract} BROKEN" in done.stdout or "stray" in done.stdout + done.stderr


def test_the_core_tests_are_green_without_flows(tmp_path: Path) -> None:
    """Where `flows` can't be imported, as after deleting it, rules, store and analysis work as before."""
    (tmp_path / "without_flows.py").write_text("import sys\nsys.modules['flows'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "without_flows", "tests/rules", "tests/run/test_analysis.py"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_every_source_file_says_what_it_is_for_and_none_is_long_without_a_reason() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(('"""', 'r"""')), path
        assert len(text.splitlines()) <= LONGER.get(str(path.relative_to(ROOT)), 300), path
        assert not re.search(r"utils|helpers|common", path.stem), path


def test_importing_any_module_reads_no_clock_and_starts_nothing() -> None:
    """Every module can be imported in one fresh process that forbids opening sockets and writing files."""
    script = (
        "import importlib, pkgutil, socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('a socket was opened at import')\n"
        "socket.socket.connect = refuse\n"
        "import cmvmon\n"
        "names = [m.name for m in pkgutil.walk_packages(cmvmon.__path__, 'cmvmon.') if '.migrations' not in m.name]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(len(names))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50
