"""A patient on paper and as a file: one sheet for most of the demo's ward, nothing cut, and PDF, SVG and HTML with the same values.

Every patient of the demo is printed by the browser in both languages; the PDF of `cmvmon report`, of every fourth one.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pypdf import PdfReader

from cmvmon.dashboards.exports import patient_html, patient_pdf, patient_svg
from cmvmon.domain import words
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from cmvmon.text import codes, language
from tests.pages import by_hand
from tests.pages.conftest import Opener
from tests.pages.demo_site import Demo

MOST_BYTES = 150_000
EVERY = 4
# Why a patient needs a second sheet: more open alerts than the first one has room for. Nobody needs one for another reason.
MORE_ALERTS = {"SYNTHETIC-0008", "SYNTHETIC-0009", "SYNTHETIC-0015", "SYNTHETIC-D05", "SYNTHETIC-D06", "SYNTHETIC-D09"}
MORE_BY_LANGUAGE = {"nl": {"SYNTHETIC-0016"}}  # whose alert has room in the one language alone
_ALERTS = """() => [...document.querySelectorAll('.alert')].map(e => ({
  onFirst: e.closest('#alerts') !== null, title: e.querySelector('h3').childNodes[0].textContent.trim()}))"""
# What is wider than its place, or stands beyond the paper.
_CUT = """() => [...document.querySelectorAll('td, th, p, li, dd, h2, h3, svg text')]
  .filter(e => e.getBoundingClientRect().width > 0)
  .filter(e => { const r = e.getBoundingClientRect(); return r.left < -1 || r.right > document.documentElement.clientWidth + 1; })
  .map(e => e.textContent.slice(0, 60))"""


def squeezed(text: str) -> str:
    """Without blanks: where a line breaks, or a cell ends, is no part of what is said."""
    return re.sub(r"\s+", "", text)


def pages_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def page_file(demo: Demo, patient: str, code: str) -> Path:
    """The file of a patient's page."""
    return (demo.root / "pages" / page_of(Site(demo.root), patient, code)).absolute()


@dataclass(frozen=True)
class Printed:
    """What the browser printed of one page: the text of each sheet, its alerts, what sticks out."""

    sheets: list[str]
    alerts: list[dict[str, Any]]
    cut: list[str]


def _more_alerts(code: str) -> set[str]:
    return MORE_ALERTS | MORE_BY_LANGUAGE.get(code, set())


@pytest.fixture(scope="module")
def printed(open_page: Opener, demo: Demo) -> Callable[[str], dict[str, Printed]]:
    """By language, every patient's page on paper, with no script and nothing opened."""
    done: dict[str, dict[str, Printed]] = {}

    def of(code: str) -> dict[str, Printed]:
        if code not in done:
            done[code] = {}
            tab = open_page(demo.page(f"ward.{code}.html"), javascript=False).page
            tab.set_viewport_size({"width": 718, "height": 1000})
            tab.emulate_media(media="print")
            for patient in demo.ward.patients:
                tab.goto(page_file(demo, patient, code).as_uri())
                sheets = pages_of(tab.pdf(prefer_css_page_size=True))
                done[code][patient] = Printed(sheets, tab.evaluate(_ALERTS), tab.evaluate(_CUT))
        return done[code]

    return of


@pytest.mark.parametrize("code", codes())
def test_a_patient_prints_on_one_sheet_and_on_two_only_for_alerts_that_have_no_room(
    printed: Callable[[str], dict[str, Printed]], code: str
) -> None:
    spoken = language(code)
    for patient, found in printed(code).items():
        later = [alert for alert in found.alerts if not alert["onFirst"]]
        assert len(found.sheets) == (2 if later else 1), patient
        assert bool(later) == (patient in _more_alerts(code)), (patient, len(later))
        said = spoken.count("alerts.on_next_sheet", len(later), sheet="2") if later else ""
        assert squeezed(said) in squeezed(found.sheets[0])
        assert all(patient in squeezed(sheet) for sheet in found.sheets)  # the strip stands on every sheet
        assert all(squeezed(alert["title"]) in squeezed(found.sheets[1]) for alert in later)
    assert len(_more_alerts(code)) < len(printed(code)) / 4


@pytest.mark.parametrize("code", codes())
def test_nothing_is_cut_on_paper_and_the_sheet_ends_with_its_provenance(
    printed: Callable[[str], dict[str, Printed]], code: str
) -> None:
    spoken = language(code)
    for patient, found in printed(code).items():
        assert found.cut == [], patient
        first = squeezed(found.sheets[0])
        order = [
            spoken.say("latest.title"),
            spoken.say("figure.title"),
            spoken.say("decline.title"),
            spoken.say("results.title"),
            *([spoken.say("alerts.title")] if found.alerts else []),
            spoken.say("footer.source"),
        ]
        places = [first.rfind(squeezed(part)) for part in order]
        assert min(places) >= 0, (patient, order[places.index(min(places))])
        if found.alerts:
            assert places[-2:] == sorted(places[-2:])
        assert squeezed(spoken.say("alerts.more")) not in first  # what is folded away is not printed
        assert squeezed(spoken.say("footer.report", id="")).rstrip(".") in first


@pytest.mark.parametrize("code", codes())
def test_a_patient_s_page_is_light_and_holds_every_result_of_the_tables(demo: Demo, code: str) -> None:
    """Read back from the HTML: moment, compartment and value of every result of every patient, those that are folded too."""
    spoken, seen, sizes = language(code), set(), {}
    for patient in demo.ward.patients:
        page = page_file(demo, patient, code).read_text("utf-8")
        sizes[patient] = len(page.encode())
        section = page.partition('<section id="results">')[2].partition("</section>")[0]
        rows = [
            [
                unescape(
                    re.sub(r"<[^>]+>", lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ", cell)
                ).strip()
                for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
            ]
            for row in re.findall(r"<tr><td.*?</tr>", section, re.DOTALL)
        ]
        results = _used(demo, patient)
        stand = [row for row in rows if row[4] != spoken.word("result_status", "withdrawn")]
        told = Counter((row[0], row[1], re.sub(r"( \([\d.,]+ log10\))?(  .*)?$", "", row[2])) for row in stand)
        expected = Counter(
            (
                spoken.moment(one["collected_at"], demo.time_zone),
                spoken.word("compartment", one["compartment"]),
                by_hand.full_value(one, spoken),
            )
            for one in results
        )
        seen |= {one["detection"] for one in results}
        assert told == expected, patient
    print({name: sizes[name] for name in sorted(sizes, key=lambda name: -sizes[name])[:3]})
    assert max(sizes.values()) <= MOST_BYTES
    assert seen >= {words.QUANTIFIED, words.BELOW_LLOQ, words.NOT_DETECTED}


@pytest.mark.parametrize("code", codes())
def test_the_svg_of_a_patient_draws_the_results_of_the_tables(demo: Demo, code: str) -> None:
    """Every mark says its moment and value; all results stand there, but for those that the page counts as older."""
    spoken = language(code)
    for patient in demo.ward.patients:
        page = page_file(demo, patient, code).read_text("utf-8")
        svg = patient_svg(page)
        assert patient in svg
        marks = [
            unescape(said) for kind, said in _marks(svg) if kind.partition(":")[2].split(":")[0] in words.DETECTION
        ]
        results = _used(demo, patient)
        said = [
            (spoken.moment(one["collected_at"], demo.time_zone), by_hand.full_value(one, spoken)) for one in results
        ]
        assert len(marks) == len(said), patient
        for moment, value in said:
            assert any(mark.startswith(f"{moment}: ") and value in mark for mark in marks), (patient, moment, value)


@pytest.mark.parametrize("code", codes())
def test_the_pdf_of_a_patient_says_what_the_html_says_on_as_many_sheets(demo: Demo, code: str) -> None:
    spoken, seen = language(code), 0
    for patient in sorted(demo.ward.patients)[::EVERY]:
        page = page_file(demo, patient, code).read_text("utf-8")
        sheets = pages_of(patient_pdf(page))
        text = squeezed(" ".join(sheets))
        assert len(sheets) == (2 if patient in _more_alerts(code) else 1), patient
        for one in _used(demo, patient)[-8:]:
            assert squeezed(spoken.moment(one["collected_at"], demo.time_zone)) in text
            assert squeezed(by_hand.full_value(one, spoken)) in text
        for title in re.findall(r"<h3>([^<]+?) <span", page):
            assert squeezed(unescape(title)) in text
        due = re.findall(r'<dd id="due">(.*?)</dd>', page)
        assert squeezed(unescape(re.sub(r"<[^>]+>", "", due[0]))) in text, patient
        on_sheet = _weeks_on_sheet(page)
        for series, week, observed, _, since_start, call in _weeks(demo, patient, code):
            if (squeezed(series), squeezed(week[0])) not in on_sheet:
                continue
            seen += 1
            assert squeezed(series) in text, patient
            for told in (*week, *observed, since_start[0], since_start[-1], *call):
                assert squeezed(told) in text, (patient, week, told)
    assert seen > 5


def test_two_runs_give_the_same_files_and_what_is_folded_stands_behind_the_sheet_when_asked(demo: Demo) -> None:
    page = page_file(demo, "SYNTHETIC-D14", "en").read_text("utf-8")
    assert pages_of(patient_pdf(page)) == pages_of(patient_pdf(page))
    plain, whole = pages_of(patient_pdf(page)), pages_of(patient_pdf(page, annex=True))
    assert len(whole) > len(plain)
    why = squeezed(language("en").say("alerts.more"))
    assert why not in squeezed(" ".join(plain))
    assert why not in squeezed(whole[0])
    assert why in squeezed(" ".join(whole[1:]))
    assert squeezed(whole[0]) == squeezed(plain[0])
    alone = patient_html(page)
    assert "<script" not in alone
    assert 'href="' not in alone
    assert "<svg" in alone


def _used(demo: Demo, patient: str) -> list[dict[str, Any]]:
    mine = demo.ward.results.filter((pl.col("patient_id") == patient) & ~pl.col("is_conflicting"))
    return mine.sort("collected_at", "result_id").to_dicts()


def _weeks(demo: Demo, patient: str, code: str) -> list[by_hand.Week]:
    rows, used = (
        demo.weekly.filter(pl.col("patient_id") == patient),
        demo.ward.results.filter(~pl.col("is_conflicting")),
    )
    mine = used.filter(pl.col("patient_id") == patient)
    return by_hand.weeks(rows, mine, demo.protocol.decline, demo.time_zone, language(code))


def _weeks_on_sheet(page: str) -> set[tuple[str, str]]:
    """The series and the week of each row of declines that is not folded away."""
    section = page.partition('<section id="decline">')[2].partition("<!--fold-->")[0].partition("</section>")[0]
    found = set()
    for title, table in re.findall(r"<h3>(.*?)</h3>\s*(<table.*?</table>)", section, re.DOTALL):
        series = squeezed(unescape(re.sub(r"<[^>]+>", "", title)))
        found |= {(series, squeezed(week)) for week in re.findall(r"<td[^>]*><p>(Week \d+)</p>", table)}
    return found


def _marks(svg: str) -> list[tuple[str, str]]:
    groups = re.findall(r'<g data-kind="([^"]+)">(.*?)</g>', svg, re.DOTALL)
    return [(kind, said) for kind, inside in groups for said in re.findall(r"<title>(.*?)</title>", inside, re.DOTALL)]


def test_a_page_that_asks_for_something_outside_is_not_fetched_for(tmp_path: Path) -> None:
    """WeasyPrint reads no file and no address for a page, whatever stands in it."""
    secret = tmp_path / "secret.txt"
    secret.write_text("not for paper", encoding="utf-8")
    page = f'<html><body><img src="{secret.as_uri()}" alt="picture"><p>text</p></body></html>'
    assert "not for paper" not in " ".join(pages_of(patient_pdf(page)))
