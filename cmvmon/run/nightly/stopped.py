"""What stands when somebody, or a disk that can't be written, stops the work in the middle of a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cmvmon.domain.errors import Interrupted, NotWritten


@contextmanager
def stands(words: str) -> Iterator[None]:
    """Ctrl-C inside goes on as Interrupted, which says so, and NotWritten with these words: each step is whole or not there, and
    only its caller knows which those before it were."""
    try:
        yield
    except Interrupted:
        raise
    except NotWritten as error:
        raise NotWritten(f"{error}; {words}") from error
    except KeyboardInterrupt:
        raise Interrupted(words) from None
