"""What a value of settings.toml may be: a number within limits, or a name on one line."""

from __future__ import annotations

from collections.abc import Mapping

from cmvmon.domain.errors import SiteError


def name_of(found: object, key: str) -> str:
    """That value of `key`. Raises SiteError for what is no name."""
    if isinstance(found, str) and len(found) <= 80 and (found == "" or (found.isprintable() and found.strip())):
        return found
    raise SiteError(f"settings.toml: {key} must be a name of at most 80 characters, on one line, in quotes")


def number_of(settings: Mapping[str, object], name: str, unit: str, least: float, most: float) -> float:
    """The number under that name. Raises SiteError for another kind, or one outside of the limits."""
    found = settings[name]
    if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
        raise SiteError(f"settings.toml: {name} must be a number of {unit} from {least:g} to {most:g}")
    return float(found)
