"""A site is made on purpose: a mistyped name, a lost database and an unknown language are told, not filled in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.calls import here, run
from tests.sites import drop, result


def called(*words: str, within: Path, by: Callable[..., CompletedProcess[str]] = here) -> tuple[int, str]:
    """The exit code, and all that was printed."""
    done = by(*words, within=within)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_asked_for_in_either_way(words: list[str], tmp_path: Path) -> None:
    code, said = called(*words, within=tmp_path, by=run)
    assert (code, said.split()[0]) == (0, "cmvmon")


@pytest.mark.parametrize("words", [["-h"], ["nightly", "-h"], ["alerts", "list", "-h"]])
def test_help_is_one_letter_away(words: list[str], tmp_path: Path) -> None:
    code, said = called(*words, within=tmp_path, by=run)
    assert code == 0
    assert "Usage: cmvmon" in said


@pytest.mark.parametrize(
    "words",
    [["nightly"], ["assess"], ["report"], ["serve"], ["ingest", "x.csv", "--feed", "synthetic"]],
    ids=lambda words: words[0],
)
def test_a_mistyped_site_is_refused_and_nothing_is_made(words: list[str], tmp_path: Path) -> None:
    code, said = called(*words, "--site", "mistyped", within=tmp_path)
    assert code == 2
    assert "mistyped is no site; `cmvmon init mistyped` makes one" in said
    assert list(tmp_path.iterdir()) == []


def test_a_new_site_states_its_zone_and_language_and_runs_its_first_night(tmp_path: Path) -> None:
    assert called("init", "icu", "--time-zone", "Europe/Brussels", "--lang", "en", within=tmp_path)[0] == 0
    stated = (tmp_path / "icu" / "settings.toml").read_text(encoding="utf-8")
    assert stated == 'time_zone = "Europe/Brussels"\nlanguage = "en"\n'
    code, said = called("nightly", "--site", "icu", within=tmp_path, by=run)
    assert code == 0
    assert "ward.en.html" in said
    code, said = called("init", "other", within=tmp_path)
    assert (code, "time_zone is not stated: a time without an offset will be set apart" in said) == (0, True)
    code, said = called("init", "icu", within=tmp_path)
    assert (code, "is a site already; nothing was changed" in said) == (2, True)


def test_an_unknown_zone_makes_no_site(tmp_path: Path) -> None:
    code, said = called("init", "icu", "--time-zone", "Mars/Utopia", within=tmp_path)
    assert (code, "is not an IANA zone" in said) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_language_is_a_fault_of_the_call(tmp_path: Path) -> None:
    code, said = called("alerts", "list", "--lang", "fr", within=tmp_path)
    assert (code, "choose one of en, nl" in said) == (2, True)


@pytest.mark.parametrize("lost", ["gone", "empty"])
@pytest.mark.parametrize("words", [["nightly"], ["assess"]], ids=lambda words: words[0])
def test_a_database_that_was_lost_is_not_made_anew_beside_what_has_landed(
    lost: str, words: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "icu"
    drop(root, "viral_load_results", [result("SYNTHETIC-1", 0, 5_000)])
    assert called("nightly", "--site", "icu", within=tmp_path)[0] == 0
    database = root / "cmvmon.sqlite"
    database.unlink()
    if lost == "empty":
        database.touch()
    pages = {path.name: path.read_bytes() for path in (root / "pages").iterdir()}
    code, said = called(*words, "--site", "icu", within=tmp_path, by=run)
    assert code == 7
    assert "put a backup of it back" in said
    after = {path.name: path.read_bytes() for path in (root / "pages").iterdir()}
    assert after.keys() == pages.keys()
    changed = {name for name in pages if after[name] != pages[name]}  # a night says on the ward page that it stopped
    assert changed == ({"index.html", "ward.nl.html", "ward.en.html"} if words == ["nightly"] else set())
