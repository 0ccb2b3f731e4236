"""A site that was run by another version: an alert of a rule that is no longer kept is closed, and everybody keeps a page."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from cmvmon.run.asking.queries import listed_alerts
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly


@pytest.fixture
def upgraded(tmp_path: Path) -> Path:
    """The open alert of the patient with the slow fall is of a rule of another version, with facts of its own."""
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=sites.day(21.5))
    with sqlite3.connect(tmp_path / "cmvmon.sqlite") as store:
        store.execute("DROP TRIGGER IF EXISTS no_update_of_alert_events")
        for row, evidence in store.execute(
            "SELECT rowid, evidence FROM alert_events WHERE rule = 'response'"
        ).fetchall():
            kept = {name: value for name, value in json.loads(evidence).items() if name != "n_used"}
            changed = (json.dumps(kept), row)
            store.execute("UPDATE alert_events SET rule = 'of_another_version', evidence = ? WHERE rowid = ?", changed)
    return tmp_path


def test_the_page_says_what_it_is_and_the_next_night_closes_it(upgraded: Path) -> None:
    (listed,) = [row for row in listed_alerts(upgraded, every=False, lang="en") if row["rule"] == "of_another_version"]
    assert "another version of cmvmon" in str(listed["sentence"])
    nightly(upgraded, as_of=sites.day(22.5))
    with open_site(upgraded) as opened, opened.reading() as connection:
        states = {a["rule"]: a["state"] for a in alert_store.alerts(connection, states=None)}
    assert states["of_another_version"] == "closed"
    assert states["response"] == "open"
    page = (upgraded / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert "SYNTHETIC-SLOW" in page
