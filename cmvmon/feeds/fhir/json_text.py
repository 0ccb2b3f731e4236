"""Strict JSON: one text as its members, every number to the letter, and what is wrong with a part of it.

Rules of this file: a text that can't be told apart is refused whole (NotJson); what is wrong within one resource is a fault
of that resource (`look_at`). Nothing is mended: of a member that stands twice, none is taken for the one that is meant.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from cmvmon.feeds.json_numbers import Number

DEEPEST = 60
"""Levels of a resource. Real ones have fewer than twenty."""

KEPT = 4 * DEEPEST
"""Levels that are kept of a text that is nested too deeply to be read at once: more than a resource may have in its Bundle."""
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)

DAMAGED = "damaged_text"
"""Goes before every other fault: nothing of such a resource can be stored, not even whose it is."""


class Members(dict[str, Any]):
    """The members of a JSON object. `is_repeated`: one of them stands there twice."""

    is_repeated = False


class NoNumber(str):
    """NaN or Infinity, which are no JSON."""


class NotJson(Exception):
    """A text that is no JSON: where, and whether it ends too early there or is nested too deeply to be read."""

    def __init__(self, line: int, column: int, *, is_cut: bool = False, is_deep: bool = False) -> None:
        super().__init__(f"line {line}, column {column}")
        self.line, self.column, self.is_cut, self.is_deep = line, column, is_cut, is_deep


@dataclass
class Seen:
    """What a look at a resource found: a reason code for which it can't be read, and modifiers that change its meaning."""

    fault: str | None = None
    modifiers: list[str] = field(default_factory=list)


def parsed(text: str) -> Any:
    """The value of a JSON text; of what is nested too deeply to be read, the levels above. Raises NotJson."""
    try:
        return _parsed(text)
    except RecursionError:
        pass
    try:
        return _parsed(_without_depths(text))
    except (RecursionError, NotJson):  # where, can't be told of a text of which a part was left out
        raise NotJson(1, 1, is_deep=True) from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_members, parse_int=Number, parse_float=Number, parse_constant=NoNumber
        )
    except json.JSONDecodeError as error:
        is_cut = not text[error.pos :].strip() or error.msg.startswith("Unterminated string")
        raise NotJson(error.lineno, error.colno, is_cut=is_cut) from None  # the original error carries the text


def _without_depths(text: str) -> str:
    """The text with every list and object on level KEPT empty: what is left is deep enough to be a fault of its entry (`look_at`).

    Raises NotJson (`is_deep`) where the brackets don't close each other: it can't be told which entry such a part is of.
    """
    kept, start, closing = [], 0, list[str]()
    for found in _BRACKETS.finditer(text):
        sign = found[0]
        if sign in "[{":
            closing.append("]" if sign == "[" else "}")
            if len(closing) == KEPT:
                kept.append(text[start : found.end()])
        elif sign in "]}":
            if not closing or closing.pop() != sign:
                raise NotJson(1, 1, is_deep=True)
            if len(closing) == KEPT - 1:
                start = found.start()
    if closing:
        raise NotJson(1, 1, is_deep=True)
    return "".join((*kept, text[start:]))


def _members(pairs: list[tuple[str, Any]]) -> Members:
    found = Members(pairs)
    found.is_repeated = len(found) < len(pairs)
    return found


def look_at(value: Any) -> Seen:
    """What is wrong anywhere within a value, and every modifier in it.

    `implicitRules` is a modifier too: the resource says that it can't be understood without them (FHIR R4, 2.27.3).
    """
    seen = Seen()
    _look(value, seen, 1)
    return seen


def _look(value: Any, seen: Seen, depth: int) -> None:
    if depth > DEEPEST:
        seen.fault = seen.fault or "too_deep"
    elif isinstance(value, Members):
        if value.is_repeated:
            seen.fault = seen.fault or "repeated_member"
        if value.get("modifierExtension") or value.get("implicitRules"):
            seen.modifiers.extend(_named(value))
        for name, inner in value.items():
            if not _is_text(name):
                seen.fault = DAMAGED
            if inner.__class__ is str or inner.__class__ is Number:  # most are: a call less for each
                if not _is_text(inner):
                    seen.fault = DAMAGED
            else:
                _look(inner, seen, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _look(inner, seen, depth + 1)
    elif isinstance(value, NoNumber):
        seen.fault = seen.fault or "no_json_number"
    elif isinstance(value, str) and not _is_text(value):
        seen.fault = DAMAGED


def _named(members: Members) -> list[str]:
    """The names of the modifiers of an object, which is not without any."""
    extensions = members.get("modifierExtension") or []
    those = extensions if isinstance(extensions, list) else [extensions]
    urls = [one["url"] if isinstance(one, Members) and isinstance(one.get("url"), str) else "?" for one in those]
    return [*urls, *(["implicitRules"] if members.get("implicitRules") else [])]


def _is_text(text: str) -> bool:
    """Whether it holds neither a NUL nor half of a character."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
