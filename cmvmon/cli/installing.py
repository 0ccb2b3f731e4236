"""The commands about the installation itself: its version, and its kernels."""

from __future__ import annotations

from cmvmon.cli.face import app, say_version
from cmvmon.domain.errors import SiteError


@app.command()
def version() -> None:
    """Prints the version."""
    say_version(True)


@app.command()
def warmup() -> None:
    """Compiles the kernels once after an installation or a change, so that no later command has to. Touches no site."""
    from time import monotonic

    from cmvmon.workbench.warming import warm_up

    begun = monotonic()
    is_kept = warm_up()
    if not is_kept:
        raise SiteError(
            f"the kernels were compiled ({monotonic() - begun:.0f} s) and could not be kept: neither the program's folder nor this "
            "user's cache folder can be written, so each run compiles again; name one that can in NUMBA_CACHE_DIR"
        )
    print(f"warm: the kernels are compiled and kept on disk ({monotonic() - begun:.0f} s)")
