"""The command that makes a site again from what has landed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, app
from cmvmon.cli.progress import progress
from cmvmon.domain.errors import SiteError

if TYPE_CHECKING:
    from cmvmon.run.backups.rebuilding import Rebuilt
    from cmvmon.shell.keeping.comparing import Compared

_JOURNAL = "landing/journal.ndjson"
_NOT_REBUILT = (
    "not rebuilt: alerts and their history, and what was said at earlier moments. `cmvmon nightly --site NEW` opens what stands, "
    "as new. drop/ was not copied: what lies there is taken in where the new site's drop/ holds it"
)


@app.command()
def rebuild(
    into: Annotated[Path, typer.Option("--into", help="A new folder: the site that is made.")],
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Makes a new site from landing/ and the site's files, and compares its store with the old one. The old site stays."""
    from cmvmon.run.backups.rebuilding import rebuild as run

    with progress("taking in again") as tell:
        done = run(site, into, progress=tell)
    if as_json:
        print(json.dumps(asdict(done), sort_keys=True, indent=2))
    else:
        print("\n".join(printing.visible(line) for line in _lines(done, into)))
    if done.faults:
        raise SiteError(f"{len(done.faults)} deliveries could not be taken in; see above. The others are")


def _lines(done: Rebuilt, into: Path) -> list[str]:
    said = [
        f"rebuilt  {done.deliveries} deliveries and {done.answers} words of persons on records and rules into {into}"
    ]
    said += [f"rebuilt  NOT TAKEN IN: {fault.message}" for fault in done.faults]
    if done.without_line:
        said.append(
            f"rebuilt  {done.without_line} stand in no line of {_JOURNAL}: taken in at the moment of their landing"
        )
    if done.unread_lines:
        said.append(f"rebuilt  {done.unread_lines} lines of {_JOURNAL} can't be read, or tell of what has not landed")
    if done.read_otherwise:
        said.append(
            f"rebuilt  {done.read_otherwise} judgings were made with other laboratory or table files than the site has now"
        )
    said += [f"compare  {one.table}: {_compared(one)}" for one in done.tables]
    if done.not_compared is not None:
        said.append(f"compare  nothing to compare with: {done.not_compared}")
    return [*said, _NOT_REBUILT]


def _compared(one: Compared) -> str:
    if one.is_equal:
        moments = f"; {one.at_other_moments} of them received at another moment" if one.at_other_moments else ""
        return f"{one.new} versions, every hash as in the old store{moments}"
    only = f"{one.only_old} hashes only in the old store, {one.only_new} only in the new"
    return f"DIFFERS: old {one.old}, new {one.new} versions; {only}"
