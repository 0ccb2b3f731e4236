"""Who says something: the person who is named, or this machine's user where nobody is."""

from __future__ import annotations

import getpass

from cmvmon.domain.errors import SiteError


def who_says(by: str | None) -> str:
    """The name as it is kept, without blanks around it; None: this machine's user. Raises SiteError for an empty name.

    >>> who_says(" dr. A.  Example ")
    'dr. A. Example'
    """
    if by is None:
        return getpass.getuser()
    name = " ".join(by.split())
    if not name:
        raise SiteError("--by is empty; say who you are, or leave it out for this machine's user. Nothing was recorded")
    return name
