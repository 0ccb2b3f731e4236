"""The commands of docs/quarantine.md print what the page shows."""

from __future__ import annotations

from pathlib import Path

from tests.docs.page_commands import ROOT, run_commands

PAGE = (ROOT / "docs" / "quarantine.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_print_what_it_shows(tmp_path: Path) -> None:
    assert "SYNTH-HL7-1" in run_commands(PAGE, tmp_path, expected=6)
