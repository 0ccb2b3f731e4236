"""A protocol file that judges nobody, for it waits for a second person or can't be approved; and by what is judged meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# What is to be done about the file: it is tried and approved; it gets another label; it is mended.
WAITS, LABEL_USED, NOT_READ = "policy_waits", "policy_label_used", "policy_not_read"
STATES = (WAITS, LABEL_USED, NOT_READ)


@dataclass(frozen=True)
class WaitingPolicy:
    """The site's protocol file holds another content than the protocol that was approved last, by which is judged.

    Attributes:
        file_version: the label of the file; None: it can't be read.
        file_hash: of its content; None as before.
        version: the label of the approved protocol.
        approved_by, approved_at: who approved that one, and when.
        is_label_used: another content was judged or approved under the file's label, so that nobody can approve it.
    """

    file_version: str | None
    file_hash: str | None
    version: str
    approved_by: str
    approved_at: datetime
    is_label_used: bool = False

    @property
    def state(self) -> str:
        """Of `STATES`."""
        if self.file_version is None:
            return NOT_READ
        return LABEL_USED if self.is_label_used else WAITS
