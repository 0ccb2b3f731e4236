"""Columns that a later version added to tables that were there: none of them is filled in the rows of before."""

from __future__ import annotations

# By version, then table and column: its type on each kind of database. A version that sites run is never written again.
ADDED = {
    "0002": {
        ("viral_load_results", "sent_at"): {"sqlite": "VARCHAR(27)", "postgresql": "TIMESTAMP WITH TIME ZONE"},
        ("viral_load_results", "is_released"): {"sqlite": "BOOLEAN", "postgresql": "BOOLEAN"},
    },
    "0003": {
        ("antiviral_courses", "stop_reason"): {"sqlite": "VARCHAR", "postgresql": "VARCHAR"},
    },
    "0004": {
        ("deliveries", "statuses_differ"): {"sqlite": "INTEGER", "postgresql": "INTEGER"},
        ("deliveries", "sent_ahead_s"): {"sqlite": "INTEGER", "postgresql": "INTEGER"},
    },
    "0005": {
        ("viral_load_results", "confirms"): {"sqlite": "BOOLEAN", "postgresql": "BOOLEAN"},
    },
    "0006": {},  # two tables: protocols that were tried, and those that were approved
}


def added_since(version: str) -> frozenset[tuple[str, str]]:
    """Table and column of what a database of that version does not have yet.

    >>> ("viral_load_results", "sent_at") in added_since("0001"), added_since("9999")
    (True, frozenset())
    """
    return frozenset(place for later, places in ADDED.items() if later > version for place in places)
