"""The worklist: what nobody has answered, for whom, and which samples are expected on which day."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.run import answering, queries
from cmvmon.run.night import nightly
from cmvmon.run.worklist import OF_THE_WORK, worklist
from tests import sites
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


def test_a_sample_is_expected_a_week_after_the_newest_of_its_compartment(ward: Path) -> None:
    found = worklist(ward, as_of=day(22), lang="en").samples
    assert [(row["patient_id"], row["compartment"], row["due_on"], row["is_overdue"]) for row in found] == [
        ("SYNTHETIC-ONE", "bal", day(7).date().isoformat(), True),
        ("SYNTHETIC-FAST", "bal", day(28).date().isoformat(), False),
        ("SYNTHETIC-SLOW", "bal", day(28).date().isoformat(), False),
    ]
