"""`why` says what each result was as it was known then; what was taken back since, or went to another number, is told truly. All made up."""

from __future__ import annotations

from pathlib import Path

from cmvmon.cli.why import answer
from cmvmon.run.asking.patient_verdicts import patient_verdicts
from cmvmon.run.asking.results_named import results_named
from cmvmon.run.asking.why_query import explained
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly
from tests.run.test_merges import NEW, NEXT, NIGHT, OLD, admitted
from tests.sites import drop, link, result


def response_of(root: Path, number: str) -> str:
    query = f"SELECT alert_id FROM alert_events WHERE rule = 'response' AND patient_id = '{number}' ORDER BY opened_at"
    return str(sites.rows(root, query)[-1][0])


def test_a_corrected_result_reads_as_it_was_known_at_the_moment_that_is_judged(tmp_path: Path) -> None:
    admitted(tmp_path)
    before = explained(tmp_path, response_of(tmp_path, OLD), lang="en")
    name = before["rests_on"][-1]
    was = before["results"][name]["viral_load_iu_per_ml"]
    corrected = result(OLD, 14, 560000, status="C", reported="2026-03-15T18:00:00+00:00")
    drop(tmp_path, "viral_load_results", [corrected], name="corrected.csv")
    nightly(tmp_path, as_of=NEXT)
    told = explained(tmp_path, response_of(tmp_path, OLD), lang="en")
    assert (told["judged_at"], told["results"][name]["viral_load_iu_per_ml"]) == (NEXT, 560000.0)
    assert f"560,000 IU/mL ({name})" in answer(told, 0)
    with open_site(tmp_path) as opened, opened.reading() as connection:
        assert results_named(connection, OLD, [before], as_of=NIGHT)[name]["viral_load_iu_per_ml"] == was != 560000.0


def test_results_of_a_number_that_was_merged_are_named_under_the_other(tmp_path: Path) -> None:
    admitted(tmp_path)
    drop(tmp_path, "patient_links", [link(OLD, NEW, at=15.2)])
    nightly(tmp_path, as_of=NEXT)
    told = explained(tmp_path, response_of(tmp_path, NEW), lang="nl")
    assert told["rests_on"]
    assert set(told["rests_on"]) <= set(told["results"])
    assert " IE/ml (" in answer(told, 0)
    of_patient = patient_verdicts(tmp_path, NEW, rule="response", lang="en")
    assert set(of_patient["rows"][0]["rests_on"]) <= set(of_patient["results"])
