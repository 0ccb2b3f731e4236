"""The two halves of `make test`: beside each other, each with its own tests, and a failure of either is one of both."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import KINDS

ROOT = Path(__file__).parents[2]
# Stands where a program may that starts the tests (`make loopback`), and says what it was asked to start instead of starting it.
SAYS = """
case "$*" in *"not prefect"*) half=spread ;; *) half=flows ;; esac
echo "$half: $*"
touch "$SEEN/$half"
until test -e "$SEEN/spread" && test -e "$SEEN/flows"; do sleep 0.05; done
test "$half" != "$FAILS"
"""


def halves(tmp_path: Path, fails: str) -> subprocess.CompletedProcess[str]:
    """What make makes of the two halves as `make test` starts them. Each waits for the other to have begun."""
    (tmp_path / "says.sh").write_text(SAYS, "utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (each_other,) = re.findall(r"^BESIDE_EACH_OTHER := (.+)$", makefile, re.M)
    assert '\t@$(MAKE) $(BESIDE_EACH_OTHER) spread flows OF="and not long"\n' in makefile
    return subprocess.run(
        ["make", *each_other.split(), "spread", "flows", "OF=and not long", f"FLOWS={tmp_path / 'said'}",
         f"WHERE=sh {tmp_path / 'says.sh'}"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "SEEN": str(tmp_path), "FAILS": fails},
    )  # fmt: skip


@pytest.mark.parametrize("fails", ["", "spread", "flows"])
def test_both_halves_run_at_once_and_make_fails_where_either_does(fails: str, tmp_path: Path) -> None:
    done = halves(tmp_path, fails)
    assert (done.returncode != 0) == bool(fails), done.stdout + done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert "-m not prefect and not long" in said["spread"]
    assert "-m prefect and not long tests/flows" in said["flows"]


def test_no_test_is_of_the_flows_by_its_marker_that_does_not_lie_in_their_folder() -> None:
    """For the half of the flows is that folder: elsewhere it would run nowhere."""
    assert KINDS["prefect"] == ("flows",)
    marked = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"mark\.prefect\b", path.read_text("utf-8")) and path != Path(__file__)
    ]
    assert marked == []
