"""Sites of earlier cmvmons, made by these themselves (tests/upgrades/README.md), set up on either database."""

from __future__ import annotations

import lzma
import shutil
import tarfile
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from cmvmon.shell.folder.site import Site
from tests import postgresql

HERE = Path(__file__).parent
BACKUP, ON_SERVER = "backup.tar.xz", "postgresql.sql.xz"
# Each is the first characters of the commit that made it. Those of the first list are moved to today's schema where they stand; the
# tables of the others had other columns, so that today's program refuses them, and makes the site again from what had landed.
MOVED = ("4cd0228",)
REBUILT = ("968d8ea",)


def backup(commit: str, into: Path) -> Path:
    """The backup that the program of that commit made, in the folder `into`."""
    with tarfile.open(HERE / commit / BACKUP) as archive:
        archive.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder


def site(commit: str, root: Path, *, server: postgresql.Server | None) -> Path:
    """That site as it stood under its program: its rows in its own SQLite file, or in a database of `server`."""
    unpacked = root.with_name(f"{root.name}-backup")
    kept = backup(commit, unpacked)
    shutil.copytree(kept / "site", root)
    if server is None:
        shutil.copy(kept / "cmvmon.sqlite", root)
    else:
        url = server.new_database()
        script = lzma.decompress((HERE / commit / ON_SERVER).read_bytes()).decode()
        lines = [line for line in script.splitlines() if not line.startswith("\\")]  # for psql alone
        with psycopg.connect(sa.make_url(url).set(drivername="postgresql").render_as_string(False)) as connection:
            connection.execute("\n".join(lines).encode())
        said = (root / "settings.toml").read_text("utf-8")
        (root / "settings.toml").write_text(f'database = "{url}"\n{said}', "utf-8")
    shutil.rmtree(unpacked)
    return root


def tables(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Every table of the site's database as it stands, each row by the names of its columns; past our own code."""
    engine = sa.create_engine(Site(root).database)
    try:
        with engine.connect() as connection:
            names = sa.inspect(connection).get_table_names()
            found = {
                name: connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings().all() for name in sorted(names)
            }
    finally:
        engine.dispose()
    return {name: sorted((dict(row) for row in rows), key=repr) for name, rows in found.items()}
