"""The worklist: what nobody has answered, for whom, and which samples are expected on which day."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import SiteError
from cmvmon.domain.words import ACKNOWLEDGED, ALERT_STANDING
from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.run.asking.worklist import OF_THE_WORK, worklist
from cmvmon.text import codes, language
from tests import sites
from tests.nights import nightly
from tests.patients import iso
from tests.sites import day


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients on BAL; the last sample of two was on day 21, of one on day 0. One file that can't be read."""
    root = tmp_path_factory.mktemp("ward")
    sites.ward_of_three(root)
    sites.drop(root, "viral_load_results", ["no line of this laboratory"], name="zwei.csv")
    nightly(root, as_of=day(22))
    return root


def test_what_waits_stands_under_the_owner_of_its_rule_and_what_was_acknowledged_waits_no_more(ward: Path) -> None:
    found = worklist(ward, as_of=day(22), lang="en").alerts
    owners = {row["rule"]: row["for_whom"] for row in found}
    assert owners["response"] == "clinical lead"
    assert set(owners.values()) <= {"clinical lead", "medical microbiologist", OF_THE_WORK}
    only = worklist(ward, as_of=day(22), for_whom="Clinical", lang="en").alerts
    assert only == [row for row in found if row["for_whom"] == "clinical lead"]
    one = next(row for row in found if row["rule"] == "response")
    answering.acknowledge(ward, one["alert_id"], reason="dealt_with", note=None, actor="dr. A")
    left = worklist(ward, as_of=day(22), lang="en").alerts
    assert [row["alert_id"] for row in left] == [r["alert_id"] for r in found if r["alert_id"] != one["alert_id"]]
    assert len(queries.listed_alerts(ward, every=False, lang="en")) == len(found), "it stands open all the same"


@pytest.mark.parametrize("name", ["apotheker", "Ziekenhuisapotheker", "pharmacist"])
def test_an_owner_is_found_by_either_of_its_names(ward: Path, name: str) -> None:
    assert worklist(ward, as_of=day(22), for_whom=name, lang="nl").alerts == []


@pytest.mark.parametrize(("name", "lang"), [("apothekar", "nl"), ("  ", "nl"), ("nurse", "en"), ("apotheker", "en")])
def test_a_name_that_no_owner_has_is_refused_with_those_there_are(ward: Path, name: str, lang: str) -> None:
    with pytest.raises(SiteError, match=r"hospital pharmacist.*data team|data team.*hospital pharmacist"):
        worklist(ward, as_of=day(22), for_whom=name, lang=lang)


def test_a_moment_before_what_was_judged_last_is_refused_not_answered_with_what_came_later(ward: Path) -> None:
    for moment in (day(-900), day(21)):
        with pytest.raises(SiteError, match=r"is before .* judged last"):
            worklist(ward, as_of=moment)


def test_a_sample_is_expected_a_week_after_the_newest_of_its_compartment(ward: Path) -> None:
    found = worklist(ward, as_of=day(22), lang="en").samples
    assert [(row["patient_id"], row["compartment"], row["due_on"], row["is_overdue"]) for row in found] == [
        ("SYNTHETIC-ONE", "bal", day(7).date().isoformat(), True),
        ("SYNTHETIC-FAST", "bal", day(28).date().isoformat(), False),
        ("SYNTHETIC-SLOW", "bal", day(28).date().isoformat(), False),
    ]


def test_an_order_waits_until_a_result_of_its_sample_is_known(tmp_path: Path) -> None:
    """BAL of day 21 has its result, though its order says taken two hours later; what was cancelled waits for nobody."""
    orders = [
        ("bal", 20, "collected", 21 + 2 / 24),
        ("plasma", 21, "collected", 21.5),
        ("bal", 21.8, "ordered", None),
        ("csf", 21.8, "cancelled", None),
    ]
    assert waiting(tmp_path, *orders) == [("plasma", 21, True), ("bal", 21.8, False)]


def waiting(root: Path, *orders: tuple[str, float, str, float | None]) -> list[tuple[str, float, bool]]:
    """Compartment, day of the order, and whether taken, of each order of the slow patient that waits on day 22. `orders`: compartment,
    day of the order, state, day of collection."""
    sites.ward_of_three(root)
    lines = ["patient_id,order_number,compartment,ordered_at,state,collected_at,stated_at,stated_by"]
    for number, (compartment, ordered, state, collected) in enumerate(orders):
        taken = "" if collected is None else iso(day(collected))
        lines.append(f"SYNTHETIC-SLOW,{number},{compartment},{iso(day(ordered))},{state},{taken},,")
    path = root / "drop" / "synthetic" / "samples_ordered" / "one.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    sites.lain_still(path)
    nightly(root, as_of=day(22))
    found = worklist(root, as_of=day(22), lang="en").orders
    days = {datetime.fromisoformat(iso(day(one[1]))): one[1] for one in orders}
    return [(row["compartment"], days[row["ordered_at"]], row["collected_at"] is not None) for row in found]


ENDS: dict[str, tuple[list[tuple[str, float, str, float | None]], list[tuple[str, float, bool]]]] = {  # orders of the slow patient, whose results are of BAL of days 0, 7, 14 and 21, and those that wait
    "a result since, and nobody said that it was taken": ([("bal", 13.9, "ordered", None)], []),
    "a result of that very moment": ([("bal", 21, "ordered", None)], []),
    "ordered after the last result": ([("bal", 21.1, "ordered", None)], [("bal", 21.1, False)]),
    "a result of another compartment": ([("plasma", 13.9, "ordered", None)], [("plasma", 13.9, False)]),
    "the only result since is of the sample of another order": (
        [("bal", 20, "collected", 21), ("bal", 20.9, "ordered", None)], [("bal", 20.9, False)]),
    "the only result since is of an order that is said to have it": (
        [("bal", 20, "resulted", 21), ("bal", 20.9, "ordered", None)], [("bal", 20.9, False)]),
    "the sample of another order, and one after it": (
        [("bal", 13, "collected", 14), ("bal", 13.9, "ordered", None)], []),
    "taken, and the result is of another day": ([("bal", 16, "collected", 17)], [("bal", 16, True)]),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_an_order_that_nobody_said_was_taken_ends_with_a_result_since(case: str, tmp_path: Path) -> None:
    orders, left = ENDS[case]
    assert waiting(tmp_path, *orders) == left


@pytest.mark.parametrize(
    ("code", "columns", "words"),
    [
        ("en", ("found", "open since"), ("Load falls less than ward's line", "Today", "overdue")),
        ("nl", ("bevinding", "open sinds"), ("Load daalt minder dan de afdelingslijn", "Vandaag", "over tijd")),
    ],
)
def test_a_line_says_what_was_found_in_one_language_and_one_way_to_write_times(
    tmp_path: Path, code: str, columns: tuple[str, ...], words: tuple[str, ...]
) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    printed = CliRunner().invoke(app, ["worklist", "--site", str(tmp_path), "--lang", code, "--as-of", iso(day(22))])
    assert printed.exit_code == 0
    assert all(word in printed.output for word in (*columns, *words))
    assert not re.search(r"\d{4}-\d\d-\d\d|T\d\d:\d\d|\b(True|False|None)\b", printed.output)
    at = language(code).moment(day(22), "Europe/Amsterdam")
    assert at in printed.output


def test_every_way_in_which_an_alert_can_stand_has_words() -> None:
    for code in codes():
        assert all(language(code).has(f"worklist.standing.{said}") for said in ALERT_STANDING if said != ACKNOWLEDGED)
