"""A base for the container's image where none can be pulled: Debian's smallest system with its own Python, from the mirror that apt has.

`make image` puts it into .venv/base.tar (180 MB); the long tests of the image say by name that they were skipped where it is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TAR = Path(__file__).parents[2] / ".venv" / "base.tar"
_FOR = Path("/etc/os-release")
_LIMIT_S = 1200


def why_not() -> str | None:
    """Why there is no base here, in one line; None where there is one."""
    return (
        None
        if TAR.is_file()
        else "no base for a container's image on this machine, so none was built (`make image`, 180 MB)"
    )


def fetch() -> str:
    """Makes the base where it is not; says in one line what came of it."""
    if TAR.is_file():
        return ""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        return "only root can make a base for the container's image, with debootstrap: the tests of the image will say that they were skipped"
    print("making a base for the tests of the container's image (180 MB) ...", flush=True)
    found = _mirror()
    if found is None:
        return "apt knows no mirror of this Debian: the tests of the container's image will say that they were skipped"
    codename, mirror = found
    with tempfile.TemporaryDirectory(dir=TAR.parent) as folder:
        root, unfinished = Path(folder) / "root", Path(folder) / "base.tar"
        steps = (
            ["debootstrap", "--variant=minbase", "--include=python3,python3-venv", codename, str(root), mirror],
            [
                "tar",
                "-C",
                str(root),
                "--exclude=./var/cache/apt",
                "--exclude=./var/lib/apt/lists",
                "-cf",
                str(unfinished),
                ".",
            ],
        )
        for step in steps:
            if subprocess.run(step, capture_output=True, check=False, timeout=_LIMIT_S).returncode != 0:
                return f"{step[0]} did not end well: the tests of the container's image will say that they were skipped"
        python = subprocess.run(
            ["chroot", str(root), "python3", "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True, text=True, check=False, timeout=60,
        ).stdout.split()  # fmt: skip
        if python != [str(part) for part in sys.version_info[:2]]:
            return f"Debian's Python is {'.'.join(python)}, a bundle made here is for another: the tests of the image will be skipped"
        unfinished.rename(TAR)
    return ""


def _mirror() -> tuple[str, str] | None:
    """This Debian's name, and where apt has it from; None on another system."""
    said = dict(line.split("=", 1) for line in _FOR.read_text("utf-8").splitlines() if "=" in line)
    codename = said.get("VERSION_CODENAME", "").strip('"')
    if said.get("ID", "").strip('"') != "debian" or not codename:
        return None
    asked = [
        "apt-get",
        "indextargets",
        "--format",
        "$(CODENAME) $(REPO_URI)",
        "Created-By: Packages",
        "Component: main",
    ]
    for line in subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines():
        name, _, uri = line.partition(" ")
        if name == codename:
            return codename, uri
    return None


if __name__ == "__main__":
    if words := fetch():
        print(words)
