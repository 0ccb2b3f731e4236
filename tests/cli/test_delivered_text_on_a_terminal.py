"""What a laboratory sends never steers the terminal of whoever looks at it: each escape is shown as text. All made up."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.cli import printing
from tests import calls, sites

STEERS = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202ealb\u2028x\x7f"
RAW = set(STEERS) - set("[2J]0;owned31malbx")


def said(*words: str | Path) -> str:
    done = calls.here(*words)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results whose patients, values and file name hold such text, and a file whose header does."""
    root = tmp_path_factory.mktemp("steered")
    who = f"SYNTHETIC-{STEERS.replace(chr(0x2028), '')}"
    lines = [*sites.falling(who, 0.1), sites.result(who, 3, f"much {STEERS.replace(chr(0x2028), '')}")]
    sites.drop(root, "viral_load_results", lines, name="\x1b[31mone\x9b.csv")
    sites.drop(root, "antiviral_courses", [sites.course(who)])
    sites.drop(root, "icu_stays", [sites.stay(who)])
    bad = sites.drop(root, "icu_stays", [], name="\x1b[2Jbad.csv")
    bad.write_text("pati\x1b[2Jent_id,x\x9b\n1,2\n", encoding="utf-8")
    sites.lain_still(bad)
    (root / "drop" / "synthetic" / "\x1b[2Jtable").mkdir()
    return root


def test_no_command_prints_a_delivered_escape(site: Path) -> None:
    night = said("nightly", "--site", site, "--as-of", "2026-03-23T06:00:00Z")
    assert "REFUSED" in night
    assert "NOT READ" in night
    listed = said("quarantine", "list", "--site", site)
    records = [line.split()[0] for line in listed.splitlines()[1:]]
    assert len(records) >= 2
    alerts = json.loads(said("alerts", "list", "--json", "--site", site))
    assert alerts
    shown = [
        night,
        listed,
        *(
            said("quarantine", "show", record, *how, "--site", site)
            for record in records
            for how in ((), ("--delivered",))
        ),
        said("quarantine", "show", "\x1b[2J", "--site", site),
        said("alerts", "list", "--site", site),
        *(said("why", alert["alert_id"], *json_, "--site", site) for alert in alerts for json_ in ((), ("--json",))),
        said("doctor", "--site", site),
        said("said", "--as-of", "2026-03-23T06:00:00Z", "--site", site),
        said("said", "--as-of", "2026-03-23T06:00:00Z", "--json", "--site", site),
        said("concordance", "--site", site),
        said("ingest", site / "drop" / "synthetic" / "viral_load_results", "--feed", "synthetic", "--site", site),
    ]
    assert [sorted(RAW & set(text)) for text in shown] == [[]] * len(shown)
    assert any("\\x1b" in text for text in shown)
    assert any("\\u001b" in text for text in shown)


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_the_name_of_a_file_begins_no_line_of_its_own(tmp_path: Path, how: tuple[str, ...]) -> None:
    file = tmp_path / "x\nother.csv: received 9 = accepted 9.csv"
    lines = sites.drop(tmp_path, "viral_load_results", sites.falling("SYNTHETIC-1", 0.1)).read_bytes()
    file.write_bytes(lines)
    told = said("ingest", file, "--feed", "synthetic", *how, "--site", tmp_path)
    (line,) = (one for one in told.splitlines() if "received 9" in one)
    assert "x\\nother.csv: received 9 = accepted 9.csv" in line


@given(st.text())
def test_what_is_shown_holds_no_mark_that_steers_and_json_says_what_it_said(text: str) -> None:
    kept = {"\n"}
    for shown in (printing.visible(text), printing.shown_json({"text": text})):
        assert not [
            mark for mark in shown if unicodedata.category(mark) in ("Cc", "Cf", "Zl", "Zp", "Cs") and mark not in kept
        ]
    assert json.loads(printing.shown_json({"text": text})) == {"text": text}
