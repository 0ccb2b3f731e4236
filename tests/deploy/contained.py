"""A command as a container runs it: by a user without rights, and with a program's folder that is mounted read-only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# In a mount namespace of its own. Where this Python lies in a folder that only root may enter, as in /root, an empty folder that
# everybody may enter takes its place there, with nothing in it but this Python.
_STEPS = """
set -e
program=$1 kept=$2 python=$3 closed=$4
shift 4
if [ -n "$closed" ]; then
    mount --bind "$python" "$kept"
    mount -t tmpfs -o mode=0755 tmpfs "$closed"
    mkdir -p "$python"
    mount --bind "$kept" "$python"
fi
mount --bind "$program" "$program"
mount -o remount,ro,bind "$program"
exec setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""
_ALONE = ("unshare", "--mount")


def why_not() -> str | None:
    """Why nothing can be run so here; None where it can."""
    if os.geteuid() != 0:
        return "only root can start a program as another user, so the container's steps were not tried"
    try:
        done = subprocess.run(
            [*_ALONE, "setpriv", "--clear-groups", "true"], check=False, capture_output=True, timeout=30
        )
    except FileNotFoundError:
        return "no unshare on this machine, so the container's steps were not tried"
    return None if done.returncode == 0 else "no folder can be mounted here, so the container's steps were not tried"


def command(program: Path, words: Iterable[str], *, kept: Path) -> list[str]:
    """What runs `words` so. `kept`: an empty folder for what is mounted meanwhile."""
    python = Path(sys.base_prefix).resolve()
    closed = [str(path) for path in (*reversed(python.parents), python) if not path.stat().st_mode & 0o001]
    steps = ["sh", "-c", _STEPS, "sh", str(program), str(kept), str(python), closed[0] if closed else ""]
    return [*_ALONE, *steps, *words]
