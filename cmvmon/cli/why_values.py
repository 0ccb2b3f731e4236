"""Values, moments and verdicts as the commands that say why write them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmvmon.text import Language

_MINUTE = timedelta(minutes=1)


def verdict_text(written: str, spoken: Language) -> str:
    """What a verdict would be, as `cmvmon.rules.explaining.verdict_with` writes it, in words."""
    from cmvmon.text.values import reason_in_words

    if written.startswith("alert tier "):
        tier = spoken.word("tier", written.removeprefix("alert tier "))
        return f"{spoken.word('verdict', 'alert')} ({tier})"
    code, _, reason = written.partition(" (")
    if code == "not judged":
        return spoken.say("why.not_judged")
    return (
        f"{spoken.word('verdict', code)} ({reason_in_words(reason[:-1], spoken)})"
        if reason
        else spoken.word("verdict", code)
    )


def said_text(row: dict[str, Any], spoken: Language) -> str:
    """What a recorded verdict says: its `tier` where it is an alert, else `verdict`, with its `reason`."""
    code = f"alert tier {row['tier']}" if row["tier"] else row["verdict"]
    return verdict_text(f"{code} ({row['reason']})" if row["reason"] else code, spoken)


def shortly(value: object, found: dict[str, Any], spoken: Language) -> str:
    if isinstance(value, datetime):
        return moment_text(value, found, spoken)
    if isinstance(value, timedelta):
        return spoken.count("days", round(value / timedelta(days=1)))
    if isinstance(value, bool) or value is None:
        return truth_text(value, spoken)
    if isinstance(value, int | float):
        return number_text(value, spoken)
    from cmvmon.text.why_words import code_in_words

    return code_in_words(str(value), spoken)


def exactly(value: object, found: dict[str, Any], spoken: Language) -> str:
    """A value at which a verdict turns: on which side of a short one it lies is what matters."""
    if isinstance(value, datetime):
        whole = value.replace(second=0, microsecond=0)
        if value == whole:
            return moment_text(value, found, spoken)
        is_after = value - whole < _MINUTE / 2
        near = moment_text(whole if is_after else whole + _MINUTE, found, spoken)
        return spoken.say("why.just_after" if is_after else "why.just_before", value=near)
    if not isinstance(value, float):
        return shortly(value, found, spoken)
    short = round(float(f"{value:.6g}"), 6) + 0.0  # what lies a hair below 0 is written as that
    if value == short:
        return shortly(value, found, spoken)
    return spoken.say("why.just_below" if value < short else "why.just_above", value=number_text(short, spoken))


def moment_text(moment: datetime, found: dict[str, Any], spoken: Language) -> str:
    """To the minute, in the site's zone."""
    return spoken.moment(moment, found["time_zone"])


def number_text(value: float, spoken: Language) -> str:
    """Six significant digits at most, as the language writes them."""
    text = f"{value:.6g}"
    return text if "e" in text else spoken.number(value, len(text.partition(".")[2]))


def unit_text(unit: str, spoken: Language) -> str:
    key = f"unit.{unit.replace('/', '_per_').replace(' ', '_').lower()}"
    return f" {spoken.say(key) if spoken.has(key) else unit}" if unit else ""


def truth_text(holds: bool | None, spoken: Language) -> str:
    return spoken.say("unknown") if holds is None else spoken.say("why.true" if holds else "why.false")
