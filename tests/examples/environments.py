"""Environments that hold the wheel and exactly the distributions that some of its extras ask for; no index is asked.

What is needed is computed from the requirements that the wheel and each distribution state. Each is linked from the environment
of the tests, so that an environment is made in a second; what is not asked for can't be imported there.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def run(command: list[str], folder: Path, *, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the command ends with, with nothing of this process's environment but what is given."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def build(kind: str, folder: Path, *, source: Path = ROOT) -> Path:
    """The wheel or sdist of a source tree, in that folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=300)
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def environment(folder: Path, wheel: Path, needed: Iterable[str] | None) -> Path:
    """The `bin` of an environment with the wheel and these distributions; None = all that the tests have, the checkout apart."""
    venv.create(folder, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    ours = Path(sysconfig.get_path("purelib"))
    if needed is None:
        # A path alone: .pth files of that folder, such as the checkout's own, are not read.
        (site / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    else:
        _link(frozenset(needed), ours, site)
    python = str(folder / "bin" / "python")
    install = ["pip", "install", "--offline", "--no-deps", "--no-cache", "--python", python, str(wheel)]
    run([str(BIN / "uv"), *install], folder)
    as_warm_as_the_checkout(site / "cmvmon")
    return folder / "bin"


def closure(wheel: Path, extras: Iterable[str]) -> set[str]:
    """The distributions, by their canonical names, that the wheel with these extras asks for, and those that these ask for."""
    (stated,) = importlib.metadata.distributions(path=[str(wheel)])
    return _closure({canonicalize_name("cmvmon"): stated.requires or []}, frozenset(extras)) - {"cmvmon"}


def requirements_closure(stated: list[str]) -> set[str]:
    """The same of a list of requirements."""
    return _closure({canonicalize_name("cmvmon"): stated}, frozenset()) - {"cmvmon"}


def _closure(ours: Mapping[str, list[str]], extras: frozenset[str]) -> set[str]:
    seen: set[tuple[str, frozenset[str]]] = set()
    open_ones = [(name, extras) for name in ours]
    while open_ones:
        name, wanted = open_ones.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for text in ours[name] if name in ours else _distributions()[name].requires or ():
            asked = Requirement(text)
            if asked.marker is None or any(asked.marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                open_ones.append((canonicalize_name(asked.name), frozenset(asked.extras)))
    return {str(name) for name, _ in seen}


@cache
def _distributions() -> dict[str, importlib.metadata.Distribution]:
    return {canonicalize_name(found.metadata["Name"]): found for found in importlib.metadata.distributions()}


@cache
def _owners(ours: Path) -> dict[tuple[str, ...], frozenset[str]]:
    """By file and folder in the environment of the tests: whose it is. A folder may be of several."""
    owners: dict[tuple[str, ...], set[str]] = {}
    for name, found in _distributions().items():
        for file in found.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                for depth in range(1, len(file.parts) + 1):
                    owners.setdefault(file.parts[:depth], set()).add(name)
    return {parts: frozenset(names) for parts, names in owners.items() if (ours / Path(*parts)).exists()}


def _link(needed: frozenset[str], ours: Path, site: Path) -> None:
    """A folder that is of needed ones alone is linked whole; one that others share is made, and looked into."""
    is_linked: set[tuple[str, ...]] = set()
    for parts, names in sorted(_owners(ours).items()):
        if not names & needed or any(parts[:depth] in is_linked for depth in range(1, len(parts))):
            continue
        here, there = ours / Path(*parts), site / Path(*parts)
        if names <= needed:
            there.symlink_to(here)
            is_linked.add(parts)
        else:
            there.mkdir()


def as_warm_as_the_checkout(package: Path) -> None:
    """The kernels that were compiled for the checkout are those of the same files elsewhere: to compile them takes a minute."""
    for kept in (ROOT / "cmvmon").rglob("*.nb[ci]"):
        source = kept.parents[1] / f"{kept.name.partition('.')[0]}.py"
        there = package / kept.relative_to(ROOT / "cmvmon")
        there.parent.mkdir(exist_ok=True)
        shutil.copy(kept, there)
        copied = package / source.relative_to(ROOT / "cmvmon")
        assert copied.read_bytes() == source.read_bytes()
        os.utime(copied, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))  # by which a kernel is known
