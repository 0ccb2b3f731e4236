"""Under what an assessment was made: what every row says that is recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmvmon import __version__


@dataclass(frozen=True)
class Stamp:
    """The moment that is judged, how the decline is estimated, which policy (its name, and the hash of its text), which code."""

    as_of: datetime
    method: str
    protocol_version: str
    protocol_hash: str
    code_version: str = __version__
