"""Feeds that stay away: what counts as a sign of life, what is said of them, and what is then known of treatment."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cmvmon.cli.feed_lines import of_feeds
from cmvmon.dashboards.views import Caveat
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.treatment import TREATMENT
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.checks.status import status
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.health import freshness
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.caveats import feed_caveats
from cmvmon.run.pages.views import feed_states
from cmvmon.shell.as_known import known
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, result, stay

DAILY = "[{table}]\n[{table}.delivered_every]\nhours = 26\n"


def declare(root: Path, *tables: str, feed: str = "pharmacy") -> None:
    path = root / "tables" / f"{feed}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f'feed = "{feed}"\ndescription = "Invented"\n' + "".join(DAILY.format(table=table) for table in tables)
    path.write_text(text, encoding="utf-8")


def drop(root: Path, *lines: str, name: str, hour: float, table: str = "antiviral_courses") -> None:
    """A file of the pharmacy, last written in that hour."""
    path = sites.drop(root, table, lines, feed="pharmacy", name=name)
    os.utime(path, (hour * 3600, hour * 3600))


def night(root: Path, at: float) -> None:
    with open_site(root) as opened:
        take_in_drop(opened, received_at=day(at))


def feeds(root: Path, at: float) -> list[FeedTable]:
    with open_site(root) as opened, opened.reading() as connection:
        return freshness.feed_tables(connection, opened.site, as_of=day(at))


def last(root: Path, at: float) -> object:
    (found,) = feeds(root, at)
    return found.last_received_at


def silent(root: Path, at: float) -> object:
    with open_site(root) as opened, opened.reading() as connection:
        return known.known(connection, opened.site, as_of=day(at)).silent_since(ANTIVIRAL_COURSES)


def test_a_pharmacy_or_a_ward_that_stays_away_is_told_like_a_laboratory(site: Path) -> None:
    declare(site, "antiviral_courses", "icu_stays")
    drop(site, course("P"), name="a.csv", hour=1)
    drop(site, stay("P"), name="a.csv", hour=1, table="icu_stays")
    night(site, 1)
    assert [item.is_fresh for item in feeds(site, 2)] == [True, True]
    found = feeds(site, 2.2)
    assert [item.is_fresh for item in feed_states(found, ())] == [False, False]
    assert feed_caveats(found, ())[1:] == (Caveat("courses_stale", since=day(1)), Caveat("stays_stale", since=day(1)))
    said = {finding.what: finding for finding in checkup(site, example=lambda: ())}["feed pharmacy/icu_stays"]
    assert said.state == "note"
    assert f"silent: last delivery {day(1).isoformat()}" in said.words


def test_without_an_agreement_nobody_is_silent(site: Path) -> None:
    drop(site, course("P"), name="a.csv", hour=1)
    night(site, 1)
    (found,) = feeds(site, 99)
    assert (found.is_fresh, silent(site, 99)) == (None, None)


def test_a_feed_that_is_agreed_on_and_never_came_is_told(site: Path) -> None:
    declare(site, "antiviral_courses")
    (found,) = feeds(site, 1)
    assert (found.feed, found.table, found.last_received_at) == ("pharmacy", "antiviral_courses", None)


def test_known_bytes_that_come_anew_are_a_sign_of_life_and_a_file_left_in_place_is_none(site: Path) -> None:
    declare(site, "antiviral_courses")
    drop(site, course("P"), name="a.csv", hour=1)
    night(site, 1)
    night(site, 2)
    assert last(site, 2) == day(1)
    drop(site, course("P"), name="b.csv", hour=1)
    night(site, 3)
    assert (last(site, 2.9), last(site, 3)) == (day(1), day(3))
    drop(site, course("P"), name="b.csv", hour=4)
    night(site, 4)
    night(site, 5)
    assert last(site, 5) == day(4)
    assert sites.rows(site, "SELECT count(*) FROM deliveries") == [(1,)]


def test_a_file_with_a_header_alone_is_a_sign_of_life(site: Path) -> None:
    declare(site, "antiviral_courses")
    drop(site, course("P"), name="a.csv", hour=1)
    night(site, 1)
    drop(site, name="b.csv", hour=2)
    night(site, 2)
    (found,) = feeds(site, 2)
    assert (found.last_received_at, found.refused) == (day(2), None)


def test_what_is_refused_or_judged_again_is_no_sign_of_life(site: Path) -> None:
    declare(site, "antiviral_courses")
    drop(site, course("P"), course("Q", drug="brandname", intent="odd"), name="a.csv", hour=1)
    night(site, 1)
    assert sites.rows(site, "SELECT quarantined FROM deliveries") == [(1,)]
    path = site / "tables" / "pharmacy.toml"
    with path.open("a", encoding="utf-8") as file:
        file.write('[antiviral_courses.words.indication]\ntreatment = ["odd"]\n')
    night(site, 3)
    assert sites.rows(site, "SELECT count(*) FROM deliveries") == [(2,)]
    assert last(site, 3) == day(1)
    refused = site / "drop" / "pharmacy" / "antiviral_courses" / "b.csv"
    refused.write_text("no,course\n1,2\n", encoding="utf-8")
    sites.lain_still(refused)
    night(site, 4)
    (found,) = feeds(site, 4)
    assert (found.last_received_at, found.refused is None, found.is_fresh) == (day(1), False, False)


def test_one_of_two_pharmacies_that_still_comes_is_enough_and_one_without_an_agreement_is_not(site: Path) -> None:
    declare(site, "antiviral_courses")
    drop(site, course("P"), name="a.csv", hour=1)
    sites.drop(site, "antiviral_courses", [course("Q")], feed="other")
    night(site, 1)
    sites.drop(site, "antiviral_courses", [course("R")], feed="other", name="two.csv")
    night(site, 3)
    assert silent(site, 3) == day(1)
    assert silent(site, 2) is None
    declare(site, "antiviral_courses", feed="other")
    assert silent(site, 3) is None


def test_a_table_file_that_can_t_be_read_keeps_no_agreement(site: Path) -> None:
    declare(site, "antiviral_courses")
    drop(site, course("P"), name="a.csv", hour=1)
    night(site, 1)
    (site / "tables" / "pharmacy.toml").write_text("feed = ", encoding="utf-8")
    assert silent(site, 1.5) == day(1)


@pytest.mark.slow
def test_the_treatment_of_a_silent_pharmacy_is_unknown_and_the_page_says_since_when(site: Path) -> None:
    declare(site, "antiviral_courses")
    drop(site, course("SYNTHETIC-1", start=0), name="a.csv", hour=1)
    sites.drop(site, "viral_load_results", [result("SYNTHETIC-1", 1, 900_000)])
    sites.drop(site, "icu_stays", [stay("SYNTHETIC-1")])
    for at, is_silent in ((1.5, False), (6, True)):
        nightly(site, as_of=day(at))
        said = "".join(path.read_text(encoding="utf-8") for path in (site / "pages").glob("*.nl.html"))
        assert ("de medicatie was het laatst bekend op" in said) is is_silent
        assert bool(re.search(r"Koppeling pharmacy \(antivirale middelen\) stil sinds", said)) is is_silent
    with open_site(site) as opened:
        found = {at: assessed(opened, as_of=day(at)) for at in (2, 6)}
    assert {at: one.facts.of(TREATMENT)["treatment"][0] for at, one in found.items()} == {2: "on", 6: "unknown"}
    reasons = {at: set(one.verdicts["reason"]) for at, one in found.items()}
    assert ("treatment_unknown" in reasons[2], "treatment_unknown" in reasons[6]) == (False, True)


@pytest.mark.parametrize("is_agreed", [False, True])
def test_hours_that_no_file_of_the_feed_states_are_told_as_a_default_and_as_no_agreement(
    site: Path, is_agreed: bool
) -> None:
    """Of results a contract of the package expects some every 48 hours; this laboratory's file states none, or 26."""
    sites.laboratories(site, "synthetic")
    with (site / "labs" / "synthetic.toml").open("a", encoding="utf-8") as file:
        file.write("[delivered_every]\nhours = 26\n" if is_agreed else "")
    sites.drop(site, "viral_load_results", [result("P", 0, 9000)])
    nightly(site, as_of=day(6))
    (line,) = [line for line in of_feeds(status(site)) if "synthetic" in line]
    in_words = "every 26 h is agreed" if is_agreed else "every 48 h by default: no file says how often it comes"
    assert f"viral_load_results SILENT, {in_words}" in line
    assert ("is agreed" in line) == is_agreed
    for code, hours, default in (
        ("en", "h", "(default; no file says it)"),
        ("nl", "uur", "(standaard; geen bestand zegt het)"),
    ):
        page = sites.unmarked((site / "pages" / f"data.{code}.html").read_text("utf-8"))
        assert (f"26 {hours}<" if is_agreed else f"48 {hours} {default}") in page
        assert (default in page) != is_agreed
