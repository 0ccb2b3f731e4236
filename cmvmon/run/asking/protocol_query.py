"""Two protocol files held against each other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from cmvmon.protocol import Protocol
from cmvmon.protocol.differences import differences
from cmvmon.shell.folder import protocol_files
from cmvmon.shell.folder.site import Site


def read_for(site: Site, path: Path) -> Protocol:
    """The protocol of a file, with the site's priors besides those beside the file.

    Raises ProtocolError, which names every stanza and key at fault; SiteError where there is no such file.
    """
    beside = path.parent / "priors"
    return protocol_files.Protocol.read(path, priors=beside if beside.is_dir() else site.root / "protocol" / "priors")


def told_differences(old: Protocol, new: Protocol) -> list[dict[str, Any]]:
    """Every key that differs: stanza, key, and of each protocol the value, source, strength and owner (None: not there)."""
    return [asdict(one) for one in differences(old, new)]
