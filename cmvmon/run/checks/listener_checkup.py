"""What `cmvmon doctor` says of the files of the listener: those that can't be used, and senders whose feed nothing reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from cmvmon.feeds.senders import AnySender, Poster
from cmvmon.shell.incoming.sender_files import LISTEN, SENDERS, listening, senders


def of_listener(root: Path, read_feeds: Collection[str]) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words of each file, nothing of a site that does not listen. Raises as `listening` does.

    `read_feeds`: the feeds that have a laboratory file, or a table file that names a table.
    """
    if not (root / LISTEN).exists():
        return
    found = listening(root)
    ports = [f"port {found.port}"] if found.port is not None else []
    ports += [f"FHIR at port {found.posting.port}"] if found.posting is not None else []
    yield "ok", f"{found.address}, {', '.join(ports)}, {'plain' if found.is_plain else 'TLS'}"
    known = senders(root)
    for words in known.faults.values():
        yield "broken", words
    every: tuple[AnySender, ...] = (*known.known, *known.posters)
    unheard = [*(known.known if found.port is None else ()), *(known.posters if found.posting is None else ())]
    for one in unheard:
        key = "[fhir]" if isinstance(one, Poster) else "port"
        words = f"{LISTEN} has no {key}, so that nothing is taken from it; add it, or remove the sender"
        yield "broken", f"{SENDERS}/{one.name}.toml: {words}"
    if not every and not known.faults:
        yield (
            "broken",
            f"{SENDERS}/ holds no file, so that every message is refused; write one for each sender (docs/feeds.md)",
        )
    for one in every:
        if one.feed in read_feeds:
            yield "ok", f"{SENDERS}/{one.name}.toml: into {one.feed}"
        else:
            words = "so that what it sends is stored and not read; correct the name, or add"
            yield (
                "broken",
                f"{SENDERS}/{one.name}.toml: its feed {one.feed!r} has no laboratory file, {words} labs/{one.feed}.toml",
            )
