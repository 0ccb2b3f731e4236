"""A correction of a result that stood withdrawn (faults.md, row 59), and what puts corrections in order where no report time does."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.answers.quarantine_answers import answer_quarantine, reopen
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.daytime.quarantine_retry import OfReason, release
from tests.feeds.fhir_texts import as_bytes, bundle, observation, patient, quantity, specimen
from tests.feeds.hl7_texts import file_of, message, order
from tests.shell.test_hl7_statuses import HELD, F, at_last, taken_in, told
from tests.shell.test_withdrawals import taken_in as lines_taken_in
from tests.shell.test_withdrawals import unreported, used, waiting
from tests.sites import day, result, rows, text

W, C = ("W", "F", ""), ("C", "F", "900")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock of the day after everything came."""
    for name in ("cmvmon.shell.store.session.now", "cmvmon.run.asking.quarantine_list.now"):
        monkeypatch.setattr(name, lambda: day(4))


@pytest.mark.parametrize("way", [(0, 1, 2), (2, 0, 1)], ids=["in order", "the correction first"])
def test_a_person_sees_the_correction_and_releases_it_and_it_is_used_again(
    way: tuple[int, ...], tmp_path: Path, later: None
) -> None:
    for place, number in enumerate(way):
        counted = taken_in(tmp_path, file_of(told(number, (F, W, C)[number])), number=place)
        assert all(c.received == c.accepted + c.quarantined + c.duplicates + c.ignored for c in counted)
    assert at_last(tmp_path) == ("withdrawn", [HELD])
    (line,) = listed_quarantine(tmp_path)
    assert (line["reason"], "withdrawn this result" in line["remedy"]) == (HELD, True)
    found = release(tmp_path, line["record"], why="of this patient, said the laboratory", actor="dr. A")
    assert found.reasons == {HELD: OfReason(brought_right=1)}
    assert at_last(tmp_path) == ("corrected 900", [])
    told_again = [told(2, C)[0].replace("S2", "other"), *told(2, C)[1:]]
    (again,) = taken_in(tmp_path, file_of(told_again), number=5)
    assert (again.duplicates, at_last(tmp_path)) == (1, ("corrected 900", []))
    taken_in(tmp_path, file_of(told(3, W)), number=6)
    assert at_last(tmp_path) == ("withdrawn", [])


def test_what_a_person_rejects_stays_withdrawn_and_a_release_that_is_in_use_is_not_taken_back(
    tmp_path: Path, later: None
) -> None:
    for number, said in enumerate((F, W, C)):
        taken_in(tmp_path / "rejected", file_of(told(number, said)), number=number)
        taken_in(tmp_path / "released", file_of(told(number, said)), number=number)
    (line,) = listed_quarantine(tmp_path / "rejected")
    answer_quarantine(tmp_path / "rejected", line["record"], answer="rejected", why="of somebody else", actor="dr. A")
    assert at_last(tmp_path / "rejected") == ("withdrawn", [])
    release(tmp_path / "released", line["record"], why="right", actor="dr. A")
    (answer,) = rows(tmp_path / "released", "SELECT feed, mark FROM quarantine_answers")
    with pytest.raises(SiteError, match="in use since"):
        reopen(tmp_path / "released", f"{answer[0]}-{answer[1][:12]}", why="no", actor="dr. B")


def test_of_an_earlier_moment_the_correction_that_came_first_was_used(tmp_path: Path) -> None:
    """F and C on the second day, the withdrawal that was reported between them on the fourth."""
    said = ((1000, "F", 0.4), (3000, "C", 0.6), (1000, "W", 0.5))
    lines = [result("P1", 0, load, accession="A1", status=status, reported=text(day(at))) for load, status, at in said]
    lines_taken_in(tmp_path, lines[:2], at=2)
    lines_taken_in(tmp_path, lines[2:], at=4)
    assert [used(tmp_path, at=at) for at in (3, 5)] == [[("A1", 3000.0)], []]
    assert [waiting(tmp_path, at=at) for at in (3, 5)] == [[], [HELD]]


def test_without_any_time_a_correction_after_its_withdrawal_waits_once_however_often_it_is_sent(tmp_path: Path) -> None:
    for at, said in enumerate(["F", "W", "C", "C"], start=1):
        lines_taken_in(
            tmp_path,
            [unreported(800 if said in "FW" else 650, said), result("P2", 0, 1000 + at, accession=f"B{at}")],
            at=at,
        )
    assert waiting(tmp_path) == [HELD]
    assert "A1" not in dict(used(tmp_path))


def sent(number: int, said: tuple[str, str, str], *, at: str, reported: str = "") -> list[str]:
    status, of_order, value = said
    segments = order(value, status=status, of_order=of_order, collected="20260302080000", reported=reported)
    return message(*segments, control=f"S{number}", sent=at)


# Messages with their MSH-7 (and OBR-22) -> what is used, and why records wait
SENT: dict[str, tuple[list[list[str]], tuple[str, list[str]]]] = {
    "two corrections without report times": (
        [sent(0, F, at="20260302090000"), sent(1, C, at="20260302120000"), sent(2, ("C", "F", "950"), at="20260302130000")],
        ("corrected 950", []),
    ),
    "two corrections of one report time": (
        [sent(n, ("C", "F", v), at=f"2026030212{m}00", reported="202603021100") for n, v, m in ((0, "900", "10"), (1, "950", "20"))],
        ("corrected 950", []),
    ),
    "corrected back to what it was": (
        [sent(n, ("C", "F", v), at=f"202603021{n}0000") for n, v in enumerate(("900", "950", "900"))],
        ("corrected 900", []),
    ),
    "the offset of the header counts": (
        [sent(0, C, at="20260302120000+0000"), sent(1, ("C", "F", "950"), at="20260302123000+0100")],
        ("corrected 900", []),
    ),
    "a correction that was sent after the withdrawal": (
        [sent(0, F, at="20260302090000"), sent(1, W, at="20260302120000"), sent(2, C, at="20260302130000")],
        ("withdrawn", [HELD]),
    ),
    "and one that was sent before it": (
        [sent(0, F, at="20260302090000"), sent(1, W, at="20260302130000"), sent(2, C, at="20260302120000")],
        ("withdrawn", []),
    ),
    "a report time comes before the header": (
        [sent(0, C, at="20260302140000", reported="202603021100"), sent(1, ("C", "F", "950"), at="20260302120000", reported="202603021130")],
        ("corrected 950", []),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SENT)
def test_what_was_sent_later_holds_in_whichever_order_the_messages_come(case: str, tmp_path: Path) -> None:
    messages, end = SENT[case]
    for way, some in enumerate(itertools.permutations(messages)):
        for number, one in enumerate(some):
            taken_in(tmp_path / str(way), file_of(one), number=number)
        assert at_last(tmp_path / str(way)) == end, way


@pytest.mark.parametrize("of", ["meta.lastUpdated", "Bundle.timestamp"])
def test_of_fhir_without_a_report_time_what_was_changed_later_holds(of: str, tmp_path: Path) -> None:
    from cmvmon.run.deliveries.intake import take_in_file
    from cmvmon.shell.work.opening import open_site

    taken = specimen("119361006", collected="2026-03-02T08:00:00+01:00", id="s2")
    made = []
    for hour, value in ((12, 900), (13, 950)):
        one = observation(status="corrected", issued=None, **quantity(value)) | {
            "specimen": {"reference": "Specimen/s2"}
        }
        at = f"2026-03-02T{hour}:00:00+01:00"
        whole = bundle(patient(), taken, one | ({"meta": {"lastUpdated": at}} if of.startswith("meta") else {}))
        made.append(as_bytes(whole | ({"timestamp": at} if of.startswith("Bundle") else {})))
    for way, some in enumerate((made, made[::-1])):
        for number, data in enumerate(some):
            path = tmp_path / str(way) / "drop" / "example_fhir" / f"{number}.fhir.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            with open_site(tmp_path / str(way)) as opened:
                take_in_file(opened, path, feed="example_fhir", received_at=day(2 + number / 10))
        assert at_last(tmp_path / str(way)) == ("corrected 950", [])
