"""What a delivery rests on of everybody else: the counts that a night kept, and never an old one. All made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cmvmon.dashboards.site_page import PAGES
from cmvmon.domain.delivered import LEADING
from cmvmon.kinetics import concordance
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.judging.unit_concordance import unit_concordance
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import OpenSite, open_site
from tests import sites
from tests.sites import course, day, drop, result, stay, text

NIGHT, LATER = day(15), day(15.5)
WAVE = (1_000_000, 1_000, 1_000_000, 1_000, 1_000_000)
NEW = "SYNTHETIC-U1"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Five patients in whom plasma and BAL move alike, one with blood only, one with a pair that is dated half an hour ahead."""
    lines = [
        result(f"SYNTHETIC-U{i}", -30 + 6 * k, load, specimen=specimen)
        for i in range(5)
        for specimen in ("plasma", "bal")
        for k, load in enumerate(WAVE)
    ]
    lines += [result("SYNTHETIC-BLOOD", d, 5_000, specimen="plasma") for d in (0, 7)]
    drop(tmp_path, "viral_load_results", lines)
    nightly(tmp_path, as_of=day(12))
    ahead = [
        result("SYNTHETIC-AHEAD", d, 5_000, specimen=s, reported=text(day(15.02)))
        for d in (0, 15.02)
        for s in ("plasma", "bal")
    ]
    drop(tmp_path, "viral_load_results", ahead, name="later.csv")
    nightly(tmp_path, as_of=NIGHT)
    return tmp_path


def of_everybody(opened: OpenSite, as_of: datetime) -> pl.DataFrame:
    """The table as the night works it out: from every result that was known."""
    with opened.reading() as connection:
        versions = known.known_table(connection, LEADING, as_of=as_of)
        assert versions is not None
        assays = known.assays_in_use(opened.site, versions)
        used = results_in_use(versions, assays, protocol=opened.protocol, as_of=as_of)
    return concordance(used, protocol=opened.protocol, as_of=as_of)


def comes_in(root: Path, *lines: str) -> None:
    """Taken in, and nobody assessed: as a program does that stops between the two."""
    path = drop(root, "viral_load_results", lines, name="new.csv")
    with open_site(root) as opened:
        take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(15.3))


def pair(patient: str, at: float, load: float) -> list[str]:
    return [result(patient, at, load, specimen=s, reported=text(day(15.3))) for s in ("plasma", "bal")]


def nothing(_: Path) -> None:
    """Nothing happens."""


def another_has_a_new_pair(root: Path) -> None:
    comes_in(root, *pair("SYNTHETIC-U2", 14.9, 900))


def somebody_new_comes(root: Path) -> None:
    comes_in(root, *pair("SYNTHETIC-NEW", 3, 900_000), *pair("SYNTHETIC-NEW", 9, 500))


def the_laboratory_states_more_noise(root: Path) -> None:
    shipped = resources.files("cmvmon.feeds").joinpath("labs", "synthetic.toml").read_text(encoding="utf-8")
    assert "[[assays]]" in shipped
    loud = shipped.replace("[[assays]]", "[[assays]]\nsigma_log10 = 1.4", 1)
    (root / "labs" / "synthetic.toml").write_text(loud, encoding="utf-8")


def the_protocol_asks_for_more_certain_changes(root: Path) -> None:
    shipped = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
    strict = re.sub(r"change_probability = [0-9.]+", "change_probability = 0.9999999999999", shipped)
    assert strict != shipped
    (root / "protocol" / "own.toml").write_text(strict)


@pytest.mark.parametrize(
    "happens",
    [
        nothing,
        another_has_a_new_pair,
        somebody_new_comes,
        the_laboratory_states_more_noise,
        the_protocol_asks_for_more_certain_changes,
    ],
)
@pytest.mark.parametrize("as_of", [NIGHT, day(15.1), LATER, day(13)], ids=["at once", "before", "after", "earlier"])
def test_the_patients_of_a_delivery_get_the_unit_of_everybodys_results(
    site: Path, happens: Callable[[Path], None], as_of: datetime
) -> None:
    happens(site)
    with open_site(site) as opened:
        whole = of_everybody(opened, as_of)
        found = unit_concordance(opened, [NEW], as_of=as_of).table
    assert_frame_equal(found, whole.filter((pl.col("scope") == "unit") | (pl.col("patient_id") == NEW)))


@pytest.mark.parametrize(
    ("happens", "as_of", "counted"),
    [
        (nothing, day(15.01), {NEW}),
        (nothing, LATER, {NEW, "SYNTHETIC-AHEAD"}),
        (another_has_a_new_pair, day(15.35), {NEW, "SYNTHETIC-AHEAD", "SYNTHETIC-U2"}),
        (somebody_new_comes, day(15.35), {NEW, "SYNTHETIC-AHEAD", "SYNTHETIC-NEW"}),
    ],
)
def test_only_those_are_counted_again_whose_counts_may_have_changed(
    site: Path, happens: Callable[[Path], None], as_of: datetime, counted: set[str]
) -> None:
    happens(site)
    with open_site(site) as opened:
        assert set(unit_concordance(opened, [NEW], as_of=as_of).counts["patient_id"]) == counted


def test_what_a_delivery_counted_is_kept_for_the_next_one(site: Path) -> None:
    delivery = sites.land(site, "viral_load_results", pair("SYNTHETIC-U2", 14.9, 900), at=day(15.3))
    lab_feed(site, delivery, as_of=day(15.3))
    with open_site(site) as opened:
        found = unit_concordance(opened, [NEW], as_of=LATER)
        assert_frame_equal(
            found.table,
            of_everybody(opened, LATER).filter((pl.col("scope") == "unit") | (pl.col("patient_id") == NEW)),
        )
    assert set(found.counts["patient_id"]) == {NEW}


@pytest.fixture
def undecided(tmp_path: Path) -> Path:
    """Four patients in whom plasma and BAL move alike, one too few to tell; two with plasma only, in whom BAL is stated."""
    lines = [line for i in range(4) for line in wave(f"SYNTHETIC-U{i}")]
    for patient in ("SYNTHETIC-1", "SYNTHETIC-2"):
        lines += [result(patient, d, load, specimen="plasma") for d, load in ((0, 10_000), (7, 10_000), (14, 9_000))]
    drop(tmp_path, "viral_load_results", lines)
    drop(tmp_path, "antiviral_courses", [course("SYNTHETIC-1"), course("SYNTHETIC-2")])
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-1"), stay("SYNTHETIC-2")])
    nightly(tmp_path, as_of=NIGHT)
    return tmp_path


def wave(patient: str, **columns: str) -> list[str]:
    return [
        result(patient, -30 + 6 * k, load, specimen=specimen, **columns)
        for specimen in ("plasma", "bal")
        for k, load in enumerate(WAVE)
    ]


def in_blood(root: Path) -> set[tuple[str, str]]:
    """Open alerts about a patient's plasma in place of another compartment, by patient and rule."""
    with open_site(root) as opened, opened.reading() as connection:
        standing = alert_store.alerts(connection, states={"open"})
    in_place = [alert for alert in standing if '"affected_source":"stands_in"' in alert["evidence"]]
    return {(alert["patient_id"], alert["rule"]) for alert in in_place if alert["compartment"] == "plasma"}


def pages(root: Path) -> dict[str, str]:
    """The ward's and the patients'; those about the site are a night's alone."""
    found = {path.name: path.read_text(encoding="utf-8") for path in (root / "pages").glob("*.html")}
    return {name: page for name, page in found.items() if not name.startswith(tuple(f"{page}." for page in PAGES))}


def test_where_a_delivery_turns_what_blood_follows_everybody_whom_it_concerns_is_judged_at_once(
    undecided: Path,
) -> None:
    """The fifth patient shows that plasma follows: the alerts of two others say so, not left for the night."""
    assert in_blood(undecided) == set()
    fifth = sites.land(undecided, "viral_load_results", wave("SYNTHETIC-U4", reported=text(day(15.3))), at=day(15.3))
    lab_feed(undecided, fifth, as_of=day(15.3))
    opened = in_blood(undecided)
    assert opened == {(patient, "response") for patient in ("SYNTHETIC-1", "SYNTHETIC-2")}
    written = pages(undecided)
    nightly(undecided, as_of=day(15.3))
    assert (in_blood(undecided), pages(undecided)) == (opened, written)


def test_where_a_delivery_turns_it_back_everybody_whom_it_concerns_is_judged_at_once(undecided: Path) -> None:
    """An alert about their blood stays in sight, as it must where a rule can't tell any more."""
    fifth = sites.land(undecided, "viral_load_results", wave("SYNTHETIC-U4", reported=text(day(15.3))), at=day(15.3))
    lab_feed(undecided, fifth, as_of=day(15.3))
    assert in_blood(undecided) != set()
    gone = wave("SYNTHETIC-U4", reported=text(day(15.6)), status="W")
    fed = lab_feed(undecided, sites.land(undecided, "viral_load_results", gone, at=day(15.6)), as_of=day(15.6))
    assert fed.assessed is not None
    assert fed.assessed.patients > 2
    left, written = in_blood(undecided), pages(undecided)
    nightly(undecided, as_of=day(15.6))
    assert (in_blood(undecided), pages(undecided)) == (left, written)


def test_a_delivery_that_turns_nothing_has_nobody_else_judged(undecided: Path) -> None:
    delivery = sites.land(undecided, "viral_load_results", pair("SYNTHETIC-U2", 14.9, 900), at=day(15.3))
    fed = lab_feed(undecided, delivery, as_of=day(15.3))
    assert fed.assessed is not None
    assert fed.assessed.patients == 1
