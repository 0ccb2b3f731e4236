"""Characters that nobody sees: with one in it a patient's number is another's and looks the same, and a terminal is steered."""

from __future__ import annotations

import unicodedata

# Unicode's categories: control, format (soft hyphens, blanks of no width, marks of direction), ends of line and paragraph.
CATEGORIES = ("Cc", "Cf", "Zl", "Zp")
PATTERN = "[" + "".join(rf"\p{{{category}}}" for category in CATEGORIES) + "]"  # as polars writes it


def holds_unseen(text: str) -> bool:
    """Whether a character within the text can't be seen; blanks around it do not count.

    >>> holds_unseen("12\u00ad34"), holds_unseen(" 1234\t")
    (True, False)
    """
    shown = text.strip()
    return not shown.isprintable() and any(unicodedata.category(mark) in CATEGORIES for mark in shown)
