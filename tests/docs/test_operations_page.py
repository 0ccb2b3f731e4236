"""The page for whoever keeps a site running: its commands work as they stand there, and it names every alert about the work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from cmvmon.run.checks import metrics
from cmvmon.run.nightly.night import nightly
from cmvmon.text import language
from tests import sites
from tests.docs.page_commands import commands

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
_CODE = re.compile(r"`([a-z0-9_]+)`")


def test_every_alert_about_the_work_stands_on_the_page_once_and_no_other() -> None:
    known = {key.removeprefix("operations.") for key in language("en").sentences if key.startswith("operations.")}
    table = PAGE.split("## What each alert about the work means")[1].split("Told by `notify.toml`")[0]
    named = [code for row in table.splitlines() if row.startswith("| `") for code in _CODE.findall(row.split("|")[1])]
    assert len(known) > 40
    assert sorted(named) == sorted(known)


def test_every_metric_of_a_site_stands_on_the_page(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path)
    told = set(re.findall(r"^# TYPE cmvmon_(\w+) ", metrics.text(tmp_path).decode(), re.M))
    rows = PAGE.split("| metric (`cmvmon_...`)")[1].split("\n\n")[0]
    named = set(re.findall(r"`([a-z_]+)[{`]", rows))
    named |= {f"people_messages_{end}" for end in re.findall(r"`\.\.\._([a-z_]+)`", rows)}
    missing = (
        told - named - {"info", "looked_at_timestamp_seconds", "last_assessed_timestamp_seconds", "inbox_readable"}
    )
    assert len(told) > 20
    assert missing == set()


def test_the_commands_of_the_page_back_up_check_and_restore_a_site(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path / "site")
    nightly(tmp_path / "site")
    shown = [command for command, _ in commands(re.sub(r"```cron.*?```", "", PAGE, flags=re.S))]
    assert len(shown) == 3
    for command in shown:
        kept = next((tmp_path / "backups").iterdir()) if (tmp_path / "backups").exists() else tmp_path
        program, *arguments = shlex.split(command.replace("BACKUP", str(kept)))
        done = subprocess.run(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), command
    assert sites.everything(tmp_path / "new") == sites.everything(tmp_path / "site")
