"""The marks between the parts of a message, as its own header states them (HL7 2.5.1, 2.5.4 and 2.15.9.1-2: MSH-1, MSH-2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Delimiters:
    """One mark each; empty where MSH-2 is too short to name it, and the text is then never parted or escaped by it."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def stated(self) -> str:
        """MSH-2, as it states them."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    def parts_components_alone(self, field: str) -> bool:
        """Whether no mark but that of a component stands in the text of a field, and nothing is to be unescaped or is `""`.

        >>> Delimiters().parts_components_alone("1^^A"), Delimiters().parts_components_alone("1~2")
        (True, False)
        """
        return _any_of(f'{self.repetition}{self.escape}{self.subcomponent}"').search(field) is None


def delimiters_of(header: str) -> Delimiters | None:
    """The marks that a header line (MSH, FHS, BHS) states; None where they can't be used.

    Marks must differ, and be no letters, digits, blanks or signs that can't be seen: what they part could not be told from
    text. The fifth is the mark of truncated text (HL7 2.7, 2.5.5.2), which is left in it.

    >>> delimiters_of("MSH|^~\\\\&|A") == Delimiters(), delimiters_of("MSH|^^|A"), delimiters_of("MSHx")
    (True, None, None)
    """
    if len(header) < 5:
        return None
    field = header[3]
    stated = header[4:].split(field, 1)[0]
    marks = field + stated
    is_usable = (
        1 <= len(stated) <= 5
        and len(set(marks)) == len(marks)
        and field.isascii()
        and all(c.isprintable() and not c.isalnum() and not c.isspace() for c in marks)
    )
    return Delimiters(field, *_padded(stated)) if is_usable else None


@lru_cache(maxsize=64)
def _any_of(marks: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(marks)}]")


def _padded(stated: str) -> tuple[str, str, str, str, str]:
    marks = [*stated, "", "", "", ""]
    return marks[0], marks[1], marks[2], marks[3], marks[4]
