"""A load that is corrected by a factor of ten: judged again, the old value stays to be seen, and whoever answered is told. Made up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.shell.store import session
from tests import sites
from tests.nights import nightly
from tests.run.test_since_yesterday import ONE, ended, lately, said
from tests.sites import course, day, drop, result, stay
from tests.sites import text as iso

RULE, NIGHT, NEXT = "rebound", day(15), day(16)


def told(root: Path, *, load: float, status: str = "F", reported: float = 14.6, name: str) -> None:
    third = {"accession": "A3", "specimen": "plasma", "reported": iso(day(reported))}
    drop(root, "viral_load_results", [result(ONE, 14.2, load, status=status, **third)], name=name)


def admitted(root: Path, *, load: float) -> None:
    """Plasma falls from 50,000 to 300 IU/mL under treatment; then a third sample has that load."""
    drop(root, "viral_load_results", [result(ONE, d, v, specimen="plasma") for d, v in ((0, 50000), (7, 300))])
    drop(root, "antiviral_courses", [course(ONE, start=0.1)])
    drop(root, "icu_stays", [stay(ONE, affected="plasma")])
    nightly(root, as_of=day(14))
    told(root, load=load, name="third.csv")
    nightly(root, as_of=NIGHT)


def alert(root: Path) -> dict[str, Any] | None:
    found = [one for one in queries.listed_alerts(root, every=True, lang="en") if one["rule"] == RULE]
    return found[0] if found else None


def test_a_tenth_of_what_alerted_ends_the_alert_tells_who_had_answered_and_leaves_the_old_load_to_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted(tmp_path, load=4000)
    found = alert(tmp_path)
    assert found is not None
    assert found["state"] == "open"
    monkeypatch.setattr(session, "now", lambda: NIGHT + timedelta(hours=2))
    answering.acknowledge(tmp_path, found["alert_id"], reason="dealt_with", note=None, actor="dr. A")
    monkeypatch.undo()
    told(tmp_path, load=400, status="C", reported=15.5, name="fourth.csv")
    nightly(tmp_path, as_of=NEXT)
    after = alert(tmp_path)
    assert after is not None
    assert (after["state"], after["cause"], after["tells"]) == ("resolved", "facts_corrected", "dr. A")
    assert f"Corrected: {ONE} plasma of 15 Mar 2026, now 400 IU/mL." in lately(tmp_path)
    nightly(tmp_path, as_of=NEXT + timedelta(days=1))
    assert alert(tmp_path) == after
    for code, words in (("en", "Corrected on 16 Mar 2026; before: 4,000 IU/mL"), ("nl", "daarvoor: 4.000 IE/ml")):
        assert words in said(sites.page_of(tmp_path, ONE, code)), "the old load beside the new one"
    assert "a result that it rested on was corrected" in ended(tmp_path, ONE)


def test_ten_times_what_was_quiet_alerts_and_the_old_load_is_seen(tmp_path: Path) -> None:
    admitted(tmp_path, load=400)
    assert alert(tmp_path) is None
    told(tmp_path, load=4000, status="C", reported=15.5, name="fourth.csv")
    nightly(tmp_path, as_of=NEXT)
    found = alert(tmp_path)
    assert found is not None
    assert found["state"] == "open"
    assert "before: 400 IU/mL" in said(sites.page_of(tmp_path, ONE, "en"))


def test_a_correction_that_is_sent_again_changes_nothing(tmp_path: Path) -> None:
    admitted(tmp_path, load=4000)
    told(tmp_path, load=400, status="C", reported=15.5, name="fourth.csv")
    nightly(tmp_path, as_of=NEXT)
    before = alert(tmp_path)
    told(tmp_path, load=400, status="C", reported=15.5, name="fifth.csv")
    nightly(tmp_path, as_of=NEXT + timedelta(hours=1))
    assert alert(tmp_path) == before
