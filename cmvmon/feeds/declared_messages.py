"""What a laboratory file declares of tests and of messages: which are read, and which are counted and left."""

from __future__ import annotations

from typing import NamedTuple

from cmvmon.feeds.records import Messages
from cmvmon.feeds.toml_reading import StrictTable
from cmvmon.feeds.value_grammar import fold

IGNORED, SET_APART = "ignored", "set_apart"
_PROCESSING = Messages().processing


class Tests(NamedTuple):
    """Codes of the CMV load, and of other tests, folded; whether a test that is in neither list is counted and not read, and whether
    a heading is: what has no code, and no digit in its value."""

    cmv_load: frozenset[str]
    others: frozenset[str]
    ignores_unlisted: bool
    ignores_headings: bool


def read_tests(top: StrictTable) -> Tests:
    """[tests] of a laboratory file."""
    table = top.table("tests")
    cmv_load = frozenset(fold(t) for t in table.texts("cmv_load"))
    others = frozenset(fold(t) for t in table.texts("not_cmv_load"))
    unlisted = table.choice("unlisted", (SET_APART, IGNORED), required=False)
    headings = table.choice("headings", (SET_APART, IGNORED), required=False)
    table.finish()
    if cmv_load & others:
        table.fault("not_cmv_load", f"{', '.join(sorted(cmv_load & others))} also stand(s) in cmv_load; keep one")
    return Tests(cmv_load, others, unlisted == IGNORED, headings == IGNORED)


def read_messages(top: StrictTable) -> Messages:
    """[messages] of a laboratory file."""
    table = top.table("messages")
    found = Messages(
        ignored=table.texts("ignored"),
        processing=table.texts("processing") or _PROCESSING,
        end_may_lack=table.truth("end_may_lack", required=False),
        file_encoding_holds=table.truth("file_encoding_holds", required=False),
    )
    table.finish()
    return found
