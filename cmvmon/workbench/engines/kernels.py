"""The kernels where a worker runs: whether they are found compiled, and compiled before the first batch where they are not."""

from __future__ import annotations

import threading

KEPT, NOT_YET, NEVER = "kept", "not compiled yet", "not kept"
_WARMING = threading.Lock()
_WARMED: list[str] = []


def kernels_here() -> str:
    """`kept`: compiled, and found on this machine's disk. `not compiled yet`: there is a folder for them. `not kept`: none."""
    from cmvmon.kinetics.bank.update import begin  # with numba
    from cmvmon.kinetics.numerics.compiling import is_kept, is_on_disk

    return KEPT if is_on_disk(begin) else NOT_YET if is_kept(begin) else NEVER


def warm_once() -> None:
    """Compiles the kernels unless they are found on disk: once in a process, while its other threads wait."""
    with _WARMING:
        if not _WARMED:
            if kernels_here() != KEPT:
                from cmvmon.workbench.warming import warm_up

                warm_up()
            _WARMED.append(KEPT)
