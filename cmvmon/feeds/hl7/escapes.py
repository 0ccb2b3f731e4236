r"""Escape sequences in the text of a field (HL7 2.5.1, 2.7): what they stand for, and text written with them.

Rule of this file: nothing of a text is lost. A sequence that is not known, not ended or not readable stays as it stands.

    \F\ \S\ \T\ \R\ \E\ \P\    the mark of this message: field, component, subcomponent, repetition, escape, truncation
    \X0D0A\                    bytes in the character set of the message
    \.br\                      a line break
    \H\ \N\ \.sp\ ... \Zx\     formatting, other character sets and local ones: kept as they stand
"""

from __future__ import annotations

import re

from cmvmon.feeds.hl7.delimiters import Delimiters

_KEPT = re.compile(r"[HN]|\.(?:sp|in|ti|fi|nf|ce|sk|br)\s*[+-]?[0-9]*|[CM][0-9A-Fa-f]+|Z.*", re.DOTALL)
_HEX = re.compile(r"X(?:[0-9A-Fa-f]{2})+")


def unescaped(text: str, marks: Delimiters, codec: str) -> str:
    r"""The text that is meant.

    >>> unescaped(r"10\S\5 \T\ \X41\ \q", Delimiters(), "utf-8")
    '10^5 & A \\q'
    """
    mark = marks.escape
    if not mark or mark not in text:
        return text
    pieces: list[str] = []
    at = 0
    while (start := text.find(mark, at)) >= 0:
        end = text.find(mark, start + 1)
        if end < 0:
            break
        named = text[start + 1 : end]
        meant = _meant(named, marks, codec)
        pieces.append(text[at:start])
        if meant is not None:
            pieces.append(meant)
            at = end + 1
        elif _KEPT.fullmatch(named):
            pieces.append(text[start : end + 1])
            at = end + 1
        else:  # a mark that begins nothing: the next one may
            pieces.append(mark + named)
            at = end
    return "".join(pieces) + text[at:]


def _meant(named: str, marks: Delimiters, codec: str) -> str | None:
    """What a sequence stands for; None where that is not known."""
    one = {
        "F": marks.field,
        "S": marks.component,
        "T": marks.subcomponent,
        "R": marks.repetition,
        "E": marks.escape,
        "P": marks.truncation,
        ".br": "\n",
    }.get(named)
    if one:
        return one
    if not _HEX.fullmatch(named):
        return None
    try:
        text = bytes.fromhex(named[1:]).decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def escaped(text: str, marks: Delimiters) -> str:
    r"""The text as it is written between these marks.

    Raises ValueError for a text that can't be written without an escape mark, where there is none.

    >>> escaped("a|b\r", Delimiters())
    'a\\F\\b\\X0D\\'
    """
    names = {
        marks.field: "F",
        marks.component: "S",
        marks.repetition: "R",
        marks.escape: "E",
        marks.subcomponent: "T",
        marks.truncation: "P",
        **{control: f"X{ord(control):02X}" for control in "\r\n\x0b\x1c"},
    }
    names.pop("", None)
    if not marks.escape and any(c in names for c in text):
        raise ValueError("a text holds a mark, and there is none to escape it")
    return "".join(f"{marks.escape}{names[c]}{marks.escape}" if c in names else c for c in text)
