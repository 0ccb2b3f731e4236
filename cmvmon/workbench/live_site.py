"""The site of a live demo: made fresh, marked as a demo's, with the files by which its simulated hospital is read and listened to."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.boards.audit_log import HEAD
from cmvmon.shell.boards.board_files import BOARD, PASSWORDS
from cmvmon.shell.folder.site import FOLDERS, PAGE_KEY, SETTINGS, TABLE_FILES, Site
from cmvmon.workbench.live_messages import SENDING_APPLICATION, SENDING_FACILITY

FEED = "live"
_SETTINGS = (
    "# A live demo's site: everything in it is synthetic, and the next live demo makes it anew.\n"
    'demo = "live"\nfile_settles_s = 0\n'
)
_LISTEN = '# Plain, and on this machine alone.\naddress = "127.0.0.1"\nport = {port}\n'
_SENDER = f"""# The simulated laboratory and hospital of the live demo.
feed = "{FEED}"
sending_application = "{SENDING_APPLICATION}"
sending_facility = "{SENDING_FACILITY}"
addresses = ["127.0.0.1"]
types = ["ADT", "OML", "ORU"]
"""
_OF_A_SITE = (*FOLDERS, SETTINGS, PAGE_KEY, "senders", "listen.toml", BOARD, PASSWORDS, HEAD)
_BEGINNINGS = (
    "cmvmon.sqlite",
    "inbox.sqlite",
    "inbox_moves.sqlite",
    *(f".{name}.lock" for name in ("nightly", "watch", "listen", "board", "audit")),
)  # databases beside their logs; locks


def make_live_site(root: Path, *, port: int) -> Site:
    """A fresh site at `root`; one of an earlier live demo is emptied first. `port`: of the listener; 0 = any that is free.

    Raises SiteError, and touches nothing, where the folder holds anything that is not a live demo's.
    """
    site = Site(root)
    _empty(site)
    site.prepare()
    texts = {SETTINGS: _SETTINGS, "listen.toml": _LISTEN.format(port=port), f"senders/{FEED}.toml": _SENDER}
    texts |= {f"labs/{FEED}.toml": _shipped("laboratory.toml"), f"{TABLE_FILES}/{FEED}.toml": _shipped("tables.toml")}
    (root / "senders").mkdir(exist_ok=True)
    for name, text in texts.items():
        write_atomically(root / name, text.encode())
    return site


def _empty(site: Site) -> None:
    root = site.root
    if root.exists() and not root.is_dir():
        raise SiteError(
            f"{root.name} is a file; name a folder for the live demo: cmvmon demo --live --site ./demo-live"
        )
    there = sorted(root.iterdir()) if root.exists() else []
    if not there:
        return
    if root.is_symlink() or not (root / SETTINGS).exists() or not _is_live(site):
        raise SiteError(
            f"{root} holds something that is not a live demo's, and is left as it is; name a new folder: "
            "cmvmon demo --live --site ./demo-live"
        )
    others = [path.name for path in there if not _is_of_a_site(path.name)]
    if others:
        raise SiteError(
            f"{root} is an earlier live demo's, and would be made anew, but it also holds {', '.join(others[:3])}"
            f"{' and more' if len(others) > 3 else ''}; move that elsewhere, or name a new folder with --site"
        )
    for path in there:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is_live(site: Site) -> bool:
    settings = site.settings()
    return settings.is_demo and not settings.takes_history


def _is_of_a_site(name: str) -> bool:
    return name in _OF_A_SITE or name.startswith(_BEGINNINGS)


def _shipped(name: str) -> str:
    return resources.files("cmvmon").joinpath("examples", "live", name).read_text(encoding="utf-8")
