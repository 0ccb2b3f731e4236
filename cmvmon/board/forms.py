"""What the forms of an alert say, read for the functions that record answers; and what these refuse: in words, beside what was typed.

What was typed stands in the answer to whoever typed it, and nowhere else: in no page that is kept, in no log and in no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from cmvmon.dashboards.board import Refused
from cmvmon.domain.errors import AlreadyRunning, AnswerRefused, StoreBusy
from cmvmon.run.answers.answering import Page
from cmvmon.text import Language
from cmvmon.text.set_aside import reasons

_WAITS_S = 10.0  # for whoever holds the site, as a night between two steps
_LONGEST = {"note": 300, "why": 300, "to": 100, "until": 40, "reason": 40}
# The fields of each form; the first is the one that must be there.
_FIELDS = {
    "acknowledge": ("reason", "note"),
    "snooze": ("reason", "until", "note"),
    "reopen": ("why",),
    "readback": ("how", "to", "note"),
}
_CODED = ("reason", "how")  # of which one of ours stands in the audit log
# Of which field a refusal speaks; of what is not here it speaks of the answer as a whole.
_FIELD_OF = {
    "no_recipient": "to",
    "until_passed": "until",
    "until_too_late": "until",
    "no_moment": "until",
}
Fields = Mapping[str, str]


def page(form: Fields) -> Page:
    """From what page somebody answers. Raises AnswerRefused for a form that does not say it."""
    try:
        judged = datetime.fromisoformat(form.get("judged", ""))
    except ValueError:
        raise AnswerRefused("the form names no page", "says_otherwise") from None
    return Page(judged, _WAITS_S)


def reason(form: Fields) -> str:
    """The coded reason of an answer. Raises AnswerRefused for none of ours."""
    reason = form.get("reason", "")
    if reason not in reasons():
        raise AnswerRefused("there is no such reason", "no_reason")
    return reason


def whole(name: str, form: Fields) -> dict[str, str]:
    """The fields of that form without blanks around them. Raises AnswerRefused for a text that is longer than may be typed."""
    found = {field: value.strip() for field, value in form.items()}
    for field in _FIELDS[name]:
        if len(found.get(field, "")) > (most := _LONGEST.get(field, 100)):
            raise AnswerRefused(f"{field} is longer than {most} characters", "too_long", most=most, field=field)
    return found


def code_of(name: str, form: Fields) -> str | None:
    """The coded reason of an answer that was recorded; None where its form asks for none."""
    return next((form[field] for field in _CODED if field in _FIELDS[name] and form.get(field)), None)


def refused(name: str, form: Fields, words: str, error: Exception | None = None) -> Refused:
    """A form that was not done, as its page shows it again: what was typed, and beside which field it is said why."""
    field = ""
    if isinstance(error, AnswerRefused):
        is_first = error.code == "no_reason"
        field = _FIELDS[name][0] if is_first else str(error.facts.get("field") or _FIELD_OF.get(error.code, ""))
    return Refused(name, {one: form.get(one, "") for one in _FIELDS[name]}, field, words)


def refusal(error: Exception, spoken: Language, zone: ZoneInfo) -> tuple[str, str]:
    """Why an answer was not recorded: the code, and the words for whoever gave it."""
    if isinstance(error, AnswerRefused):
        said = {
            name: spoken.moment(value, zone.key) if isinstance(value, datetime) else str(value)
            for name, value in error.facts.items()
        }
        return error.code, spoken.say(f"board.refused.{error.code}", **said)
    code = "busy" if isinstance(error, AlreadyRunning | StoreBusy) else "other"
    return code, spoken.say(f"board.refused.{code}")
