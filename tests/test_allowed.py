"""What CI requires is what the machine allows, and a test that is skipped for want of it fails under its switch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import allowed

ROOT = Path(__file__).parents[1]


def test_the_switches_for_ci_are_those_of_what_is_allowed_and_the_others_are_told() -> None:
    """By plain Python, as CI calls it before anything is installed."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(ROOT / "tests" / "allowed.py")],
        capture_output=True, text=True, check=True, timeout=120, cwd="/",
    )  # fmt: skip
    switches = [line.removeprefix("export CMVMON_REQUIRE_").removesuffix("=1") for line in done.stdout.splitlines()]
    told = [line.removeprefix("skipped by name, for ") for line in done.stderr.splitlines()]
    assert len(switches) + len(told) == len(allowed.ASKED)
    assert {allowed.ASKED[switch][1] for switch in switches} | set(told) == {why for _, why in allowed.ASKED.values()}


def test_where_nothing_is_allowed_each_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(allowed, "may_leave_networks", lambda: False)
    allowed.main()
    said = capsys.readouterr()
    for switch in ("STRACE", "MOUNT", "PRLIMIT", "NODE"):
        assert f"REQUIRE_{switch}=" not in said.out
        assert allowed.ASKED[switch][1] in said.err


@pytest.mark.parametrize("switch", allowed.ASKED)
def test_what_is_missing_is_skipped_in_words_and_fails_under_its_switch(
    switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"CMVMON_REQUIRE_{switch}", raising=False)
    with pytest.raises(pytest.skip.Exception, match=allowed.ASKED[switch][1][:20]):
        allowed.missing(switch)
    monkeypatch.setenv(f"CMVMON_REQUIRE_{switch}", "1")
    with pytest.raises(pytest.fail.Exception, match=f"CMVMON_REQUIRE_{switch}=1, and"):
        allowed.missing(switch)


def test_every_switch_that_a_test_looks_at_is_set_by_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert 'switches=$("${PYTHON:-python3}" tests/allowed.py)' in ci
    assert ci.index("make strace node") < ci.index("switches=") < ci.index("\nmake test")
    for switch in ("BROWSER", "POSTGRESQL"):
        assert f"CMVMON_REQUIRE_{switch}=1" in ci


def test_public_data_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMVMON_REQUIRE_PUBLIC_DATA", raising=False)
    monkeypatch.setattr(allowed, "PUBLIC", tmp_path)
    (tmp_path / "there.hl7").touch()
    assert allowed.public("there.hl7") == tmp_path / "there.hl7"
    with pytest.raises(pytest.skip.Exception, match=r"gone\.hl7 is not in the folder of public data"):
        allowed.public("gone.hl7")
    monkeypatch.setattr(allowed, "PUBLIC", tmp_path / "nowhere")
    assert not allowed.has_public_data()
    monkeypatch.setenv("CMVMON_REQUIRE_PUBLIC_DATA", "1")
    with pytest.raises(pytest.fail.Exception, match="the folder of public data"):
        allowed.public("there.hl7")
