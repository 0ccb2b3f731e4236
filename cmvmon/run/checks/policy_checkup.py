"""What judges a site, for `doctor`: its protocol, who approved it, and a file that waits for a second person."""

from __future__ import annotations

from collections.abc import Iterator

from cmvmon.domain.waiting_policy import WAITS
from cmvmon.shell.folder.in_force import judging
from cmvmon.shell.folder.site import Site
from cmvmon.text import language
from cmvmon.text.policy import waiting_in_words


def of_policy(site: Site) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words. Raises ProtocolUnusable, StoreError."""
    found = judging(site)
    by = ""
    if found.approval is not None:
        by = f"; approved by {found.approval.actor} on {found.approval.approved_at:%Y-%m-%d}"
    yield "ok", f"{found.protocol.version}; owner: {found.protocol.owner}{by}"
    if found.waits is not None:
        words = waiting_in_words(found.waits, language("en"), site.settings().time_zone)
        then = " `cmvmon protocol list` tells what was tried; `protocol try`, then `approve`"
        yield "note", f"{words}{then if found.waits.state == WAITS else ''}"
