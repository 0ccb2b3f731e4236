"""Which commands need an extra of the installation. Asked before a command does anything, so that nothing is left half done.

A command that does not stand here runs with the core alone. `demo` asks by itself: what it needs depends on its options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cmvmon.domain.extras import require

NEEDS: Mapping[str, tuple[str, ...]] = {
    name: extras
    for extras, names in {
        ("ward",): (
            "alerts", "why", "worklist", "report", "audit", "said", "unit", "concordance", "next-sample", "rules show",
            "rules disable", "rules enable", "rules test", "ingest", "quarantine", "merge", "nightly", "assess", "watch",
            "status", "metrics", "notify", "backup", "restore", "rebuild", "store", "replay",
            "protocol try", "protocol approve", "protocol list",
        ),
        ("feeds",): ("listen",),
        ("board",): ("board",),
        ("prefect",): ("serve",),
    }.items()
    for name in names
}  # fmt: skip
_HELP = ("-h", "--help")


def check(words: Sequence[str]) -> None:
    """Nothing where the command of a call has what it needs, or where only its help is asked for.

    Raises MissingExtra: which extra it needs, and how that is installed.
    """
    if any(word in _HELP for word in words):
        return
    for name in (" ".join(words[:2]), words[0]):
        if name in NEEDS:
            require(f"`cmvmon {name}`", *NEEDS[name])
            return
