"""A site's store copied to another database, while nothing else works on the site."""

from __future__ import annotations

from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.shell import dialects
from cmvmon.shell.folder.site import Site
from cmvmon.shell.keeping.copying import Copied, copy_store
from cmvmon.shell.store.session import open_store
from cmvmon.shell.work.opening import held


def copy_to(root: Path, to: str) -> tuple[Copied, ...]:
    """Copies the site's store to the empty database at that URL. The site goes on using its own until settings.toml names
    the other. Raises SiteError when the target is not empty or not another database."""
    site = Site(root).require()
    target = dialects.url(to, called="--to")
    if target == site.database:
        raise SiteError("--to names the database that the site has now; name another")
    with held(site), open_store(site.database) as here, open_store(target) as there:
        return copy_store(here, there)
