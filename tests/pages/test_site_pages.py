"""The pages about the site, from stored tables to HTML: each number read back, and what did not run as visible as what failed.

All patients are made up.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from cmvmon.domain.errors import PolicyChanged
from cmvmon.rules import all_rules
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.asking.unit_query import unit_rows
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.boards.audit_log import Entry, append
from cmvmon.shell.folder.site import Site
from cmvmon.shell.keeping.last_backup import LastBackup, note
from cmvmon.shell.store.session import open_store
from cmvmon.text import codes, language
from tests import sites
from tests.pages import made_up_site
from tests.pages.made_up_site import AS_OF, NEXT, stays
from tests.patients import HEADERS
from tests.sites import course, day, drop, result

PAGES = ("data", "unit", "method")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_site.make(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site to which nothing was ever delivered, after one night."""
    root = tmp_path_factory.mktemp("empty")
    nightly(root, as_of=AS_OF)
    return root


def page(root: Path, name: str, code: str = "en") -> str:
    return (root / "pages" / f"{name}.{code}.html").read_text(encoding="utf-8")


def said(html: str) -> str:
    html = re.sub(r"<style>.*?</style>|<script.*?</script>|<svg.*?</svg>", " ", html, flags=re.S)
    return " ".join(
        unescape(re.sub(r"<[^>]+>", lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ", html)).split()
    )


def section(html: str, name: str) -> str:
    (found,) = re.findall(rf'<section id="{name}">.*?</section>', html, flags=re.S)
    return found


def cells(html: str) -> Iterator[list[str]]:
    """The rows of every table of that HTML."""
    for row in re.findall(r"<tr[^>]*>(?:<td.*?)</tr>", html, flags=re.S):
        yield [said(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.S)]


@pytest.mark.parametrize("code", codes())
def test_the_shares_on_the_unit_page_are_those_of_the_table(site: Path, code: str) -> None:
    spoken = language(code)
    shares = [row for row in unit_rows(site, as_of=NEXT) if row["figure"] == "reactivation"]
    assert {row["group"] for row in shares} == {"seropositive", "everyone"}
    for group in ("seropositive", "everyone"):
        shown = list(cells(section(page(site, "unit", code), group)))[:4]
        for row, got in zip([row for row in shares if row["group"] == group], shown, strict=True):
            estimate = spoken.percent(row["estimate"]) if row["estimate"] else "0%"
            assert got[:2] == [str(row["at"]), estimate]
            assert got[3] == f"{row['n_events']} / {row['n']}"
            if row["low"] is not None:
                assert got[2] == f"{spoken.percent(row['low'])} – {spoken.percent(row['high'])}"


def test_the_share_is_that_worked_by_hand(site: Path) -> None:
    """The withdrawn result of day 6 no longer counts. Six seropositive patients (the seventh, untested, leaves): on day 12 all six
    are still followed, and one reactivates."""
    found = {(row["group"], row["at"]): row for row in unit_rows(site, as_of=NEXT) if row["figure"] == "reactivation"}
    seropositive = found["seropositive", 14]
    assert (seropositive["n"], seropositive["n_events"]) == (6, 1)
    assert seropositive["estimate"] == pytest.approx(1 / 6)
    # Of everybody the seventh left on day 9: 6/7 of the way, one of six.
    assert found["everyone", 14]["estimate"] == pytest.approx(6 / 7 / 6)
    before = {(row["group"], row["at"]): row for row in unit_rows(site, as_of=AS_OF) if row["figure"] == "reactivation"}
    assert before["seropositive", 14]["estimate"] == pytest.approx(2 / 6)


def test_the_unit_page_says_who_is_counted_and_what_it_can_not_tell(site: Path) -> None:
    words = said(page(site, "unit"))
    assert (
        "Ventilated patients: 7; of these 6 known to be seropositive, 0 seronegative, 1 not known or in doubt." in words
    )
    assert "1 came ventilated and count from arrival" in words
    assert "NOT TOLD how many died: no deaths were ever delivered" in words
    assert "not a Kaplan-Meier estimate" in words
    assert "Published: 20% to 40% (Papazian 2015" in words
    assert "46,700 IU/mL, 94% treated" in words
    assert "it gives no course in time, so none is drawn" in words
    assert "Fewer than 5 events" in words


def test_every_figure_of_treatment_has_all_anchored_series_as_denominator(site: Path) -> None:
    (rows,) = {(row["group"], row["n"]) for row in unit_rows(site, as_of=NEXT) if row["figure"] == "response"}
    assert rows == ("plasma", 1)
    courses = section(page(site, "unit"), "courses")
    assert "Plasma: series 1" in said(courses)
    assert [row[1] for row in cells(courses)] == ["< 5 (none)"] * 4


@pytest.mark.parametrize("code", codes())
def test_the_conservation_line_adds_up_and_is_that_of_the_deliveries(site: Path, code: str) -> None:
    names = ("received", "accepted", "quarantined", "duplicates", "ignored")
    (stored,) = sites.rows(site, "SELECT " + ", ".join(f"sum({name})" for name in names) + " FROM deliveries")
    assert stored[0] == sum(stored[1:])
    spoken = language(code)
    numbers = {name: spoken.number(n, 0) for name, n in zip(names, stored, strict=True)}
    line = spoken.say("data.conservation.line", difference="0", **numbers)
    conservation = section(page(site, "data", code), "conservation")
    assert line in said(conservation)
    assert list(cells(conservation))[-1][2:] == [*numbers.values(), "0"]


def test_the_work_list_counts_by_reason_and_holds_no_patient_and_no_cell(site: Path) -> None:
    listed = listed_quarantine(site)
    assert [row["reason"] for row in listed] == ["unknown_unit"]
    data = page(site, "data")
    ((feed, table, reason, owner, n, _),) = cells(section(data, "quarantine"))
    assert (feed, table, n) == ("synthetic", "results", "1")
    assert reason == f"unknown_unit: {' '.join(listed[0]['remedy'].split())}"
    assert owner == "who keeps the site's files"
    assert list(cells(section(data, "new"))) == [["synthetic", listed[0]["column"], listed[0]["sample"], "1"]]
    for name in PAGES:
        for code in codes():
            assert "SYNTHETIC-" not in page(site, name, code)
            assert "cups" not in page(site, name, code)


def test_reasons_of_stopping_in_words_that_nobody_listed_are_counted_and_never_written(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 1, 900), result("SYNTHETIC-2", 1, 900)])
    reasons = ("rash of SYNTHETIC-2", "toxicity", None)
    lines = [course("SYNTHETIC-1", start=n, stop=n + 0.5, reason=why) for n, why in enumerate(reasons)]
    drop(tmp_path, "antiviral_courses", lines)
    nightly(tmp_path, as_of=day(4))
    told = said(section(page(tmp_path, "data"), "new"))
    assert "1 course bears a reason for stopping that no table file lists" in told
    assert "1 kuur heeft een reden van staken" in said(section(page(tmp_path, "data", "nl"), "new"))
    assert not [path for path in (tmp_path / "pages").rglob("*.html") if "rash" in path.read_text(encoding="utf-8")]
    drop(
        tmp_path, "antiviral_courses", [course("SYNTHETIC-1", start=0, stop=0.5, reason="toxicity")], name="mended.csv"
    )
    nightly(tmp_path, as_of=day(5))
    assert "reason for stopping" not in said(section(page(tmp_path, "data"), "new"))


def test_a_withdrawal_is_counted_with_how_many_had_been_answered(site: Path) -> None:
    assert list(cells(section(page(site, "data"), "rewritten"))) == [["withdrawn", "1", "0"]]


def test_people_who_were_shown_the_patient_on_the_board_between_arrival_and_withdrawal_are_counted(
    site: Path, tmp_path: Path
) -> None:
    """Two people saw her meanwhile, one of them twice; the others were refused, saw somebody else, or came before or after."""
    root = shutil.copytree(site, tmp_path / "site")
    assert "can't be known from files" in said(section(page(root, "data"), "rewritten"))
    seen = [
        (day(20) - timedelta(hours=1), "dr. Early", "SYNTHETIC-1", "done"),
        (day(20.1), "dr. A", "SYNTHETIC-1", "done"),
        (day(20.2), "dr. B", "SYNTHETIC-1", "done"),
        (day(20.3), "dr. A", "SYNTHETIC-1", "done"),
        (day(20.4), "dr. Refused", "SYNTHETIC-1", "refused"),
        (day(20.5), "dr. Other", "SYNTHETIC-10", "done"),
        (day(20.6), None, "SYNTHETIC-1", "done"),
        (day(21.2), "dr. Late", "SYNTHETIC-1", "done"),
    ]
    told = [Entry(at, "view_patient", outcome, actor=who, patients=(patient,)) for at, who, patient, outcome in seen]
    with open_store(Site(root).database) as store:
        append(store, root, told)
    nightly(root, as_of=day(21.5))
    for code, words in (("en", "who opened a page as a file"), ("nl", "wie een pagina als bestand opende")):
        shown = section(page(root, "data", code), "rewritten")
        assert [row[1:] for row in cells(shown)] == [["1", "0", "2"]]
        assert words in said(shown)
        assert "dr. A" not in shown


def test_nights_that_ran_and_a_backup_that_did_not_are_told_alike_plainly(site: Path) -> None:
    data = page(site, "data")
    assert [row[1] for row in cells(section(data, "nights"))] == ["done, every promise kept"] * 2
    assert 'class="look">NOT RUN: there was never a backup.' in data
    assert "Look at: records in quarantine: 1; the backup." in said(data)
    assert "NOT RECORDED" in said(section(data, "keeping"))


def test_an_empty_site_says_what_was_never_there(empty: Path) -> None:
    data, unit, method = (said(page(empty, name)) for name in PAGES)
    assert "nothing was ever delivered" in data
    assert "difference 0" in data
    assert "NOT TOLD: no stays were ever delivered" in unit
    assert "NOT TOLD: no antiviral courses were ever delivered." in unit
    assert "NOT TOLD: no former protocol was approved here and no former file" in method
    assert "<svg" not in page(empty, "unit")


def test_a_missed_day_a_stopped_night_and_an_old_backup_stand_on_the_data_page(tmp_path: Path) -> None:
    """One patient, nights on day 20 and 22; that of day 23 finds another policy under the label that it was judged by."""
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 6, 5000, specimen="plasma")])
    drop(tmp_path, "icu_stays", stays(2))
    for number in (20, 22):
        nightly(tmp_path, as_of=day(number))
    note(tmp_path, LastBackup(day(12), "0" * 64, 10, 2, 1000))
    from cmvmon.protocol import __file__ as package

    policy = (Path(package).parent / "icu_cmv_2024.toml").read_text(encoding="utf-8")
    (tmp_path / "protocol").mkdir(exist_ok=True)
    changed = policy.replace("local_line_iu_per_ml = 10000", "local_line_iu_per_ml = 20000")
    assert changed != policy
    (tmp_path / "protocol" / "own.toml").write_text(changed, encoding="utf-8")
    with pytest.raises(PolicyChanged):
        nightly(tmp_path, as_of=day(23))
    data = page(tmp_path, "data")
    states = [row[1] for row in cells(section(data, "nights"))]
    assert states[0].startswith("STOPPED: ")
    assert states[1:] == ["done, every promise kept", "NOT RUN", "done, every promise kept"]
    assert "done with every promise kept 2, stopped 1, not run 1" in said(data)
    assert "OLD: last backup" in said(data)
    assert re.search(r"Look at: [^.]*the last night; the backup\.", said(data))
    assert "NOT RUN: nothing was judged" in said(page(tmp_path, "unit"))


@pytest.mark.parametrize("code", codes())
def test_the_method_page_has_every_rule_with_its_numbers_as_the_protocol_writes_them(site: Path, code: str) -> None:
    method = page(site, "method", code)
    spoken = language(code)
    for rule in all_rules():
        (article,) = re.findall(rf'<article class="rule" id="rule-{rule.code}">.*?</article>', method, flags=re.S)
        assert spoken.word("rule", rule.code) in said(article)
        assert (len(list(cells(article))) > 0) == bool(rule.numbers)
    response = next(row for row in cells(method) if row[:2] == ["decline", "target_log10_per_week"])
    assert response[2].startswith("1 ")
    assert spoken.word("guide", "G16") in said(section(method, "order"))


def test_what_changed_since_a_former_protocol_is_listed_key_by_key(tmp_path: Path) -> None:
    from cmvmon.protocol import __file__ as package

    policy = (Path(package).parent / "icu_cmv_2024.toml").read_text(encoding="utf-8")
    former = re.sub(r'^version = "[^"]*"', 'version = "icu_cmv_2024.5"', policy, count=1, flags=re.M)
    assert former != policy
    former = former.replace("local_line_iu_per_ml = 10000", "local_line_iu_per_ml = 20000", 1)
    kept = tmp_path / "protocol" / "earlier"
    kept.mkdir(parents=True)
    (kept / "five.toml").write_text(former, encoding="utf-8")
    (kept / "torn.toml").write_text("version = ", encoding="utf-8")
    nightly(tmp_path, as_of=AS_OF)
    changes = section(page(tmp_path, "method"), "changes")
    assert "Keys that differ from icu_cmv_2024.5: 1" in said(changes)
    ((_, key, before, now, _),) = cells(changes)
    assert (key, before, now) == ("local_line_iu_per_ml", "20000", "10000")
    assert "Not readable in protocol/earlier: torn.toml." in said(changes)


def test_the_ward_page_and_its_index_link_to_each_of_them_and_they_are_for_the_group_alone(site: Path) -> None:
    for name in ("ward.nl", "ward.en", "index"):
        html = (site / "pages" / f"{name}.html").read_text(encoding="utf-8")
        for link in re.findall(r'<nav class="pages".*?</nav>', html, flags=re.S)[0].split('href="')[1:]:
            assert (site / "pages" / link.partition('"')[0]).exists()
    for name in PAGES:
        assert (site / "pages" / f"{name}.nl.html").stat().st_mode & 0o777 == 0o640


def test_the_same_night_again_writes_none_of_them_and_the_next_each_with_its_own_moment(tmp_path: Path) -> None:
    drop(tmp_path, "icu_stays", stays(2))
    nightly(tmp_path, as_of=AS_OF)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "pages").glob("*.html")}
    nightly(tmp_path, as_of=AS_OF)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "pages").glob("*.html")} == before
    nightly(tmp_path, as_of=AS_OF + timedelta(days=1))
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "pages").glob("*.html")}
    assert [
        f"{name}.{code}.html"
        for name in PAGES
        for code in codes()
        if before[f"{name}.{code}.html"] == after[f"{name}.{code}.html"]
    ] == []


def test_the_headers_of_the_stays_made_here_are_those_of_the_exchange_form() -> None:
    assert HEADERS["icu_stays"].count(",") == stays(1)[0].count(",")
