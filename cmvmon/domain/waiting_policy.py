"""A protocol file that waits for a second person, and by what is judged meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class WaitingPolicy:
    """The site's protocol file holds another content than the protocol that was approved last, by which is judged.

    Attributes:
        file_version: the label of the file; None: it can't be read.
        file_hash: of its content; None as before.
        version: the label of the approved protocol.
        approved_by, approved_at: who approved that one, and when.
    """

    file_version: str | None
    file_hash: str | None
    version: str
    approved_by: str
    approved_at: datetime
