"""Who is told when a kernel is compiled, which happens once after an installation or a change and takes about a minute."""

from __future__ import annotations

from collections.abc import Callable

_TOLD: list[Callable[[], None]] = []


def when_first_compiling(tell: Callable[[], None]) -> None:
    """`tell` is called once, before this process compiles its first kernel; never where all are found on disk.

    Given several times, it is called once.
    """
    if tell not in _TOLD:
        _TOLD.append(tell)


def compiling() -> None:
    """Said by whoever is about to compile."""
    while _TOLD:
        _TOLD.pop()()
