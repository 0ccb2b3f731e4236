"""What a long command shows while it works, on stderr: a bar on a terminal, else a line a minute; nothing when quick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Progress = Callable[[int, int], None]  # told how many parts are done, of how many
QUICK_S = 3.0  # work that is over by then shows nothing
LINE_EVERY_S = 60.0


@contextmanager
def progress(what: str, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Gives the function to tell; `what` names the work, without any patient data."""
    with ExitStack() as shown:
        yield _bar(what, shown, clock) if sys.stderr.isatty() else _lines(what, clock)


def _bar(what: str, shown: ExitStack, clock: Callable[[], float]) -> Progress:
    from rich.console import Console
    from rich.progress import Progress as Bar

    begun, bar = clock(), Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def tell(done: int, of: int) -> None:
        if clock() - begun >= QUICK_S and not bar.live.is_started:
            shown.enter_context(bar)
        bar.update(task, completed=done, total=of)

    return tell


def _lines(what: str, clock: Callable[[], float]) -> Progress:
    last = clock()

    def tell(done: int, of: int) -> None:
        nonlocal last
        if clock() - last >= LINE_EVERY_S:
            last = clock()
            sys.stderr.write(f"{what}: {done} of {of}\n")

    return tell


def tell_of_compiling() -> None:
    """One line, said before a run compiles its first kernel."""
    sys.stderr.write("first run here: compiling the kernels, about a minute; later runs start at once\n")
