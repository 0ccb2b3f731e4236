"""What stands when somebody stops the work in the middle of a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cmvmon.domain.errors import Interrupted


@contextmanager
def stands(words: str) -> Iterator[None]:
    """Ctrl-C inside goes on as Interrupted, which says so: each step is whole or not there, and only its caller knows
    which those before it were."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(words) from None
