"""A bundle of what is installed here, and what its install.sh made of it where there is no route: once for all tests of this folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import bundle
from tests import allowed, loopback
from tests.deploy import repacked
from tests.examples import environments

ROOT = Path(__file__).parents[2]


def alone(*command: str, folder: Path, limit_s: float = 900, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command where nothing but loopback is, with nothing of this process's environment but what is given."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "loopback.py"), *command],
        capture_output=True, text=True, check=False, timeout=limit_s, cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", **environment},
    )  # fmt: skip
    if done.returncode == loopback.MAY_NOT:
        allowed.missing("NAMESPACE", done.stderr.strip())
    return done


def install(made: Path, into: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What install.sh of a bundle does, with this Python, where nothing but loopback is."""
    return alone("sh", str(made / "install.sh"), *options, str(into), folder=made.parent, PYTHON=sys.executable)


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder into which every user may look, as into /opt."""
    folder = Path(tempfile.mkdtemp(prefix="cmvmon-deploy-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def made(place: Path) -> Path:
    """A bundle with the extra [ward], of the versions of the lock."""
    lock, wheels = repacked.lock_and_wheels(place / "repacked", ["ward"])
    built = bundle.make(place / "dist", extras=["ward"], lock=lock, wheels=wheels)
    shutil.rmtree(place / "repacked")
    return built


@pytest.fixture(scope="session")
def installed(made: Path, place: Path) -> Path:
    """The folder into which it was installed, with the kernels that were compiled for the checkout: to compile takes a minute."""
    done = install(made, place / "opt", "--no-warm-up")
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = (place / "opt" / "current" / "lib").glob("python*/site-packages/cmvmon")
    environments.as_warm_as_the_checkout(package)
    return place / "opt"
