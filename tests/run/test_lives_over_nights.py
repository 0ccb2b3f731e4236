"""An alert that waits for an answer, over nights in which its patient leaves, comes back, is merged, or is said to have died.

Each table is one patient (made up): plasma of 50,000 IU/mL on days 0, 7 and 14 of ganciclovir from day 0.1, so that `response`
alerts (tier 2) in the night of day 14.5. A row is a night: its day, what became known before it, and how each alert of `response`
stands after it, by number, the oldest first. `OLD` is her number, `NEW` the one that it is merged into.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cmvmon import episodes
from cmvmon.domain.deaths import DEATHS
from cmvmon.episodes import Word
from cmvmon.run.replay.replaying import replay
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.nights import nightly
from tests.patients import Stay, stay_line
from tests.sites import course, day, drop, link, nights_of, result

OLD, NEW = "SYNTHETIC-OLD", "SYNTHETIC-NEW"
RULE = "response"


class Ward:
    """A site, and what was delivered of the patient until now."""

    def __init__(self, root: Path) -> None:
        self.root, self.n = root, 0
        self.admitted, self.left = [-5.0], dict[int, float]()
        self._stays()
        self._drop("antiviral_courses", course(OLD, start=0.1))
        self._drop("viral_load_results", *(result(OLD, at, 50_000, specimen="plasma") for at in (0, 7, 14)))

    def night(self, at: float) -> str:
        """How the alerts stand after the night of that day."""
        nightly(self.root, as_of=day(at))
        query = (
            "SELECT patient_id, alert_id, state, standing, cause FROM alert_events "
            f"WHERE rule = '{RULE}' ORDER BY opened_at, patient_id DESC, alert_id, sequence"
        )
        last = {
            alert: (who, state, standing, cause) for who, alert, state, standing, cause in sites.rows(self.root, query)
        }
        return ", ".join(
            f"{who.removeprefix('SYNTHETIC-')} {standing if state == 'open' else cause or state}"
            for who, state, standing, cause in last.values()
        )

    def knows(self, happens: str) -> None:
        """What a cell says became known; a dash: nothing."""
        for one in happens.split(",") if happens != "-" else ():
            name, at = one.split()
            said: Callable[[float], None] = getattr(self, name)
            said(float(at))

    def leaves(self, at: float) -> None:
        self.left[len(self.admitted) - 1] = at
        self._stays()

    def returns(self, at: float) -> None:
        self.admitted.append(at)
        self._stays()

    def never_left(self, _: float) -> None:
        """The end of her stay was wrong, and is taken back."""
        del self.left[len(self.admitted) - 1]
        self._stays()

    def stops(self, at: float) -> None:
        self._drop("antiviral_courses", course(OLD, start=0.1, stop=at))

    def dies(self, at: float) -> None:
        self._drop(
            DEATHS.name, f"{OLD},{sites.text(day(at - 0.05))},,died,{sites.text(day(at))}"
        )  # told of an hour later

    def lives(self, at: float) -> None:
        self._drop(DEATHS.name, f"{OLD},,,alive,{sites.text(day(at))}")

    def merged(self, at: float) -> None:
        self.merged_at = at
        self._drop("patient_links", link(OLD, NEW, at=at))

    def parted(self, at: float) -> None:
        self._drop("patient_links", link(OLD, NEW, at=self.merged_at, end=at))

    def lower(self, at: float) -> None:
        """Two results below the limit of quantification."""
        lines = (result(OLD, at - n, "<35", specimen="plasma", accession=f"low-{at}-{n}") for n in (0, 3))
        self._drop("viral_load_results", *lines)

    def withdrawn(self, _: float) -> None:
        """The laboratory withdraws the result of day 14."""
        self._drop(
            "viral_load_results",
            result(OLD, 14, 50_000, specimen="plasma", status="W", reported="2026-03-20T08:00:00Z"),
        )

    def acknowledged(self, at: float) -> None:
        self._answer(Word(episodes.ACKNOWLEDGE, day(at), actor="dr. A"))

    def snoozed(self, at: float) -> None:
        self._answer(Word(episodes.SNOOZE, day(at), actor="dr. A", until=day(at + 40)))

    def _answer(self, word: Word) -> None:
        with open_site(self.root) as opened, opened.writing() as connection:
            (alert,) = (one for one in alert_store.alerts(connection, states={"open"}) if one["rule"] == RULE)
            assert alert_store.answer(connection, alert["alert_id"], word)

    def _stays(self) -> None:
        lines = [
            stay_line(OLD, Stay(n, day(at), day(self.left[n]) if n in self.left else None, "plasma"))
            for n, at in enumerate(self.admitted)
        ]
        self._drop("icu_stays", *lines)

    def _drop(self, table: str, *lines: str) -> None:
        self.n += 1
        drop(self.root, table, lines, name=f"{self.n}.csv")


def played(root: Path, table: str) -> tuple[list[str], list[str]]:
    """How the alerts stood after each night of a table, and how they should."""
    ward, found, expected = Ward(root), [], []
    for night, (happens, stands) in nights_of(table):
        ward.knows(happens)
        found.append(f"{night} {ward.night(night)}")
        expected.append(f"{night} {stands}")
    return found, expected


READMITTED = {
    "she comes back, and time alone would end it": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, leaves 15  | OLD new
    21    | returns 20             | OLD new
    30    | -                      | OLD new
    31    | acknowledged 30.5      | OLD course_over
    """,
    "she comes back twice, and a snooze is no answer": """
    night | known before it        | response
    14.5  | -                      | OLD new
    15.5  | leaves 15, snoozed 15  | OLD snoozed
    21    | stops 14.6, returns 20 | OLD snoozed
    24    | leaves 23              | OLD snoozed
    41    | returns 40             | OLD snoozed
    56    | -                      | OLD new
    """,
    "it was acknowledged while she was away": """
    night | known before it        | response
    14.5  | -                      | OLD new
    15.5  | leaves 15              | OLD new
    17    | acknowledged 16        | OLD acknowledged
    21    | stops 14.6, returns 20 | OLD course_over
    """,
    "she comes back, and the load is judged to have fallen": """
    night | known before it        | response
    14.5  | -                      | OLD new
    15.5  | leaves 15              | OLD new
    21    | returns 20             | OLD new
    24    | lower 23               | OLD resolved
    """,
    "she comes back, and the result under it is withdrawn": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, leaves 15  | OLD new
    21    | returns 20             | OLD new
    22    | withdrawn 21           | OLD facts_withdrawn
    """,
    "she never left: time ends it as it ends any other": """
    night | known before it        | response
    14.5  | -                      | OLD new
    15.5  | leaves 15              | OLD new
    18    | stops 14.6, never_left 16 | OLD course_over
    """,
    "she went straight to another bed of the unit: she never left": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, leaves 15, returns 15 | OLD course_over
    """,
}


@pytest.mark.parametrize("story", READMITTED)
def test_what_waits_stands_until_somebody_answers_though_the_patient_comes_back(tmp_path: Path, story: str) -> None:
    found, expected = played(tmp_path, READMITTED[story])
    assert found == expected


# What is judged after the discharge is judged within the 72 hours in which a treatment that ran counts as running.
MERGED = {
    "she has left, and the rule judges her no more": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, leaves 15  | OLD new
    20    | merged 19              | OLD merged, NEW new
    40    | -                      | OLD merged, NEW new
    41    | acknowledged 40.5      | OLD merged, NEW stay_ended
    """,
    "she is in bed, and it is judged as before": """
    night | known before it        | response
    14.5  | -                      | OLD new
    15.5  | merged 15              | OLD merged, NEW new
    """,
    "she is in bed, and it is too old to be judged on the night of the merge": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, merged 15  | OLD merged, NEW new
    19    | -                      | OLD merged, NEW new
    20    | acknowledged 19.5      | OLD merged, NEW course_over
    """,
    "it was acknowledged before": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | leaves 15, acknowledged 15.5 | OLD acknowledged
    20    | stops 14.6, merged 19  | OLD merged
    """,
    "the load is judged to have fallen on the night of the merge": """
    night | known before it        | response
    14.5  | -                      | OLD new
    15.5  | leaves 15              | OLD new
    17.5  | lower 17, merged 17    | OLD merged
    """,
    "the result under it is withdrawn on the night of the merge": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, leaves 15  | OLD new
    20    | withdrawn 19, merged 19 | OLD merged
    """,
    "the merge is undone, and done again": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | stops 14.6, leaves 15  | OLD new
    20    | merged 19              | OLD merged, NEW new
    40    | parted 39              | OLD new, NEW facts_moved
    41    | merged 40.5            | OLD merged, NEW facts_moved, NEW new
    """,
}


@pytest.mark.parametrize("story", MERGED)
def test_a_merge_loses_no_alert_that_nobody_has_acknowledged(tmp_path: Path, story: str) -> None:
    found, expected = played(tmp_path, MERGED[story])
    assert found == expected


DIED = {
    "too old to be judged, in bed": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | stops 14.6, dies 15.5  | OLD died
    20    | lives 19               | OLD new
    30    | -                      | OLD new
    31    | acknowledged 30.5      | OLD course_over
    """,
    "weeks later": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | stops 14.6, dies 15.5  | OLD died
    60    | lives 59               | OLD new
    61    | -                      | OLD new
    """,
    "she had been snoozed": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | snoozed 15, stops 14.6, dies 15.5 | OLD died
    20    | lives 19               | OLD new
    """,
    "she had left": """
    night | known before it        | response
    14.5  | -                      | OLD new
    18    | leaves 15, dies 17     | OLD died
    20    | lives 19               | OLD new
    60    | -                      | OLD new
    """,
    "it was acknowledged before": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | acknowledged 15, stops 14.6, dies 15.5 | OLD died
    20    | lives 19               | OLD died
    """,
    "still judged": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | dies 15.5              | OLD died
    17    | lives 16.5             | OLD new
    """,
    "the result under it was withdrawn meanwhile": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | stops 14.6, dies 15.5  | OLD died
    22    | withdrawn 20, lives 21 | OLD died
    """,
    "she has died": """
    night | known before it        | response
    14.5  | -                      | OLD new
    16    | dies 15.5              | OLD died
    30    | -                      | OLD died
    """,
}


@pytest.mark.parametrize("story", DIED)
def test_what_a_wrong_death_closed_stands_again_when_it_is_taken_back(tmp_path: Path, story: str) -> None:
    found, expected = played(tmp_path, DIED[story])
    assert found == expected


LONG = {
    "readmitted": READMITTED["she comes back, and time alone would end it"],
    "merged, parted and merged": MERGED["the merge is undone, and done again"],
    "died and lives, weeks later": DIED["weeks later"],
}


@pytest.mark.parametrize("story", LONG)
def test_a_restart_in_every_stage_loses_no_alert_and_fires_none_again(tmp_path: Path, story: str) -> None:
    """After each night the same one again, and another an hour later."""
    ward = Ward(tmp_path)
    for night, (happens, stands) in nights_of(LONG[story]):
        ward.knows(happens)
        assert ward.night(night) == stands
        before = sites.rows(tmp_path, "SELECT * FROM alert_events ORDER BY alert_id, sequence")
        for later in (0, 1 / 24):
            assert ward.night(night + later) == stands
        assert sites.rows(tmp_path, "SELECT * FROM alert_events ORDER BY alert_id, sequence") == before


@pytest.mark.parametrize("story", LONG)
@pytest.mark.parametrize("begins_at", [0, 1, 2, -1])
def test_a_replay_says_of_each_stage_what_the_nights_said(tmp_path: Path, story: str, begins_at: int) -> None:
    """From the first night on, and from later ones, which begin with what stood then. What people said is theirs, and is taken over."""
    ward, nights = Ward(tmp_path), []
    for night, (happens, _) in nights_of(LONG[story]):
        ward.knows(happens)
        ward.night(night)
        nights.append(night)
    names = ("alert_id", "rule", "event", "cause", "tier", "evidence")
    heard: list[tuple[object, ...]] = []
    replay(
        tmp_path,
        since=day(nights[begins_at]).date(),
        until=day(nights[-1] + 1).date(),
        heard=lambda _, events: heard.extend(tuple(event[name] for name in names) for event in events),
    )
    since = sites.text(day(nights[begins_at]))[:10]
    query = f"SELECT {', '.join(names)} FROM alert_events WHERE actor = 'system' AND changed_at >= '{since}'"
    assert sorted(heard, key=repr) == sorted(sites.rows(tmp_path, query), key=repr)
