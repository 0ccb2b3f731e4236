"""Which tables a site never delivered: asked of the store, and known for every rule that can't judge without one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmvmon.domain.delivered import DELIVERED
from cmvmon.rules import all_rules
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.never_delivered import BECAUSE, NOBODY_WITHOUT
from cmvmon.simulate import START, ward
from cmvmon.text import language
from cmvmon.workbench.simulation import SYNTHETIC, bedside_of, delivered_texts, synthetic_laboratory

DAYS = 30


def test_every_reason_that_names_a_table_that_never_came_is_known() -> None:
    """A rule with another spelling of its reason needs a line in `BECAUSE`, or each patient's row says it."""
    reasons = {key.removeprefix("reason.") for key in language("en").sentences if key.startswith("reason.")}
    assert {reason for reason in reasons if reason.endswith("_never_delivered")} <= BECAUSE.keys()


def test_every_rule_that_has_no_subject_without_a_table_is_known() -> None:
    """Such a rule says nothing of anybody where the table never came: it needs a line in `NOBODY_WITHOUT`."""
    of_a_table = {rule.code for rule in all_rules() if rule.subject not in ("patient", "series")}
    assert of_a_table == {rule for rules in NOBODY_WITHOUT.values() for rule in rules}
    assert NOBODY_WITHOUT.keys() | set(BECAUSE.values()) <= {table.name for table in DELIVERED}


def page_of(root: Path, *tables: str) -> str:
    """The ward page of a small site to which only these tables are delivered, beside results, courses and stays."""
    root.mkdir()
    (root / "settings.toml").write_text("demo = true\nfile_settles_s = 0\n", encoding="utf-8")
    made = ward(6, DAYS, 21)
    beside = bedside_of(made, days=DAYS, seed=21, root=root)
    given = {table: frame for table, frame in beside.items() if table.name in tables}
    for name, text in delivered_texts(made, synthetic_laboratory(root), given).items():
        path = root / "drop" / SYNTHETIC / name / "export.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    nightly(root, as_of=START + timedelta(days=DAYS), method="line")
    return (root / "pages" / "ward.en.html").read_text("utf-8")


def test_the_page_names_what_never_came_until_it_comes(tmp_path: Path) -> None:
    """A table that came is no longer named, even where it says nothing of anybody."""
    bare = page_of(tmp_path / "bare")
    assert bare.count("Never delivered here: doses given.") == 1
    assert bare.count("Never delivered here: genotype and phenotype reports.") == 1
    told = page_of(tmp_path / "told", "doses_given", "kidney_function", "host_status", "resistance_reports")
    assert "Never delivered here: doses given." not in told
    assert "Never delivered here: genotype and phenotype reports." not in told
    assert told.count("Never delivered here: other drugs.") == 1
