"""The same number at two laboratories: two patients where their files name two authorities, one where they name one. Made up."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, falling, result, stay

PACKAGED = resources.files("cmvmon.feeds").joinpath("labs", "synthetic.toml").read_text(encoding="utf-8")


def two_laboratories(root: Path, first: str, second: str, *, sites_own: str = "") -> None:
    """One number in the results of two laboratories and in courses and stays of two more feeds, of which none says more."""
    (root / "labs").mkdir(parents=True, exist_ok=True)
    for name, authority in (("lab_a", first), ("lab_b", second)):
        stanza = f'[patient_ids]\nauthority = "{authority}"\n' if authority else ""
        (root / "labs" / f"{name}.toml").write_text(PACKAGED.replace('"synthetic"', f'"{name}"', 1) + stanza, "utf-8")
        loads = falling("SYNTHETIC-7", 0.3, days=(0, 7, 14) if name == "lab_a" else (21,))
        drop(root, "viral_load_results", loads, feed=name)
    if sites_own:
        (root / "settings.toml").write_text(f'patient_number_authority = "{sites_own}"\n', "utf-8")
    drop(root, "antiviral_courses", [course("SYNTHETIC-7")], feed="pharmacy")
    drop(root, "icu_stays", [stay("SYNTHETIC-7")], feed="admissions")
    nightly(root, as_of=day(22))


def results_by_number(root: Path) -> dict[str, int]:
    with open_site(root) as opened, opened.reading() as connection:
        tables = known.known(connection, opened.site, as_of=day(30)).tables
    assert tables["antiviral_courses"]["patient_id"].to_list() == ["SYNTHETIC-7"]
    last = tables["viral_load_results"].sort("received_at").unique("result_id", keep="last")
    return dict(last.filter(pl.col("result_status") != "withdrawn")["patient_id"].value_counts().rows())


@pytest.mark.parametrize(
    ("first", "second", "sites_own", "expected"),
    [
        ("", "", "", {"SYNTHETIC-7": 3}),  # nobody says anything: the second one's is set apart
        ("ZIS", "", "ZIS", {"SYNTHETIC-7": 3}),  # one says whose its numbers are, the other does not
        ("", "LAB-B", "", {"SYNTHETIC-7": 3, "LAB-B:SYNTHETIC-7": 1}),
        ("ZIS", "LAB-B", "ZIS", {"SYNTHETIC-7": 3, "LAB-B:SYNTHETIC-7": 1}),
        ("ZIS", "ZIS", "ZIS", {"SYNTHETIC-7": 4}),
        ("ZIS", "ZIS", "", {"ZIS:SYNTHETIC-7": 4}),
    ],
)
def test_one_number_of_two_authorities_is_two_patients(
    tmp_path: Path, first: str, second: str, sites_own: str, expected: dict[str, int]
) -> None:
    two_laboratories(tmp_path, first, second, sites_own=sites_own)
    assert results_by_number(tmp_path) == expected


def say_whose(root: Path, *, lab_a: str, lab_b: str) -> None:
    """Writes anew who gives the numbers of each laboratory; "" = its file does not say."""
    for name, authority in (("lab_a", lab_a), ("lab_b", lab_b)):
        path = root / "labs" / f"{name}.toml"
        text = path.read_text("utf-8").partition("[patient_ids]")[0]
        path.write_text(text + (f'[patient_ids]\nauthority = "{authority}"\n' if authority else ""), "utf-8")


def set_apart(root: Path) -> list[tuple[str, str | None]]:
    with open_site(root) as opened, opened.reading() as connection:
        return open_quarantine(connection).select("reason", "patient_id").rows()


def test_a_number_of_two_laboratories_waits_until_both_say_whose_it_is(tmp_path: Path) -> None:
    two_laboratories(tmp_path, "", "", sites_own="ZIS")
    assert set_apart(tmp_path) == [("number_of_two_laboratories", "SYNTHETIC-7")]
    say_whose(tmp_path, lab_a="", lab_b="ZIS")
    nightly(tmp_path, as_of=day(23))
    assert (results_by_number(tmp_path), len(set_apart(tmp_path))) == ({"SYNTHETIC-7": 3}, 1)
    say_whose(tmp_path, lab_a="ZIS", lab_b="ZIS")  # the file of the other one is what changes
    nightly(tmp_path, as_of=day(24))
    assert (results_by_number(tmp_path), set_apart(tmp_path)) == ({"SYNTHETIC-7": 4}, [])


def test_numbers_that_only_one_of_two_laboratories_sends_are_taken_in(tmp_path: Path) -> None:
    two_laboratories(tmp_path, "", "")
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-8", 20, 900)], feed="lab_b", name="other.csv")
    nightly(tmp_path, as_of=day(23))
    assert results_by_number(tmp_path) == {"SYNTHETIC-7": 3, "SYNTHETIC-8": 1}


@pytest.mark.parametrize(("status", "left"), [("C", {"SYNTHETIC-7": 4}), ("W", {"SYNTHETIC-7": 3})])
def test_what_changes_a_known_result_is_taken_in_whoever_sends_the_number(
    tmp_path: Path, status: str, left: dict[str, int]
) -> None:
    two_laboratories(tmp_path, "ZIS", "ZIS", sites_own="ZIS")
    say_whose(tmp_path, lab_a="", lab_b="")  # what stands is not parted, and what is new waits
    changed = result("SYNTHETIC-7", 21, 7_700, status=status)
    new = result("SYNTHETIC-7", 22, 7_800)
    drop(tmp_path, "viral_load_results", [changed, new], feed="lab_b", name="changed.csv")
    nightly(tmp_path, as_of=day(23))
    assert (results_by_number(tmp_path), len(set_apart(tmp_path))) == (left, 1)


def test_numbers_that_two_laboratories_sent_and_nobody_speaks_of_are_told_until_somebody_does(tmp_path: Path) -> None:
    def told() -> list[str]:
        return [f.words for f in checkup(tmp_path, example=lambda: ()) if "several laboratories" in f.words]

    two_laboratories(tmp_path, "ZIS", "ZIS", sites_own="ZIS")
    assert told() == []
    say_whose(tmp_path, lab_a="ZIS", lab_b="")
    assert [words[:53] for words in told()] == ["1 numbers have results of several laboratories (lab_a"]


def test_a_merge_by_the_shown_number_joins_two_authorities(tmp_path: Path) -> None:
    two_laboratories(tmp_path, "", "LAB-B")
    drop(tmp_path, "patient_links", [sites.link("LAB-B:SYNTHETIC-7", "SYNTHETIC-7", at=22)], feed="admissions")
    nightly(tmp_path, as_of=day(22))
    assert results_by_number(tmp_path) == {"SYNTHETIC-7": 4}


@pytest.mark.parametrize("written", ['"LAB B"', '"ä"', "5", "true"])
def test_a_sites_own_authority_that_is_no_name_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "settings.toml").write_text(f"patient_number_authority = {written}\n", "utf-8")
    with pytest.raises(SiteError, match="patient_number_authority must be a name of letters"):
        Site(tmp_path).settings()
