"""What is said when somebody stops a command: which of its work stands. Every step is one transaction: whole, or not there."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

STOPPED_BY_CTRL_C = 130
_NOTHING = "nothing was changed"
_STANDS = {
    "assess": "the assessment is recorded whole or not at all",
    "backup": "no backup was made; the site is as it was",
    "board": "what was recorded stands; whoever had a page open signs in again",
    "calibrate": "no file was written",
    "analyze": "OUT is as it was; run it again",
    "demo": "what was done stands; run it again to go on",
    "init": "the folder may lack its settings; remove it before it is tried again",
    "ingest": "each file that is named above stands; what has landed after it is taken in by the next night; nothing was assessed",
    "listen": "what was acknowledged is stored; what was not is sent again",
    "nightly": "what was taken in stands; run it again to go on",
    "send": "what was sent may be sent once more, under the same id",
    "rebuild": "the new site is not whole; remove its folder before it is tried again",
    "report": "no page is half written; run it again",
    "restore": "no site was made; a database that was named may hold the rows: drop it before it is tried again",
    "serve": "a night that was at work is made up by the next start",
    "simulate": "no table is half written; run it again",
    "store": "the site is as it was; drop the new database before it is tried again",
    "watch": "what was taken in stands; what was not assessed is made up by the next start",
}


class Stoppable(TyperGroup):
    """The commands, of which each says on Ctrl-C what stands, and ends with code 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            stands = str(stopped) or _STANDS.get(ctx.invoked_subcommand or "", _NOTHING)
            sys.stderr.write(f"\ncmvmon: stopped: {stands}\n")
            raise typer.Exit(STOPPED_BY_CTRL_C) from None


@contextmanager
def until_stopped(when_busy: str) -> Iterator[Event]:
    """Gives an event that Ctrl-C or SIGTERM sets, so that a program can end between two steps; a second one ends it at once.

    `when_busy`: what is said at the first, on stderr.
    """
    stop = Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        sys.stderr.write(f"\n{when_busy}\n")

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
