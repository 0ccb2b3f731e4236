"""The commands about the store itself."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, SiteOption, app

store_app = typer.Typer(help="The database of the site.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(store_app, name="store")


@store_app.callback()
def store() -> None:
    """The database of the site."""


@store_app.command("copy")
def store_copy(
    to: Annotated[
        str,
        typer.Option("--to", help="postgresql+psycopg://user@host/database (password in ~/.pgpass) or sqlite:///path."),
    ],
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Copies every row to an empty database and compares both. The site changes over when settings.toml names it."""
    from cmvmon.run.backups.moving import copy_to

    copied = [asdict(one) for one in copy_to(site, to)]
    if as_json:
        print(json.dumps(copied, sort_keys=True, indent=2))
        return
    print(printing.table(copied, ("table", "rows", "content"), "no table"))
    print(
        "every table is the same on both sides. To change over: set `database` in settings.toml (none: the site's file)"
    )
