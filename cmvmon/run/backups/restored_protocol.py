"""Which protocol judges a site that was made again from a backup: approvals that came after the backup are not in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.domain.errors import ProtocolUnusable
from cmvmon.shell.folder.in_force import judging
from cmvmon.shell.folder.site import Site


@dataclass(frozen=True)
class ProtocolNow:
    """The protocol in force: label and content (None: it can't be used, `fault` says why).

    `approved_by`, `approved_at`: None = nothing is approved there, and the site's file judges as it stands.
    """

    version: str | None = None
    protocol_hash: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    fault: str | None = None


def protocol_now(into: Path) -> ProtocolNow:
    """What judges that site, whose store is only read, as it is. Raises StoreError."""
    try:
        found = judging(Site(into))
    except ProtocolUnusable as error:
        return ProtocolNow(fault=str(error))
    by = (None, None) if found.approval is None else (found.approval.actor, found.approval.approved_at)
    return ProtocolNow(found.protocol.version, found.protocol.sha256, *by)
