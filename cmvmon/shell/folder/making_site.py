"""A site is made on purpose: a mistyped name makes none, and a lost database is not replaced by an empty one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.shell import dialects
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.site import FOLDERS, SETTINGS, Site

_NO_ZONE = '# time_zone = "Europe/Amsterdam"  # not stated: a time without an offset is set apart (time_without_zone), never guessed\n'


def is_made(site: Site) -> bool:
    """Whether anybody made a site of that folder: it holds settings, a database, or one of a site's folders."""
    return any((site.root / name).exists() for name in (SETTINGS, site.file.name, *FOLDERS))


def require_made(root: Path) -> Path:
    """That directory, if it is a site. Raises SiteError."""
    if not is_made(Site(root)):
        raise SiteError(f"{root} is no site; `cmvmon init {root}` makes one, or name another with --site")
    return root


def make_site(root: Path, *, time_zone: str | None, language: str | None) -> Site:
    """A new site with its folders and a settings.toml that says what is given. Raises SiteError where one stands."""
    site = Site(root)
    if is_made(site):
        raise SiteError(f"{root} is a site already; nothing was changed")
    stated = {"time_zone": time_zone, "language": language}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in stated.items() if value is not None]
    if time_zone is None:
        lines.append(_NO_ZONE)
    is_new = not root.exists()
    site.prepare()
    try:
        write_atomically(root / SETTINGS, "".join(lines).encode())
        site.settings()
    except SiteError:
        for name in FOLDERS:
            (root / name).rmdir()
        (root / SETTINGS).unlink(missing_ok=True)
        if is_new:
            root.rmdir()
        raise
    return site


def settings_for_another(settings: bytes, *, database: str | None = None) -> bytes:
    """A site's settings.toml as another site may have it: two sites must not write into one database. To the byte the same
    where it names none and none is given."""
    given = tomllib.loads(settings.decode())
    had = given.pop("database", None)
    if not had and database is None:
        return settings
    given |= {} if database is None else {"database": database}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()).encode()


def refuse_lost_database(site: Site) -> None:
    """Nothing, unless the site's SQLite file is gone while something has landed or pages stand. Raises StoreError."""
    url = site.database
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        refuse_new_database(site)


def refuse_new_database(site: Site) -> None:
    """Nothing, unless something has landed or pages stand: a database without a row was once another one. Raises StoreError.

    A new one in its place would say that nobody is on the ward.
    """
    shown, landed = site.pages.glob("*.html"), site.landing.glob("*/*.json")
    if next(shown, None) is None and next(landed, None) is None:
        return
    url = site.database
    raise StoreError(
        f"{dialects.of(url).called(url)} is gone, and nothing was made in its place: put a backup of it back, or make the site "
        "again from what has landed (`cmvmon rebuild --into NEW`)"
    )
