"""What `cmvmon doctor` says of the files of the listener: those that can't be used, and senders whose feed nothing reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from cmvmon.shell.sender_files import LISTEN, SENDERS, listening, senders


def of_listener(root: Path, read_feeds: Collection[str]) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words of each file, nothing of a site that does not listen. Raises as `listening` does.

    `read_feeds`: the feeds that have a laboratory file, or a table file that names a table.
    """
    if not (root / LISTEN).exists():
        return
    found = listening(root)
    yield "ok", f"{found.address}, port {found.port}, {'plain' if found.is_plain else 'TLS'}"
    known = senders(root)
    for words in known.faults.values():
        yield "broken", words
    if not known.known and not known.faults:
        yield (
            "broken",
            f"{SENDERS}/ holds no file, so that every message is refused; write one for each sender (docs/feeds.md)",
        )
    for one in known.known:
        if one.feed in read_feeds:
            yield "ok", f"{SENDERS}/{one.name}.toml: into {one.feed}"
        else:
            words = "so that what it sends is stored and not read; correct the name, or add"
            yield (
                "broken",
                f"{SENDERS}/{one.name}.toml: its feed {one.feed!r} has no laboratory file, {words} labs/{one.feed}.toml",
            )
