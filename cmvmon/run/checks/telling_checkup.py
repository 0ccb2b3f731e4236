"""What `cmvmon doctor` says of telling people (notify.toml) and of giving alerts out to other programs (out.toml)."""

from __future__ import annotations

from collections.abc import Iterator

from cmvmon.run.messages.sending_out import out_file
from cmvmon.run.messages.telling import notify_file
from cmvmon.run.messages.telling_state import Telling, out_state, state, unreadable_secrets
from cmvmon.shell.folder.site import Site


def of_notify(site: Site) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words: whether people are told, and by what. Absent is not broken, and nothing is sent to find out.

    Raises ProtocolError for a notify.toml that can't be used.
    """
    file = notify_file(site)
    if file is None:
        yield "note", "nobody is told: this site has no notify.toml (docs/notify.md)"
        return
    yield "ok", f"channels {', '.join(file.channels)}; `cmvmon notify test` tries them"
    if not file.left_to:
        yield "note", "left_to is not set: nobody else is told of an alert about a patient who has left the ICU"
    if not file.escalate_to:
        yield "note", "escalate_to is not set: nobody else is told of a tier 1 that nobody acknowledges"
    for name in unreadable_secrets(site, file):
        yield "broken", f"[channels.{name}]: its password or address is missing; set the variable or file"
    found = state(site.root)
    for name in found.refused:
        yield (
            "broken",
            f"[channels.{name}]: the server refuses its address, so nobody is reached by it: mend it in notify.toml",
        )
    yield from _undelivered(found)


def of_out(site: Site) -> Iterator[tuple[str, str]]:
    """State and words of what leaves the site; nothing of a site without out.toml, which gives nothing out.

    Raises ProtocolError for an out.toml that can't be used.
    """
    file = out_file(site)
    if file is None:
        return
    yield "ok", f"targets {', '.join(file.targets)}; `cmvmon notify send` sends what is due (docs/out.md)"
    yield from _undelivered(out_state(site.root))


def _undelivered(found: Telling) -> Iterator[tuple[str, str]]:
    if found.n_given_up:
        yield "broken", f"{found.n_given_up} messages were given up in the last week: `cmvmon notify list`"
    elif found.n_failing:
        yield "note", f"{found.n_failing} messages could not be delivered so far: `cmvmon notify list`"
