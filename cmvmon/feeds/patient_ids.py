"""Patient ids that name nobody: results under them would be pooled into one patient, so they are set apart."""

from __future__ import annotations

from collections.abc import Iterable

_BUILT_IN = (
    "0", "00", "000", "0000", "00000", "000000", "0000000", "00000000", "000000000",
    "999999", "9999999", "99999999", "999999999",
    "onbekend", "unknown", "unk", "inconnu", "unbekannt", "test", "testpatient", "test patient",
    "nn", "nomen nescio", "x", "xx", "xxx", "xxxx", "anonymous", "anoniem", "anonyme", "anonym", "john doe", "jane doe",
    "n/a", "na", "none", "null", "nil", "nan", "-", "--", "?", "??", ".", "geen", "dummy", "placeholder",
)  # fmt: skip


def fold_id(text: str) -> str:
    """`text` as placeholders are compared: lower case, single spaces, none around it."""
    return " ".join(text.casefold().split())


def placeholders(own: Iterable[str] = ()) -> frozenset[str]:
    """The built-in placeholders and those of a laboratory's file, folded."""
    return frozenset(fold_id(text) for text in (*_BUILT_IN, *own))
