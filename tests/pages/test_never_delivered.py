"""What a site never delivered is said once on the ward page and in one line of a patient's page; it is never left out."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from cmvmon.dashboards.never_delivered import of_a_patient, on_the_ward
from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.row_views import NotAssessable
from cmvmon.dashboards.views import FeedState, NeverDelivered, WardRow, WardView
from cmvmon.dashboards.ward import ward_page
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.results import VERDICTS
from cmvmon.text import language
from cmvmon.text.values import table_in_words
from tests.pages import made_up, made_up_ward

HOSTS = NeverDelivered("host_status", frozenset({"host_unknown"}))
REPORTS = NeverDelivered("resistance_reports", frozenset({"reports_never_delivered"}), ("resistance_found",))
EN = language("en")


def row(patient: str, *unassessed: tuple[str, str]) -> WardRow:
    items = tuple(NotAssessable(rule, reason, None) for rule, reason in unassessed)
    return WardRow(patient, "ICU-SYN", "1", f"{patient}.html", (), (), items)


def ward(*rows: WardRow) -> WardView:
    return made_up_ward.ward(rows=rows, never_delivered=(HOSTS, REPORTS))


def test_the_ward_page_says_it_once_with_the_rules_and_for_how_many_patients() -> None:
    view = ward(
        row(
            "SYNTHETIC-1",
            ("critical_result_unseen", "host_unknown"),
            ("genotype_not_on_record", "reports_never_delivered"),
        ),
        row("SYNTHETIC-2", ("critical_result_unseen", "host_unknown"), ("suppressed", "fewer_than_two_results")),
    )
    said = on_the_ward([one.not_assessable for one in view.rows], view.never_delivered, EN)
    assert list(said.values()) == [
        "Never delivered here: host status. Not assessed without it: Critical result without an answer (2 patients).",
        (
            "Never delivered here: genotype and phenotype reports. Not assessed without it: Genotype on record (1 patient); "
            "Genotype and phenotype of the virus (all patients)."
        ),
    ]
    page = ward_page(view, language=EN)
    feeds = page[page.index('id="feeds"') : page.index('id="today"')]
    assert all(text in feeds for text in said.values())
    assert page.count("mmune status") == 0
    could_not = page[page.index('id="not-assessable"') : page.index('id="quiet"')]
    assert "SYNTHETIC-2" in could_not  # of her something else could not be assessed
    assert "SYNTHETIC-1" not in could_not


def test_whoever_lacks_nothing_else_is_not_said_to_be_assessed_in_everything() -> None:
    page = ward_page(ward(row("SYNTHETIC-1", ("critical_result_unseen", "host_unknown"))), language=EN)
    quiet = page[page.index('id="quiet"') :]
    assert "SYNTHETIC-1" in quiet
    assert EN.say("ward.no_alert_else") in quiet
    assert EN.say("ward.no_alert") not in page


def test_a_table_for_want_of_which_nothing_goes_unjudged_is_not_spoken_of() -> None:
    assert on_the_ward([()], [HOSTS], EN) == {}


@pytest.mark.parametrize("code", ["nl", "en"])
def test_a_patient_s_page_folds_it_into_one_line(code: str) -> None:
    spoken, view = language(code), made_up.slow_patient()
    verdict = VERDICTS.conform(pl.DataFrame([made_up.verdict("critical_result_unseen", "host_unknown", "bal")]))
    lacking = replace(view, verdicts=pl.concat([view.verdicts, verdict]), never_delivered=(HOSTS, REPORTS))
    line, folded = of_a_patient([verdict.row(0, named=True)], lacking.never_delivered, spoken)
    assert len(folded) == 2
    page = patient_page(lacking, language=spoken, script="draw.js")
    assert page.count(folded[0]) == 1
    start = page.index('<details id="never-delivered">')
    here = page[start : page.index("</details>", start)]
    assert line in here
    assert all(text in here for text in folded)
    assert 'id="never-delivered"' not in patient_page(view, language=spoken, script="draw.js")


def test_every_line_of_what_could_not_be_assessed_begins_with_a_capital() -> None:
    for code in ("nl", "en"):
        spoken = language(code)
        rules = [key.removeprefix("rule.") for key in spoken.sentences if key.startswith("rule.")]
        view = made_up_ward.ward(rows=[row("SYNTHETIC-1", *((rule, "conflicting_values") for rule in rules))])
        page = ward_page(view, language=spoken)
        lines = page[page.index('id="not-assessable"') : page.index('id="quiet"')].split("<p>")[1 : len(rules) + 1]
        assert len(lines) == len(rules)
        assert [line for line in lines if line[0] != line[0].upper()] == []


def test_tables_of_a_feed_of_which_nothing_is_agreed_share_a_line_and_one_that_troubles_keeps_its_own() -> None:
    at, later = made_up.day(20), made_up.day(21)
    view = made_up_ward.ward(
        feeds=(
            FeedState("records", "host_status", at, None),
            FeedState("records", "birth_dates", at, None),
            FeedState("records", "doses_given", at, None, n_quarantined=2),
            FeedState("records", "icu_stays", later, None),
            FeedState("records", "antiviral_courses", at, True),
        )
    )
    page = ward_page(view, language=EN)
    feeds = page[page.index('id="feeds"') : page.index('id="today"')]
    assert "Feed records (dates of birth, host status): last delivery" in feeds
    assert "Feed records (doses given): last delivery" in feeds
    assert feeds.count("<p>Feed") + feeds.count('"trouble">Feed') == 4


def test_a_site_to_which_no_result_ever_came_is_told_so_on_the_first_line() -> None:
    """Beside stays and courses alone the list would look like a quiet ward."""
    missing = NeverDelivered(LEADING.name, frozenset({"viral_load_results_never_delivered"}), ())
    for code in ("nl", "en"):
        spoken = language(code)
        view = replace(made_up_ward.ward(rows=[row("SYNTHETIC-1")]), never_delivered=(missing, HOSTS))
        page = ward_page(view, language=spoken)
        first = page[page.index('id="feeds"') :]
        assert first[first.index("<p") :].startswith(f'<p class="trouble">{spoken.say("ward.no_results_ever")}</p>')
        assert page.index('id="feeds"') < page.find('id="lately"') or 'id="lately"' not in page
        assert spoken.say("ward.no_results_ever") not in ward_page(ward(row("SYNTHETIC-1")), language=spoken)


def test_what_is_not_wrong_is_folded_into_one_line_and_nothing_of_it_is_lost() -> None:
    at, later = made_up.day(20), made_up.day(21)
    feeds = (
        FeedState("records", "host_status", at, None),
        FeedState("records", "icu_stays", later, None),
        FeedState("lab", "viral_load_results", later, True),
        FeedState("records", "doses_given", at, None, n_quarantined=2),
    )
    rows = (
        row(
            "SYNTHETIC-1",
            ("critical_result_unseen", "host_unknown"),
            ("genotype_not_on_record", "reports_never_delivered"),
        ),
    )
    for code in ("nl", "en"):
        spoken = language(code)
        page = ward_page(replace(ward(*rows), feeds=feeds), language=spoken)
        here = page[page.index('id="feeds"') : page.index('id="today"')]
        assert here.count("<details>") == 2
        assert here.count("<summary>") == 2
        assert "<p" not in here[: here.index("<details>")]  # nothing is wrong that a ward could act on
        apart = here[here.rindex("</details>") :]
        assert spoken.count("ward.apart", 2, tables=table_in_words("doses_given", spoken)) in apart
        assert f'<a href="data.{code}.html">' in apart, "for whoever can act"
        assert here.count("<p>") == 4 + 2
        moments = [spoken.moment(when, "Europe/Amsterdam") for when in (at, later)]
        here = here.replace('<span class="w">', "").replace("</span>", "")  # kept on one line
        assert all(moment in here for moment in moments)
