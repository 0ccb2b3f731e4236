"""Makes the offline bundle: `python deploy/bundle.py`, or `make bundle`. docs/deploying.md says what is in it.

The versions are those of requirements.lock, and pip holds every file that it fetches against the hashes there. What is known as source
alone is built here, with the tools of requirements-build.lock. A bundle is for the Python and the kind of machine that made it.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("board", "feeds", "prefect", "ward")
# What the bundle holds beside wheels and lists, by its name there.
BESIDE = {
    "install.sh": "deploy/install.sh",
    "deploying.md": "docs/deploying.md",
    "systemd": "deploy/systemd",
    "container": "deploy/container",
}


class Locked(NamedTuple):
    """A stanza of the lock: the package's name, its whole text, and the packages because of which it is there."""

    name: str
    text: str
    via: frozenset[str]


def locked(text: str) -> list[Locked]:
    """The stanzas of a lock that uv wrote."""
    found = []
    for stanza in re.split(r"\n(?=[A-Za-z0-9])", f"\n{text}")[1:]:
        _, _, reasons = stanza.partition("# via")
        name = canonicalize_name(re.split(r"[=\[ ]", stanza, maxsplit=1)[0])
        found.append(Locked(name, stanza, frozenset(re.findall(r"^\s*#?\s*([a-z0-9._-]+)", reasons, re.M))))
    return found


def selected(stanzas: Sequence[Locked], asked: Iterable[str]) -> list[Locked]:
    """The stanzas of the packages that are asked for, and of those that are there because of them."""
    names = set(asked)
    while more := {one.name for one in stanzas if one.via & names} - names:
        names |= more
    return [one for one in stanzas if one.name in names]


def asked_for(project: Mapping[str, object], extras: Iterable[str]) -> set[str]:
    """The names that the project asks for by itself and with these extras. Raises SystemExit for one that it has not."""
    optional: Mapping[str, Sequence[str]] = project["optional-dependencies"]  # type: ignore[assignment]
    texts, names = [*project["dependencies"]], set()  # type: ignore[misc]
    for extra in extras:
        if extra not in optional:
            sys.exit(f"there is no extra [{extra}]; there are {', '.join(sorted(optional))}")
        texts += optional[extra]
    for text in texts:
        one = Requirement(text)
        if one.name == project["name"]:
            names |= asked_for({**project, "dependencies": []}, one.extras)
        else:
            names.add(canonicalize_name(one.name))
    return names


def make(folder: Path, *, extras: Sequence[str] = EXTRAS, lock: Path, wheels: Path | None = None) -> Path:
    """Makes the bundle as a new folder in `folder`, and returns it. It appears under its name when it is whole.

    Args:
        folder: in which bundles are kept.
        extras: of cmvmon, which the bundle is to hold.
        lock: versions and hashes.
        wheels: a folder of wheels to take them from, and no index is asked; None = as pip is set here.

    Raises SystemExit where pip can't get what the lock says, or gets something else.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = asked_for(project, extras)
    python = ".".join(platform.python_version_tuple()[:2])
    name = f"cmvmon-{project['version']}-python{python}-linux-{platform.machine()}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as made:
        bundle = Path(made) / name
        bundle.mkdir()
        bundle.chmod(0o755)
        _gather(bundle / "wheels", selected(locked(lock.read_text(encoding="utf-8")), names), wheels)
        lists = {
            "bundle.txt": f"version {project['version']}\npython {python}\nmachine {platform.machine()}\nextras {','.join(extras)}\n",
            "requirements.txt": _required(bundle / "wheels"),
        }
        for file, text in lists.items():
            (bundle / file).write_text(text, encoding="utf-8")
        for there, here in BESIDE.items():
            copied = shutil.copytree if (ROOT / here).is_dir() else shutil.copy
            copied(ROOT / here, bundle / there)
        (bundle / "SHA256SUMS").write_text(sums(bundle), encoding="utf-8")
        shutil.rmtree(folder / name, ignore_errors=True)
        bundle.rename(folder / name)
    return folder / name


def sums(bundle: Path) -> str:
    """A line for each file but SHA256SUMS, sorted by name, as sha256sum writes and reads them."""
    files = sorted(
        path.relative_to(bundle).as_posix()
        for path in bundle.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    )
    return "".join(f"{_hash(bundle / file)}  {file}\n" for file in files)


def _gather(into: Path, stanzas: Sequence[Locked], wheels: Path | None) -> None:
    wanted = into.with_name("wanted.txt")
    wanted.write_text("\n".join(one.text for one in stanzas), encoding="utf-8")
    source = [] if wheels is None else ["--no-index", "--find-links", str(wheels)]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run(
        [
            *pip,
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--require-hashes",
            *source,
            "-w",
            str(into),
            "-r",
            str(wanted),
        ]
    )
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)])
    wanted.unlink()


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"no bundle was made: {Path(command[2]).name} ended with code {done.returncode}, see above")


def _required(wheels: Path) -> str:
    """Each wheel of the bundle with its version and hash, for `pip install --require-hashes`."""
    lines = []
    for path in sorted(wheels.iterdir()):
        name, version, _, _ = parse_wheel_filename(path.name)
        lines.append(f"{name}=={version} --hash=sha256:{_hash(path)}\n")
    return "".join(lines)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the offline bundle of cmvmon.")
    parser.add_argument(
        "--into", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where bundles are kept; dist/"
    )
    parser.add_argument("--extras", default=",".join(EXTRAS), help="of cmvmon, with commas; %(default)s")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="take wheels from there, and ask no index")
    parser.add_argument(
        "--lock", type=Path, default=ROOT / "requirements.lock", help="versions and hashes; requirements.lock"
    )
    given = parser.parse_args()
    extras = sorted({extra.strip() for extra in given.extras.split(",")} - {""})
    bundle = make(given.into, extras=extras, lock=given.lock, wheels=given.wheels)
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    print(f"{bundle}: {len(list((bundle / 'wheels').iterdir()))} wheels, {size / 1e6:.0f} MB")
    print(
        f"SHA256SUMS is {_hash(bundle / 'SHA256SUMS')}: tell that to whoever installs, by another way than the bundle goes"
    )


if __name__ == "__main__":
    main()
