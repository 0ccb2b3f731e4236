"""The board, who may use it, and what its audit log says."""

from __future__ import annotations

import getpass
import json
import sys
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, SiteOption, app
from cmvmon.cli.json_lines import say_in_json
from cmvmon.cli.stopping import until_stopped
from cmvmon.domain.errors import SiteError

board_app = typer.Typer(
    help="The pages for whoever may see them, always current, with answers and an audit log; until stopped.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
user_app = typer.Typer(help="Who may use the board.", no_args_is_help=True, rich_markup_mode=None)
audit_app = typer.Typer(help="Who looked at what on the board.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(board_app, name="board")
board_app.add_typer(user_app, name="user")
app.add_typer(audit_app, name="audit")

_ROWS = ("sequence", "at", "event", "outcome", "actor", "role", "source", "object", "because")


@board_app.callback()
def board(context: typer.Context, site: SiteOption = HERE) -> None:
    """The pages for whoever may see them (board.toml), always current, with answers and an audit log; until stopped."""
    if context.invoked_subcommand is not None:
        return
    from cmvmon.board import sheet
    from cmvmon.board.serving import serve
    from cmvmon.run.health import at_work
    from cmvmon.shell.folder.making_site import require_made

    require_made(site)
    say = say_in_json()
    with at_work.only_one(site, at_work.BOARD), until_stopped("stopping when open pages are sent") as stop:
        serve(site, stop=stop, say=say, pdf=sheet.sheet_pdf if sheet.can_be_made() else None)


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="With which this person signs in.")],
    role: Annotated[str, typer.Option("--role", help="viewer, consultant, data or admin.")],
    ward: Annotated[list[str] | None, typer.Option("--ward", help="A ward that may be seen; several times.")] = None,
    shown: Annotated[str | None, typer.Option("--name", help="How pages and alerts call this person.")] = None,
    site: MadeSite = HERE,
) -> None:
    """Adds somebody to board.toml with a password, for a trial; the password is asked for, or is one line on stdin."""
    from cmvmon.board.people import add_person, unknown_wards

    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    add_person(site, name, role=role, wards=ward or [], shown=shown, password=password)
    print(printing.visible(f"{name}: {role}; the board knows it at once"))
    for words in unknown_wards(site, ward or []):
        print(printing.visible(f"{name}: {words}"), file=sys.stderr)


@audit_app.command("verify")
def audit_verify(as_json: Json = False, site: MadeSite = HERE) -> None:
    """Reads the whole audit log: whether a row was changed, removed, moved or cut off. Code 5 where one was."""
    from cmvmon.run.asking.audit_query import verified

    found = verified(site)
    if as_json:
        print(json.dumps(found, sort_keys=True, indent=2))
    else:
        for fault in found["faults"]:
            print(f"NOT WHOLE: row {fault['row']}: {fault['words']}")
        print(found["words"])
    if found["faults"]:
        raise typer.Exit(5)


@audit_app.command("export")
def audit_export(
    patient: Annotated[str, typer.Option("--patient", help="Whose rows: under each number that the patient ever had.")],
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Who saw or did what about one patient, in order; that it was exported is a row of its own."""
    from cmvmon.run.asking.audit_query import exported, nothing_of

    rows = exported(site, patient, actor=getpass.getuser())
    print(printing.shown_json(rows) if as_json else printing.table(rows, _ROWS, ""))
    if words := nothing_of(site, patient, rows):
        print(words, file=sys.stderr)


@audit_app.command("go-on")
def audit_go_on(
    why: Annotated[str, typer.Option("--why", help="In a few words, without a patient's name or number.")],
    site: MadeSite = HERE,
) -> None:
    """Lets an audit log go on that lacks rows which its head knows, as after a restore; a row says so."""
    from cmvmon.run.asking.audit_query import go_on

    if not why.strip():
        raise SiteError("--why is empty; say in a few words why the log lacks rows")
    print(f"row {go_on(site, why=why.strip(), actor=getpass.getuser())}: the audit log goes on")
