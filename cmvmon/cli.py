"""The command line: a thin face. Heavy libraries are imported only inside the command that needs them.

Exit codes: 0 done; 1 an unexpected error; 2 the call or the site; 3 a delivery was refused (the laboratory must act);
4 a protocol or laboratory file; 5 a table broke its contract; 6 another run is at work; 7 the database.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmvmon import __version__
from cmvmon.domain.errors import CmvmonError, DeliveryError, SiteError
from cmvmon.run import telling

if TYPE_CHECKING:
    pass

app = typer.Typer(
    help="Follows CMV load under treatment: laboratory files in, alerts and pages out. Synthetic or your own data; no diagnosis.",
    epilog="Exit codes: 0 done, 1 unexpected, 2 call or site, 3 delivery refused, 4 protocol or laboratory file, "
    "5 contract broken, 6 already running, 7 database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
alerts_app = typer.Typer(help="The alerts as they stand.", no_args_is_help=True, rich_markup_mode=None)
quarantine_app = typer.Typer(
    help="Records that are kept, with a reason, and not used.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(alerts_app, name="alerts")
app.add_typer(quarantine_app, name="quarantine")

SiteOption = Annotated[Path, typer.Option("--site", envvar="CMVMON_SITE", help="The site's directory.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="The moment to judge, ISO 8601; without it, now.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document, for a machine.")]
_HERE = Path("site")


def main() -> None:
    """Runs the command line; errors in words, each with the exit code of whoever must act."""
    try:
        app()
    except CmvmonError as error:
        sys.stderr.write(f"cmvmon: {error}\n")
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("CMVMON_TRACE") == "1":
            raise
        sys.stderr.write(
            f"cmvmon: unexpected {type(error).__name__}; nothing more was done. CMVMON_TRACE=1 shows where\n"
        )
        sys.exit(1)


@app.command()
def version() -> None:
    """Prints the version."""
    print(f"cmvmon {__version__}")


@app.command()
def demo(
    site: SiteOption = _HERE, plain: Annotated[bool, typer.Option("--plain", help="Without Prefect.")] = False
) -> None:
    """One synthetic ward, from a laboratory's file to its pages; then a real public series."""
    from cmvmon.run.demo import prepare_demo, real_example

    print(f"synthetic ward -> {site}/drop (nothing in it is of a patient)")
    as_of = prepare_demo(site)
    _night(site, as_of=as_of, plain=plain)
    table, notices = real_example()
    print("\nreal series: ACTG315, HIV-1 RNA in copies/mL, 46 patients, days 0-28, one line each (examples/actg315)")
    for notice in notices:
        print(f"  notice: {notice}")
    print(telling.aligned(table.columns, [[telling.cell(value) for value in row] for row in table.iter_rows()]))
    print(f"\npages: {site}/pages/index.html")


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of CSV files.")],
    feed: Annotated[str, typer.Option("--feed", help="The feed: the name of its laboratory file.")],
    table: Annotated[
        str, typer.Option("--table", help="viral_load_results, antiviral_courses or icu_stays.")
    ] = "viral_load_results",
    history: Annotated[bool, typer.Option("--history", help="Old records: known since they were reported.")] = False,
    as_json: Json = False,
    site: SiteOption = _HERE,
) -> None:
    """Lands files and takes them in; assesses nothing."""
    from cmvmon.run.intake import take_in_file
    from cmvmon.run.opened import now, open_site

    files = [file for path in paths for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    if not files:
        raise SiteError("there is no CSV file in what you named; name a file, or a folder that holds .csv files")
    counted, failed = [], []
    with open_site(site) as opened:
        for file in files:
            try:
                one = take_in_file(opened, file, feed=feed, table=table, received_at=now(), is_history=history)
            except SiteError as error:  # this file's; the others go on
                failed.append(str(error))
                continue
            counted.append(one)
            if not as_json:
                print(f"{file.name}: {telling.counted_words(one)}")
    if as_json:
        print(json.dumps([telling.counted_json(c) for c in counted], sort_keys=True, indent=2))
    if failed:
        raise SiteError("; ".join(failed))
    refused = [c for c in counted if c.refused]
    if refused:
        raise DeliveryError(
            str(refused[0].refused),
            f"{len(refused)} of {len(counted)} deliveries refused; see above. Nothing of them is used",
        )


@app.command()
def assess(as_of: AsOf = None, site: SiteOption = _HERE, as_json: Json = False) -> None:
    """Judges every patient on what is known; takes nothing in."""
    from cmvmon.run.night import assess_step, held

    moment = _moment(as_of)
    with held(site):
        counts = assess_step(site, as_of=moment)
    print(
        json.dumps(asdict(counts), sort_keys=True)
        if as_json
        else f"assessed at {moment.isoformat()}: {telling.assessed_words(counts)}"
    )


@app.command()
def nightly(as_of: AsOf = None, site: SiteOption = _HERE) -> None:
    """Takes in the drop folder, judges every patient, writes the pages. Needs no Prefect."""
    _night(site, as_of=_moment(as_of), plain=True)


@app.command()
def report(
    patient: Annotated[str | None, typer.Option("--patient", help="One patient; without it, the ward.")] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="nl or en: which page to name.")] = None,
    site: SiteOption = _HERE,
) -> None:
    """Writes the pages again, as of the last assessment, and prints where they are."""
    from cmvmon.run.reporting import report_pages

    print(report_pages(site, patient=patient, lang=lang))


@app.command()
def analyze(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Folder with viral_load_results.(parquet|csv) and more.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for weekly_decline.parquet and verdicts.parquet.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="ISO 8601; without it, the latest usable collection.")
    ] = None,
    as_json: Json = False,
    site: SiteOption = _HERE,
) -> None:
    """Tables in, weekly decline and verdicts out: no site, no store."""
    from cmvmon.run.analysis import analyze as run

    done = run(source, out, root=site, as_of=None if as_of is None else _moment(as_of))
    if as_json:
        print(json.dumps(asdict(done) | {"as_of": done.as_of.isoformat()}, sort_keys=True))
        return
    broken = ", ".join(f"{table} {n}" for table, n in done.quarantined.items() if n) or "none"
    verdicts = ", ".join(f"{n} {word}" for word, n in done.verdicts.items())
    print(
        f"as of {done.as_of.isoformat()}: {done.patients} patients, {done.weekly_rows} weeks, verdicts {verdicts}; "
        f"broken rows: {broken}"
    )


@app.command()
def simulate(
    patients: Annotated[int, typer.Option("--patients", min=1)],
    days: Annotated[int, typer.Option("--days", min=1)],
    seed: Annotated[int, typer.Option("--seed", min=0)],
    out: Annotated[Path, typer.Option("--out")],
    site: SiteOption = _HERE,
) -> None:
    """Writes a synthetic ward with known truth."""
    from cmvmon.run.simulation import simulate as run

    done = run(patients, days, seed, out=out, root=site)
    rows = ", ".join(f"{name} {n} rows" for name, n in done.rows.items())
    print(f"{done.patients} synthetic patients -> {out}: {rows}")


@alerts_app.command("list")
def alerts_list(
    every: Annotated[bool, typer.Option("--all", help="Resolved and closed ones too.")] = False,
    lang: Annotated[str | None, typer.Option("--lang", help="nl or en.")] = None,
    as_json: Json = False,
    site: SiteOption = _HERE,
) -> None:
    """The alerts as they stand, by tier and age."""
    from cmvmon.run.listing import listed_alerts

    rows = listed_alerts(site, every=every, lang=lang)
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
    else:
        print(
            telling.table(
                rows,
                ("tier", "state", "rule", "patient_id", "compartment", "feed", "opened_at", "sentence"),
                "no open alerts",
            )
        )


@quarantine_app.command("list")
def quarantine_list(as_json: Json = False, site: SiteOption = _HERE) -> None:
    """What waits in quarantine: where it is, and why. No delivered text."""
    from cmvmon.run.listing import listed_quarantine

    rows = listed_quarantine(site)
    if as_json:
        print(json.dumps(rows, sort_keys=True, indent=2))
    else:
        print(
            telling.table(
                rows,
                ("record", "feed", "table_name", "file_name", "line", "column", "reason", "remedy"),
                "nothing in quarantine",
            )
        )


@quarantine_app.command("show")
def quarantine_show(
    record: Annotated[str, typer.Argument(help="The record's name, as `quarantine list` prints it.")],
    site: SiteOption = _HERE,
) -> None:
    """One record with its delivered text. It may hold patient data: look at it on the site only."""
    from cmvmon.run.listing import quarantined_record

    print(json.dumps(quarantined_record(site, record), sort_keys=True, indent=2, ensure_ascii=False))


@app.command()
def doctor(as_json: Json = False, site: SiteOption = _HERE) -> None:
    """Checks this installation and this site, and says what to mend."""
    from cmvmon.run.checkup import checkup

    findings = checkup(site)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], sort_keys=True, indent=2))
    else:
        for finding in findings:
            print(f"{finding.state:8} {finding.what}: {finding.words}")
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(2)


@app.command()
def serve(site: SiteOption = _HERE) -> None:
    """Runs the nightly schedule (05:30 in the site's zone) under Prefect, until stopped."""
    from flows.deployments import serve as run

    run(site)


def _night(site: Path, *, as_of: Any, plain: bool) -> None:
    if plain:
        from cmvmon.run.night import nightly as run

        night = run(site, as_of=as_of)
        taken_in, counts, published = night.taken_in, night.assessed, night.published
    else:
        from flows.engine import run_once

        taken_in, counts, published = run_once(site, as_of=as_of)
    for counted in taken_in.counted:
        print(f"take in  {counted.feed}/{counted.table}: {telling.counted_words(counted)}")
    for fault in taken_in.faults:
        print(f"take in  NOT READ: {fault.message}")
    print(f"assess   as of {as_of.isoformat()}: {telling.assessed_words(counts)}")
    print(f"publish  {telling.published_words(published)} in {site}/pages, ward page {published.ward_page}")


def _moment(text: str | None) -> Any:
    from cmvmon.run.opened import moment, now

    return now() if text is None else moment(text)
