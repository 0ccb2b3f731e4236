"""The commands that say what a policy did and what another one would have done: the nights once more, and two files compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, MadeSite, SiteOption, app
from cmvmon.cli.progress import progress
from cmvmon.domain.errors import SiteError

protocol_app = typer.Typer(help="The protocol files.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(protocol_app, name="protocol")


@protocol_app.callback()
def protocol() -> None:
    """The protocol files: every clinical number, with its source and who signs it."""


@protocol_app.command("diff")
def protocol_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A protocol file.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one.")],
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Every key that differs between two protocol files, with the source and the owner of each."""
    from cmvmon.run.asking.protocol_query import read_for, told_differences
    from cmvmon.shell.folder.site import Site

    found = told_differences(*(read_for(Site(site), path) for path in (old, new)))
    print(printing.shown_json(found) if as_json else "\n".join(change_lines(found)) or "no key differs")


@app.command()
def replay(
    first: Annotated[str, typer.Option("--from", metavar="D", help="The first day, such as 2026-03-01.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="The last day.")],
    policy: Annotated[
        Path | None, typer.Option("--protocol", metavar="FILE", help="A protocol to hold against the site's own.")
    ] = None,
    mornings: Annotated[
        bool,
        typer.Option("--mornings", help="At 05:30 of each day, beginning with no alert, whenever the nights were."),
    ] = False,
    repeat_days: Annotated[
        int | None,
        typer.Option("--repeat-days", min=0, help="An alert that comes back within so many days; without it, 14."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="FILE", help="truth.parquet of `simulate`, of a simulated ward.")
    ] = None,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Judges the nights again as they were known then, and counts their alerts. Writes nothing into the site."""
    from cmvmon.run.asking.protocol_query import read_for
    from cmvmon.run.replay.replay_report import REPEAT_DAYS, report
    from cmvmon.run.replay.replay_truth import against_truth, read_truth
    from cmvmon.run.replay.replaying import replay as run
    from cmvmon.shell.folder.site import Site

    since, until = _day(first, "--from"), _day(last, "--to")
    other = None if policy is None else read_for(Site(site), policy)
    known_truth = None if truth is None else read_truth(truth)
    with progress("judging again") as tell:
        done = run(site, since=since, until=until, other=other, mornings=mornings, progress=tell)
    found = report(done, repeat_days=REPEAT_DAYS if repeat_days is None else repeat_days)
    if known_truth is not None:
        for told, side in zip(found["policies"], done.sides, strict=True):
            told["against_truth"] = against_truth(side, known_truth, done)
    print(printing.shown_json(found) if as_json else "\n".join(_lines(found)))


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SiteError(f"{option} {text!r} is not a day; write it as 2026-03-01") from error


def _lines(found: dict[str, Any]) -> Iterator[str]:
    weeks = f"{found['patient_weeks']:.1f} patient-weeks"
    yield (
        f"replay   {found['from']} to {found['to']}, judged {found['judged']}: {found['nights']} nights, "
        f"{found['refreshes']} refreshes after a delivery; {found['patients']} patients, {weeks}"
    )
    if found["judged_otherwise"]:
        yield f"NOTE     {found['judged_otherwise']} of these moments were judged under another policy or program version"
    if found["history_since"]:
        yield (
            f"NOTE     {found['history_since']} deliveries of history landed since the first of these nights; they count as known "
            "since they say"
        )
    policies = found["policies"]
    names = ["own", "other"][: len(policies)]
    for name, one in zip(names, policies, strict=True):
        yield f"{name:<8} {one['protocol']}"
    if found["changes"]:
        yield ""
        yield from change_lines(found["changes"])
    yield ""
    yield _rates(policies, names)
    for name, one in zip(names, policies, strict=True):
        yield ""
        yield from _of_policy(name, one, found["repeat_days"])
    yield ""
    yield _ended(policies, names)
    for name, one in zip(names, policies, strict=True):
        if "against_truth" in one:
            yield ""
            yield from _against_truth(name, one["against_truth"])
    if len(policies) > 1:
        yield ""
        yield from _only(found["only_under_one"], policies)


def _rates(policies: list[dict[str, Any]], names: list[str]) -> str:
    """A row for all, each tier and each rule: of each policy how many alerts opened, and how many per patient-week."""
    found = [{row["of"]: row for row in one["rates"]} for one in policies]
    columns = ["opened", *(f"{what} ({name})" for name in names for what in ("alerts", "per patient-week (95 %)"))]
    rows = []
    for group in dict.fromkeys(name for one in found for name in one):
        cells = [group]
        for one in found:
            cells += [str(one[group]["alerts"]) if group in one else "0", _interval(one.get(group), "per_patient_week")]
        rows.append(cells)
    return printing.aligned(columns, rows)


def _interval(found: dict[str, Any] | None, name: str) -> str:
    if found is None or found[name] is None:
        return "-"
    return f"{found[name]:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _of_policy(name: str, one: dict[str, Any], repeat_days: int) -> Iterator[str]:
    again = one["repeats"]
    yield (
        f"{name}: {one['stood_before']} alerts stood before, {again['of']} opened, {one['still_open']} still open; tier 1: "
        f"{one['tier_1_per_ward_week']:.2f} per week of the ward"
    )
    by_rule = "".join(f"; {rule} {n}" for rule, n in one["repeats_by_rule"].items())
    yield (
        f"{name}: repeats (the same rule and subject, opened again within {repeat_days} days of its end): {again['n']} of "
        f"{again['of']}, share {_interval(again, 'share')}{by_rule}"
    )


def _ended(policies: list[dict[str, Any]], names: list[str]) -> str:
    """What ended alerts and why, a column for each policy."""
    found = [{(row["rule"], row["end"], row["cause"]): row["alerts"] for row in one["ended"]} for one in policies]
    rows = [[*key, *(str(one.get(key, 0)) for one in found)] for key in sorted({key for one in found for key in one})]
    columns = ["rule", "ended", "why", *(f"alerts ({name})" for name in names)]
    return printing.aligned(columns, rows) if rows else "no alert ended"


def _against_truth(name: str, found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{name}, against the truth: {found['n_false']} of {found['n_judged']} alerts about a load are false alarms, per patient-week "
        f"{_interval(found['false_alarms'], 'per_patient_week')}"
    )
    columns = ("course", "compartment", "series", "alerted", "share", "median delay, days", "false alarms")
    rows = [
        {
            "course": row["class"],
            "compartment": row["compartment"],
            "series": row["series"],
            "alerted": row["alerted"]["n"],
            "share": _interval(row["alerted"], "share"),
            "median delay, days": None if row["median_delay_days"] is None else f"{row['median_delay_days']:.1f}",
            "false alarms": "not judged" if row["false_alarms"] is None else row["false_alarms"],
        }
        for row in found["by_course"]
    ]
    yield printing.table(rows, columns, "no series of that truth was on the ward")


def _only(rows: list[dict[str, Any]], policies: list[dict[str, Any]]) -> Iterator[str]:
    named = {one["protocol"]: name for one, name in zip(policies, ("own", "other"), strict=True)}
    shown = [row | {"only under": named[row["under"]]} for row in rows]
    columns = ("only under", "rule", "patient_id", "compartment", "tier", "opened_at")
    yield printing.table(shown, columns, "no subject had an alert under one of them only")


def change_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        old, new = row["old"], row["new"]
        values = " -> ".join("not there" if one is None else one["value"] for one in (old, new))
        yield printing.visible(f"changed  [{row['stanza']}] {row['key']}: {values}")
        origins = [_origin(one) for one in (old, new) if one is not None and one["owner"]]
        if len(origins) == 2 and origins[0] != origins[1]:
            origins = [f"old: {origins[0]}", f"new: {origins[1]}"]
        yield from (printing.visible(f"           {origin}") for origin in dict.fromkeys(origins))


def _origin(one: dict[str, Any]) -> str:
    return f"source {one['source']} ({one['strength']}); owner {one['owner']}"
