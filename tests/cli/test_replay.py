"""`cmvmon replay` and `cmvmon protocol diff`, as a person and a machine meet them. All patients are made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.run.daytime.by_hand import take_in_by_hand
from cmvmon.simulate import ward
from cmvmon.workbench.simulation import delivered_texts, synthetic_laboratory

PACKAGED = Path(__file__).parents[2] / "cmvmon" / "protocol" / "icu_cmv_2024.toml"
DAYS = ("--from", "2024-01-10", "--to", "2024-01-16", "--mornings")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that took in a simulated ward as history, and its truth beside it."""
    folder = tmp_path_factory.mktemp("ward")
    made = ward(6, 21, seed=4)
    made.truth.write_parquet(folder / "truth.parquet")
    (folder / "site").mkdir()
    for table, text in delivered_texts(made, synthetic_laboratory(folder / "site")).items():
        file = folder / f"{table}.csv"
        file.write_text(text, encoding="utf-8")
        list(take_in_by_hand(folder / "site", [file], feed="synthetic", table=table, is_history=True))
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The shipped protocol, with one number changed."""
    path = tmp_path / "other.toml"
    text = PACKAGED.read_text(encoding="utf-8").replace("overdue_after_days = 9.0", "overdue_after_days = 2.0")
    path.write_text(text, encoding="utf-8")
    return path


def said(*arguments: object) -> str:
    """What a command prints. What it raises is raised."""
    done = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_replay_says_the_same_to_a_person_and_to_a_machine(root: Path, other: Path) -> None:
    asked = ("replay", *DAYS, "--site", root / "site", "--protocol", other, "--truth", root / "truth.parquet")
    text, found = said(*asked), json.loads(said(*asked, "--json"))
    own, changed = found["policies"]
    assert f"{found['nights']} nights" in text
    assert "changed  [rules.no_follow_up] overdue_after_days: 9 -> 2" in text
    assert "owner clinical lead" in text
    alerts = [{row["of"]: row["alerts"] for row in one["rates"]} for one in (own, changed)]
    assert alerts[1]["no_follow_up"] > alerts[0].get("no_follow_up", 0)
    for row in found["only_under_one"]:
        assert (row["rule"], row["under"]) == ("no_follow_up", changed["protocol"])
        assert row["patient_id"] in text
    assert {row["class"] for row in own["against_truth"]["by_course"]} <= {
        f"{name}{later}"
        for name in ("responder", "slow", "non_responder", "rebound")
        for later in ("", ", rises later")
    }
    assert "alerts about a load are false alarms" in text


def test_a_protocol_that_is_refused_names_its_stanza_and_nothing_is_judged(root: Path, other: Path) -> None:
    broken = other.read_text(encoding="utf-8").replace("overdue_after_days = 2.0", "overdue_after_day = 2.0")
    other.write_text(broken, encoding="utf-8")
    for asked in (
        ("replay", *DAYS, "--site", root / "site", "--protocol", other),
        ("protocol", "diff", PACKAGED, other, "--site", root / "site"),
    ):
        with pytest.raises(ProtocolError, match=r"rules\.no_follow_up.*overdue_after_day"):
            said(*asked)


def test_two_files_are_held_against_each_other(root: Path, other: Path) -> None:
    asked = ("protocol", "diff", PACKAGED, other, "--site", root / "site")
    assert said(*asked).startswith("changed  [rules.no_follow_up] overdue_after_days: 9 -> 2\n")
    (row,) = json.loads(said(*asked, "--json"))
    assert (row["old"]["value"], row["new"]["value"], row["new"]["owner"]) == ("9", "2", "clinical lead")
    assert said("protocol", "diff", PACKAGED, PACKAGED) == "no key differs\n"


@pytest.mark.parametrize("day", ["2024-1-1", "yesterday", "2024-02-30"])
def test_what_is_no_day_is_refused(root: Path, day: str) -> None:
    with pytest.raises(SiteError, match="is not a day; write it as"):
        said("replay", "--from", day, "--to", "2024-01-16", "--site", root / "site")
