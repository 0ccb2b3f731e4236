"""What the forms of an alert say, read for the functions that record answers; and what these refuse, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from cmvmon.domain.errors import AlreadyRunning, AnswerRefused, StoreBusy
from cmvmon.run.answers.answering import Page
from cmvmon.text import Language
from cmvmon.text.set_aside import reasons

_WAITS_S = 10.0  # for whoever holds the site, as a night between two steps
_LONGEST = {"note": 300, "why": 300, "to": 100, "until": 40, "reason": 40}
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


def whole(form: Fields) -> dict[str, str]:
    """The fields without blanks around them. Raises AnswerRefused for a text that is longer than the page lets it be typed."""
    found = {name: value.strip() for name, value in form.items()}
    for name, value in found.items():
        if len(value) > (most := _LONGEST.get(name, 100)):
            raise AnswerRefused(f"{name} is longer than {most} characters", "too_long", most=most)
    return found


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
