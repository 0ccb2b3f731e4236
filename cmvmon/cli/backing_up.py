"""The commands that keep a site against the loss of its disk, and bring it back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, app
from cmvmon.domain.errors import SiteError

if TYPE_CHECKING:
    from cmvmon.run.backups.restored_protocol import ProtocolNow
    from cmvmon.shell.keeping.backup_files import Manifest


@app.command()
def backup(
    to: Annotated[Path, typer.Option("--to", help="The folder of backups, outside the site: a new one is made in it.")],
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Keeps rows, messages and files of the site in a new folder with their hashes; nights, watch and listen may be at work."""
    from cmvmon.run.backups.backing_up import back_up

    done = back_up(site, to)
    held = done.manifest
    if as_json:
        said = _counts(held) | {"folder": str(done.folder), "manifest_sha256": done.sha256, "left_out": held.left_out}
        print(json.dumps(said, sort_keys=True, indent=2))
    else:
        print(printing.visible(f"backup   {done.folder}"))
        print(f"backup   {_words(held)}; manifest {done.sha256[:12]}")
        for place in held.left_out:
            print(printing.visible(f"backup   NOT AS IT SHOULD BE: {place}"))
        if done.n_unfinished:
            print(
                f"backup   {done.n_unfinished} folders .writing-* there are of backups that were stopped: remove them"
            )
    if held.left_out:
        raise SiteError(
            f"{len(held.left_out)} files could not be kept as they should be; see above. All others are kept"
        )


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(help="A backup, as `cmvmon backup` printed it.", show_default=False)],
    into: Annotated[Path | None, typer.Option("--into", help="A new folder: the site that is made.")] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database", help="An empty database for its rows, as in settings.toml; without it, the site's own file."
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Without --into: only reads the backup and checks every hash and row count."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Makes a new site of a backup, every hash and row count checked before and after; or, with --verify alone, only checks."""
    from cmvmon.run.backups import restoring
    from cmvmon.run.backups.restored_protocol import protocol_now

    if into is None and (database is not None or not verify):
        raise SiteError("name the new site with --into, or give --verify alone to check the backup and write nothing")
    manifest = restoring.verify(backup) if into is None else restoring.restore(backup, into, to_database=database)
    judges = None if into is None else protocol_now(into)
    if as_json:
        told = {"into": None if into is None else str(into), "protocol": None if judges is None else asdict(judges)}
        print(printing.shown_json(_counts(manifest) | told))
        return
    print(f"verify   {_words(manifest)}: every hash and row count as the manifest states")
    for place in manifest.left_out:
        print(printing.visible(f"verify   was not as it should be when it was kept: {place}"))
    if into is not None:
        print(
            printing.visible(
                f"restore  {into}: `cmvmon report --site {into}` writes its pages; what came later is not in it"
            )
        )
    if judges is not None:
        print(printing.visible(f"restore  {_judges_words(judges)}"))
        print(
            f"restore  approvals of protocols after {_moment(manifest)} are GONE: what was approved since must be tried and "
            "approved again"
        )


def _judges_words(now: ProtocolNow) -> str:
    if now.version is None or now.protocol_hash is None:
        return f"NOBODY IS JUDGED: {now.fault}"
    if now.approved_at is None:
        by = "the site's file: NOTHING IS APPROVED in this backup, so the file judges as it stands, whoever edits it"
    else:
        by = f"approved by {now.approved_by} on {now.approved_at:%Y-%m-%d %H:%M} UTC"
    return f"protocol in force: {now.version} ({now.protocol_hash[:8]}), {by}"


def _counts(manifest: Manifest) -> dict[str, object]:
    names = ("cmvmon", "schema", "database")
    tables = [asdict(table) for table in manifest.tables]
    return {name: getattr(manifest, name) for name in names} | {
        "taken_at": manifest.taken_at.isoformat(),
        "tables": tables,
        "rows": manifest.n_rows,
        "files": len(manifest.files),
        "bytes": manifest.n_bytes,
    }


def _words(manifest: Manifest) -> str:
    return (
        f"as of {_moment(manifest)}: {manifest.n_rows} rows in {len(manifest.tables)} tables, {len(manifest.files)} files, "
        f"{manifest.n_bytes / 1e6:.1f} MB"
    )


def _moment(manifest: Manifest) -> str:
    return manifest.taken_at.isoformat(sep=" ", timespec="seconds")
