"""What differs between SQLite and PostgreSQL, one small class each.

A dialect holds no state: the address of a database is its URL, and a password in it is never shown.
"""

from __future__ import annotations

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.shell.dialects.dialect import Dialect, Fault
from cmvmon.shell.dialects.on_postgresql import PostgreSQL
from cmvmon.shell.dialects.on_sqlite import SQLite

__all__ = ["BY_NAME", "Dialect", "Fault", "of", "url"]

BY_NAME: dict[str, Dialect] = {dialect.name: dialect for dialect in (SQLite(), PostgreSQL())}
_DRIVERS = ("sqlite", "postgresql+psycopg")


def of(place: sa.URL | sa.Connection) -> Dialect:
    """The dialect of a URL or of an open connection."""
    return BY_NAME[place.get_backend_name() if isinstance(place, sa.URL) else place.dialect.name]


def url(text: str, *, called: str) -> sa.URL:
    """A database's URL. Raises SiteError, naming it as `called` and never showing it, when it is not one of ours."""
    try:
        parsed = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _DRIVERS or not parsed.database:
        raise SiteError(
            f"{called} is not a database that cmvmon knows; write postgresql+psycopg://user@host/database (the password "
            "belongs in ~/.pgpass) or sqlite:///path"
        )
    return parsed
