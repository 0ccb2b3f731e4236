"""The main ways through the program, where nothing but loopback is, and no program asks for any other address or name."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests import allowed, loopback, sites
from tests.flows.serving import CMVMON

# Python's own notes of what is connected to and which names are looked up, by every process that is started: an attempt that
# fails in silence counts too.
EAR = """
import os, sys
def hear(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        asked = args[1][0]
    elif event == "socket.getaddrinfo":
        asked = args[0]
    else:
        return
    if str(asked) not in ("127.0.0.1", "::1", "localhost", "", "None", "0.0.0.0"):
        with open(os.environ["ASKED"], "a") as file:
            file.write(f"{event} {asked}\\n")
sys.addaudithook(hear)
"""
WAYS = """
import sys
from pathlib import Path
from cmvmon.run.nightly.night import nightly
from cmvmon.run.daytime.watching import Watch
from tests.listen import listening
from tests.sites import rows

site = Path(sys.argv[1])
nightly(site)
listening.site(site)
with listening.started(site) as listener, listening.connected(listener.port) as line:
    line.sendall(listening.framed(listening.result("LOOP")))
    assert b"MSA|AA" in listening.answers(line, 1)[0]
    assert listener.stop() == 0
look = Watch(site).look()
assert look is not None and look.published is not None
assert rows(site, "SELECT count(*) FROM viral_load_results WHERE feed = 'example_hl7'") == [(1,)]
assert "SYNTH-1" in "".join(page.read_text() for page in (site / "pages").glob("*.en.html"))
"""


def run(tmp_path: Path, *command: str, limit_s: float = 900) -> subprocess.CompletedProcess[str]:
    """The command where nothing but loopback is. What was asked for besides stands in `asked`."""
    (tmp_path / "ear").mkdir(exist_ok=True)
    (tmp_path / "ear" / "sitecustomize.py").write_text(EAR, "utf-8")
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    given = kept | {"PYTHONPATH": f"{tmp_path / 'ear'}:{root}", "ASKED": str(tmp_path / "asked")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.loopback", *command],
        capture_output=True, text=True, check=False, timeout=limit_s, env=given, cwd=root,
    )  # fmt: skip
    if done.returncode == loopback.MAY_NOT:
        allowed.missing("NAMESPACE", done.stderr.strip())
    return done


def asked(tmp_path: Path) -> str:
    file = tmp_path / "asked"
    return file.read_text("utf-8") if file.exists() else ""


def test_there_an_address_outside_is_not_reached_and_the_ear_hears_who_asks(tmp_path: Path) -> None:
    tries = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    done = run(tmp_path, sys.executable, "-c", tries)
    assert "Network is unreachable" in done.stderr
    assert "socket.connect 192.0.2.1" in asked(tmp_path)
    with socket.create_server(("127.0.0.1", 0)):  # this process is where it was
        pass


def test_a_night_a_message_a_watch_and_its_pages_ask_for_nothing_outside(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path / "site")
    done = run(tmp_path, sys.executable, "-c", WAYS, str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert asked(tmp_path) == ""


def test_the_demo_under_prefect_asks_for_nothing_outside(tmp_path: Path) -> None:
    """Prefect's and Great Expectations' telemetry are off, and no page or font is fetched."""
    done = run(tmp_path, str(CMVMON), "demo", "--site", str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "pages: " in done.stdout
    assert asked(tmp_path) == ""
