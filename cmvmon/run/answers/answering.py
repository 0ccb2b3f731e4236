"""What persons say of alerts: seen, acknowledged, snoozed, reopened, read back. Each is one stored event, and ends no alert.

The command line and the board say it by these functions. A page is older than its answer: with `judged`, the moment of the words that
somebody had before him (`said_at` of the alert), an answer to an alert that says something else by now is refused. `wait_s`: how long
to wait for whoever holds the site; AlreadyRunning after that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.errors import AnswerRefused
from cmvmon.domain.moved_together import word_stands
from cmvmon.domain.versions import current_versions, is_usable
from cmvmon.episodes import Word, subject_of
from cmvmon.run.answers.free_text import refuse_patients
from cmvmon.run.answers.who_says import who_says
from cmvmon.run.asking.chosen_alert import chosen
from cmvmon.shell.alerts import alert_history, alert_store, work_facts
from cmvmon.shell.as_known.known import known_table
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import journal
from cmvmon.shell.work.clock import moment_of_a_word
from cmvmon.shell.work.opening import OpenSite, held, open_site
from cmvmon.text.set_aside import reason_of, reasons_for

Event = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """From what page somebody answers: `judged`, the moment of the words that stood on it, and how long he waits for the site."""

    judged: datetime | None = None
    wait_s: float | None = None


_NO_PAGE = Page()


def acknowledge(
    root: Path, alert_id: str, *, reason: str | None, note: str | None, actor: str | None, page: Page = _NO_PAGE
) -> Event:
    """Records that somebody answers for that alert, and why. It stays open until what it says has ended.

    Args:
        reason: a code of cmvmon/text/set_aside.toml; None = none was given, and the error lists them.
        note: free text beside it; it may be shown again with the alert.
        actor: who says so; None = the user of this machine.

    Raises SiteError where there is no such alert or reason, it is not open, or somebody acknowledged it before: who and when;
    and AnswerRefused for a note that says who the patient is (cmvmon.run.answers.free_text).
    """
    return _recorded(root, alert_id, episodes.ACKNOWLEDGE, page, actor=actor, reason=reason, note=note)


def snooze(
    root: Path,
    alert_id: str,
    *,
    until: datetime | None,
    reason: str | None,
    note: str | None,
    actor: str | None,
    page: Page = _NO_PAGE,
) -> Event:
    """Sets that alert aside until a moment; None: until the next sample of its compartment is expected.

    Raises SiteError as `acknowledge` does, and for a moment that has passed or lies behind that sample.
    """
    return _recorded(root, alert_id, episodes.SNOOZE, page, actor=actor, reason=reason, note=note, until=until)


def see(root: Path, alert_id: str, *, actor: str | None) -> Event | None:
    """Records that somebody has looked at that alert; None where that is known, or it has ended."""
    return _said(root, alert_id, episodes.SEE, _NO_PAGE, actor=actor)


def reopen(root: Path, alert_id: str, *, why: str, actor: str | None, page: Page = _NO_PAGE) -> Event:
    """Takes an acknowledgement or a snooze back. Raises SiteError where there is none, or no reason is given."""
    if not why.strip():
        raise AnswerRefused("--why is empty; say in a few words why, without a patient's name or number", "no_reason")
    return _recorded(root, alert_id, episodes.REOPEN, page, actor=actor, note=why.strip(), cause=words.BY_PERSON)


def read_back(
    root: Path,
    alert_id: str,
    *,
    recipient: str,
    is_confirmed: bool,
    note: str | None,
    actor: str | None,
    page: Page = _NO_PAGE,
) -> Event:
    """Records to whom a critical result was told, and whether that person read it back or was not reached.

    A confirmed read-back makes an alert that nobody had answered `seen`; it acknowledges none.
    """
    if not recipient.strip():
        raise AnswerRefused("--to is empty; say who was called", "no_recipient")
    said = episodes.READ_BACK if is_confirmed else episodes.NOT_REACHED
    return _recorded(root, alert_id, said, page, actor=actor, recipient=recipient.strip(), note=note)


def _recorded(root: Path, alert_id: str, said: str, page: Page, **word: Any) -> Event:
    found = _said(root, alert_id, said, page, **word)
    if found is None:
        raise AnswerRefused("that changes nothing: the alert stood so already", "stood_so")
    return found


def _said(root: Path, alert_id: str, said: str, page: Page, *, actor: str | None, **word: Any) -> Event | None:
    """Records one word. The site is held, so that of two who answer at once one comes second, and is told of the first.

    The moment is not before the last one recorded: a word is about what had been judged.
    """
    site = Site(root).require()
    with held(site, wait_s=page.wait_s), open_site(root) as opened:
        at = moment_of_a_word(opened)
        with opened.writing() as connection:
            alerts = alert_store.alerts(connection)
            alert = chosen(alerts, alert_id)
            if said in (episodes.ACKNOWLEDGE, episodes.SNOOZE):  # after the id: of a wrong one no reason helps
                about = work_facts.codes_of(alert) if said == episodes.ACKNOWLEDGE else ()
                reason_of(word["reason"], reasons_for(about))
            holds_word = said == episodes.REOPEN and _holds_word(connection, alert)
            if holds_word and _is_last_word(connection, alert, alerts):
                said = episodes.TAKE_BACK
            elif said == episodes.ACKNOWLEDGE and word["reason"] == words.RESULTS_CONFIRMED:
                said = episodes.CONFIRM
            is_back = said in (episodes.REOPEN, episodes.TAKE_BACK)
            typed = {"--why" if is_back else "--note": word.get("note"), "--to": word.get("recipient")}
            for option, words_typed in typed.items():
                refuse_patients(connection, words_typed, option=option, as_of=at, about=alert["patient_id"])
            if said == episodes.SNOOZE and alert["state"] == episodes.OPEN:
                word["until"] = _until(opened, connection, alert, wanted=word["until"], at=at)
            spoken = Word(said, at, actor=who_says(actor), **word)
            found = alert_store.answer(connection, alert["alert_id"], spoken)
            if page.judged is not None and alert["said_at"] != page.judged:  # raised here, so that nothing was recorded
                raise AnswerRefused(
                    "that alert says something else since the page was made; look again, then answer", "says_otherwise"
                )
            if found is not None and (said == episodes.CONFIRM or holds_word):
                journal.note_doubt_answer(site.landing, found)
            return found


def _holds_word(connection: sa.Connection, alert: Mapping[str, Any]) -> bool:
    """Whether somebody said of that alert that the laboratory confirmed its results, and nobody took it back."""
    if words.LABORATORY_IN_DOUBT not in work_facts.codes_of(alert):
        return False
    return word_stands(alert_history.events_of(connection, alert_id=alert["alert_id"]))


def _is_last_word(connection: sa.Connection, alert: Mapping[str, Any], alerts: Collection[Mapping[str, Any]]) -> bool:
    """Whether that alert has ended, and its word is the last that was said of that laboratory: nothing stands since, and of no later
    alert it was said. Whoever takes back an earlier one would change nothing."""
    of_same = [one for one in alerts if subject_of(one) == subject_of(alert)]
    if any(one["state"] == episodes.OPEN for one in of_same):
        return False
    return not any(_holds_word(connection, one) for one in of_same if one["opened_at"] > alert["opened_at"])


def _until(
    opened: OpenSite, connection: sa.Connection, alert: Mapping[str, Any], *, wanted: datetime | None, at: datetime
) -> datetime:
    """The end of a snooze: as wanted, or as late as may be. Raises AnswerRefused for one that has passed or is too late."""
    latest, why = _latest_end(opened, connection, alert, at)
    if wanted is None:
        return latest
    if wanted <= at:
        raise AnswerRefused(
            f"--until {_minute(wanted)} has passed; name a moment after {_minute(at)}", "until_passed", at=wanted
        )
    if wanted > latest:
        raise AnswerRefused(
            f"--until {_minute(wanted)} is too late: {why}, so it can be set aside until {_minute(latest)}",
            "until_too_late",
            at=latest,
        )
    return wanted


def _latest_end(
    opened: OpenSite, connection: sa.Connection, alert: Mapping[str, Any], at: datetime
) -> tuple[datetime, str]:
    limits = opened.protocol.answers
    newest = _newest_sample(connection, alert, at)
    expected = None if newest is None else newest + timedelta(days=limits.next_sample_days)
    if expected is not None and expected > at:
        return expected, f"the next sample is expected on {_minute(expected)}"
    return at + timedelta(hours=limits.overdue_snooze_h), "the next sample is expected by now"


def _newest_sample(connection: sa.Connection, alert: Mapping[str, Any], at: datetime) -> datetime | None:
    """When the newest usable sample was taken of the alert's compartment, or of its patient where it names none."""
    if alert["patient_id"] is None:
        return None
    versions = known_table(connection, LEADING, as_of=at, patients=[alert["patient_id"]])
    if versions is None:
        return None
    usable = current_versions(versions).filter(is_usable(), pl.col("collected_at") <= at)
    mine = usable.filter(pl.col("compartment") == alert["compartment"]) if alert["compartment"] else usable
    found: datetime | None = mine.select(pl.col("collected_at").max()).item()
    return found


def _minute(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")
