"""A moment is written once, in order; any other is shown; and a clock that can't be right is asked about, not followed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmvmon.domain.errors import AlreadyRunning, ClockInDoubt, SiteError
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import assess_step
from cmvmon.run.nightly.showing import show
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.work import opening
from cmvmon.shell.work.opening import held, open_site
from tests import sites
from tests.nights import nightly
from tests.sites import course, day, drop, everything, falling, land, page_bytes, result, stay, text

RESULTS = "viral_load_results"
LATER = day(21.5)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock of this machine."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(session, "now", lambda: moment)
        for module in ("cmvmon.run.pages.publish",):
            monkeypatch.setattr(f"{module}.now", lambda: moment)

    return set_to


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path / "site")
    nightly(tmp_path / "site", as_of=LATER)
    return tmp_path / "site"


def words_of(page: Path) -> str:
    return re.sub(
        r"\s+",
        " ",
        re.sub(
            r"<[^>]+>",
            lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ",
            page.read_text(encoding="utf-8"),
        ),
    )


def opened_since(root: Path) -> list[tuple[str, str]]:
    return sites.rows(root, "SELECT rule, patient_id FROM alert_events WHERE event = 'opened' AND rule <> 'operations'")


@pytest.mark.parametrize(
    ("as_of", "says"),
    [
        (day(21), "lies before the last moment that was judged here"),
        (datetime.now(UTC) + timedelta(hours=1), "lies ahead"),
    ],
)
@pytest.mark.parametrize("step", [nightly, assess_step])
def test_a_moment_out_of_order_is_refused_and_writes_nothing(
    as_of: datetime, says: str, step: Callable[..., object], ward: Path
) -> None:
    before, pages = everything(ward), page_bytes(ward)
    drop(ward, RESULTS, [result("SYNTHETIC-NEW", 20, 1_000)], name="new.csv")
    with pytest.raises(SiteError, match=says) as refused:
        step(ward, as_of=as_of)
    assert "--out DIR" in str(refused.value)
    assert (everything(ward), page_bytes(ward)) == (before, pages)


def test_the_same_night_may_be_run_again_and_changes_nothing(ward: Path) -> None:
    before, pages = everything(ward), page_bytes(ward)
    nightly(ward, as_of=LATER)
    assert (everything(ward), page_bytes(ward)) == (before, pages)


def test_nights_can_be_replayed_one_after_the_other_from_empty(tmp_path: Path) -> None:
    for number in (1, 8, 15):
        drop(
            tmp_path, RESULTS, falling("SYNTHETIC-1", 0.3, [d for d in (0, 7, 14) if d < number]), name=f"{number}.csv"
        )
        assert nightly(tmp_path, as_of=day(number)).assessed.as_of == day(number)


def test_another_moment_is_shown_in_a_folder_of_its_own_and_the_site_stays_as_it_is(ward: Path, tmp_path: Path) -> None:
    nightly(ward, as_of=day(30))
    before, pages = everything(ward), page_bytes(ward)
    out = tmp_path / "shown"
    for as_of in (LATER, day(25), day(60)):
        show(ward, out, as_of=as_of)
        assert (everything(ward), page_bytes(ward)) == (before, pages)
    show(ward, out, as_of=LATER)
    assert (out / "ward.en.html").read_bytes() != pages["ward.en.html"]


def test_what_is_shown_of_a_night_is_what_that_night_wrote(tmp_path: Path) -> None:
    root = tmp_path / "site"
    sites.ward_of_three(root)
    wrote = {}
    for number in (21.5, 22.5, 40):
        nightly(root, as_of=day(number))
        wrote[number] = page_bytes(root)
    for number, pages in wrote.items():
        show(root, tmp_path / f"{number}", as_of=day(number))
        shown = {path.name: path.read_bytes() for path in (tmp_path / f"{number}").glob("*")}
        assert shown == pages


def test_a_record_that_was_set_apart_later_is_not_shown_on_the_pages_of_before(ward: Path, tmp_path: Path) -> None:
    drop(ward, RESULTS, [result("SYNTHETIC-SLOW", 25, "ca. 500")], name="later.csv")
    nightly(ward, as_of=day(26))
    assert "Records set apart, not used: 1." in words_of(ward / "pages" / "ward.en.html")
    show(ward, tmp_path / "shown", as_of=LATER)
    assert "set apart" not in words_of(tmp_path / "shown" / "ward.en.html")


def test_an_alert_that_a_night_closes_is_not_shown_as_open(ward: Path, tmp_path: Path) -> None:
    drop(ward, "icu_stays", [stay("SYNTHETIC-SLOW", bed="S-00", end=22)], name="left.csv")
    nightly(ward, as_of=day(22.5))
    show(ward, tmp_path / "shown", as_of=day(22.5))
    for language in ("en", "nl"):
        shown = (tmp_path / "shown" / f"ward.{language}.html").read_bytes()
        assert shown == page_bytes(ward)[f"ward.{language}.html"]


@pytest.mark.parametrize("inside", ["", "pages", "shown/here"])
def test_nothing_is_shown_into_the_site_itself(inside: str, ward: Path) -> None:
    with pytest.raises(SiteError, match="lies in the site"):
        show(ward, ward / inside, as_of=LATER)


def test_nothing_is_shown_over_other_files(ward: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SiteError, match="other files than pages"):
        show(ward, tmp_path / "other", as_of=LATER)


def test_a_long_pause_is_asked_about_before_anything_is_written_and_the_page_says_so(
    ward: Path, clock: Callable[[datetime], None]
) -> None:
    before = everything(ward)
    clock(LATER + timedelta(days=400))
    drop(ward, RESULTS, [result("SYNTHETIC-NEW", 20, 1_000)], name="new.csv")
    with pytest.raises(ClockInDoubt, match=r"400 days after .* --clock-is-right"):
        nightly(ward)
    assert everything(ward) == before
    assert "alerts are frozen" in words_of(ward / "pages" / "ward.en.html")
    assert "meldingen zijn bevroren" in words_of(ward / "pages" / "ward.nl.html")
    done = nightly(ward, clock_is_right=True)
    assert done.assessed.as_of - LATER - timedelta(days=400) < timedelta(seconds=1)
    assert "frozen" not in words_of(ward / "pages" / "ward.en.html")


def test_a_live_result_under_a_clock_that_jumped_waits_for_the_night_that_is_believed(
    ward: Path, clock: Callable[[datetime], None]
) -> None:
    new = land(ward, RESULTS, [result("SYNTHETIC-NEW", 20, 1_000)], at=day(22))
    before = everything(ward)
    clock(LATER + timedelta(days=8))
    with pytest.raises(ClockInDoubt):
        lab_feed(ward, new)
    assert everything(ward) == before
    clock(LATER + timedelta(days=1))
    nightly(ward)
    assert ("SYNTHETIC-NEW",) in sites.rows(ward, f"SELECT patient_id FROM {RESULTS}")


def by_hand(site: Path, *files: Path, table: str = RESULTS) -> list[int]:
    """How many records of each file taken in by hand were accepted."""
    done = [found for _, found in take_in_by_hand(site, files, feed="synthetic", table=table)]
    return [sum(one.accepted for one in parts) for parts in done if not isinstance(parts, SiteError)]


def test_a_file_taken_in_by_hand_under_a_clock_that_jumped_lands_nowhere_and_silences_no_night(
    ward: Path, clock: Callable[[datetime], None], tmp_path: Path
) -> None:
    before = everything(ward)
    file = drop(tmp_path, RESULTS, [result("SYNTHETIC-NEW", 20, 1_000)])
    clock(LATER + timedelta(days=400))
    with pytest.raises(ClockInDoubt):
        by_hand(ward, file)
    assert everything(ward) == before
    assert "SYNTHETIC-NEW" not in "".join(path.read_text() for path in (ward / "landing").rglob("raw"))
    clock(LATER + timedelta(days=1))
    assert by_hand(ward, file) == [1]
    nightly(ward)
    assert ("SYNTHETIC-NEW",) in sites.rows(ward, f"SELECT patient_id FROM {RESULTS}")


def test_a_snapshot_taken_in_by_hand_after_a_night_under_a_clock_ahead_is_the_newest(
    ward: Path, clock: Callable[[datetime], None], tmp_path: Path
) -> None:
    (ward / "tables").mkdir(exist_ok=True)
    (ward / "tables" / "pharmacy.toml").write_text(
        'feed = "pharmacy"\ndescription = "synthetic"\n[antiviral_courses]\nsends = "snapshot"\n', encoding="utf-8"
    )
    whole = [course("SYNTHETIC-1"), course("SYNTHETIC-2")]
    drop(ward, "antiviral_courses", whole, name="whole.csv", feed="pharmacy")
    clock(LATER + timedelta(days=2))
    nightly(ward)
    clock(LATER + timedelta(days=1))
    fewer = drop(tmp_path, "antiviral_courses", whole[:1], name="fewer.csv")
    done = list(take_in_by_hand(ward, [fewer], feed="pharmacy", table="antiviral_courses"))
    assert [one.refused for _, parts in done if not isinstance(parts, SiteError) for one in parts] == [None]
    withdrawn = "SELECT patient_id FROM antiviral_courses WHERE feed = 'pharmacy' AND is_withdrawn"
    assert sites.rows(ward, withdrawn) == [("SYNTHETIC-2",)]


def test_a_file_taken_in_by_hand_waits_for_whoever_holds_the_site(
    ward: Path, monkeypatch: pytest.MonkeyPatch, clock: Callable[[datetime], None], tmp_path: Path
) -> None:
    clock(LATER + timedelta(days=1))
    monkeypatch.setattr(opening, "WAIT_S", 0.2)
    file = drop(tmp_path, RESULTS, [result("SYNTHETIC-NEW", 20, 1_000)])
    with held(Site(ward)), pytest.raises(AlreadyRunning):
        by_hand(ward, file)
    assert by_hand(ward, file) == [1]


def test_how_long_a_pause_may_be_is_the_site_s(ward: Path, clock: Callable[[datetime], None]) -> None:
    clock(LATER + timedelta(days=8))
    (ward / "settings.toml").write_text("longest_pause_days = 9\n", encoding="utf-8")
    assert nightly(ward).assessed.as_of - LATER - timedelta(days=8) < timedelta(seconds=1)


def test_nothing_is_silenced_after_a_night_under_a_clock_that_stood_ahead(
    ward: Path, clock: Callable[[datetime], None]
) -> None:
    """The clock stood two days ahead for one night; the day after, a slow fall becomes known."""
    clock(LATER + timedelta(days=2))
    nightly(ward)
    drop(ward, RESULTS, falling("SYNTHETIC-LATE", 0.1), name="late.csv")
    drop(ward, "antiviral_courses", [course("SYNTHETIC-LATE")], name="late.csv")
    drop(ward, "icu_stays", [stay("SYNTHETIC-LATE", bed="S-09")], name="late.csv")
    clock(LATER + timedelta(days=1))
    nightly(ward)
    assert ("response", "SYNTHETIC-LATE") in opened_since(ward)
    assert "stands behind the last moment" in words_of(ward / "pages" / "ward.en.html")
    assert "loopt achter op het laatste moment" in words_of(ward / "pages" / "ward.nl.html")
    clock(LATER + timedelta(days=3))
    nightly(ward)
    assert "stands behind the last moment" not in words_of(ward / "pages" / "ward.en.html")


def test_a_live_result_is_judged_at_once_while_the_clock_is_behind(
    ward: Path, clock: Callable[[datetime], None]
) -> None:
    clock(LATER + timedelta(days=2))
    nightly(ward)
    clock(LATER + timedelta(days=1))
    new = land(ward, RESULTS, [result("SYNTHETIC-FAST", 22, 900_000, reported=text(day(22.2)))], at=day(22.5))
    before = sites.rows(ward, "SELECT COUNT(*) FROM assessments")
    assert lab_feed(ward, new).assessed is not None
    assert sites.rows(ward, "SELECT COUNT(*) FROM assessments") != before
    assert "stands behind the last moment" in words_of(ward / "pages" / "ward.en.html")


def test_a_clock_far_behind_writes_nothing_and_the_page_says_that_alerts_are_frozen(
    ward: Path, clock: Callable[[datetime], None]
) -> None:
    before = everything(ward)
    clock(LATER - timedelta(days=30))
    with pytest.raises(ClockInDoubt, match=r"30 days ahead of the clock .* alerts are frozen"):
        nightly(ward)
    assert everything(ward) == before
    assert "alerts are frozen" in words_of(ward / "pages" / "ward.en.html")


@pytest.mark.parametrize("given", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_a_moment_that_the_ward_s_clock_shows_twice_or_never_is_refused(given: str) -> None:
    from zoneinfo import ZoneInfo

    with pytest.raises(SiteError, match="shown twice or never"):
        session.moment(given, ZoneInfo("Europe/Amsterdam"))


def test_a_moment_without_offset_is_local_to_the_stated_zone_and_refused_without_one() -> None:
    from zoneinfo import ZoneInfo

    assert session.moment("2026-11-26T05:30", ZoneInfo("Europe/Amsterdam")) == datetime(2026, 11, 26, 4, 30, tzinfo=UTC)
    with pytest.raises(SiteError, match="has no offset"):
        session.moment("2026-11-26T05:30")


def test_an_alert_whose_result_was_withdrawn_since_is_shown_as_the_next_night_leaves_it(
    ward: Path, tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    """Withdrawn by day, shown before any night: what a night closes for its facts is not shown as open."""
    clock(day(22))
    gone = [result("SYNTHETIC-SLOW", d, "", status="W", reported=text(day(21.8))) for d in (7, 14, 21)]
    with open_site(ward) as opened:
        path = drop(ward, RESULTS, gone, name="gone.csv")
        take_in_file(opened, path, feed="synthetic", table=RESULTS, received_at=day(21.9))
    show(ward, tmp_path / "shown", as_of=day(22))
    nightly(ward, as_of=day(22))
    closed = "SELECT cause FROM alert_events WHERE patient_id = 'SYNTHETIC-SLOW' AND event = 'closed'"
    assert sites.rows(ward, closed) == [("facts_withdrawn",)]
    night = words_of(ward / "pages" / "ward.en.html").split("Today")[-1]
    assert words_of(tmp_path / "shown" / "ward.en.html").split("Today")[-1] == night
