"""The clock of a sender that runs ahead of ours (faults.md, row 31): its results are used, and the state of its feed says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

import cmvmon
from cmvmon.cli.feed_lines import _of_feed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.health.feed_health import FeedHealth, feed_health
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests.feeds.fhir_texts import as_bytes, bundle, observation, patient, specimen
from tests.feeds.hl7_texts import file_of, message, order
from tests.run.test_hl7_files import put
from tests.sites import day, rows

CAME = day(2)


def sent(minutes: float, number: str = "F1") -> bytes:
    """A result whose header says that it was made so many minutes after it came."""
    at = (CAME + timedelta(minutes=minutes)).strftime("%Y%m%d%H%M%S+0000")
    return file_of(
        message(*order(number=number, collected="202603020800", reported="202603021000"), sent=at, control=number)
    )


def health(root: Path, feed: str, *, at: datetime) -> FeedHealth:
    with open_site(root) as opened, opened.reading() as connection:
        return next(one for one in feed_health(connection, opened.site, at=at) if one.feed == feed)


def accepted(root: Path, name: str, data: bytes, *, feed: str = "example_hl7", came: datetime = CAME) -> int:
    path = put(root, name, data)
    with open_site(root) as opened:
        (counted,) = take_in_file(opened, path, feed=feed, received_at=came)
    return counted.accepted


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(20, 1200), (59, 3540), (1, None), (0.5, None), (0, None), (-20, None), (61, 3660), (600, 36_000)],
)
def test_a_clock_that_runs_ahead_is_flagged_and_its_result_used(
    minutes: float, told: float | None, tmp_path: Path
) -> None:
    """More than a minute, and more than an hour too, as of a wrong zone, whose moment is not kept; one that stands behind is not."""
    assert accepted(tmp_path, "one.hl7", sent(minutes)) == 1
    found = health(tmp_path, "example_hl7", at=CAME + timedelta(hours=1))
    assert found.clock_ahead_s == told
    said = _of_feed([found], CAME + timedelta(hours=1))
    assert ("AHEAD" in said) is (told is not None)
    assert told is None or f"its clock runs AHEAD, by {told / 60:.0f} min" in said


def test_a_clock_that_was_set_is_not_told_of_a_day_later_and_the_furthest_of_a_day_counts(tmp_path: Path) -> None:
    assert accepted(tmp_path, "one.hl7", sent(20)) == 1
    assert accepted(tmp_path, "two.hl7", sent(5, "F2")) == 1
    assert health(tmp_path, "example_hl7", at=CAME + timedelta(hours=1)).clock_ahead_s == 1200
    assert health(tmp_path, "example_hl7", at=CAME + timedelta(hours=25)).clock_ahead_s is None


@pytest.mark.parametrize(("minutes", "told"), [(20, 1200), (-20, None)])
def test_a_bundle_that_was_made_after_it_came_is_flagged(minutes: float, told: float | None, tmp_path: Path) -> None:
    collected = specimen(collected="2026-03-02T08:00:00+01:00")
    whole = bundle(
        patient(),
        collected,
        observation(issued="2026-03-02T10:00:00+01:00"),
        timestamp=(CAME + timedelta(minutes=minutes)).isoformat(),
    )
    assert accepted(tmp_path, "one.fhir.json", as_bytes(whole), feed="example_fhir") == 1
    assert health(tmp_path, "example_fhir", at=CAME + timedelta(hours=1)).clock_ahead_s == told


def test_the_data_page_says_it_in_both_languages(tmp_path: Path) -> None:
    assert accepted(tmp_path, "one.hl7", sent(20)) == 1
    nightly(tmp_path, as_of=CAME + timedelta(hours=2))
    for code, said in (("en", "The clock of example_hl7 runs ahead"), ("nl", "De klok van example_hl7 loopt voor")):
        page = (tmp_path / "pages" / f"data.{code}.html").read_text("utf-8")
        assert said in page
        assert "20 min" in page


@pytest.mark.parametrize(
    ("of_result", "of_order", "told"),
    [
        ("F", "F", 0),
        ("F", "P", 1),  # the order waits for more: the result is read as preliminary
        ("F", "X", 1),  # the order was cancelled: the result is read as withdrawn
        ("C", "X", 1),
        ("C", "F", 0),
        ("F", "C", 0),
        ("P", "F", 0),  # the result's own status is the more cautious one
        ("X", "F", 0),
    ],
)
def test_a_result_that_counts_for_less_by_the_status_of_its_order_is_flagged(
    of_result: str, of_order: str, told: int, tmp_path: Path
) -> None:
    segments = order(status=of_result, of_order=of_order, collected="202603020800", reported="202603021000")
    accepted(tmp_path, "one.hl7", file_of(message(*segments)))
    found = health(tmp_path, "example_hl7", at=CAME + timedelta(hours=1))
    assert found.statuses_differ == told
    assert ("results used as LESS than they say" in _of_feed([found], CAME + timedelta(hours=1))) is bool(told)
    nightly(tmp_path, as_of=CAME + timedelta(hours=2))
    for code, said in (("en", "used as less than they say: 1."), ("nl", "gelden dan ze zeggen: 1.")):
        assert (said in (tmp_path / "pages" / f"data.{code}.html").read_text("utf-8")) is bool(told)


def test_what_is_judged_again_is_not_flagged_twice(tmp_path: Path) -> None:
    """Two results, of which the order of one waits; the other has a word that the file of the laboratory does not know yet."""
    data = file_of(
        message(*order(number="F1", of_order="P", collected="202603020800", reported="202603021000"), control="1"),
        message(*order("murky", number="F2", collected="202603020800", reported="202603021000"), control="2"),
    )
    accepted(tmp_path, "one.hl7", data)
    shipped = Path(cmvmon.__file__).parent / "feeds" / "labs" / "example_hl7.toml"
    mended = tmp_path / "labs" / "example_hl7.toml"
    mended.parent.mkdir(exist_ok=True)
    mended.write_text(shipped.read_text("utf-8").replace("[tests]", "[tests] # mended"), "utf-8")
    nightly(tmp_path, as_of=CAME + timedelta(hours=2))
    assert rows(tmp_path, "SELECT max(attempt) FROM deliveries") == [(2,)]
    assert health(tmp_path, "example_hl7", at=CAME + timedelta(hours=3)).statuses_differ == 1
