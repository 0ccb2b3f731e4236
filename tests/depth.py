"""How far a test looks: a part of it in `make test`, all of it in `make test-long` (docs/decisions/0017-suite.md).

What is only in the long form bears the mark `long`. What is there in both, smaller in `make test`, asks `examples`.
"""

from __future__ import annotations

import os

LONG = "CMVMON_LONG" in os.environ


def examples(few: int, many: int) -> int:
    """How many examples, nights or deliveries: `few` in `make test`, `many` in `make test-long`."""
    return many if LONG else few
