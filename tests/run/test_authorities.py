"""The same number at two laboratories: two patients where their files name two authorities, one where they name one. Made up."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.checkup import checkup
from cmvmon.run.night import nightly
from cmvmon.shell import known
from cmvmon.shell.session import open_site
from cmvmon.shell.site import Site
from tests import sites
from tests.sites import course, day, drop, falling, stay

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
        tables = known.known(connection, opened.site, as_of=day(22)).tables
    assert tables["antiviral_courses"]["patient_id"].to_list() == ["SYNTHETIC-7"]
    return dict(tables["viral_load_results"]["patient_id"].value_counts().rows())


@pytest.mark.parametrize(
    ("first", "second", "sites_own", "expected"),
    [
        ("", "", "", {"SYNTHETIC-7": 4}),  # nobody says anything: the site's own
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


def test_numbers_that_two_laboratories_send_and_nobody_spoke_of_are_told_until_somebody_does(tmp_path: Path) -> None:
    def told(root: Path) -> list[str]:
        return [f.words for f in checkup(root, example=lambda: ()) if "several laboratories" in f.words]

    two_laboratories(tmp_path / "unsaid", "", "")
    assert [words[:53] for words in told(tmp_path / "unsaid")] == [
        "1 numbers have results of several laboratories (lab_a"
    ]
    two_laboratories(tmp_path / "said", "ZIS", "ZIS", sites_own="ZIS")
    assert told(tmp_path / "said") == []


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
