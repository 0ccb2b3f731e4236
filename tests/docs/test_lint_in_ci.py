"""What CI lints, and that the lint finds a loader that makes objects of what it reads, and SQL that is put together from text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUFF = Path(sys.executable).parent / "ruff"
PLANTED = {
    "S301": "import pickle\n\n\ndef read(data: bytes) -> object:\n    return pickle.loads(data)\n",
    "S506": "import yaml\n\n\ndef read(text: str) -> object:\n    return yaml.load(text, Loader=yaml.Loader)\n",
    "S608": "def query(name: str) -> str:\n    return f\"SELECT * FROM patients WHERE name = '{name}'\"\n",
}
SAFE = "import json\n\n\ndef read(text: str) -> object:\n    return json.loads(text)\n"


def found(path: Path, text: str) -> list[str]:
    """The codes that ruff tells of such a file by the settings of the project."""
    path.write_text(text, "utf-8")
    command = [RUFF, "check", "--no-cache", "--output-format", "json", "--config", ROOT / "pyproject.toml", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    return [one["code"] for one in json.loads(done.stdout)]


@pytest.mark.parametrize("code", PLANTED)
def test_such_a_loader_or_query_is_found(code: str, tmp_path: Path) -> None:
    assert found(tmp_path / "planted.py", PLANTED[code]) == [code]
    assert found(tmp_path / "planted.py", SAFE) == []


def test_no_module_of_the_program_is_let_off() -> None:
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    let_off = re.findall(r'^"(.+)" = \[(.*S(?:301|506|608).*)\]$', settings, re.M)
    assert [place for place, _ in let_off] == ["tests/**"]
    files = [
        path for folder in ("cmvmon", "flows", "dashboards", "data_contracts") for path in (ROOT / folder).rglob("*.py")
    ]
    lines = {
        str(path.relative_to(ROOT)): len(re.findall(r"noqa: S(?:301|506|608)", path.read_text("utf-8")))
        for path in files
    }
    # queries of words of their own file; a loader that is derived from the safe one
    assert {name: n for name, n in lines.items() if n} == {
        "cmvmon/shell/incoming/inbox_moves.py": 2,
        "data_contracts/strict.py": 1,
    }


def test_ci_lints_before_it_tests() -> None:
    ran = [line for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines() if line.startswith("make ")]
    assert ran.index("make lint") < ran.index("make test")
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert lint is not None
    assert [line.strip() for line in lint[1].splitlines()] == [
        "@$(BIN)/ruff check .", "@$(BIN)/ruff format --check .", "@$(BIN)/mypy", "@$(BIN)/lint-imports",
    ]  # fmt: skip
