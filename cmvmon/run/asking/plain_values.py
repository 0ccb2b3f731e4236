"""Values of an answer as a machine reads them: moments in UTC, spans as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def plainly(value: Any) -> Any:
    """The same for a machine: moments in ISO 8601 UTC, spans as text."""
    if isinstance(value, Mapping):
        return {name: plainly(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plainly(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
