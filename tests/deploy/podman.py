"""Podman with a store of its own, where nothing of the machine's containers is seen and no network is: no image can be pulled.

Everything runs in mount, process and network namespaces that end with their first process, so nothing outlives the test. A plain
cgroup2 is mounted there, for crun takes no older layout; containers are not limited, and get the few files that any user may open.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LIMIT_S = 1800.0
_SPACES = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--net",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
_MOUNT = "umount -l -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup"
_LASTS = (
    f"{_MOUNT} && echo ready; while :; do sleep 1; done"  # a shell, which takes leave of whatever its containers leave
)
_CONTAINERS = """
[containers]
cgroups = "disabled"
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
"""


@dataclass(frozen=True)
class Podman:
    """Its store, and the first process of its namespaces."""

    store: Path
    pid: int

    def try_(self, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """What `podman WORDS` says and ends with."""
        enter = ("nsenter", "--target", str(self.pid), "--mount", "--pid", "--net")
        given = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.store), "TMPDIR": str(self.store / "tmp"),
            "CONTAINERS_CONF": str(self.store / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(self.store / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot", "BUILDAH_LAYERS": "false",
        }  # fmt: skip
        return subprocess.run(
            [*enter, "env", "-C", str(folder or self.store), "podman", *words], env=given, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=_LIMIT_S,
        )  # fmt: skip

    def __call__(self, *words: str, folder: Path | None = None) -> str:
        """What it says; AssertionError with its own words where it does not end well."""
        done = self.try_(*words, folder=folder)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout.strip()

    def volume(self, name: str) -> Path:
        """Where the files of a volume lie."""
        return Path(self("volume", "inspect", "--format", "{{.Mountpoint}}", name))


@contextmanager
def podman(store: Path) -> Iterator[Podman]:
    """Podman with its store in that folder, which it removes afterwards."""
    (store / "tmp").mkdir(parents=True)
    (store / "containers.conf").write_text(_CONTAINERS, "utf-8")
    roots = f'graphroot = "{store}/root"\nrunroot = "{store}/run"\n'
    (store / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\n{roots}', "utf-8")
    first = subprocess.Popen([*_SPACES, "sh", "-c", _LASTS], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        inside = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text("ascii").split()
        yield Podman(store, int(inside[0]))
    finally:
        first.kill()
        first.wait(30)
        shutil.rmtree(store, ignore_errors=True)
