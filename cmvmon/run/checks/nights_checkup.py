"""What `cmvmon doctor` says of the nights: whether one is missing, and whether the last one came to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cmvmon.run.checks.status import status
from cmvmon.run.health import at_work
from cmvmon.run.health.nights import nights
from cmvmon.text import language
from cmvmon.text.values import operations_in_words


def of_nights(root: Path) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words; nothing where no night was ever done. Raises StoreError for a database that can't be used."""
    found = nights(root)
    if found.last is None:
        return
    at_rest = [each for each in status(root).stopped if each.is_of_the_work]
    for each in at_rest:
        cause, since = operations_in_words(each.code, language("en")), f"{each.since:%Y-%m-%d %H:%M}"
        yield (
            "broken",
            f"{cause} ({since}): pages may be of an earlier one. Mend what `cmvmon status` names, then `cmvmon nightly`",
        )
    if found.is_overdue(is_served=bool(at_work.is_running(root, at_work.SERVE))):
        yield (
            "note",
            f"no night since {found.last.isoformat()}: start `cmvmon serve`, or look at cron (`cmvmon status`)",
        )
    elif not at_rest:
        yield "ok", f"last one {found.last.isoformat()}"
