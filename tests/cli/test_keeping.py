"""The commands that keep a site at work, as a person and a monitor meet them: what they say, their codes, and how they stop."""

from __future__ import annotations

import inspect
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from cmvmon.cli import app
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.health import at_work, nights
from cmvmon.run.nightly import night
from cmvmon.shell.basis.lock import only_run
from tests import sites
from tests.calls import CMVMON, here, run
from tests.sites import drop, falling, rows


@contextmanager
def started(*words: str | Path, site: Path) -> Iterator[subprocess.Popen[str]]:
    """A command at work, which is killed at the end if it is still there."""
    process = subprocess.Popen(
        [str(CMVMON), *map(str, words), "--site", str(site)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_hears_ctrl_c,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _hears_ctrl_c() -> None:
    """Also where the tests were started in the background of a shell, which has whatever it starts there ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait(ready: object, limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not ready in {limit_s} s"
        time.sleep(0.1)


def _is_kept(site: Path, lock: str) -> bool:
    """Whether somebody else holds or waits for that lock."""
    if not (site / lock).exists():
        return False
    try:
        with only_run(site / lock):
            return False
    except Exception:  # noqa: BLE001 - that it is kept
        return True


@pytest.fixture
def site(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("later", "code"), [(0, 0), (25, 0), (27, 2)])
def test_status_has_a_code_for_a_monitor_by_the_age_of_the_last_night(
    one_night: Path, later: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the store alone: neither Prefect nor a page in a browser is asked."""
    monkeypatch.setattr(nights, "now", lambda: datetime.now(UTC) + timedelta(hours=later))
    found = json.loads(_said("status", "--json", site=one_night, code=code, capsys=capsys))
    assert (found["is_overdue"], found["is_at_work"]) == (code == 2, code == 0)
    assert (found["next_night"], found["is_serving"], found["is_watching"]) == (None, False, False)
    assert datetime.now(UTC) - datetime.fromisoformat(found["last_night"]) < timedelta(minutes=10)
    words = _said("status", site=one_night, code=code, capsys=capsys)
    assert ("MISSING" in words) is (code == 2)
    (finding,) = (found for found in checkup(one_night, example=lambda: ()) if found.what == "nights")
    assert (finding.state, "no night since" in finding.words) == (("note", True) if code == 2 else ("ok", False))


def _said(*words: str, site: Path, code: int, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        app([*words, "--site", str(site)])
    assert ended.value.code == code
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose night ended a moment ago."""
    root = tmp_path_factory.mktemp("site")
    sites.ward_of_three(root)
    night.nightly(root)
    return root


def test_status_of_a_site_without_a_night_says_so_and_is_not_well(site: Path) -> None:
    done = run("status", site=site)
    assert done.returncode == 2
    assert "last night   none yet" in done.stdout


def test_status_tells_a_feed_that_waits_by_another_code_and_names_the_cause(site: Path) -> None:
    drop(site, "viral_load_results", [], name="strange.csv", feed="nowhere")
    assert here("nightly", site=site).returncode == 0
    done = here("status", site=site)
    assert done.returncode == 3
    assert "NOT WELL     nowhere: laboratory file or table file missing or not usable, since " in done.stdout
    assert json.loads(here("status", "--json", site=site).stdout)["stopped"][0]["code"] == "laboratory_file"


def test_status_tells_of_a_refused_delivery_also_after_a_good_one_came(site: Path) -> None:
    bad = drop(site, "viral_load_results", [], name="a_bad.csv")
    bad.write_text('patient_id,"never closed\n', encoding="utf-8")
    sites.lain_still(bad)
    drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="b_good.csv")
    for _ in range(2):  # also a night later, where nothing new was refused
        night = here("nightly", site=site)
        assert night.returncode == 0
        *_, last = night.stdout.splitlines()
        assert last.startswith(
            "waits    in quarantine: 1, 1 of them whole deliveries that are not used; of synthetic; for s"
        )
    done = here("status", site=site)
    assert (done.returncode, "NOT TAKEN IN 1 landed" in done.stdout) == (3, True)
    assert "; 5 deliveries of tables in 24 h" in done.stdout
    assert json.loads(here("status", "--json", site=site).stdout)["n_never_taken_in"] == 1


def test_status_tells_what_runs_here(site: Path) -> None:
    with at_work.only_one(site, at_work.WATCH), at_work.only_one(site, at_work.SERVE):
        found = json.loads(here("status", "--json", site=site).stdout)
    assert (found["is_serving"], found["is_watching"]) == (True, True)
    assert datetime.fromisoformat(found["next_night"]).strftime("%H:%M") == "05:30"


def test_a_second_watch_on_a_site_is_refused(site: Path) -> None:
    with at_work.only_one(site, at_work.WATCH):
        done = run("watch", site=site)
    assert done.returncode == 6
    assert "runs on this site already" in done.stderr


STOPPED = "stopped; what was taken in is assessed, and the next start goes on from here\n"


def test_watch_stops_as_cleanly_when_it_is_told_to_end(tmp_path: Path) -> None:
    root = tmp_path / "icu"
    assert here("init", root).returncode == 0
    with started("watch", site=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"watching {root}/drop; stop with Ctrl-C\n"
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, STOPPED)
    assert "Traceback" not in errors


def test_watch_says_a_line_per_delivery_and_stops_cleanly(site: Path) -> None:
    with started("watch", site=site) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        assert lines[0] == f"watching {site}/drop; stop with Ctrl-C\n"
        assert [line.split(":")[0] for line in lines[1:4]] == [
            "take in  synthetic/antiviral_courses",
            "take in  synthetic/icu_stays",
            "take in  synthetic/viral_load_results",
        ]
        assert lines[4].startswith("refresh  as of ")
        assert "3 patients" in lines[4]
        drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
        lines = [process.stdout.readline() for _ in range(2)]
        assert "received 4 = accepted 4" in lines[0]
        assert "1 patients" in lines[1]
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, STOPPED)
    assert "Traceback" not in errors
    assert rows(site, "SELECT count(DISTINCT patient_id) FROM assessed_patients") == [(4,)]


def test_watch_prints_no_delivered_escape(site: Path) -> None:
    drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), feed="\x1b[2Jfeed")
    with started("watch", site=site) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "NOT READ" in line)
    assert "\x1b" not in line
    assert "\\x1b[2Jfeed" in line


def test_ctrl_c_during_a_night_says_what_stands_without_a_traceback(site: Path) -> None:
    with only_run(site / ".nightly.lock"), started("nightly", site=site) as process:
        _wait(lambda: _is_kept(site, ".nightly.lock.door"))
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert errors.strip() == "cmvmon: stopped: what was taken in stands; nothing was assessed"
    assert not (site / "cmvmon.sqlite").exists()


@pytest.mark.parametrize(
    ("step", "stands"),
    [
        ("take_in_drop", "what was taken in stands; nothing was assessed"),
        ("assess_site", "what was taken in stands; nothing of it was assessed"),
        ("publish", "what was taken in and assessed stands; `cmvmon report` writes the pages that are still of before"),
    ],
)
def test_ctrl_c_says_which_steps_of_a_night_stand(
    site: Path, step: str, stands: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(night, step, _interrupted)
    with pytest.raises(SystemExit) as ended:
        app(["nightly", "--site", str(site)])
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip() == f"cmvmon: stopped: {stands}"
    (n_taken_in,), (n_assessed,) = (
        rows(site, f"SELECT count(*) FROM {table}")[0] for table in ("deliveries", "assessments")
    )
    assert (n_taken_in > 0, n_assessed > 0) == (step != "take_in_drop", step == "publish")


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_during_any_command_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command of the face and of its groups, interrupted when it begins."""
    built = inspect.unwrap(
        typer.main.get_command
    )  # not the tree that tests/conftest.py keeps: these commands are others
    monkeypatch.setattr(typer.main, "get_command", built)
    groups: list[tuple[list[str], typer.Typer]] = [([], app)]
    groups += [([str(group.name)], group.typer_instance) for group in app.registered_groups if group.typer_instance]
    names: list[list[str]] = []
    for above, instance in groups:
        for command in instance.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            names.append([*above, name])
            monkeypatch.setattr(command, "name", name)
            monkeypatch.setattr(command, "callback", _interrupted_command)
    assert len(names) > 25
    for words in names:
        with pytest.raises(SystemExit) as ended:
            app(words)
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (130, ""), words
        assert said.err.startswith("\ncmvmon: stopped: "), words


def _interrupted_command() -> None:
    raise KeyboardInterrupt


def test_the_night_prints_the_alerts_about_the_work_that_stand_open(tmp_path: Path) -> None:
    """Else a night after which nobody is judged by the site's own file looks like a quiet one in the mail of a scheduler."""
    drop(tmp_path, "icu_stays", [sites.stay("SYNTHETIC-1")])
    assert "NOT WELL" not in here("nightly", site=tmp_path).stdout
    (tmp_path / "drop" / "viral_load_results.csv").write_bytes("patiënt".encode("cp1252"))
    told = here("nightly", site=tmp_path).stdout
    assert re.search(r"^NOT WELL     .+, since \d{4}-\d\d-\d\d \d\d:\d\d", told, re.M), told
