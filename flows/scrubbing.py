"""Errors on their way into Prefect, whose database and logs keep them: ours pass, others are told by type only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cmvmon.domain.errors import CmvmonError


@contextmanager
def scrubbed() -> Iterator[None]:
    """Our errors hold no patient value and pass as they are; a message from elsewhere might quote one."""
    try:
        yield
    except CmvmonError:
        raise
    except Exception as error:  # noqa: BLE001 - raised again at once, without its message
        raise CmvmonError(f"unexpected {type(error).__name__}; run `cmvmon nightly` on the site to see where") from None
