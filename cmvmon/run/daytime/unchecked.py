"""What a watch has put on the pages and not yet held against the contract: kept until that is done."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cmvmon.domain.errors import ContractBroken
from cmvmon.run.daytime.feed import check_deliveries

_QUIET_AFTER_S = 2.0  # without a message


@dataclass
class Unchecked:
    """Deliveries whose pages stand, and what is stored of them was not yet held against the contract. While messages come one after
    the other that waits, for a while: the next one would wait for it."""

    ids: list[str] = field(default_factory=list)
    since: float = float("inf")

    def add(self, ids: Iterable[str]) -> None:
        """Adds deliveries."""
        self.since = self.since if self.ids else time.monotonic()
        self.ids += ids

    def is_due(self, messages_at: float, *, waits_s: float) -> bool:
        """Whether no message came for a while (the last at `messages_at`), or they have waited for so long."""
        now = time.monotonic()
        is_quiet = now - messages_at >= _QUIET_AFTER_S
        return bool(self.ids) and (is_quiet or now - self.since >= waits_s)

    def check(self, root: Path) -> None:
        """Raises what `check_deliveries` raises; but for a verdict they are then still to be checked."""
        try:
            check_deliveries(root, list(dict.fromkeys(self.ids)))
        except ContractBroken:
            self.ids = []
            raise
        self.ids = []
