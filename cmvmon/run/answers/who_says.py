"""Who says something: the person who is named, or this machine's user where nobody is."""

from __future__ import annotations

import getpass

from cmvmon.domain.errors import SiteError


def who_says(by: str | None) -> str:
    """The name as it is kept; None: this machine's user. Raises SiteError for an empty name.

    >>> who_says(" dr. A.  Example ")
    'dr. A. Example'
    """
    return getpass.getuser() if by is None else named(by)


def named(by: str) -> str:
    """A person's name, each blank once and none around it. Raises SiteError where it is empty."""
    name = " ".join(by.split())
    if not name:
        raise SiteError("--by is empty; say who you are: your name is kept with what you say. Nothing was recorded")
    return name
