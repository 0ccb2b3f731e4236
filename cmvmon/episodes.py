"""The life of an alert: what is said of a subject, and the event that this brings about. Pure: no store, no clock.

1. An alert is keyed by rule, subject and episode: from the first `alert` to the first `clear` after it.
2. `not_assessable` neither opens nor closes one whose results are in use as they were when its words were said. Where a
   result that they rest on (`result_ids` of the evidence) was withdrawn, moved to another patient or compartment, put in
   doubt or corrected since, it is closed with that cause: words don't outlive their facts. Where it is one
   of many of its laboratory that moved together, the words go back to the latest that rest on none of those (nor on what changed),
   and nobody is told anew; one that never had such words is closed (shell/alerts/words_back.py).
3. One whose subject is no longer judged is closed with the cause (`merged`: its number goes on under another). Where the
   treatment or the stay goes on within the days that the protocol allows, and the alert with it, the same episode is
   reopened. One that a named person must answer (tier 1), and that time alone would end, stands until somebody has
   acknowledged it, and as many days after that as its rule tells of it.
   Neither time, nor a readmission, a merge or a death that is taken back loses what waited (shell/alerts/not_lost.py).
   An acknowledgement may be asked for once more after a merge has ended: of what the merge had opened again under the number
   that goes on, and of what had been acknowledged under both.
   A death closes every alert, and none is opened then. A discharge closes none of tier 1 or 2 that nobody has acknowledged:
   it stands until somebody has, unless it is judged clear, or what befell its results ends it. What is acknowledged, or only
   told, is closed once it is no longer judged, or rests on what no longer comes of whoever has left (doses, counts that are
   due). A result that comes after the discharge alerts as any other.
4. What is open is new, told to somebody (notified), seen, acknowledged or snoozed: who answered, when and why is kept. None
   of these ends an alert, and what is not open can't be answered. Of two who acknowledge at once the first one did.
5. An `alert` that says nothing new is no event.
6. A late word (its moment lies before one that was judged or recorded for the same subject) changes no alert, with one
   exception: where it brings news (a delivery), and nothing was recorded for the subject since its moment, it may open
   one. A late alert is worse than one that the next night resolves. Other subjects are not concerned.
7. Every event says who brought it about: `system`, or a person.
8. An answer holds for what was answered (cmvmon/answers.py). Where that gets worse, rests on other grounds, or on a result
   that was withdrawn, moved, put in doubt or corrected, the alert is reopened by itself; a snooze also ends at its moment
   and with a new sample. A night or a sample that says the same ends no acknowledgement.
9. Whoever had answered is named in the event that takes the ground from under the answer (`tells`).
10. A person's word, and what was told to whom, is recorded when it was said and never opens or ends an alert. `said_at` is
   the moment of the last verdict that changed it: late is what lies before that, whatever a person said since.
11. That the laboratory confirmed its results may also be said of an alert about a laboratory in doubt that somebody acknowledged
   before; the next judgement resolves it with that cause. Taken back, that alert stands open again, and is judged.

From these follow: a subject has at most one open episode of a rule; an episode keeps its identity; what the latest
moment calls an alert is open, in whatever order the moments were recorded and whatever persons said in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon import answers
from cmvmon.domain import words
from cmvmon.domain.errors import AnswerRefused
from cmvmon.domain.subjects import identity

SYSTEM = "system"
SUBJECT = ("rule", "subject_kind", "patient_id", "compartment", "subject")
FACTS = ("tier", "evidence", "protocol_version", "protocol_hash", "code_version")
_OF_ONE_EVENT = ("recipient", "note", "tells")

OPEN = "open"  # the state; how it stands open is its standing
NONE, RESOLVED, CLOSED = "none", "resolved", "closed"
STATES = (NONE, *words.ALERT_STANDING, RESOLVED, CLOSED)
_UNANSWERED = (words.NEW, words.NOTIFIED, words.SEEN)

UNFOUNDED = "not assessable, and a result under it changed"
WORDS_BACK = "its words rest on results in doubt, and earlier ones do not"
UNJUDGED, STAY_ENDED, DIED = "no longer judged", "stay has ended", "patient has died"
WAITS = "no longer judged, and it waits for its answer"
ALERT_ANEW = "alert, and its answer no longer holds"
ALERT_BACK = "alert, and what had closed it began again soon after"
BY_JUDGING = (
    words.ALERT,
    ALERT_ANEW,
    ALERT_BACK,
    words.CLEAR,
    words.NOT_ASSESSABLE,
    UNFOUNDED,
    WORDS_BACK,
    UNJUDGED,
    WAITS,
    STAY_ENDED,
    DIED,
)
_OWN_CAUSE = {STAY_ENDED: words.STAY_ENDED, DIED: words.DIED}
NOTIFY, SEE, ACKNOWLEDGE, SNOOZE = "told to somebody", "somebody has seen it", "acknowledge", "snooze"
SNOOZE_OVER, REOPEN = "the snooze is over", "reopen"
CONFIRM, TAKE_BACK = "the laboratory confirmed its results", "the laboratory's word is taken back"
READ_BACK, NOT_REACHED = "read back, confirmed", "read back, not reached"
_ANSWERS = (ACKNOWLEDGE, SNOOZE, SNOOZE_OVER, REOPEN, CONFIRM, TAKE_BACK, READ_BACK, NOT_REACHED)
SAID = (*BY_JUDGING, NOTIFY, SEE, *_ANSWERS)

OPENED, UPDATED, REOPENED = "opened", "updated", "reopened"
READ, UNREACHED = "read_back", "not_reached"
NOTHING, REFUSED = "nothing", "refused"
AS_BEFORE = "as before"
STATE_AFTER = {
    OPENED: words.NEW,
    UPDATED: AS_BEFORE,
    words.NOTIFIED: words.NOTIFIED,
    words.SEEN: words.SEEN,
    words.ACKNOWLEDGED: words.ACKNOWLEDGED,
    words.SNOOZED: words.SNOOZED,
    REOPENED: words.NEW,
    READ: words.SEEN,  # whoever has answered has seen it: then as before
    UNREACHED: AS_BEFORE,
    RESOLVED: RESOLVED,
    CLOSED: CLOSED,
}
EVENTS = tuple(STATE_AFTER)


def _row(said: str, **events: str) -> dict[tuple[str, str], str]:
    """What that word brings about in each state; `unanswered`, `open` and `ended` stand for several, a name goes before them."""
    several = dict.fromkeys(_UNANSWERED, "unanswered") | dict.fromkeys((RESOLVED, CLOSED), "ended")
    found = {}
    for state in STATES:
        general = "open" if state in words.ALERT_STANDING else "ended"
        kinds = (events.get(name) for name in (state, several.get(state, state), general))
        found[state, said] = next((kind for kind in kinds if kind), NOTHING)
    return found


TRANSITIONS: dict[tuple[str, str], str] = {
    **_row(words.ALERT, none=OPENED, open=UPDATED, ended=OPENED),
    **_row(ALERT_ANEW, none=OPENED, unanswered=UPDATED, open=REOPENED, ended=OPENED),
    **_row(ALERT_BACK, none=OPENED, open=UPDATED, resolved=OPENED, closed=REOPENED),
    **_row(words.CLEAR, none=NOTHING, open=RESOLVED),
    **_row(words.NOT_ASSESSABLE),
    **_row(UNFOUNDED, none=NOTHING, open=CLOSED),
    **_row(WORDS_BACK, open=UPDATED),
    **_row(UNJUDGED, none=NOTHING, open=CLOSED),
    **_row(WAITS),
    **_row(STAY_ENDED, none=NOTHING, open=CLOSED),
    **_row(DIED, none=NOTHING, open=CLOSED),
    **_row(NOTIFY, new=words.NOTIFIED),
    **_row(SEE, new=words.SEEN, notified=words.SEEN),
    **_row(ACKNOWLEDGE, acknowledged=REFUSED, open=words.ACKNOWLEDGED, ended=REFUSED, none=REFUSED),
    **_row(SNOOZE, acknowledged=REFUSED, open=words.SNOOZED, ended=REFUSED, none=REFUSED),
    **_row(SNOOZE_OVER, snoozed=REOPENED),
    **_row(REOPEN, unanswered=REFUSED, open=REOPENED, ended=REFUSED, none=REFUSED),
    **_row(CONFIRM, open=words.ACKNOWLEDGED, ended=REFUSED, none=REFUSED),
    **_row(TAKE_BACK, resolved=REOPENED, closed=REFUSED, open=REFUSED, none=REFUSED),
    **_row(READ_BACK, open=READ, ended=REFUSED, none=REFUSED),
    **_row(NOT_REACHED, open=UNREACHED, ended=REFUSED, none=REFUSED),
}


@dataclass(frozen=True)
class Word:
    """What is said of one subject at one moment.

    Attributes:
        said: one of SAID.
        facts: what an `alert` rests on, or rested on, by the names in FACTS; not read for another word.
        cause: why it ends or reopens an alert, as a code: why the subject is no longer judged, or what befell a result under
            it. With a `clear`: what befell a result under it meanwhile, or the policy, if anything did.
        brings_news: whether it was said because something was delivered; a moment that is judged again brings none.
        reason, until, recipient, note: of a person's word: the coded reason, the end of a snooze, who was called, free text.
    """

    said: str
    as_of: datetime
    facts: Mapping[str, Any] | None = None
    cause: str | None = None
    actor: str = SYSTEM
    brings_news: bool = True
    reason: str | None = None
    until: datetime | None = None
    recipient: str | None = None
    note: str | None = None


def event(
    subject: Mapping[str, Any],
    latest: Mapping[str, Any] | None,
    word: Word,
    *,
    judged_at: datetime | None = None,
) -> dict[str, Any] | None:
    """The next row of `alert_events` for that subject; None where nothing changes.

    Args:
        subject: by the names in SUBJECT; one that is absent reads as null.
        latest: the last row of the subject's latest alert; None where it never had one.
        judged_at: the latest moment at which this subject was judged and recorded; None = never.
    Raises AnswerRefused for an answer to what is not open, or was acknowledged before: it says by whom.
    """
    state = state_of(latest)
    kind = TRANSITIONS[state, word.said]
    if kind == REFUSED:
        raise _refusal(state, word, latest or {})
    if kind == NOTHING or _is_too_late(latest, kind, word, judged_at):
        return None
    if kind == OPENED or latest is None:
        return _opened(subject, latest, word)
    if kind == UPDATED:
        facts = _facts(word)
        return None if all(latest[name] == facts[name] for name in FACTS) else _next(latest, word, UPDATED) | facts
    return _next(latest, word, kind) | (_facts(word) if word.said in (ALERT_ANEW, ALERT_BACK) else {})


def state_of(latest: Mapping[str, Any] | None) -> str:
    """How an alert stands, as one of STATES. None: there is none."""
    if latest is None:
        return NONE
    return str(latest["standing"] if latest["state"] == OPEN else latest["state"])


def subject_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key of a verdict's or an alert's subject."""
    return tuple(row.get(name) for name in SUBJECT)


def _is_too_late(latest: Mapping[str, Any] | None, kind: str, word: Word, judged_at: datetime | None) -> bool:
    """Rule 6."""
    if word.said not in BY_JUDGING:
        return False
    if latest is not None and word.as_of < latest["said_at"]:
        return True
    is_late = judged_at is not None and word.as_of < judged_at
    return is_late and not (word.brings_news and kind in (OPENED, REOPENED))


def _refusal(state: str, word: Word, latest: Mapping[str, Any]) -> AnswerRefused:
    if state not in words.ALERT_STANDING:
        return AnswerRefused(
            "no alert of that subject is open, so there is nothing to answer; list the open ones again", "not_open"
        )
    if word.said in (REOPEN, TAKE_BACK):
        return AnswerRefused(
            "nobody has acknowledged or snoozed that alert: it stands open, and there is nothing to reopen",
            "nothing_to_reopen",
        )
    who, moment = latest["answered_by"], latest["answered_at"]
    at = moment.isoformat(sep=" ", timespec="minutes")
    return AnswerRefused(
        f"{who} acknowledged that alert before you, at {at}; nothing was recorded",
        "answered_before",
        who=who,
        at=moment,
    )


def _opened(subject: Mapping[str, Any], latest: Mapping[str, Any] | None, word: Word) -> dict[str, Any]:
    name = identity(subject["rule"], subject["subject"], word.as_of)
    alert_id = hashlib.sha256(name.encode()).hexdigest()[:16]
    if latest is not None and latest["alert_id"] == alert_id:  # ended and back within one moment: the episode goes on
        return _next(latest, word, OPENED) | _facts(word)
    return {
        **{name: subject.get(name) for name in SUBJECT},
        **_facts(word),
        "alert_id": alert_id,
        "sequence": 1,
        "event": OPENED,
        "actor": word.actor,
        "state": OPEN,
        "standing": words.NEW,
        "opened_at": word.as_of,
        "said_at": word.as_of,
        "changed_at": word.as_of,
        "cause": word.cause,
        **dict.fromkeys((*answers.ANSWER, *_OF_ONE_EVENT)),
    }


def _next(latest: Mapping[str, Any], word: Word, kind: str) -> dict[str, Any]:
    after = STATE_AFTER[kind]
    has_answer = latest["standing"] in (words.ACKNOWLEDGED, words.SNOOZED)
    if after == AS_BEFORE or (kind == READ and has_answer):
        after = latest["standing"]
    is_open = after in words.ALERT_STANDING
    cause = _OWN_CAUSE.get(word.said, word.cause)
    had_answer = has_answer or kind == REOPENED  # a closed alert keeps who had answered it
    is_overtaken = cause not in (None, words.LABORATORY_CONFIRMED) and word.actor == SYSTEM and word.said != WORDS_BACK
    tells = latest["answered_by"] if had_answer and is_overtaken else None
    return {
        **latest,
        "sequence": latest["sequence"] + 1,
        "event": kind,
        "actor": word.actor,
        "state": OPEN if is_open else after,
        "standing": after if is_open else None,
        "said_at": word.as_of if word.said in BY_JUDGING else latest["said_at"],
        "changed_at": max(word.as_of, latest["changed_at"]),
        "cause": cause if kind in (OPENED, UPDATED, CLOSED, RESOLVED, REOPENED) else None,
        "recipient": word.recipient,
        "note": word.note,
        "tells": tells,
        **_answer(latest, word, kind),
    }


def _answer(latest: Mapping[str, Any], word: Word, kind: str) -> dict[str, Any]:
    """The answer that stands after that event: a new one, none any more, or what stood."""
    if kind in (words.ACKNOWLEDGED, words.SNOOZED):
        return answers.given(latest, by=word.actor, at=word.as_of, reason=word.reason, until=word.until)
    return dict.fromkeys(answers.ANSWER) if kind in (OPENED, REOPENED) else {}


def _facts(word: Word) -> dict[str, Any]:
    facts = word.facts or {}
    return {name: facts[name] for name in FACTS}
