"""The commands of the page on HL7 files give the output that stands there, and its tables say what the code does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from cmvmon.domain import words
from cmvmon.feeds.declared_statuses import CONFIRMED
from cmvmon.feeds.hl7.statuses import OF_RESULTS
from cmvmon.feeds.message_reasons import OF_MESSAGES
from cmvmon.feeds.senders import read_listening, read_sender
from tests.docs.page_commands import ROOT, run_commands

PAGE = (ROOT / "docs" / "feeds.md").read_text(encoding="utf-8")


def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    page = run_commands(PAGE, tmp_path, expected=4)
    assert "SYNTH-HL7-1" in page
    assert "620,000 IU/mL" in page  # the corrected value


def test_the_files_of_the_listener_that_the_page_shows_are_read_and_its_defaults_are_those_of_the_code() -> None:
    of_line = PAGE[PAGE.index("## By a socket") :].split("```")[1::2]
    listening, sender = (block.removeprefix("toml") for block in of_line if block.startswith("toml"))
    shown = read_listening(listening)
    assert read_listening("port = 2575") == replace(
        shown, address="127.0.0.1", certificate=None, key=None, authority=None
    )
    read = read_sender(sender, name="umc")
    assert (read.feed, read.application, read.types) == ("umc_lab", "LIS", ("ORU",))


def test_the_table_of_statuses_is_that_of_the_code() -> None:
    means = {words.FINAL: "final", words.CORRECTED: "corrected", words.PRELIMINARY: "preliminary", CONFIRMED: "final; where", words.WITHDRAWN: "withdrawn"}  # fmt: skip
    shown = dict(re.findall(r"^\| ([A-Z, ]+) \| ([a-z; ]+)", PAGE, re.M))
    told = {letter: text for letters, text in shown.items() for letter in letters.split(", ")}
    assert set(OF_RESULTS) == set(told)
    assert all(told[letter].startswith(means[meaning]) for letter, meaning in OF_RESULTS.items())


def test_what_the_page_names_exists() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE)
    named = re.findall(r"`((?:cmvmon|docs)/[\w./]+)`", PAGE)
    assert [path for path in linked if not (ROOT / "docs" / path).exists()] == []
    assert [path for path in named if not (ROOT / path).exists()] == []
    for code in ("several_values", "cut_off_message"):
        assert code in PAGE
        assert code in OF_MESSAGES
