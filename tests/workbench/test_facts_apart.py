"""What an analysis writes of facts: each once for its subject, and nothing is lost of what the nightly work keeps as evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cmvmon
from cmvmon.assess import Assessment, assess
from cmvmon.domain.errors import SiteError
from cmvmon.domain.results import VERDICTS
from cmvmon.facts import all_fact_tables
from cmvmon.rules import Rule, all_rules
from cmvmon.rules.subject_facts import NAME
from cmvmon.rules.whole_evidence import whole_evidence
from cmvmon.shell.as_known.known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import open_site
from cmvmon.workbench import demo
from cmvmon.workbench.analysis import analyze
from cmvmon.workbench.batch import FACTS
from tests.demo_run import DemoRun
from tests.workbench import written

RULES = {rule.code: rule for rule in all_rules()}
Both = tuple[Assessment, Assessment]


@pytest.fixture(scope="module")
def both(demo_run: DemoRun, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The demo's ward, where every rule alerts on somebody, judged with facts apart and with whole evidence."""
    site = Site(demo_run.copied(tmp_path_factory.mktemp("demo") / "site"))
    with open_site(site.root) as opened, opened.reading() as connection:
        rows = known(connection, site, as_of=demo.AS_OF)
    protocol = site.protocol()
    apart, whole = (
        assess(rows, protocol=protocol, as_of=demo.AS_OF, facts_apart=is_apart) for is_apart in (True, False)
    )
    return apart, whole


def of_rule(assessment: Assessment, rule: Rule) -> pl.DataFrame:
    return assessment.verdicts.filter(rule=rule.code)


def test_the_verdicts_are_the_same_but_for_their_evidence(both: Both) -> None:
    apart, whole = both
    assert apart.verdicts.drop("evidence").equals(whole.verdicts.drop("evidence"))
    assert whole.subject_facts == {}


@pytest.mark.parametrize("code", sorted(RULES))
def test_evidence_and_facts_together_are_the_evidence_that_the_nightly_work_keeps(both: Both, code: str) -> None:
    apart, whole = both
    rule = RULES[code]
    there = whole_evidence(
        rule,
        of_rule(apart, rule),
        apart.subject_facts[NAME.format(rule.subject)],
        tables=all_fact_tables(),
    )
    assert there.to_list() == of_rule(whole, rule)["evidence"].to_list()
    assert len(there) > 0, "the demo's ward has somebody for every rule"


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_evidence_beside_tells_grounds_sentences_results_numbers_and_what_other_rules_said(
    both: Both, code: str
) -> None:
    rule = RULES[code]
    others = {name for name in rule.reads if name.startswith(("verdict.", "ground.", "protocol."))}
    for text in of_rule(both[0], rule)["evidence"]:
        assert [*json.loads(text)] == sorted({"grounds", "guide", "result_ids", "says"} | others)


@pytest.mark.parametrize("row_type", FACTS, ids=lambda row_type: row_type.name)
def test_every_subject_with_a_verdict_stands_once_and_no_other(both: Both, row_type: object) -> None:
    name = row_type.name  # type: ignore[attr-defined]
    rows = both[0].subject_facts[name]
    kind = name.removeprefix(NAME.format(""))
    spoken = both[0].verdicts.filter(subject_kind=kind)["subject"].unique()
    assert sorted(rows["subject"]) == sorted(spoken)
    assert rows.columns[0] == "patient_id"


def test_a_fact_is_null_where_no_rule_that_reads_it_speaks_of_the_subject(both: Both) -> None:
    """Else what is written of one patient would depend on whom a rule applies to beside."""
    apart, _ = both
    rows = apart.subject_facts["facts_of_series"]
    for name in rows.columns:
        readers = [code for code, rule in RULES.items() if rule.subject == "series" and name in rule.reads]
        if not readers or name in ("patient_id", "compartment", "laboratory", "assay"):
            continue
        spoken = apart.verdicts.filter(pl.col("rule").is_in(readers))["subject"].implode()
        assert (
            rows.filter(~pl.col("subject").is_in(spoken))[name].null_count()
            == rows.filter(~pl.col("subject").is_in(spoken)).height
        )


def test_the_tables_are_those_of_the_kinds_that_rules_speak_of() -> None:
    assert tuple(row_type.name for row_type in FACTS) == written.FACTS


def test_an_analyst_reads_the_verdicts_of_a_run_with_everything_that_they_rest_on(tmp_path: Path) -> None:
    made = cmvmon.simulate(12, 60, seed=4)
    (tmp_path / "in").mkdir()
    made.viral_load_results.write_parquet(tmp_path / "in" / "viral_load_results.parquet")
    made.antiviral_courses.write_parquet(tmp_path / "in" / "antiviral_courses.parquet")
    done = analyze(tmp_path / "in", tmp_path / "out", root=tmp_path / "site")
    found = cmvmon.read_verdicts(tmp_path / "out")
    assert found.equals(cmvmon.assess(cmvmon.read(tmp_path / "in"), as_of=done.as_of).verdicts)
    assert cmvmon.read_verdicts(tmp_path / "out", rule="response").equals(found.filter(rule="response"))


ODD = ['"', "\\", "\t", "\n", "\u2028", "é", '"result_ids":[]', "',"]


def test_whatever_stands_in_a_number_the_evidence_is_the_same_text(tmp_path: Path) -> None:
    """Where an id has a character that JSON writes otherwise, and where none has."""
    made = cmvmon.simulate(240, 60, seed=4)
    named = made.viral_load_results.with_row_index("row").with_columns(
        result_id=pl.concat_str(
            "result_id", pl.Series(ODD).gather(pl.int_range(made.viral_load_results.height, eager=True) % len(ODD))
        )
    )
    for results in (made.viral_load_results, named.drop("row")):
        folder = tmp_path / str(results is made.viral_load_results)
        (folder / "in").mkdir(parents=True)
        results.write_parquet(folder / "in" / "viral_load_results.parquet")
        made.antiviral_courses.write_parquet(folder / "in" / "antiviral_courses.parquet")
        done = analyze(folder / "in", folder / "out", root=folder / "site")
        found, whole = (
            cmvmon.read_verdicts(folder / "out"),
            cmvmon.assess(cmvmon.read(folder / "in"), as_of=done.as_of).verdicts,
        )
        assert found.equals(whole)
        assert sum(len(json.loads(text)["result_ids"]) > 0 for text in found["evidence"]) > 200


def test_verdicts_of_many_stand_in_the_order_of_a_plain_sort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the place of their subject, each compared once; patients without a compartment and subjects in two lists among them."""
    made = cmvmon.simulate(60, 60, seed=9)
    plain = cmvmon.assess(made).verdicts
    monkeypatch.setattr("cmvmon.rules.verdict_order._FEW", 0)
    assert cmvmon.assess(made).verdicts.equals(plain)
    order = ["patient_id", "compartment", "subject", "rule"]
    assert plain.equals(plain.sample(fraction=1.0, shuffle=True, seed=1).sort(order, nulls_last=False))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"out": "nothing"},
            "nothing holds no verdicts.parquet; name a folder that `cmvmon analyze` of this release wrote",
        ),
        ({"out": "out", "rule": "respons"}, "'respons' is no rule; known are "),
        ({"out": "out", "rule": ["response"]}, r"\['response'\] is no rule; known are "),
        ({"out": "out/verdicts.parquet"}, "verdicts.parquet is a file; name the folder that `cmvmon analyze` wrote"),
        ({"out": "out"}, "out was written by another release: this one has no rule gone; read it with that release"),
        ({"out": "out", "rule": "response"}, "out was written by another release: facts_of_series has no column "),
    ],
)
def test_verdicts_that_can_t_be_read_so_are_refused_in_words(tmp_path: Path, asked: dict[str, Any], says: str) -> None:
    (tmp_path / "out").mkdir()
    VERDICTS.conform(pl.DataFrame({"rule": ["response", "gone"]})).write_parquet(tmp_path / "out" / "verdicts.parquet")
    pl.DataFrame({"subject": ["any"]}).write_parquet(tmp_path / "out" / "facts_of_series.parquet")
    with pytest.raises(SiteError, match=f"^{says}"):
        cmvmon.read_verdicts(tmp_path / asked["out"], rule=asked.get("rule"))
