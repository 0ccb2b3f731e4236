"""The demo's ward shows every rule: somebody is in alert, `why` answers, and who answered an alert is on the page.

A new rule without a demo patient fails here: the message says where to add one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cmvmon.cli.why import answer
from cmvmon.domain import words
from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.domain.interval import reported_limit_iu_per_ml
from cmvmon.domain.versions import current_results
from cmvmon.rules import all_rules
from cmvmon.run.asking.patient_verdicts import patient_verdicts
from cmvmon.run.asking.why_query import explained
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from cmvmon.text import codes, language
from cmvmon.text.values import value_in_words
from cmvmon.workbench import demo
from cmvmon.workbench.demo_patients import DemoPatients, demo_patients
from cmvmon.workbench.simulation import synthetic_laboratory
from tests.demo_run import DemoRun
from tests.sites import everything

FILE = "cmvmon/workbench/demo_patients.toml"
CODES = sorted(rule.code for rule in all_rules() if not rule.is_state)


@dataclass(frozen=True)
class Shown:
    root: Path
    alerts: list[Mapping[str, Any]]
    patients: DemoPatients
    answers: dict[str, dict[str, Any]]  # of `cmvmon why`, by alert: as they were asked for

    def why(self, alert: Mapping[str, Any]) -> dict[str, Any]:
        if alert["alert_id"] not in self.answers:
            self.answers[alert["alert_id"]] = explained(self.root, alert["alert_id"], lang="en")
        return self.answers[alert["alert_id"]]

    def results(self) -> dict[str, Mapping[str, Any]]:
        """Every result that is in use, by number."""
        with open_site(self.root) as opened, opened.reading() as connection:
            rows = known.known_table(connection, LEADING, as_of=demo.AS_OF)
        assert rows is not None
        return {row["result_id"]: row for row in current_results(rows).iter_rows(named=True)}

    def of(self, rule: str) -> list[Mapping[str, Any]]:
        return [alert for alert in self.alerts if alert["rule"] == rule]


@pytest.fixture(scope="module")
def shown(demo_run: DemoRun, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The demo's site after its night and its answers."""
    root = demo_run.copied(tmp_path_factory.mktemp("demo") / "site")
    with open_site(root) as opened, opened.reading() as connection:
        alerts = alert_store.alerts(connection, states={"open"})
    return Shown(root, alerts, demo_patients(demo.AS_OF, synthetic_laboratory(root)), {})


@pytest.mark.parametrize("rule", CODES)
def test_every_rule_alerts_on_somebody_who_is_there_for_it(shown: Shown, rule: str) -> None:
    there_for_it = {patient for patient, rules in shown.patients.shows.items() if rule in rules}
    assert there_for_it, f"no demo patient shows the rule {rule}: add an entry to {FILE}, whose head says how"
    missing = sorted(there_for_it - {alert["patient_id"] for alert in shown.of(rule)})
    assert not missing, f"{FILE}: {rule} does not alert on {', '.join(missing)}; mend the entry, or its `shows`"


def test_an_entry_shows_rules_that_there_are(shown: Shown) -> None:
    named = {rule for rules in shown.patients.shows.values() for rule in rules}
    assert named <= set(CODES)


def test_some_patients_have_nothing_to_look_at(shown: Shown) -> None:
    urgent = {alert["patient_id"] for alert in shown.alerts if alert["tier"] < words.TIERS[2]}
    calm = {patient for patient, rules in shown.patients.shows.items() if not rules}
    assert len(calm) >= 2
    assert not calm & urgent


@pytest.mark.parametrize("rule", CODES)
def test_why_answers_for_every_alert(shown: Shown, rule: str) -> None:
    """Why this patient, on which results, by which statement of which protocol, and what would have changed it."""
    for alert in shown.of(rule):
        why = shown.why(alert)
        assert why["patient_id"] == alert["patient_id"]
        assert why["sentence"]
        assert any(one["holds"] for one in why["conditions"] if one["part"].startswith("fires"))
        assert why["rests_on"] or why["follows"] or why["rows"] or why["absent"] or why["waits"], (
            "nothing that it rests on is named"
        )
        of_results = [*why["rests_on"], *(name for one in why["follows"] for name in one["result_ids"])]
        assert bool(of_results) == (why["tipped_by"]["says"] != language("en").say("why.tipped_no_result"))
        assert alert["protocol_version"] in why["stated_by"][-1]


def test_why_names_the_result_that_made_it_urgent_where_without_it_it_would_be_an_alert_all_the_same(
    shown: Shown,
) -> None:
    (alert,) = (one for one in shown.of("response") if one["patient_id"] == "SYNTHETIC-D05" and one["tier"] == 1)
    tipped = shown.why(alert)["tipped_by"]
    assert tipped["result_id"] == "synthetic:DEMO-D05-PLASMA-6:cmv_dna"
    assert (tipped["without_it"], tipped["says"]) == (
        words.ALERT,
        language("en").say("why.tipped_milder", tier=language("en").word("tier", "2")),
    )


@pytest.mark.parametrize("lang", codes())
def test_why_says_of_each_result_what_it_was_and_not_its_number_alone(shown: Shown, lang: str) -> None:
    spoken = language(lang)
    stored = shown.results()
    seen = set()
    for alert in shown.alerts:
        why = shown.why(alert)
        said = answer(why | {"language": lang}, 0)
        for name in (*why["rests_on"], *(name for one in why["follows"] for name in one["result_ids"])):
            row = stored[name]
            value = value_in_words(row["detection"], row["viral_load_iu_per_ml"], reported_limit_iu_per_ml(row), spoken)
            assert f"{spoken.moment(row['collected_at'], why['time_zone'])} {value} ({name})" in said
            seen.add(row["detection"])
    assert {"quantified", "below_lloq", "not_detected"} <= seen


@pytest.mark.parametrize("rule", CODES)
@pytest.mark.parametrize("lang", codes())
def test_why_prints_the_source_and_what_would_turn_it_and_no_condition_twice(
    shown: Shown, rule: str, lang: str
) -> None:
    spoken = language(lang)
    for alert in shown.of(rule):
        said = answer(shown.why(alert) | {"language": lang}, 0)
        rests, _, rest = said.partition(f"\n{spoken.say('why.why')}\n")
        conditions, _, rest = rest.partition(f"\n{spoken.say('why.changed')}\n")
        changed, _, _ = rest.partition(f"\n{spoken.say('why.where')}\n")
        starts = [
            spoken.sentences[key].partition("{")[0]
            for key in ("alerts.results", "why.follows", "why.rows", "why.absent", "why.waits")
        ]
        assert any(line.startswith(tuple(starts)) for line in rests.splitlines()), rests
        assert alert["protocol_version"] in rests
        asked = [line.split(None, 2)[2] for line in conditions.splitlines()[1:] if line.startswith("  ")]
        assert asked
        assert len(set(asked)) == len(asked), sorted(line for line in asked if asked.count(line) > 1)
        values, _, tipped = changed.rstrip("\n").rpartition("\n")
        assert len(values.splitlines()) > 1 or values == spoken.say("why.nothing")
        assert tipped


def test_an_alert_that_follows_a_rule_names_the_verdict_of_that_rule_and_its_results(shown: Shown) -> None:
    """`genotype_not_on_record` by `response`: the alerts of it on the patient, with the results that these rest on."""
    seen = set()
    for alert in shown.of("genotype_not_on_record"):
        told = shown.why(alert)["follows"]
        followed = [
            one for one in shown.of(told[0]["rule"]) if one["patient_id"] == alert["patient_id"] and one["tier"] < 3
        ]
        assert {(one["compartment"], one["tier"], tuple(one["result_ids"])) for one in told} == {
            (one["compartment"], one["tier"], tuple(json.loads(one["evidence"])["result_ids"])) for one in followed
        }
        assert f"Follows {told[0]['title']}" in answer(shown.why(alert), 0)
        of_patient = patient_verdicts(shown.root, alert["patient_id"], rule=alert["rule"], lang="en")
        assert [row["follows"] for row in of_patient["rows"]] == [told]
        seen.add(told[0]["rule"])
    assert "response" in seen


def test_an_alert_names_rows_that_were_delivered(shown: Shown) -> None:
    """A moment that is told as that of a row of a table is the moment of one: of that patient, in that table."""
    with open_site(shown.root) as opened, opened.reading() as connection:
        patients = sorted({alert["patient_id"] for alert in shown.alerts})
        was_known = known.known(connection, opened.site, as_of=demo.AS_OF, patients=patients)
    for alert in shown.alerts:
        for row in shown.why(alert)["rows"]:
            there = was_known.tables[row["table"]].filter(pl.col("patient_id") == alert["patient_id"])
            moments = {
                at for name, kind in there.schema.items() if kind == pl.Datetime("us", "UTC") for at in there[name]
            }
            if row["result_id"] is None:
                assert row["at"] in moments, (alert["rule"], row)


def test_every_table_that_is_judged_is_delivered_in_the_demo(shown: Shown) -> None:
    """A rule whose table never came would say so of everybody, instead of what it watches."""
    came = {path.name for path in (shown.root / "drop" / "synthetic").iterdir()}
    by_statements = {table.told.by for table in DELIVERED if table.told is not None}  # stays come as rows in the demo
    assert came == {table.name for table in DELIVERED if not table.says_who} - by_statements


def test_one_alert_is_acknowledged_and_one_set_aside_and_the_ward_page_says_by_whom(shown: Shown) -> None:
    standings = {alert["standing"]: alert["answered_by"] for alert in shown.alerts if alert["answered_by"]}
    assert standings.keys() == {words.ACKNOWLEDGED, words.SNOOZED}
    for name in ("ward.nl.html", "ward.en.html"):
        page = (shown.root / "pages" / name).read_text("utf-8")
        for person in standings.values():
            assert person in page
            assert "synthetic" in person


def test_a_second_run_changes_nothing(shown: Shown) -> None:
    before, pages = everything(shown.root), {p.name: p.read_bytes() for p in (shown.root / "pages").iterdir()}
    as_of = demo.prepare_demo(shown.root)
    again = nightly(shown.root, as_of=as_of)
    assert (again.published.written, demo.answer_demo(shown.root)) == (0, ())
    assert everything(shown.root) == before
    assert {p.name: p.read_bytes() for p in (shown.root / "pages").iterdir()} == pages


def test_few_lines_say_that_something_could_not_be_assessed(shown: Shown) -> None:
    """What drowns a page is one line for everybody: here no reason of a rule holds for more than half of the ward."""
    with open_site(shown.root) as opened, opened.reading() as connection:
        patients = tuple(sorted({alert["patient_id"] for alert in shown.alerts} | set(shown.patients.shows)))
        said = stored_results.last_verdicts(connection, patients)
    counted = (
        said.filter(pl.col("verdict") == words.NOT_ASSESSABLE)
        .group_by("rule", "reason")
        .agg(n=pl.col("patient_id").n_unique())
    )
    assert counted["n"].max() < len(patients) / 2, counted.sort("n", descending=True).head(3)
