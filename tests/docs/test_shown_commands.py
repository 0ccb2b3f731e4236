"""Every command that a page shows is one: the program takes it, and what stands after `$ ` is run by a test of its page.

A page shows commands in two ways. After `$ ` in a block, with what they print: a test runs these. In a block of text or within a line:
for what can't be run here (a scheduler's line, a cluster, another machine): the program's own parser reads these.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from cmvmon.cli import app
from cmvmon.shell.folder.making_site import make_site
from tests.deploy.called import is_taken

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    ]
)
NAMES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PAGES}
# By which test the commands after `$ ` of a page are run.
RUN_BY = {
    "README.md": "docs/test_readme.py",
    "docs/board.md": "docs/test_board_page.py",
    "docs/feeds.md": "docs/test_feeds_page.py",
    "docs/fhir.md": "docs/test_fhir_page.py",
    "docs/installing.md": "docs/test_typed_pages.py",
    "docs/operations.md": "docs/test_operations_page.py",
    "docs/quarantine.md": "docs/test_quarantine_page.py",
    "docs/running.md": "docs/test_typed_pages.py",
    "docs/scale.md": "docs/test_typed_pages.py",
    "docs/site_pages.md": "docs/test_board_page.py",
    "docs/tutorials/analyst.md": "docs/test_tutorials.py",
    "docs/tutorials/data_team.md": "docs/test_tutorials.py",
    "docs/tutorials/ward.md": "docs/test_ward_tutorial.py",
}
FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.M | re.S)
SHELL = {"", "text", "console", "cron", "sh", "bash"}
_CALL = re.compile(
    r"(?:^ *|[$;&|*'\"/-] ?)cmvmon (?=[a-z])"
)  # at the beginning of a line, or where a shell begins a command
_SPAN = re.compile(r"(?<!`)`cmvmon ([a-z][^`]*)`(?!`)")


def blocks(page: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page) if kind in SHELL]


def words_of(call: str) -> list[str]:
    """The words of a call up to where the shell goes on with something else."""
    lexer = shlex.shlex(call, posix=True, punctuation_chars=";&|<>()")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = []
    for word in lexer:
        if set(word) <= set(";&|<>()"):
            break
        words.append(word)
    return words


SHOWN = sorted(
    {
        (name, line[found.end() :].strip())
        for name, page in NAMES.items()
        for block in blocks(page)
        for line in block.splitlines()
        for found in _CALL.finditer(line)
    }
)
NAMED = sorted(
    {(name, " ".join(call.split())) for name, page in NAMES.items() for call in _SPAN.findall(FENCE.sub("", page))}
)


@pytest.mark.parametrize(("page", "call"), SHOWN)
def test_a_command_in_a_block_is_taken_by_the_program(
    page: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_site(tmp_path / "site", time_zone=None, language=None)
    monkeypatch.setenv("CMVMON_SITE", str(tmp_path / "site"))  # for those that name none
    words = words_of(call)
    named = words[words.index("--site") + 1] if "--site" in words else "site"
    assert is_taken(words, site=tmp_path / "site", named=named)


def test_a_command_within_a_line_exists_and_has_each_option_that_is_named() -> None:
    assert [(page, call, fault) for page, call in NAMED if (fault := fault_of(call)) is not None] == []


def fault_of(call: str) -> str | None:
    """The first word of a call that is neither a command nor an option of one; a call may leave words out."""
    command = program = typer.main.get_command(app)
    words = re.sub(r"[\[\]()|,]|\.\.\.", " ", call).split()
    while words and (found := getattr(command, "commands", {}).get(words[0])) is not None:
        command, words = found, words[1:]
    if command is program:
        return words[0]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return next((word for word in words if word.startswith("-") and word.partition("=")[0] not in options), None)


def test_a_command_and_an_option_that_do_not_exist_would_be_found() -> None:
    assert fault_of("nightly --as-of T") is None
    assert (fault_of("quarantine lits"), fault_of("nitely"), fault_of("fit TABLE --unti days")) == (
        None,
        "nitely",
        "--unti",
    )


def test_a_target_of_the_makefile_that_is_shown_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    shown = {
        (name, target)
        for name, page in NAMES.items()
        for target in re.findall(r"(?:`|^\$ |^)make ([a-z-]+)\b", page, re.M)
    }
    in_code = {
        (name, target)
        for name, target in shown
        if re.search(rf"`make {target}[` ]|^(\$ )?make {target}$", NAMES[name], re.M)
    }
    assert len(in_code) > 10
    assert [(name, target) for name, target in in_code if target not in targets] == []


def test_what_stands_after_a_dollar_is_run_by_a_test_of_its_page() -> None:
    typed = {name for name, page in NAMES.items() if any(re.search(r"^ *\$ ", block, re.M) for block in blocks(page))}
    assert typed == set(RUN_BY)
    for page, test in RUN_BY.items():
        assert Path(page).name in (ROOT / "tests" / test).read_text(encoding="utf-8"), (page, test)


def test_the_commands_are_found() -> None:
    assert len(SHOWN) > 20
    assert len(NAMED) > 100
