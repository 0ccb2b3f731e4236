"""docs/feeds.md, "Connect your own", typed step by step on a public message of a laboratory, as somebody would who has never seen it.

No public message holds a CMV load: this one (SmartCare, a viral load in copies/mL) has its test renamed to one; all else is as it was sent.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import allowed
from tests.sites import rows

MESSAGE = "hl7/21_vl_zambia_disa_nm_388_copies.hl7"
SAID = {  # what the draft asks, and what the laboratory answers
    '# description = "Laboratory of ..."': 'description = "Laboratory of a public message"',
    "synthetic = false": "synthetic = true",
    '# time_zone = "Europe/Amsterdam"': 'time_zone = "Africa/Lusaka"',
    '# decimal = "."': 'decimal = "."',
    "[units.delivered]": '[units.delivered]\n"copies/mL" = "copies_per_ml"',
    "[specimens]": '[specimens]\nP = "plasma"',
    '# cmv_load = ["..."]': 'cmv_load = ["72493-2"]',
    "# unlisted = ": "unlisted = ",
    "# headings = ": "headings = ",
    "# less_than = ": "less_than = ",
    "# greater_than = ": "greater_than = ",
}
ASSAY = """
[[assays]]
name = "disa"
delivered = []
compartments = ["plasma"]
lloq_iu_per_ml = 34.5
uloq_iu_per_ml = 1e7
iu_per_copy = 0.9
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.hl7"
    path.write_bytes(allowed.public(MESSAGE).read_bytes().replace(b"20447-9", b"72493-2").replace(b"HIV", b"CMV"))
    return path


def typed(folder: Path, *words: str, code: int = 0) -> str:
    """What `cmvmon` says to these words, typed in that folder."""
    program = Path(sys.executable).parent / "cmvmon"
    done = subprocess.run([str(program), *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def answered(draft: str) -> str:
    """The draft, with every guess confirmed and every question answered."""
    assert [asked for asked in SAID if draft.count(asked) != 1] == []
    for asked, said in SAID.items():
        draft = draft.replace(asked, said)
    return re.sub(r"to_confirm = \[.*?\]\n", "", draft, flags=re.DOTALL) + ASSAY


def test_a_laboratory_is_connected_by_the_steps_of_the_page(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "site" / "labs" / "lusaka.toml"
    typed(tmp_path, "init", "site")
    typed(tmp_path, "feed", "draft", "sample.hl7", "--name", "lusaka", "--out", "site/labs/lusaka.toml")
    refused = typed(tmp_path, "ingest", "sample.hl7", "--feed", "lusaka", "--history", code=4)
    assert "to_confirm: names what was only guessed" in refused
    file.write_text(answered(file.read_text(encoding="utf-8")), encoding="utf-8")
    tried = typed(tmp_path, "ingest", "sample.hl7", "--feed", "lusaka", "--dry-run")
    assert "received 2 = accepted 1 + quarantined 0 + duplicates 0 + ignored 1" in tried
    typed(tmp_path, "ingest", "sample.hl7", "--feed", "lusaka", "--history")
    assert "nothing in quarantine" in typed(tmp_path, "quarantine", "list")
    (stored,) = rows(tmp_path / "site", "SELECT patient_id, compartment, viral_load_iu_per_ml FROM viral_load_results")
    assert stored == ("PT0004", "plasma", pytest.approx(388 * 0.9))
    again = typed(tmp_path, "ingest", "sample.hl7", "--feed", "lusaka", "--history")
    assert "duplicate" in again or "already" in again
    typed(tmp_path, "nightly")
    typed(tmp_path, "report", "--patient", "PT0004")


def test_a_word_that_the_file_does_not_list_waits_until_it_does(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "site" / "labs" / "lusaka.toml"
    typed(tmp_path, "init", "site")
    typed(tmp_path, "feed", "draft", "sample.hl7", "--name", "lusaka", "--out", "site/labs/lusaka.toml")
    whole = answered(file.read_text(encoding="utf-8"))
    file.write_text(whole.replace('P = "plasma"', 'BAL = "bal"'), encoding="utf-8")
    typed(tmp_path, "ingest", "sample.hl7", "--feed", "lusaka", "--history")
    assert "unknown_specimen" in typed(tmp_path, "quarantine", "list")
    file.write_text(whole, encoding="utf-8")
    typed(tmp_path, "quarantine", "retry")
    assert "nothing in quarantine" in typed(tmp_path, "quarantine", "list")
    assert rows(tmp_path / "site", "SELECT count(*) FROM viral_load_results") == [(1,)]
