"""The character set of a message, by what MSH-18 says (HL7 2.5.1, 2.15.9.18; table 0211)."""

from __future__ import annotations

import re

# Those of table 0211 in which every byte below 128 is what it is in ASCII: only then can segments be told apart as bytes.
_CODECS = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso-8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",  # not in the table, and sent
}
_NAME = re.compile(r"[A-Za-z0-9/ ._-]*")


def codec_of(msh_18: str) -> str | None:
    """The codec that MSH-18 names; empty where it names none, None where its name is not known.

    Of several, the first is that of text without a switch of character sets, and no switch is followed.

    >>> codec_of("8859/1"), codec_of("UNICODE UTF-8~ISO IR87"), codec_of(""), codec_of("ISO IR87")
    ('iso-8859-1', 'utf-8', '', None)
    """
    found = _NAME.match(msh_18)
    name = " ".join(found[0].upper().split()) if found else ""
    if not name:
        return "" if not msh_18.strip() else None
    return _CODECS.get(name)
