"""`status`, `doctor` and `notify send` say how giving out to other programs (out.toml) stands. All data are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.cli import app
from cmvmon.domain.errors import CmvmonError
from cmvmon.run.checks.checkup import Finding, checkup
from tests import sites
from tests.nights import nightly
from tests.sites import day

GOOD = 'facility = "ICU"\n[targets.ehr]\nform = "fhir"\nwhat = ["alerts"]\ninside = true\npath = "out/ehr"\n'
DEAD = GOOD.replace('path = "out/ehr"', 'url = "http://127.0.0.1:9/fhir"')
WRONG = {
    "outside and an unknown key": (GOOD.replace("inside = true", "inside = false\ncolour = 1"), "2 fault(s)"),
    "no TOML": ("facility = \n", "out.toml"),
    "no UTF-8": ('facility = "\xe9"\n', "not UTF-8"),
}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("out") / "site"
    sites.ward_of_three(root)
    nightly(root, as_of=day(21.5))
    return root


def ended(*words: str, site: Path) -> int | str | None:
    try:
        app([*words, "--site", str(site)])
    except SystemExit as stopped:
        return stopped.code
    except CmvmonError as error:
        print(error)
        return error.exit_code
    return None


def of_out(site: Path) -> list[Finding]:
    return [finding for finding in checkup(site, example=lambda: ()) if finding.what == "out"]


@pytest.mark.parametrize("case", WRONG)
def test_an_out_file_that_can_not_be_used_is_told_by_status_doctor_and_send(
    case: str, ward: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = WRONG[case]
    (ward / "out.toml").write_bytes(text.encode("latin-1"))
    ended("status", site=ward)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("given out"))
    assert "NOTHING IS GIVEN OUT: out.toml" in line
    assert words in line
    (found,) = of_out(ward)
    assert found.state == "broken"
    assert words in found.words
    assert ended("notify", "send", site=ward) == 4


def test_without_an_out_file_nothing_is_said_of_it(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ward / "out.toml").unlink(missing_ok=True)
    ended("status", site=ward)
    assert "given out" not in capsys.readouterr().out
    assert of_out(ward) == []
    assert ended("notify", "send", site=ward) == 2
    assert "no out.toml" in capsys.readouterr().out


def test_what_could_not_be_delivered_is_counted_and_a_file_of_messages_to_people_that_is_wrong_stops_none_of_it(
    ward: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ward / "out.toml").write_text(DEAD, "utf-8")
    assert ended("notify", "send", site=ward) == 0
    assert "1 not delivered" in capsys.readouterr().out
    assert [one.state for one in of_out(ward)] == ["ok", "note"]
    ended("notify", "list", site=ward)
    assert "out_alert" in capsys.readouterr().out
    (ward / "out.toml").write_text(GOOD.replace("ehr", "other"), "utf-8")
    (ward / "notify.toml").write_text("x = 1\n", "utf-8")
    assert ended("notify", "send", site=ward) == 4
    (ward / "notify.toml").unlink()
    out = capsys.readouterr().out
    assert out.startswith("out: ")
    assert any((ward / "out" / "other").iterdir())
