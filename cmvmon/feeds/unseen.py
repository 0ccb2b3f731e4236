"""Characters that nobody sees: with one in it, a patient's number is another's, and looks the same on every page."""

from __future__ import annotations

import re

import polars as pl

# Control characters, the soft hyphen, blanks of no width, marks of direction, a byte order mark.
_UNSEEN = "[\\x00-\\x1f\\x7f-\\x9f\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\ufeff]"
_PATTERN = re.compile(_UNSEEN)


def holds_unseen(text: str) -> bool:
    """Whether a character within the text can't be seen; blanks around it do not count.

    >>> holds_unseen("12\\u00ad34"), holds_unseen(" 1234\\t")
    (True, False)
    """
    return _PATTERN.search(text.strip()) is not None


def unseen(column: str) -> pl.Expr:
    """The same of a column; false where it is null."""
    return pl.col(column).str.strip_chars().str.contains(_UNSEEN).fill_null(False)
