"""The commands by which a protocol comes into force: one person tries it, another approves it, and both names stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite
from cmvmon.cli.progress import progress
from cmvmon.cli.replaying import change_lines, protocol_app

File = Annotated[Path, typer.Argument(metavar="FILE", help="A protocol file.")]
_COUNTS = {
    "fired": "fired",
    "would_fire": "would have fired",
    "only_new": "only under the new",
    "gone": "gone under it",
}
_APPROVALS = ("version", "content", "approved by", "on (UTC)", "tried by")
_TRIALS = ("version", "content", "tried by", "on (UTC)", "fired", "would have fired")


@protocol_app.command("try")
def protocol_try(
    file: File,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who tries it: another person must approve it.")],
    days: Annotated[
        int, typer.Option("--days", min=1, max=366, help="On the nights of so many days, up to the last night.")
    ] = 30,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """What a protocol would have said on the last nights, beside the one that judges. Judges nobody; keeps the trial, for approval."""
    from cmvmon.run.replay.trying import tried

    with progress("judging again") as tell:
        found = tried(site, file, by=by, days=days, progress=tell)
    if as_json:
        print(printing.shown_json(found))
        return
    print("\n".join(_trial_lines(found)))
    print("\nnothing has changed: another person approves it with `cmvmon protocol approve FILE --by NAME`")


@protocol_app.command("approve")
def protocol_approve(
    file: File,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who approves it: not who tried it.")],
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Puts a protocol into force that another person tried, exactly as it was tried; from then on only approved ones judge."""
    from cmvmon.run.replay.approving import approve

    found = approve(site, file, by=by)
    if as_json:
        print(printing.shown_json(found))
        return
    print("\n".join(_trial_lines(found["trial"])))
    said = (
        f"{found['version']} ({found['protocol_hash'][:8]}), tried by {found['tried_by']}, approved by {found['actor']}"
    )
    print(printing.visible(f"\napproved {said}: it judges from now on; alerts and pages follow with the next night"))
    if not found["is_site_file"]:
        print(
            "NOTE     the site's protocol file holds another one: put this one into its place, or pages say that it waits"
        )


@protocol_app.command("list")
def protocol_list(as_json: Json = False, site: MadeSite = HERE) -> None:
    """The protocol in force and since when, the file that waits, and who tried and approved what."""
    from cmvmon.run.replay.approving import listed

    found = listed(site)
    print(printing.shown_json(found) if as_json else "\n".join(_list_lines(found)))


def _list_lines(found: dict[str, Any]) -> Iterator[str]:
    now, waits = found["in_force"], found["waits"]
    if now["fault"] is not None:
        yield printing.visible(f"NOT USABLE {now['fault']}")
    else:
        by = "the site's file: no protocol was ever approved here"
        if now["since"] is not None:
            by = f"approved by {now['approved_by']}, since {now['since']:%Y-%m-%d %H:%M} UTC"
        yield printing.visible(f"in force {now['version']} ({now['protocol_hash'][:8]}), {by}")
    if waits is not None:
        yield printing.visible(_waiting_line(waits))
    yield ""
    yield printing.table([_cells(one, "approved") for one in found["approvals"]], _APPROVALS, "nothing was approved")
    yield ""
    yield printing.table([_cells(one, "tried") for one in found["trials"]], _TRIALS, "nothing was tried")


def _waiting_line(waits: dict[str, Any]) -> str:
    if waits["file_version"] is None:
        return "NOT USED the site's protocol file can't be used: mend it (`cmvmon protocol try FILE --by NAME` names the fault)"
    file = f"{waits['file_version']} ({waits['file_hash'][:8]})"
    if waits["is_label_used"]:
        return f"NOT USED the site's protocol file: {file}; that label had other content: give it another one (`version`), then try it"
    return f"WAITS    the site's protocol file: {file}"


def _cells(one: dict[str, Any], what: str) -> dict[str, Any]:
    cells = {"version": one["version"], "content": one["protocol_hash"][:8], f"{what} by": one["actor"]}
    cells |= {"on (UTC)": f"{one[f'{what}_at']:%Y-%m-%d %H:%M}"}
    if what == "approved":
        return cells | {"tried by": one["tried_by"]}
    whole: dict[str, Any] = next((row for row in one["report"]["alerts"] if row["of"] == "all"), {})
    return cells | {"fired": whole.get("fired"), "would have fired": whole.get("would_fire")}


def _trial_lines(found: dict[str, Any]) -> Iterator[str]:
    report = found["report"]
    yield printing.visible(
        f"tried    {found['version']} ({found['protocol_hash'][:8]}) by {found['actor']} on {found['tried_at']:%Y-%m-%d %H:%M} UTC"
    )
    against = report["against"]
    if against is None:
        yield "against  nothing: the protocol in force can't be used by this cmvmon"
    else:
        yield printing.visible(f"against  {against['version']} ({against['protocol_hash'][:8]}), which judged then")
        yield from list(change_lines(report["changes"])) or ["no key differs"]
        if not report["changes"] and report["judged_otherwise"]:
            yield (
                "NOTE     the nights were judged by another protocol, which is not kept: to see what changes, put its file back "
                "and approve it first"
            )
    yield ""
    if report["from"] is None:
        yield f"no night is recorded in {found['days']} days: nothing could be counted"
        return
    judged = f"{report['nights']} nights, {report['refreshes']} refreshes after a delivery"
    yield f"alerts that opened, {report['from']} to {report['to']}: {judged}"
    if report["judged_otherwise"]:
        yield f"NOTE     {report['judged_otherwise']} of these moments were judged under another policy or program version"
    rows = [{"alerts": row["of"]} | {words: row[name] for name, words in _COUNTS.items()} for row in report["alerts"]]
    yield printing.table(rows, ("alerts", *_COUNTS.values()), "no alert opened")
