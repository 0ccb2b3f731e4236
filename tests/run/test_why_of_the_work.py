"""`cmvmon why` of an alert about the work says what it is about and where to look; an answer in nobody's name is refused. Made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.domain.moved_together import UP, MovedTogether
from cmvmon.run.answers.who_says import who_says
from cmvmon.run.asking import queries
from cmvmon.run.asking.why_query import _about_the_work
from cmvmon.text import language
from tests import calls, sites
from tests.nights import nightly
from tests.sites import day


@pytest.mark.parametrize(("code", "says"), [("en", "9 of 12"), ("nl", "9 van 12")])
def test_of_a_laboratory_in_doubt_it_says_how_many_of_how_many_and_since_when(code: str, says: str) -> None:
    moved = MovedTogether("virology", "SYN-PCR", UP, day(14), 9, 12, 7)
    fact = {
        "code": words.LABORATORY_IN_DOUBT,
        "feed": moved.laboratory,
        "assay": moved.assay,
        "way": moved.way,
        "since": moved.since.isoformat(),
        "n_moved": moved.n_moved,
        "n_patients": moved.n_patients,
        "within_days": moved.within_days,
    }
    said = _about_the_work(fact, language(code), "Europe/Amsterdam")
    for part in ("virology", "SYN-PCR", "15", says, "not a patient"):
        assert part in said
    assert "quarantine" not in said


def test_of_a_delivery_that_was_refused_it_says_so_and_where_to_look(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    sites.drop(tmp_path, "viral_load_results", ["not a row"], name="broken.csv").write_text("nonsense\n", "utf-8")
    nightly(tmp_path, as_of=day(21.5))
    of_work = [
        one for one in queries.listed_alerts(tmp_path, every=False, lang="en") if one["rule"] == words.OPERATIONS
    ]
    assert of_work
    done = calls.here("why", of_work[0]["alert_id"], site=tmp_path)
    assert done.returncode == 2
    assert "about the work, not a patient" in done.stderr
    assert "cmvmon status" in done.stderr


@pytest.mark.parametrize("name", ["", "  "])
def test_an_answer_in_nobody_s_name_is_refused_and_nothing_is_recorded(name: str, tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    (first, *_) = queries.listed_alerts(tmp_path, every=False, lang="en")
    done = calls.here("alerts", "ack", first["alert_id"], "--reason", "ordered", "--by", name, site=tmp_path)
    assert done.returncode == 2
    assert "--by is empty" in done.stderr
    assert queries.listed_alerts(tmp_path, every=False, lang="en")[0] == first
    with pytest.raises(SiteError):
        who_says(name)
    assert who_says(" dr. A.  Example ") == "dr. A. Example"
