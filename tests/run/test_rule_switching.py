"""A rule that a site switches off says nothing, its alerts are closed with that cause, and every page says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.answers import rule_switching
from cmvmon.run.asking import rule_query
from cmvmon.shell.alerts import rule_switches
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly
from tests.sites import day

RULE = "response"


def state(root: Path) -> list[tuple[str, str, str | None]]:
    return sites.rows(root, f"SELECT event, state, cause FROM alert_events WHERE rule = '{RULE}' ORDER BY sequence")


def test_a_rule_is_switched_off_and_on_again_by_name_and_with_a_reason(site: Path) -> None:
    with open_site(site):
        pass
    with pytest.raises(SiteError, match="there is no rule 'nothing'"):
        rule_switching.switch(site, "nothing", is_disabled=True, why="x", actor="dr. A")
    with pytest.raises(SiteError, match="why is empty"):
        rule_switching.switch(site, RULE, is_disabled=True, why=" ", actor="dr. A")
    with pytest.raises(SiteError, match="switched on already"):
        rule_switching.switch(site, RULE, is_disabled=False, why="x", actor="dr. A")
    rule_switching.switch(site, RULE, is_disabled=True, why="under review", actor="dr. A")
    with pytest.raises(SiteError, match="switched off already"):
        rule_switching.switch(site, RULE, is_disabled=True, why="x", actor="dr. B")
    listed = {row["rule"]: row["disabled"] for row in rule_query.listed_rules(site, lang="en")}
    assert "under review" in listed.pop(RULE)
    assert set(listed.values()) == {""}
    rule_switching.switch(site, RULE, is_disabled=False, why="reviewed", actor="dr. B")
    assert {row["disabled"] for row in rule_query.listed_rules(site, lang="en")} == {""}
    with open_site(site) as opened, opened.reading() as connection:
        assert rule_switches.disabled(connection) == []
        assert rule_switches.disabled(connection, as_of=day(-9)) == [], "nobody had said anything by then"


def test_its_alerts_are_closed_with_that_cause_and_every_page_says_who_and_why(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(22))
    assert state(tmp_path) == [("opened", "open", None)]
    with open_site(tmp_path) as opened, opened.writing() as connection:
        said = {"rule": RULE, "is_disabled": True, "changed_at": day(22.5), "actor": "dr. <A>", "why": "under review"}
        rule_switches.record(connection, said)
    would = rule_switching.tried(tmp_path, RULE, as_of=day(23))
    assert (would["alert"], [row["patient_id"] for row in would["alerts"]]) == (1, ["SYNTHETIC-SLOW"])
    nightly(tmp_path, as_of=day(23))
    assert state(tmp_path)[1:] == [("closed", "closed", "rule_disabled")]
    assert sites.rows(tmp_path, f"SELECT count(*) FROM verdicts WHERE rule = '{RULE}' AND NOT is_gone") != [(0,)]
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "pages").glob("*.en.html")}
    assert len(pages) > 3
    for name, page in pages.items():
        assert "by dr. &lt;A&gt;: under review" in page, name
        assert "Rule switched off" in page, name
