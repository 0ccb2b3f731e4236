"""`ingest --dry-run` says what the intake would say, and leaves every byte of the site as it was. All made up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cmvmon.cli import app
from cmvmon.domain.errors import CmvmonError, DeliveryError, SiteError, StoreError
from cmvmon.run.backups.backing_up import back_up
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.run.deliveries.dry_run import WouldBe, try_by_hand
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.making_site import make_site
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import held
from tests.feeds.fhir_texts import observation, patient, specimen, told
from tests.listen.listening import result as message
from tests.patients import moment as day
from tests.sites import course, drop, everything, result, text, write

RESULTS = "viral_load_results"
KNOWN = [result("SYNTHETIC-1", n, 20_000 + n) for n in range(3)]
WITHDRAWAL = result("SYNTHETIC-9", 1, "", status="W", reported=text(day(9)))


def every_file(root: Path) -> dict[str, str]:
    """The hash of each file, and each folder."""
    paths = sorted(root.rglob("*"))
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in paths
    }


def would(root: Path, path: Path, feed: str = "synthetic", table: str | None = None) -> list[WouldBe]:
    ((_, found),) = try_by_hand(root, [path], feed=feed, table=table, is_history=True)
    assert not isinstance(found, SiteError)
    return found


FILES = {
    "new, changed, repeated, odd and of another test": (
        "synthetic",
        [
            KNOWN[0],
            result("SYNTHETIC-1", 1, 9_999, status="C", reported=text(day(8))),
            result("SYNTHETIC-2", 1, 500),
            result("SYNTHETIC-2", 2, "ca. 500"),
            result("SYNTHETIC-2", 3, 500).replace("CMVQ", "EBVQ"),
        ],
    ),
    "a withdrawal that waited is brought right": ("synthetic", [result("SYNTHETIC-9", 1, 700)]),
    "the same again": ("synthetic", KNOWN),
    "refused whole": ("synthetic", [result("SYNTHETIC-3", n, "ca. 500") for n in range(30)]),
}


@pytest.mark.parametrize("what", FILES)
def test_it_says_what_the_intake_then_says_and_changes_nothing(site: Path, what: str) -> None:
    feed, lines = FILES[what]
    known = drop(site, RESULTS, [*KNOWN, WITHDRAWAL], name="known.csv")
    list(take_in_by_hand(site, [known], feed=feed, is_history=True))
    path = drop(site, RESULTS, lines, name="new.csv")
    before, rows = every_file(site), everything(site)
    said = would(site, path, feed)
    assert (every_file(site), everything(site)) == (before, rows)
    assert [one.counted for one in would(site, path, feed)] == [one.counted for one in said]
    ((_, done),) = take_in_by_hand(site, [path], feed=feed, is_history=True)
    assert [one.counted for one in said] == list(done)
    if what.startswith("new"):
        assert [(one.counted.accepted, one.changed, one.counted.duplicates, one.counted.ignored) for one in said] == [
            (2, 1, 1, 1)
        ]


OTHERS = {
    "one.hl7": ("example_hl7", message("1") + message("2", test="OTHER^Other^L"), None),
    "one.fhir.json": ("example_fhir", told(patient(), specimen(), observation()), None),
    "courses.csv": ("pharmacy", None, "antiviral_courses"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_it_does_so_for_every_format_and_on_a_site_without_a_database(tmp_path: Path, name: str) -> None:
    root = tmp_path / "site"
    make_site(root, time_zone="Europe/Amsterdam", language=None)
    feed, data, table = OTHERS[name]
    path = tmp_path / name
    if data is None:
        data = drop(tmp_path, str(table), [course("SYNTHETIC-1")]).read_bytes()
    path.write_bytes(data)
    before = every_file(root)
    said = would(root, path, feed, table)
    assert every_file(root) == before
    ((_, done),) = take_in_by_hand(root, [path], feed=feed, table=table, is_history=True)
    assert [one.counted for one in said] == list(done)
    assert sum(one.counted.accepted for one in said) == 1


def test_a_correction_of_what_stands_in_the_same_file_changes_nothing_that_was_known(tmp_path: Path) -> None:
    make_site(tmp_path / "site", time_zone=None, language=None)
    pair = [KNOWN[1], result("SYNTHETIC-1", 1, 9_999, status="C", reported=text(day(8)))]
    (found,) = would(tmp_path / "site", drop(tmp_path, RESULTS, pair))
    assert (found.counted.accepted, found.changed) == (2, 0)


def test_the_second_of_two_files_is_tried_after_the_first(tmp_path: Path) -> None:
    make_site(tmp_path / "site", time_zone=None, language=None)
    first = drop(tmp_path, RESULTS, KNOWN, name="a.csv")
    second = drop(tmp_path, RESULTS, [*KNOWN, result("SYNTHETIC-2", 1, 5_000)], name="b.csv")
    tried = list(try_by_hand(tmp_path / "site", [first, second], feed="synthetic", is_history=True))
    counts = [(one.counted.accepted, one.counted.duplicates) for _, found in tried for one in found]  # type: ignore[union-attr]
    assert counts == [(3, 0), (1, 3)]


@pytest.mark.parametrize(
    ("feed", "lines", "error", "words"),
    [
        ("nowhere", KNOWN, SiteError, "labs/nowhere.toml"),
        (
            "synthetic",
            [result("SYNTHETIC-3", n, "ca. 500") for n in range(30)],
            DeliveryError,
            "1 of 1 deliveries refused",
        ),
    ],
)
def test_the_command_ends_as_the_intake_would(
    tmp_path: Path,
    feed: str,
    lines: list[str],
    error: type[CmvmonError],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "site"
    make_site(root, time_zone=None, language=None)
    path = drop(tmp_path, RESULTS, lines)
    before = every_file(root)
    with pytest.raises(error, match=words):
        app(["ingest", str(path), "--feed", feed, "--history", "--dry-run", "--site", str(root)], standalone_mode=False)
    assert every_file(root) == before
    assert "nothing was changed" in capsys.readouterr().out


def test_the_command_says_it_for_a_machine_without_a_patient(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "site"
    make_site(root, time_zone=None, language=None)
    path = drop(tmp_path, RESULTS, [*KNOWN, result("SYNTHETIC-2", 1, "ca. 500")])
    words = ["ingest", str(path), "--feed", "synthetic", "--history", "--dry-run", "--site", str(root)]
    app([*words, "--json"], standalone_mode=False)
    out = capsys.readouterr().out
    (one,) = json.loads(out)
    assert (one["accepted"], one["quarantined"], one["changed"], one["file_name"]) == (3, 1, 0, "one.csv")
    app(words, standalone_mode=False)
    out += capsys.readouterr().out
    assert "unknown_text 1" in out
    assert "SYNTHETIC" not in out


@pytest.mark.parametrize("work", [nightly, lambda root: back_up(root, root.parent / "kept")])
def test_other_work_goes_on_while_somebody_reads_what_a_file_would_do(
    site: Path, work: Callable[[Path], object]
) -> None:
    list(take_in_by_hand(site, [drop(site, RESULTS, KNOWN)], feed="synthetic", is_history=True))
    file = drop(site, RESULTS, [result("SYNTHETIC-2", 1, 5_000)], name="b.csv")
    tried = try_by_hand(site, [file, file], feed="synthetic", is_history=True)
    next(tried)
    work(site)
    (_, again) = next(tried)
    assert not isinstance(again, SiteError)
    assert again[0].counted.was_known


def test_a_writer_is_not_waited_for_either(site: Path) -> None:
    list(take_in_by_hand(site, [drop(site, RESULTS, KNOWN)], feed="synthetic", is_history=True))
    with held(Site(site)):
        assert (
            would(site, drop(site, RESULTS, [result("SYNTHETIC-2", 1, 5_000)], name="b.csv"))[0].counted.accepted == 1
        )


@pytest.mark.parametrize("change", ["DROP TABLE quarantine_answers", "UPDATE alembic_version SET version_num = '0000'"])
def test_an_older_schema_is_refused_and_left_as_it_is(tmp_path: Path, change: str) -> None:
    root = tmp_path / "site"
    make_site(root, time_zone=None, language=None)
    file = drop(root, RESULTS, KNOWN)
    list(take_in_by_hand(root, [file], feed="synthetic", is_history=True))
    write(root, change)
    before = every_file(root)
    with pytest.raises(StoreError, match="older cmvmon"):
        would(root, file)
    assert every_file(root) == before


CORRECTED = [result("SYNTHETIC-1", n, 9_999 - n, status="C", reported=text(day(8))) for n in range(3)]
CHANGES = {
    "nothing that was known changes": [result("SYNTHETIC-2", 1, 500)],
    "1 record that was known changes": [
        result("SYNTHETIC-1", 1, 700)
    ],  # contradicted: none of the two is accepted or used
    "3 records that were known change": CORRECTED,
}


@pytest.mark.parametrize("words", CHANGES)
def test_it_says_of_none_one_and_many_whether_what_was_known_changes(
    site: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    list(take_in_by_hand(site, [drop(site, RESULTS, KNOWN)], feed="synthetic", is_history=True))
    path = drop(site, RESULTS, CHANGES[words], name="new.csv")
    app(
        ["ingest", str(path), "--feed", "synthetic", "--history", "--dry-run", "--site", str(site)],
        standalone_mode=False,
    )
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("would be"))
    assert line.endswith(f"; {words}")
    assert "of the accepted" not in line
    assert ("accepted 0" in line) == words.startswith("1 record")


def test_a_known_record_that_changes_twice_in_one_file_is_one_record(site: Path) -> None:
    list(take_in_by_hand(site, [drop(site, RESULTS, KNOWN)], feed="synthetic", is_history=True))
    twice = [CORRECTED[1], result("SYNTHETIC-1", 1, 8_888, status="C", reported=text(day(9)))]
    (found,) = would(site, drop(site, RESULTS, twice, name="new.csv"))
    assert (found.counted.accepted, found.changed) == (2, 1)
