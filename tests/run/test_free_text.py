"""What a person types beside an answer holds no number of a patient who is known. All made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.errors import AnswerRefused, SiteError
from cmvmon.run.answers import answering
from cmvmon.run.answers.free_text import refuse_patients
from cmvmon.run.answers.quarantine_answers import answer_quarantine
from cmvmon.run.asking import queries
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
    "why",
    [
        "of SYNTH-1234567.", "percent (0055512)", "also 55512, typed short", "of synth-1234567", "bed 3/0055512", "mrn=SYNTH-1234567",
        "SYNTH-1234567’s line", "SYNTH\u20111234567", "SYNTH-123\u200b4567", "\uff10\uff10\uff15\uff15\uff15\uff11\uff12", "number 00 555 12",
    ],
)  # fmt: skip
def test_a_known_number_in_the_reason_is_refused_and_not_repeated(ward: Path, why: str) -> None:
    with open_site(ward) as opened, opened.reading() as connection, pytest.raises(SiteError) as refused:
        refuse_patients(connection, why, option="--why", as_of=now())
    assert why not in str(refused.value)
    assert "55512" not in str(refused.value)
    assert "1234567" not in str(refused.value)


@pytest.mark.parametrize(
    "why",
    [
        "percent of a dilution", "2 of 3, by dr A", "", None, "9999999", "order 100555123", "SYNTH-12345678", "XSYNTH-1234567",
        "00555", "555, 12",     ],
)  # fmt: skip
def test_other_words_are_taken(ward: Path, why: str | None) -> None:
    with open_site(ward) as opened, opened.reading() as connection:
        refuse_patients(connection, why, option="--why", as_of=now())


def test_an_answer_with_a_number_in_it_is_not_recorded(ward: Path) -> None:
    (line,) = listed_quarantine(ward)
    with pytest.raises(SiteError, match="--why holds the number of a patient"):
        answer_quarantine(ward, line["record"], answer="rejected", why="of 0055512", actor="A")
    assert len(listed_quarantine(ward)) == 1
    assert answer_quarantine(ward, line["record"], answer="rejected", why="murky", actor="A") == 1


OF, ANOTHER, BORN = "SYNTH-A1", "SYNTH-B1", "1968-02-09"
SAYS: dict[str, Callable[[Path, str, str], Any]] = {
    "acknowledge": lambda root, alert, text: answering.acknowledge(root, alert, reason="ordered", note=text, actor="A"),
    "snooze": lambda root, alert, text: answering.snooze(
        root, alert, until=None, reason="awaiting", note=text, actor="A"
    ),
    "read back": lambda root, alert, text: answering.read_back(
        root, alert, recipient="dr B", is_confirmed=True, note=text, actor="A"
    ),
    "called": lambda root, alert, text: answering.read_back(
        root, alert, recipient=text, is_confirmed=True, note=None, actor="A"
    ),
}
OPTIONS = {"called": "to"}


@pytest.fixture(scope="module")
def alerted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A patient whose load falls too slowly, of whom the date of birth is known, beside another one; and her alert."""
    root = tmp_path_factory.mktemp("alerted")
    sites.drop(root, "viral_load_results", [*sites.falling(OF, 0.3), *sites.falling(ANOTHER, 0.3)])
    sites.drop(root, "antiviral_courses", [sites.course(one) for one in (OF, ANOTHER)])
    sites.drop(root, "birth_dates", [f"{OF},{BORN},{sites.text(day(0))}", f"{ANOTHER},1971-10-30,{sites.text(day(0))}"])
    nightly(root, as_of=day(22))
    found = sites.rows(
        root, f"SELECT alert_id FROM alert_events WHERE patient_id = '{OF}' AND rule = 'response' AND tier = 1"
    ) or sites.rows(root, f"SELECT alert_id FROM alert_events WHERE patient_id = '{OF}' AND rule = 'response'")
    return root, str(found[0][0])


def heard(alerted: tuple[Path, str]) -> list[dict[str, Any]]:
    return queries.history(alerted[0], alert_id=alerted[1], patient=None, since=None, lang="en")


@pytest.mark.parametrize("text", [f"{OF} called", f"as {ANOTHER.lower()}", "born 9-2-1968", "of 9 februari '68"])
@pytest.mark.parametrize("way", SAYS)
def test_what_is_said_of_an_alert_holds_no_number_and_no_date_of_birth(
    alerted: tuple[Path, str], way: str, text: str
) -> None:
    before = heard(alerted)
    with pytest.raises(AnswerRefused, match=f"--{OPTIONS.get(way, 'note')} holds the .* say it without") as refused:
        SAYS[way](*alerted, text)
    assert refused.value.facts == {"field": OPTIONS.get(way, "note")}
    assert text not in str(refused.value)
    assert heard(alerted) == before


@pytest.mark.parametrize("text", ["PCR of 10-2-1968", f"{OF}1", "since 30-10-1971", "dr 9-2", "19-2-1968", "9-2-19680"])
def test_another_day_a_longer_number_and_the_birth_of_another_patient_are_taken(
    alerted: tuple[Path, str], text: str
) -> None:
    answering.acknowledge(*alerted, reason="ordered", note=text, actor="A")
    assert heard(alerted)[-1]["note"] == text
    answering.reopen(*alerted, why="for the next one", actor="A")


WAYS = ["9-2-1968", "09/02/68", "19680209", "09021968", "1968-02-09", "9 feb 1968", "Feb. 9, 1968", "9th of February 1968", "9.2.1968.", "2/9/1968"]  # fmt: skip


@pytest.mark.parametrize("written", WAYS)
def test_a_date_of_birth_is_known_however_it_is_written(alerted: tuple[Path, str], written: str) -> None:
    with open_site(alerted[0]) as opened, opened.reading() as connection:
        with pytest.raises(AnswerRefused) as refused:
            refuse_patients(connection, f"she, {written}, waits", option="--note", as_of=day(22), about=OF)
        refuse_patients(connection, f"she, {written}, waits", option="--note", as_of=day(22), about=ANOTHER)
    assert refused.value.code == "names_birth"
