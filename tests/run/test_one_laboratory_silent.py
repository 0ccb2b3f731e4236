"""Two laboratories, of which one falls silent: what came from it is judged as not known to be quiet, what came from the other as ever.

Each is agreed to send every 26 hours. Both send on day 4; on the night of day 5.5 those that are silent have sent nothing since. All
made up.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, result, stay

RESULTS = "viral_load_results"
VIROLOGY, LAVAGE = LABORATORIES = ("virology", "lavage")
FOLLOWED, RISEN, TREATED, MOVED, STAYED = "SYNTHETIC-1", "SYNTHETIC-2", "SYNTHETIC-3", "SYNTHETIC-4", "SYNTHETIC-5"
HELD, QUIET = "not_assessable:results_silent", "clear"


def of(laboratory: str, patient: str, at: float, load: object, specimen: str = "plasma") -> tuple[str, str]:
    return laboratory, result(patient, at, load, specimen=specimen, accession=f"{patient}-{specimen}-{at}-{laboratory}")


FIRST = (
    *(of(VIROLOGY, FOLLOWED, at, "<35") for at in (0, 3)),
    *(of(LAVAGE, FOLLOWED, at, "<200", "bal") for at in (0, 3)),
    of(VIROLOGY, RISEN, 3, 50_000),
    of(VIROLOGY, TREATED, -6, 50_000),
    *(of(VIROLOGY, MOVED, at, "<35") for at in (0, 3)),
    *(of(VIROLOGY, STAYED, at, "<35") for at in (0, 3)),
)
LATER = (*(of(LAVAGE, MOVED, at, "<35") for at in (4.5, 5)), *(of(LAVAGE, STAYED, at, "<35") for at in (3.2, 3.6)))
"""MOVED was sampled by the other laboratory since the first was last heard of, STAYED only before."""


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    sites.laboratories(tmp_path, *LABORATORIES)
    for name in LABORATORIES:
        with (tmp_path / "labs" / f"{name}.toml").open("a", encoding="utf-8") as file:
            file.write("\n[delivered_every]\nhours = 26\n")
    patients = (FOLLOWED, RISEN, TREATED, MOVED, STAYED)
    drop(tmp_path, "icu_stays", [stay(one, affected="none", bed=f"S-{n}") for n, one in enumerate(patients)])
    drop(tmp_path, "antiviral_courses", [course(TREATED, start=-6)])
    send(tmp_path, LABORATORIES, FIRST, name="first.csv")
    nightly(tmp_path, as_of=day(4))
    return tmp_path


def send(root: Path, who: Collection[str], results: Collection[tuple[str, str]] = (), *, name: str) -> None:
    """A file of each of these laboratories, with its results; one without any is a header alone, a sign of life."""
    for laboratory in who:
        drop(root, RESULTS, [line for by, line in results if by == laboratory], feed=laboratory, name=name)


def said(root: Path, patient: str, rule: str) -> dict[str, str]:
    """By laboratory and compartment what the last night recorded."""
    with open_site(root) as opened, opened.reading() as connection:
        rows = stored_results.last_verdicts(connection, (patient,)).filter(rule=rule).to_dicts()
    told = [(json.loads(row["subject"]), row) for row in rows]
    return {
        f"{of.get('laboratory')} {of.get('compartment')}": row["verdict"]
        if row["reason"] is None
        else f"{row['verdict']}:{row['reason']}"
        for of, row in told
    }


def held(root: Path, patient: str) -> set[str]:
    """The laboratories of the series of which some rule is not clear, for they are silent."""
    with open_site(root) as opened, opened.reading() as connection:
        rows = stored_results.last_verdicts(connection, (patient,)).filter(reason="results_silent").to_dicts()
    return {str(json.loads(row["subject"]).get("laboratory")) for row in rows}


SILENCES = """
    silent           | plasma by virology            | BAL by lavage
    neither          | clear                         | clear
    virology         | not_assessable:results_silent | clear
    lavage           | clear                         | not_assessable:results_silent
    virology, lavage | not_assessable:results_silent | not_assessable:results_silent
"""


@pytest.mark.parametrize("line", SILENCES.strip().splitlines()[1:])
def test_each_series_is_kept_from_being_quiet_by_the_silence_of_its_own_laboratory(ward: Path, line: str) -> None:
    silent, plasma, bal = (cell.strip() for cell in line.split("|"))
    heard = [one for one in LABORATORIES if one not in silent.split(", ")]
    send(ward, heard, name="alive.csv")
    nightly(ward, as_of=day(5.5))
    assert said(ward, FOLLOWED, "suppressed") == {"virology plasma": plasma, "lavage bal": bal}
    assert set(said(ward, RISEN, "untreated_rise").values()) == {"alert"}  # it rests on what was read
    page = (ward / "pages" / "ward.en.html").read_text("utf-8")
    assert page.count("silent since") == len(LABORATORIES) - len(heard)
    with open_site(ward) as opened, opened.reading() as connection:
        assert {alert["rule"] for alert in alert_store.alerts(connection, states={"open"})} == {
            "untreated_rise",
            "no_follow_up",
        }


def test_one_that_is_heard_of_again_is_judged_as_ever(ward: Path) -> None:
    nights = """
        night | sends
        5.5   | lavage
        6     | virology
        6.5   | lavage
    """
    found = []
    for night, (sends,) in sites.nights_of(nights):
        send(ward, sends.split(), name=f"{night}.csv")
        nightly(ward, as_of=day(night))
        found.append(said(ward, FOLLOWED, "suppressed")["virology plasma"])
    assert found == [HELD, QUIET, QUIET]


def test_one_that_was_switched_off_for_good_holds_nothing_once_its_file_promises_nothing(ward: Path) -> None:
    """And no alert of the feed stands: nothing is agreed any more. What it sent stays in use."""
    send(ward, [LAVAGE], name="alive.csv")
    nightly(ward, as_of=day(5.5))
    assert said(ward, FOLLOWED, "suppressed")["virology plasma"] == HELD
    path = ward / "labs" / f"{VIROLOGY}.toml"
    path.write_text(path.read_text("utf-8").replace("[delivered_every]\nhours = 26\n", ""), "utf-8")
    send(ward, [LAVAGE], name="again.csv")
    nightly(ward, as_of=day(6))
    assert said(ward, FOLLOWED, "suppressed") == {"virology plasma": QUIET, "lavage bal": QUIET}
    assert "silent since" not in (ward / "pages" / "ward.en.html").read_text("utf-8")


def test_a_patient_whom_the_other_laboratory_has_sampled_since_is_not_held_by_the_silent_one(ward: Path) -> None:
    send(ward, [LAVAGE], LATER, name="later.csv")
    nightly(ward, as_of=day(5.5))
    assert held(ward, MOVED) == set()
    assert held(ward, STAYED) == {VIROLOGY}
    assert said(ward, MOVED, "suppressed")["lavage plasma"] == QUIET


@pytest.mark.parametrize(
    ("heard", "verdict"), [(LABORATORIES, "alert"), ([LAVAGE], HELD), ([VIROLOGY], "alert"), ([], HELD)]
)
def test_that_nothing_came_of_a_treated_patient_is_told_where_the_laboratory_of_the_last_blood_sends(
    ward: Path, heard: Collection[str], verdict: str
) -> None:
    """The last blood of TREATED was of day -6 and by virology; a silent laboratory of lavages holds nothing back."""
    send(ward, heard, name="alive.csv")
    nightly(ward, as_of=day(5.5))
    assert list(said(ward, TREATED, "no_follow_up").values()) == [verdict]
