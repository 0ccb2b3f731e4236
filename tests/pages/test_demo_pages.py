"""The demo's pages in a browser: two lines a patient, worst first, nothing cut; and their numbers are those of the tables.

`CMVMON_IMAGES` names a folder: the pictures in docs/images are then made again, to be looked at.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from cmvmon.text import codes, language
from tests.pages import by_hand
from tests.pages.conftest import Opened, Opener
from tests.pages.demo_site import Demo
from tests.pages.looking import CUT_OFF, picture

LINE_PX = 20  # of a ward row: `line-height` of `.ward`
A4_PX = 703  # between its margins
MOST_WORDS = 6
SCREEN_PX = 1100
SAMPLES = {
    "en": ("Overdue", "Expected today", "Ordered, no result", "last"),
    "nl": ("Over tijd", "Vandaag verwacht", "Aangevraagd, geen uitslag", "laatste"),
}
SHAPES = {"quantified": "circle", "not_detected": "rect", "below_lloq": "down", "above_uloq": "up"}
_ROWS = """() => [...document.querySelectorAll('#now .ward tbody tr, #today .ward tbody tr, #quiet .ward tbody tr')].map(tr => ({
  patient: tr.querySelector('.bed a').textContent, section: tr.closest('section').id,
  title: tr.querySelector('strong')?.textContent ?? '',
  values: [...tr.querySelectorAll('.value .line')].map(e => [e.querySelector('.where').textContent, e.querySelector('b').textContent, e.querySelector('.note').textContent]),
  drugs: [...tr.querySelectorAll('.drug .line')].map(e => e.textContent),
  has_course: tr.querySelector('td.course') !== null,
  marks: [...tr.querySelectorAll('svg circle, svg rect, svg path[d*="h6l-3"]')]
    .map(e => e.tagName !== 'path' ? e.tagName : e.getAttribute('d').endsWith('5z') && e.classList.contains('open') ? 'down' : 'up'),
  spark: tr.querySelector('svg')?.getAttribute('aria-label') ?? ''}))"""
_TALL = """() => [...document.querySelectorAll('.ward tbody tr')].filter(tr => tr.getBoundingClientRect().height > 0)
  .filter(tr => [...tr.querySelectorAll('td, summary')].some(e => Math.max(e.getBoundingClientRect().height, e.scrollHeight) > 2 * 20 + 1))
  .map(tr => tr.textContent.slice(0, 60))"""

# The weeks of decline: the title of the table, then the lines of each cell.
_WEEKS = """() => [...document.querySelectorAll('#decline table.weeks')].flatMap(table => [...table.tBodies[0].rows].map(tr =>
  [table.previousElementSibling.textContent, ...[...tr.cells].map(td => [...td.querySelectorAll('p')].map(p => p.textContent))]))"""


@pytest.fixture(scope="module")
def site(demo: Demo) -> Demo:
    return demo


@pytest.fixture(scope="module")
def shown_ward(open_page: Opener, site: Demo) -> Callable[[str], Opened]:
    tabs: dict[str, Opened] = {}

    def tab(code: str) -> Opened:
        if code not in tabs:
            tabs[code] = open_page(site.page(f"ward.{code}.html"), javascript=False)
        return tabs[code]

    return tab


@pytest.mark.parametrize("code", codes())
def test_no_row_has_more_than_two_lines_at_1100_px_and_every_finding_at_most_six_words(
    shown_ward: Callable[[str], Opened], code: str
) -> None:
    page = shown_ward(code).page
    page.set_viewport_size({"width": 1100, "height": 900})
    assert page.evaluate(_TALL) == []
    titles = [row["title"] for row in page.evaluate(_ROWS) if row["section"] != "quiet"]
    assert len(titles) > 10
    assert [title for title in titles if not 0 < len(title.split()) <= MOST_WORDS] == []


@pytest.mark.parametrize("code", codes())
def test_the_worst_patient_comes_first_and_everybody_has_one_row(
    shown_ward: Callable[[str], Opened], site: Demo, code: str
) -> None:
    rows = shown_ward(code).page.evaluate(_ROWS)
    order = ["now", "today", "quiet"]
    places = [order.index(row["section"]) for row in rows]
    assert places == sorted(places)
    assert places[0] == 0
    listed = shown_ward(code).page.locator(".ward .bed a").evaluate_all("all => all.map(e => e.textContent)")
    assert set(listed) == set(site.ward.patients)


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("width", [360, 800, 1920])
def test_nothing_sticks_out_and_a_sentence_is_one_tap_away_without_a_script(
    open_page: Opener, site: Demo, code: str, width: int
) -> None:
    tab = open_page(site.page(f"ward.{code}.html"), javascript=False)
    tab.page.set_viewport_size({"width": width, "height": 800})
    assert tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert tab.page.evaluate(CUT_OFF) == []
    first = tab.page.locator("#now .ward tbody tr").first
    top = first.bounding_box()
    assert top is not None
    assert top["y"] + top["height"] < 800  # patients stand on the first screen
    assert not first.locator(".full").is_visible()
    first.locator("summary").focus()
    tab.page.keyboard.press("Enter")
    assert first.locator(".full p").first.is_visible()
    assert tab.said == []


@pytest.mark.parametrize("code", codes())
def test_on_paper_every_sentence_is_there_and_nothing_is_cut(open_page: Opener, site: Demo, code: str) -> None:
    tab = open_page(site.page(f"ward.{code}.html"), javascript=False)
    tab.page.set_viewport_size({"width": A4_PX, "height": 1000})
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate(CUT_OFF) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    alerts = tab.page.locator("#now .full p:not(.again), #today .full p:not(.again)")
    heights = alerts.evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert len(heights) > 20
    assert min(heights) >= LINE_PX
    assert len(tab.page.pdf(format="A4", prefer_css_page_size=True)) > 10_000


@pytest.mark.parametrize("code", codes())
def test_the_numbers_of_the_ward_page_are_those_of_the_tables(
    shown_ward: Callable[[str], Opened], site: Demo, code: str
) -> None:
    """Read back from the page for every patient: newest values, their ages, the values that are drawn, the drug and its day."""
    spoken = language(code)
    rows = {row["patient"]: row for row in shown_ward(code).page.evaluate(_ROWS)}
    assert len(rows) > 10
    for patient, row in rows.items():
        results = site.ward.results.filter((pl.col("patient_id") == patient) & ~pl.col("is_conflicting"))
        newest = {spoken.word("compartment", last["compartment"]).lower(): last for last in by_hand.newest(results)}
        assert len(row["values"]) == min(len(newest), 2)
        for where, value, age in row["values"]:
            last = newest[where.lower()]
            assert value == by_hand.short_value(last, spoken)
            days = math.floor((site.as_of - last["collected_at"]) / timedelta(days=1) + 0.5)
            assert age.startswith(f"{days} d") or (days == 0 and spoken.say("row.days.less_than_one") in age)
        lead = newest[row["values"][0][0].lower()]["compartment"] if row["values"] else ""
        drawn = by_hand.drawn(results, lead, site.as_of, site.time_zone)
        told = row["spark"].split(": ", 1)[1].rstrip(".").split("; ") if row["spark"] else []
        if row["has_course"]:
            texts = [(one["collected_at"], by_hand.short_value(one, spoken)) for one in drawn]
            assert told == [f"{spoken.short_date(at, site.time_zone)} {text}" for at, text in texts]
            assert row["marks"] == [SHAPES[one["detection"]] for one in drawn]
        courses = site.courses.filter(pl.col("patient_id") == patient)
        assert row["drugs"] == by_hand.drugs(courses, site.as_of, site.time_zone, spoken)
    assert sum(bool(row["spark"]) for row in rows.values()) > 10
    assert {shape for row in rows.values() for shape in row["marks"]} >= {"circle", "rect"}


@pytest.mark.parametrize("code", codes())
def test_the_numbers_of_a_patient_s_first_screen_are_those_of_the_tables(
    open_page: Opener, site: Demo, code: str
) -> None:
    """Value, moment and change of every compartment, and what runs since when, of every patient."""
    spoken = language(code)
    context = open_page(site.page(f"ward.{code}.html"), javascript=False).page
    seen = set()
    for patient in site.ward.patients:
        context.goto(site.page(page_of(Site(site.root), patient, code)))
        cells = context.locator("#latest tbody tr").evaluate_all(
            "all => all.map(tr => [...tr.cells].map(td => td.textContent))"
        )
        results = site.ward.results.filter((pl.col("patient_id") == patient) & ~pl.col("is_conflicting"))
        newest = {spoken.word("compartment", last["compartment"]): last for last in by_hand.newest(results)}
        assert {row[0] for row in cells} == set(newest)
        for compartment, value, moment, change, *_ in cells:
            last = newest[compartment]
            assert moment == spoken.moment(last["collected_at"], site.time_zone)
            assert by_hand.full_value(last, spoken) in value
            series = results.filter(
                *(pl.col(name) == last[name] for name in ("compartment", "laboratory", "assay"))
            ).sort("collected_at", "result_id")
            may_stand = by_hand.changes(series.to_dicts(), spoken)
            assert any(all(text in change for text in texts) for texts in may_stand), (patient, compartment, change)
            seen.add(last["detection"])
        drug = context.locator("#drug").text_content() or ""
        courses = site.courses.filter(pl.col("patient_id") == patient)
        expected = by_hand.drugs(courses, site.as_of, site.time_zone, spoken)
        assert [text.split(" (")[0] for text in drug.split("; ")] == expected
    assert seen >= {words.QUANTIFIED, words.BELOW_LLOQ, words.NOT_DETECTED}


@pytest.mark.parametrize("code", codes())
def test_the_declines_of_every_patient_are_those_of_the_table_and_so_are_the_days_of_her_next_samples(
    open_page: Opener, site: Demo, code: str
) -> None:
    """Of each stored week: its dates, the loads that were observed, both estimates with their intervals, the call, and why not."""
    spoken, zone = language(code), site.time_zone
    page = open_page(site.page(f"ward.{code}.html"), javascript=False).page
    every = timedelta(days=site.protocol.answers.next_sample_days)
    calls, days = set(), set()
    for patient in site.ward.patients:
        page.goto(site.page(page_of(Site(site.root), patient, code)))
        mine = pl.col("patient_id") == patient
        results = site.ward.results.filter(mine)
        used, rows = results.filter(~pl.col("is_conflicting")), site.weekly.filter(mine)
        expected = by_hand.weeks(rows, used, site.protocol.decline, zone, spoken)
        assert sorted(page.evaluate(_WEEKS)) == sorted([list(week) for week in expected]), patient
        watched = site.ward.watched.filter(mine)["compartment"] if patient not in site.ward.left else ()
        newest = {
            last["compartment"]: last["collected_at"]
            for last in by_hand.newest(used)
            if last["compartment"] in set(watched)
        }
        due = by_hand.due(newest, site.as_of, every, zone, spoken)
        none = by_hand.not_due(spoken, has_left=patient in site.ward.left)
        assert page.locator("#due").text_content() == ("; ".join(due) or none), patient
        calls |= set(rows["call"])
        days |= {text.count(",") for text in due} | ({none} if not due else set())
    assert calls >= {"met", "not_met", "indeterminate", None}
    assert days >= {0, 1}  # one that lies ahead, and one that is overdue


@pytest.mark.parametrize("code", codes())
def test_the_samples_of_the_ward_page_are_those_of_the_tables(
    shown_ward: Callable[[str], Opened], site: Demo, code: str
) -> None:
    """Overdue and expected today by the newest result of each load that is watched; ordered, by the orders without a result."""
    spoken, ward, zone = language(code), site.ward, ZoneInfo(site.time_zone)
    lines = (
        shown_ward(code)
        .page.locator("#samples p")
        .evaluate_all("all => all.map(p => [p.querySelector('strong').textContent, p.textContent])")
    )
    told = {head.split(" (")[0]: text.partition(": ")[2] for head, text in lines}
    every, today = timedelta(days=site.protocol.answers.next_sample_days), site.as_of.astimezone(zone).date()
    expected: dict[str, int] = {}
    for patient, compartment in ward.watched.iter_rows():
        mine = ward.results.filter(pl.col("patient_id") == patient, ~pl.col("is_conflicting"))
        newest = {one["compartment"]: one["collected_at"] for one in by_hand.newest(mine)}
        due = newest[compartment] + every if compartment in newest and patient not in ward.left else None
        if due is not None and due.astimezone(zone).date() <= today:
            head = SAMPLES[code][0 if due < site.as_of else 1]
            expected[head] = expected.get(head, 0) + 1
            name = spoken.word("compartment", compartment)
            said = f"{name[0].upper()}{name[1:]} ({SAMPLES[code][3]} {spoken.short_date(newest[compartment], site.time_zone)})"
            assert said in told[head].partition(patient)[2].split(";")[0]
    for order in site.orders.to_dicts():
        mine = ward.results.filter(
            pl.col("patient_id") == order["patient_id"], pl.col("compartment") == order["compartment"]
        )
        has_result = mine.filter(pl.col("collected_at") >= order["ordered_at"]).height > 0
        if order["patient_id"] in ward.patients and order["state"] != "cancelled" and not has_result:
            expected[SAMPLES[code][2]] = expected.get(SAMPLES[code][2], 0) + 1
            assert order["patient_id"] in told[SAMPLES[code][2]]
    assert [head for head, _ in lines] == [f"{head} ({expected[head]}):" for head in SAMPLES[code][:3]]


@pytest.mark.parametrize("code", codes())
def test_sentence_drug_due_and_latest_values_of_every_patient_stand_on_the_first_screen(
    open_page: Opener, site: Demo, code: str
) -> None:
    page = open_page(site.page(f"ward.{code}.html"), javascript=False).page
    page.set_viewport_size({"width": 800, "height": SCREEN_PX})
    below = []
    for patient in site.ward.patients:
        page.goto(site.page(page_of(Site(site.root), patient, code)))
        for what in ("#headline > p:first-child", "#drug", "#due", "#latest h2 + *"):
            box = page.locator(what).bounding_box()
            assert box is not None, (patient, what)
            assert box["height"] > 0
            if box["y"] + box["height"] > SCREEN_PX:
                below.append((patient, what, box["y"] + box["height"]))
    assert below == []


@pytest.mark.parametrize("code", codes())
def test_the_pictures_of_the_pages_are_made_where_a_folder_is_named(open_page: Opener, site: Demo, code: str) -> None:
    if "CMVMON_IMAGES" not in os.environ:
        pytest.skip("no folder is named for pictures (CMVMON_IMAGES)")
    patient = page_of(Site(site.root), "SYNTHETIC-D05", code)
    for name, file, width, height in (
        *((name, f"{name}.{code}.html", 1100, 900) for name in ("ward", "data", "unit", "method")),
        ("ward", f"ward.{code}.html", 360, 800),
        ("patient", patient, 800, 1100),
        ("patient", patient, 360, 800),
    ):
        tab = open_page(site.page(file))
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.wait_for_timeout(500)  # a figure follows a new width a moment later
        picture(tab.page, f"{name}.{code}.{width}.png")
        tab.page.close()
