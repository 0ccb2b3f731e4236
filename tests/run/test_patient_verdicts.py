"""Why a patient has no alert: what every rule says of the patient, and what would have been one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cmvmon.cli import app
from cmvmon.domain.errors import SiteError
from cmvmon.rules import all_rules
from cmvmon.run.asking.patient_verdicts import patient_verdicts
from cmvmon.run.nightly.night import nightly
from tests.sites import course, day, drop, falling, result, stay

UNTREATED, TREATED, NOW = "SYNTHETIC-U", "SYNTHETIC-T", day(15)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient without a drug whose load hardly rose, and one on a drug whose load falls too slowly."""
    site = tmp_path_factory.mktemp("judged") / "site"
    mine = [result(UNTREATED, n, v, specimen="plasma") for n, v in ((7, 300), (14, 400))]
    drop(site, "viral_load_results", [*mine, *falling(TREATED, 0.3)])
    drop(site, "antiviral_courses", [course(TREATED)])
    drop(site, "icu_stays", [stay(UNTREATED), stay(TREATED)])
    nightly(site, as_of=NOW)
    return site


def of(root: Path, patient: str, rule: str) -> list[dict[str, Any]]:
    return list(patient_verdicts(root, patient, rule=rule, lang="en")["rows"])


def told(root: Path, *words: str) -> str:
    ran = CliRunner().invoke(app, ["why", *words, "--site", str(root)])
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_a_clear_verdict_says_how_far_it_is_from_an_alert(root: Path) -> None:
    (row,) = of(root, UNTREATED, "untreated_rise")
    assert (row["verdict"], row["tier"], row["reason"]) == ("clear", None, None)
    rows = [row for who in (UNTREATED, TREATED) for row in patient_verdicts(root, who, rule=None, lang="en")["rows"]]
    near = {row["rule"]: row["turns"] for row in rows if row["verdict"] == "clear" and row["turns"]}
    assert near
    assert all(turn["verdict"].startswith("alert tier") for turns in near.values() for turn in turns)
    assert all(turn["at"] != turn["now"] for turns in near.values() for turn in turns)


def test_what_is_an_alert_says_so_and_needs_no_turning_value(root: Path) -> None:
    alerts = [row for row in of(root, TREATED, "response") if row["verdict"] == "alert"]
    assert [(row["tier"] is not None, row["turns"]) for row in alerts] == [(True, [])]


def test_what_could_not_be_assessed_keeps_its_reason(root: Path) -> None:
    rows = patient_verdicts(root, UNTREATED, rule=None, lang="en")["rows"]
    unknown = [row for row in rows if row["verdict"] == "not_assessable"]
    assert all(row["reason"] for row in unknown)


def test_every_rule_is_listed_also_one_that_judges_nothing_of_the_patient(root: Path) -> None:
    rows = patient_verdicts(root, UNTREATED, rule=None, lang="nl")["rows"]
    assert list(dict.fromkeys(row["rule"] for row in rows)) == [rule.code for rule in all_rules()]
    assert [row["verdict"] for row in of(root, UNTREATED, "response")] == [None]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("en", ("no alert", "not judged", "WHAT WOULD BE AN ALERT")),
        ("nl", ("geen melding", "niet beoordeeld", "WAT EEN MELDING ZOU ZIJN")),
    ],
)
def test_the_command_tells_it_in_both_languages(root: Path, code: str, says: tuple[str, ...]) -> None:
    said = told(root, "--patient", UNTREATED, "--lang", code)
    assert [word for word in says if word not in said] == []
    one = told(root, "--patient", UNTREATED, "--rule", "untreated_rise", "--lang", code)
    assert len(one.splitlines()) < len(said.splitlines())


def test_a_machine_reads_the_same(root: Path) -> None:
    found = json.loads(told(root, "--patient", UNTREATED, "--json"))
    assert found["patient_id"] == UNTREATED
    assert {row["rule"] for row in found["rows"]} == {rule.code for rule in all_rules()}


@pytest.mark.parametrize(
    ("patient", "rule", "says"),
    [
        ("SYNTHETIC-NOBODY", None, "no patient of that number"),
        (UNTREATED, "no_such_rule", "there is no rule 'no_such_rule'"),
    ],
)
def test_who_or_what_is_not_known_is_told(root: Path, patient: str, rule: str | None, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        patient_verdicts(root, patient, rule=rule, lang="en")


@pytest.mark.parametrize("words", [(), ("abc", "--patient", UNTREATED), ("abc", "--rule", "response")])
def test_an_alert_or_a_patient_is_asked_about_and_never_both(root: Path, words: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(app, ["why", *words, "--site", str(root)])
    assert ran.exit_code == 2
    assert "--patient ID" in ran.output
