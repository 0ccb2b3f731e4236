"""Who must act on a record that waits, read off the remedy of its reason: the two never say different things."""

from __future__ import annotations

import re
from contextlib import suppress
from types import MappingProxyType

from cmvmon.feeds.reasons import remedy

SENDER, SITE, EITHER, NOBODY = "sender", "site", "sender or site", "nobody"
OWNERS = MappingProxyType(
    {
        SENDER: "whoever sends the data: ask for the record again, corrected or withdrawn",
        SITE: "who keeps this site's laboratory and table files",
        EITHER: "the keeper of the site's files where the words are right as they are; else the sender",
        NOBODY: "nothing to mend",
    }
)
_REFUSAL = re.compile(r"The refusal \((\w+)\):")
_ASKS_SENDER = (
    *("sender", "the laboratory for", "the laboratory whose", "with the laboratory", "the pharmacy", "send the next one"),
    *("leave one", "Ask for"),
)  # fmt: skip
_ASKS_SITE = (
    *("the laboratory file", "each laboratory file", "the table file", "settings.toml", "labs/<feed>.toml", "[patient_ids]"),
    *("cmvmon ingest", "right file was given", "the file was given", "the refusal names", "the reasons name", "to the right feed"),
    *("cmvmon quarantine", "data dictionary", "the protocol", "`separator`"),
    *("time_formats", "Correct its name"),
)  # fmt: skip


def owner_of(reason: str, *, table: str = "", sentence: str = "") -> str:
    """One of OWNERS for a reason of a record of that table. Raises KeyError for a code that no catalogue has.

    `sentence`: the remedy as it was stored. Of a delivery that was refused whole it names the refusal, which says who must act.
    """
    if named := _REFUSAL.search(sentence):
        with suppress(KeyError):  # that of a snapshot is in words of its own
            return owner_of(named[1], table=table)
    words = remedy(reason, table=table)
    asks_sender, asks_site = (any(part in words for part in parts) for parts in (_ASKS_SENDER, _ASKS_SITE))
    if asks_sender and asks_site:
        return EITHER
    return SENDER if asks_sender else SITE if asks_site else NOBODY
