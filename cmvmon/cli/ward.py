"""The commands of a site: intake, assessment, pages, schedule."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, AsOf, Json, Lang, MadeSite, Method, SiteOption, app, moment_of
from cmvmon.cli.feed_lines import waiting_lines, work_lines
from cmvmon.domain.errors import DeliveryError, NoLaboratoryFile, SiteError
from cmvmon.domain.extras import require

if TYPE_CHECKING:
    from cmvmon.shell.taken_in.intake_store import Counted


@app.command()
def init(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="The directory to make.")],
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Of the ward and of times without an offset: Europe/Amsterdam.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Makes a new site: its folders and its settings.toml."""
    from cmvmon.shell.folder.making_site import make_site

    make_site(site, time_zone=time_zone, language=lang)
    if time_zone is None:
        print(
            "time_zone is not stated: a time without an offset will be set apart (time_without_zone), never guessed; "
            f"say it in {site}/settings.toml"
        )
    print(f"{site} is a site. Next: a laboratory file in {site}/labs, deliveries in {site}/drop (README)")


@app.command()
def demo(
    context: typer.Context,
    site: SiteOption = HERE,
    plain: Annotated[bool, typer.Option("--plain", help="Without Prefect.")] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="HL7 sent to a listener, message by message, on a site made anew (./demo-live)."),
    ] = False,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="Of --live: simulated days.")] = 14,
    patients: Annotated[int, typer.Option("--patients", min=1, max=100, help="Of --live: patients.")] = 6,
    days_per_hour: Annotated[
        float, typer.Option("--days-per-hour", min=1, help="Of --live: simulated days that pass in an hour.")
    ] = 100,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of --live: the listener's; 0 = any that is free.")
    ] = 0,
) -> None:
    """One synthetic ward, from a laboratory's file to its pages; then a real public series. Or live, as it would come."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}
    if live:
        from cmvmon.cli.live_demo import OF_LIVE, Pace, run_live

        require("`cmvmon demo --live`", "ward", "feeds", "board")
        run_live(site if "site" in given else OF_LIVE, Pace(patients, days, days_per_hour, port))
        return
    if only_live := sorted(given & {"days", "patients", "days_per_hour", "port"}):
        raise SiteError(f"--{only_live[0].replace('_', '-')} belongs to --live; add that, or leave it out")
    require(*(("`cmvmon demo --plain`", "ward") if plain else ("`cmvmon demo` (or --plain, with [ward])", "prefect")))
    from cmvmon.run.daytime.refresh import pages_again
    from cmvmon.workbench.demo import answer_demo, prepare_demo, real_example

    print(f"synthetic ward -> {site}/drop (nothing in it is of a patient)")
    as_of = prepare_demo(site)
    _night(site, as_of=as_of, plain=plain)
    if answered := answer_demo(site):
        published = pages_again(site, as_of=as_of)
        print(f"answer   {len(answered)} alerts, by made-up persons: {published.written} files written again")
    table, notices = real_example()
    print("\nreal series: ACTG315, HIV-1 RNA in copies/mL, 46 patients, days 0-28, one line each (examples/actg315)")
    for notice in notices:
        print(f"  notice: {notice}")
    print(printing.aligned(table.columns, [[printing.cell(value) for value in row] for row in table.iter_rows()]))
    print(f"\npages: {site}/pages/index.html")


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")],
    feed: Annotated[str, typer.Option("--feed", help="The feed: the name of its laboratory file.")],
    table: Annotated[
        str | None,
        typer.Option("--table", help="The table that a CSV holds (docs/tables.md); without it, viral_load_results."),
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Old records: known since they were reported.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only says what it would do; changes nothing.")] = False,
    as_json: Json = False,
    site: MadeSite = HERE,
) -> None:
    """Lands files and takes them in; assesses nothing."""
    from cmvmon.feeds.formats import FORMATS, format_of
    from cmvmon.run.daytime.by_hand import take_in_by_hand

    files = [
        file
        for path in paths
        for file in (sorted(file for file in path.iterdir() if format_of(file.name)) if path.is_dir() else [path])
    ]
    if not files:
        endings = " or ".join(form.ending for form in FORMATS.values() if form.is_read)
        raise SiteError(f"there is no {endings} file in what you named; name a file, or a folder that holds some")
    if dry_run:
        _say_what_would_be(site, files, feed=feed, table=table, history=history, as_json=as_json)
        return
    counted: list[Counted] = []
    failed: list[str] = []
    for file, found in take_in_by_hand(site, files, feed=feed, table=table, is_history=history):
        if isinstance(found, SiteError):  # this file's; the others go on
            failed.append(_not_taken_in(found, table))
            continue
        counted += found
        for one in found if not as_json else ():
            place = f"{file.name} ({one.table})" if len(found) > 1 else file.name
            print(f"{printing.one_line(place)}: {printing.counted_words(one)}")
    if not as_json and any(one.table == "patient_links" and one.accepted for one in counted):
        from cmvmon.cli.merging import not_used_words
        from cmvmon.run.daytime.merging import not_used

        if merges := not_used(site):
            print(f"NOT USED {not_used_words(merges)}")
    if as_json:
        print(json.dumps([printing.counted_json(c) for c in counted], sort_keys=True, indent=2))
    _end_as_found(counted, failed)


def _say_what_would_be(
    site: Path, files: list[Path], *, feed: str, table: str | None, history: bool, as_json: bool
) -> None:
    """What each file would do, by table; then as the intake would end."""
    from cmvmon.run.deliveries.dry_run import try_by_hand

    counted: list[Counted] = []
    told: list[dict[str, object]] = []
    failed: list[str] = []
    for file, would in try_by_hand(site, files, feed=feed, table=table, is_history=history):
        if isinstance(would, SiteError):
            failed.append(_not_taken_in(would, table))
            continue
        for one in would:
            counted.append(one.counted)
            told.append(printing.counted_json(one.counted) | {"changed": one.changed, "file_name": file.name})
            if not as_json:
                place = f"{printing.one_line(file.name)} ({one.counted.table})"
                print(f"would be {place}: {printing.counted_words(one.counted)}{printing.change_words(one)}")
    print(json.dumps(told, sort_keys=True, indent=2) if as_json else "nothing was changed (--dry-run)")
    _end_as_found(counted, failed)


def _not_taken_in(error: SiteError, table: str | None) -> str:
    may_be_another = table is None and isinstance(error, NoLaboratoryFile)
    return f"{error}{'; of a file of courses or stays name the table: --table' if may_be_another else ''}"


def _end_as_found(counted: list[Counted], failed: list[str]) -> None:
    """Nothing where every file was taken in. Raises SiteError for those that could not be, DeliveryError for those refused."""
    if failed:
        raise SiteError("; ".join(failed))
    refused = [c for c in counted if c.refused]
    if refused:
        raise DeliveryError(
            str(refused[0].refused),
            f"{len(refused)} of {len(counted)} deliveries refused; see above. Nothing of them is used",
        )


@app.command()
def assess(as_of: AsOf = None, method: Method = None, site: MadeSite = HERE, as_json: Json = False) -> None:
    """Judges every patient on what is known; takes nothing in."""
    from cmvmon.run.nightly.night import assess_step

    counts = assess_step(site, as_of=None if as_of is None else moment_of(as_of, site), method=method)
    print(
        json.dumps(printing.assessed_json(counts), sort_keys=True)
        if as_json
        else f"assessed at {counts.as_of.isoformat()}: {printing.assessed_words(counts)}"
    )


@app.command()
def nightly(
    as_of: AsOf = None,
    method: Method = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Show any moment: its pages into this folder, and nothing else is written."),
    ] = None,
    clock_is_right: Annotated[
        bool, typer.Option("--clock-is-right", help="A long pause since the last night is true.")
    ] = False,
    site: MadeSite = HERE,
) -> None:
    """Takes in the drop folder, judges every patient, writes the pages. Needs no Prefect.

    What was refused, and for whom it waits, stands in the last line. It ends with 0 all the same: the night was done, and
    `cmvmon status` ends with 3 until somebody has acted.
    """
    moment = None if as_of is None else moment_of(as_of, site)
    if out is None:
        _night(site, as_of=moment, plain=True, method=method, clock_is_right=clock_is_right)
        return
    if moment is None:
        raise SiteError("--out shows one moment; name it with --as-of")
    from cmvmon.run.nightly.showing import show

    published = show(site, out, as_of=moment, method=method)
    print(f"shown    as of {moment.isoformat()}: {printing.published_words(published)} in {out}; the site is as it was")


@app.command()
def report(
    patient: Annotated[str | None, typer.Option("--patient", help="One patient; without it, the ward.")] = None,
    lang: Lang = None,
    kind: Annotated[
        str | None, typer.Option("--format", help="pdf, svg or html: one patient as a file of its own.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="That file.", show_default=False)] = None,
    annex: Annotated[
        bool, typer.Option("--annex", help="Behind a PDF's first sheet, all that is folded away.")
    ] = False,
    site: MadeSite = HERE,
) -> None:
    """Writes the pages again, as of the last assessment, and prints where they are; or one patient as PDF, SVG or HTML."""
    if kind is None and out is None and not annex:
        from cmvmon.run.nightly.page_report import report_pages

        print(report_pages(site, patient=patient, lang=lang))
        return
    if kind is None or out is None or patient is None:
        raise SiteError("a file of its own needs --patient ID, --format pdf, svg or html, and --out FILE")
    from cmvmon.run.nightly.patient_report import patient_report

    print(patient_report(site, out, patient=patient, lang=lang, kind=kind, annex=annex))


@app.command()
def doctor(as_json: Json = False, site: SiteOption = HERE) -> None:
    """Checks this installation and this site, and says what to mend."""
    from cmvmon.run.checks.checkup import checkup
    from cmvmon.workbench.demo import real_example

    findings = checkup(site, example=lambda: real_example()[1], board=lambda: _of_board(site))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], sort_keys=True, indent=2))
    else:
        for finding in findings:
            print(printing.visible(f"{finding.state:8} {finding.what}: {finding.words}"))
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(2)


def _of_board(site: Path) -> list[tuple[str, str]]:
    """What stands out of the site's board; a site without one needs no extra to be looked at."""
    from cmvmon.shell.boards.board_files import BOARD

    if not (site / BOARD).exists():
        return []
    from cmvmon.board.checkup import of_board

    return list(of_board(site))


def _night(site: Path, *, as_of: Any, plain: bool, method: str | None = None, clock_is_right: bool = False) -> None:
    if plain:
        from cmvmon.run.messages.telling import told_after
        from cmvmon.run.nightly.night import nightly as run
        from cmvmon.run.nightly.night_alerts import noting_a_stop

        with told_after(site) as told, noting_a_stop(site):
            night = run(site, as_of=as_of, method=method, clock_is_right=clock_is_right)
        taken_in, counts, published = night.taken_in, night.assessed, night.published
    else:
        from cmvmon.flows.engine import run_once

        told = []  # the flow tells people itself
        taken_in, counts, published = run_once(site, as_of=as_of)
    for line in printing.taken_in_lines(taken_in):
        print(line)
    print(f"assess   as of {counts.as_of.isoformat()}: {printing.assessed_words(counts)}")
    print(f"publish  {printing.published_words(published)} in {site}/pages, ward page {published.ward_page}")
    for each in told:
        print(f"notify   {printing.told_words(each)}")
    for line in (*work_lines(site), *waiting_lines(site)):
        print(printing.visible(line))
