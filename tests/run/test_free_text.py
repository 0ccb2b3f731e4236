"""What a person types beside an answer holds no number of a patient who is known. All made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.run.answers.free_text import refuse_patients
from cmvmon.run.answers.quarantine_answers import answer_quarantine
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.store.session import now
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    lines = [sites.result("SYNTH-1234567", 1, "murky"), sites.result("0055512", 2, 900)]
    sites.drop(tmp_path, "viral_load_results", lines)
    nightly(tmp_path, as_of=day(3))
    return tmp_path


@pytest.mark.parametrize(
    "why", ["of SYNTH-1234567.", "percent (0055512)", "also 55512, typed short", "of synth-1234567"]
)
def test_a_known_number_in_the_reason_is_refused_and_not_repeated(ward: Path, why: str) -> None:
    with open_site(ward) as opened, opened.reading() as connection, pytest.raises(SiteError) as refused:
        refuse_patients(connection, why, option="--why", as_of=now())
    assert "55512" not in str(refused.value)
    assert "1234567" not in str(refused.value)


@pytest.mark.parametrize("why", ["percent of a dilution", "2 of 3, by dr A", "", None, "9999999"])
def test_other_words_are_taken(ward: Path, why: str | None) -> None:
    with open_site(ward) as opened, opened.reading() as connection:
        refuse_patients(connection, why, option="--why", as_of=now())


def test_an_answer_with_a_number_in_it_is_not_recorded(ward: Path) -> None:
    (line,) = listed_quarantine(ward)
    with pytest.raises(SiteError, match="--why holds the number of a patient"):
        answer_quarantine(ward, line["record"], answer="rejected", why="of 0055512", actor="A")
    assert len(listed_quarantine(ward)) == 1
    assert answer_quarantine(ward, line["record"], answer="rejected", why="murky", actor="A") == 1
