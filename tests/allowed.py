"""What a machine lets the tests do to a program: follow its system calls, leave it without a network, a file system or files to open;
and whether the data that others have published lie there.

A test that may not do so is skipped by name and reason. `python3 tests/allowed.py` prints, for CI, the switches under which such a
skip is a failure: one for each thing that this machine allows. What it does not allow is told on stderr, never left in silence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

_LIMIT_S = 30
_TESTS = Path(__file__).parent
# Beside the repository, where it is there: what others have published, with its origin and licence.
PUBLIC = next((f for p in Path(__file__).parents if (f := p / "shared" / "data").is_dir()), Path("nowhere"))


def _ends_well(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False, timeout=_LIMIT_S).returncode == 0


def may_trace() -> bool:
    return _ends_well("strace", "-f", "-o", os.devnull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true")


def may_leave_networks() -> bool:
    return _ends_well(sys.executable, str(_TESTS / "loopback.py"), "true")


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if not _ends_well("mount", "-t", "tmpfs", "none", folder):
            return False
        return _ends_well("umount", folder)


def may_limit() -> bool:
    return _ends_well("prlimit", "--nofile=32:32", "true")


def may_contain() -> bool:
    """Whether podman may run a container in namespaces of its own (tests/deploy/podman.py)."""
    if os.geteuid() != 0 or shutil.which("podman") is None or shutil.which("crun") is None:
        return False
    mount = "umount -l -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup"
    return _ends_well("unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc", "sh", "-c", mount)


def has_node() -> bool:
    return shutil.which("npm") is not None and shutil.which("node") is not None


def has_public_data() -> bool:
    return PUBLIC.is_dir()


ASKED: Mapping[str, tuple[Callable[[], bool], str]] = {
    "STRACE": (may_trace, "strace is not installed, or may not trace here: syncs and failing disks are not tried"),
    "NAMESPACE": (may_leave_networks, "this user may make no network namespace: nothing is run on loopback alone"),
    "MOUNT": (may_mount, "this user may mount no file system: no full and no read-only disk is tried"),
    "PRLIMIT": (may_limit, "prlimit is not installed: no lack of file descriptors is tried"),
    "PODMAN": (
        may_contain,
        "podman and crun are not installed, or may run no container here: no image is built and started",
    ),
    "NODE": (has_node, "npm or node is not installed: the client in Node is not tried"),
    "PUBLIC_DATA": (
        has_public_data,
        "the folder of public data (../shared/data) is not here: no message, resource or series of others is tried",
    ),
}
"""By the name of its switch (`CMVMON_REQUIRE_...`): whether it is allowed here, and what a test says that is skipped for it."""


def missing(switch: str, why: str = "") -> NoReturn:
    """Skips the test for want of that, in words; under its switch the test fails instead."""
    import pytest

    why = why or ASKED[switch][1]
    if os.environ.get(f"CMVMON_REQUIRE_{switch}") == "1":
        pytest.fail(f"CMVMON_REQUIRE_{switch}=1, and {why}")
    pytest.skip(why)


def public(name: str) -> Path:
    """That file or folder of public data; the test is skipped in words, or fails under its switch, where it is not there."""
    if not PUBLIC.is_dir():
        missing("PUBLIC_DATA")
    if not (PUBLIC / name).exists():
        missing("PUBLIC_DATA", f"{name} is not in the folder of public data (../shared/data)")
    return PUBLIC / name


def main() -> int:
    """Prints the switches of what is allowed as lines for a shell, and what is not on stderr."""
    for switch, (is_allowed, why) in ASKED.items():
        if is_allowed():
            print(f"export CMVMON_REQUIRE_{switch}=1")
        else:
            print(f"skipped by name, for {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
