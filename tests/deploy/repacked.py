"""Wheels of what is installed here, and a lock with their hashes: a bundle can be made and installed where no index is reached.

A wheel is packed again from the files that its distribution lists. Its hash is another one than that of the
wheel it came from, so the lock that is written beside them names the versions of requirements.lock with the hashes of these.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import canonicalize_name

from deploy import bundle

_LEFT_OUT = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")


def lock_and_wheels(folder: Path, extras: Iterable[str]) -> tuple[Path, Path]:
    """A lock for these extras, and the folder of the wheels that it names."""
    project = tomllib.loads((bundle.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stanzas = bundle.locked((bundle.ROOT / "requirements.lock").read_text(encoding="utf-8"))
    there = {canonicalize_name(one.metadata["Name"]): one for one in importlib.metadata.distributions()}
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    lines = []
    for one in bundle.selected(stanzas, bundle.asked_for(project, extras)):
        if one.name in there:  # what is for another Python or machine is not installed
            path = _pack(there[one.name], wheels)
            via = "\n".join(f"    #   {name}" for name in sorted(one.via))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{one.name}=={there[one.name].version} \\\n    --hash=sha256:{digest}\n    # via\n{via}")
    lock = folder / "requirements.lock"
    lock.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lock, wheels


def _pack(found: importlib.metadata.Distribution, wheels: Path) -> Path:
    files = [file for file in found.files or () if "__pycache__" not in file.parts]
    (info,) = {file.parts[0] for file in files if file.parts[0].endswith(".dist-info")}
    tags = [
        line.split(": ")[1].split("-")
        for line in (found.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag")
    ]
    joined = "-".join(".".join(sorted({tag[place] for tag in tags})) for place in range(3))
    path, record = wheels / f"{info.removesuffix('.dist-info')}-{joined}.whl", []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for file in sorted(files, key=str):
            name = str(file)
            if file.parts[0] == info and file.name in _LEFT_OUT:
                continue
            if file.parts[0] == "..":
                if "bin" in file.parts:  # made again by the installer
                    continue
                name = f"{info.removesuffix('.dist-info')}.data/data/{'/'.join(part for part in file.parts if part != '..')}"
            content = Path(str(file.locate())).read_bytes()
            packed.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}\n")
        packed.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return path
