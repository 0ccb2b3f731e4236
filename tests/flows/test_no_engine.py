"""A night under Prefect where no Prefect server answers: said in words, with what to do, and nothing of it was run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port

CMVMON = Path(sys.executable).parent / "cmvmon"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("PREFECT_API_URL", "the Prefect server that PREFECT_API_URL names did not answer"),
        ("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "Prefect's own server did not answer within 0 s"),
    ],
)
def test_a_prefect_that_does_not_answer_is_told_and_the_same_site_runs_without_it(
    tmp_path: Path, names: str, says: str
) -> None:
    here = {name: text for name, text in os.environ.items() if not name.startswith("PREFECT_")}
    value = f"http://127.0.0.1:{free_port()}/api" if names == "PREFECT_API_URL" else "0"
    site = tmp_path / "site"
    done = subprocess.run(
        [CMVMON, "demo", "--site", site], env={**here, names: value}, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert "the night was not run" in done.stderr
    assert "--plain" in done.stderr
    assert "Traceback" not in done.stderr
    assert "127.0.0.1" not in done.stderr, "the address may hold a password"
    assert not (site / "pages" / "index.html").exists()
    again = subprocess.run(
        [CMVMON, "nightly", "--site", site, "--as-of", "2024-02-12T00:00:00Z"],
        env=here,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert again.returncode == 0, again.stderr
    assert (site / "pages" / "index.html").exists()
