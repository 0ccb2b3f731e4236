"""The commands of analysts: tables in, tables out, and the simulator."""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cmvmon.cli.face import HERE, Json, Method, SiteOption, Zone, app, moment_of
from cmvmon.cli.progress import progress
from cmvmon.domain.errors import SiteError

# Spelled out here, so that --help need not import the simulator; a test holds it to cmvmon.simulate.SCENARIOS.
_SCENARIOS = (
    "ward, transient_hump, biphasic_decline, spontaneous_clearance, blips, growth_before_anchor, load_dependent_sampling, "
    "informative_stopping, assay_change, bal_dilution, outliers, student_t, two_changes, compartments_do_not_follow, "
    "resistance_emerging, koloskoff, target_cell, everything"
)

# polars gives memory back half a second after it is freed, and the next range takes as much again, page by page: a sixth of the
# time. One arena for all threads, so that what is kept is not kept by each (docs/decisions/0067-scans.md).
_KEEPS_MEMORY = ("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:10000,muzzy_decay_ms:10000")


@app.command()
def analyze(
    source: Annotated[str, typer.Argument(metavar="IN", help="Folder with viral_load_results.(parquet|csv) and more.")],
    out: Annotated[str, typer.Option("--out", help="Folder for weekly_decline, verdicts and concordance (.parquet).")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="ISO 8601; without it, the latest usable collection.")
    ] = None,
    zone: Zone = None,
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", min=1, help="At least so many ranges of patients, one in memory at a time."),
    ] = None,
    method: Method = None,
    priors: Annotated[
        Path | None,
        typer.Option("--priors", help="A file of `priors fit`, instead of the priors that the protocol names."),
    ] = None,
    ask_next: Annotated[
        bool, typer.Option("--next-sample", help="Write next_sample.parquet too; far slower where many calls are open.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="The new tables take the place of a former run's in OUT, once they are whole."),
    ] = False,
    engine: Annotated[
        str, typer.Option("--engine", metavar="local|spark", help="Here, or on a cluster (docs/scale.md).")
    ] = "local",
    remote: Annotated[
        str | None,
        typer.Option(
            "--remote", metavar="sc://HOST:PORT|sail", help="Of --engine spark: Spark Connect, or Sail, started here."
        ),
    ] = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Tables in, weekly decline, verdicts and concordance out: no site, no store.

    OUT holds the tables of one run: where one stands already the command refuses, or replaces all of them with `--replace`.

    With `--engine spark`, IN and OUT are folders that the cluster sees, or a schema of its tables (`catalog.schema`).
    """
    if engine == "local":  # what an engine starts has its own room
        os.environ.setdefault(*_KEEPS_MEMORY)  # read when polars is loaded: here it is not yet
    from cmvmon.workbench.engines import where_to_run

    address = where_to_run(engine, remote)
    if address is not None and replace:
        raise SiteError("--replace is for --engine local; on a cluster name another OUT, or remove the tables there")
    moment = None if as_of is None else moment_of(as_of, site, zone)
    asked: dict[str, Any] = {"root": site, "as_of": moment, "partitions": partitions}
    asked |= {"method": method, "priors": priors, "ask_next": ask_next, "zone": zone}
    if address is None:
        from cmvmon.workbench.analysis import analyze as run

        gc.freeze()  # what was imported stays: no need to look through it for rings again and again
        with progress("ranges of patients") as told:
            done = run(Path(source), Path(out), replace=replace, progress=told, **asked)
        _tell_of_files(Path(source))
        _tell_of_headers(Path(source))
        _tell_of_zones(Path(out))
    else:
        from cmvmon.workbench.engines.spark_run import analyze_on_spark

        done = analyze_on_spark(
            source, out, remote=address, tell=lambda line: print(f"cmvmon: {line}", file=sys.stderr), **asked
        )
    without_ends = [] if address is not None else _without_ends(Path(source))
    if as_json:
        print(json.dumps(asdict(done) | {"as_of": done.as_of.isoformat()}, sort_keys=True))
        sys.stderr.writelines(f"cmvmon: {line}\n" for line in without_ends)
        return
    broken = ", ".join(f"{table} {n}" for table, n in done.quarantined.items() if n) or "none"
    verdicts = ", ".join(f"{n} {word}" for word, n in done.verdicts.items())
    print(
        f"as of {done.as_of.isoformat()}: {done.patients} patients, {done.weekly_rows} weeks, verdicts {verdicts}; "
        f"broken rows: {broken}"
    )
    print("".join(f"NO END   {line}\n" for line in without_ends), end="")


def _tell_of_files(source: Path) -> None:
    """A table whose file is named otherwise counts as never delivered, and the answer is another."""
    from cmvmon.cli.printing import one_line
    from cmvmon.domain.delivered import LEADING
    from cmvmon.workbench.batch import OPTIONAL
    from cmvmon.workbench.folder_tables import files_not_read
    from cmvmon.workbench.out_folder import WRITTEN

    tables = [row_type.name for row_type in (LEADING.rows, *OPTIONAL)]
    if names := files_not_read(source, {*tables, *WRITTEN}):  # OUT may be IN
        sys.stderr.write(
            f"cmvmon: files that were not read: {one_line(', '.join(names))}; an analysis reads {', '.join(tables)}\n"
        )


def _tell_of_headers(source: Path) -> None:
    """A header that is spelt otherwise is no fault of a row: its column counts as never delivered, and the answer is another."""
    from cmvmon.cli.printing import one_line
    from cmvmon.domain.delivered import LEADING
    from cmvmon.workbench.batch import OPTIONAL
    from cmvmon.workbench.folder_tables import find_table, headers_not_read

    for row_type in (LEADING.rows, *OPTIONAL):
        path = find_table(source, row_type)
        unread, lacking = ((), ()) if path is None else headers_not_read(path, row_type)
        if path is not None and unread:
            missing = f"; without a header, so as if never delivered: {', '.join(lacking)}" if lacking else ""
            sys.stderr.write(
                f"cmvmon: {path.name}: headers that were not read: {one_line(', '.join(unread))}{missing}\n"
            )


# A table without that column is read all the same, and what it would have ended counts as going on: which the numbers do not show.
_ENDS = {"antiviral_courses": ("stopped_at", "course", "running"), "icu_stays": ("discharged_at", "stay", "going on")}


def _without_ends(source: Path) -> list[str]:
    """Tables without the column that ends what they hold, each in words."""
    from cmvmon.workbench.batch import OPTIONAL
    from cmvmon.workbench.folder_tables import find_table, headers_not_read

    told = []
    for row_type in OPTIONAL:
        path = find_table(source, row_type)
        column, what, how = _ENDS.get(row_type.name, ("", "", ""))
        if path is not None and column in headers_not_read(path, row_type)[1]:
            told.append(
                f"{path.name} has no column {column}: every {what} in it counts as {how} up to the moment analysed"
            )
    return told


def _tell_of_zones(out: Path) -> None:
    """Times without an offset, whose zone nobody stated: their rows are set apart, and one option reads them all."""
    import polars as pl

    from cmvmon.workbench.analysis import SAY_ZONE
    from cmvmon.workbench.quarantined import SET_APART

    told = pl.scan_parquet(out / f"{SET_APART}.parquet").filter(reason="time_without_zone")
    for name, n in told.group_by("table_name").len().sort("table_name").collect().iter_rows():
        sys.stderr.write(f"cmvmon: {name}: {n} rows set apart, whose times have no offset. {SAY_ZONE}\n")


@app.command()
def fit(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="CSV or Parquet, one result per row, values in log10.")
    ],
    series: Annotated[str, typer.Option("--series", metavar="COL", help="Column that names the series.")],
    time: Annotated[str, typer.Option("--time", metavar="COL", help="Column of times, in --unit.")],
    value: Annotated[str, typer.Option("--value", metavar="COL", help="Column of log10 values or limits.")],
    state: Annotated[
        str,
        typer.Option(
            "--state",
            metavar="COL",
            help="Column of quantified, not_detected, below_lloq or above_uloq; or 0 and 1 (1 = left-censored).",
        ),
    ],
    sigma: Annotated[float, typer.Option("--sigma", help="Standard deviation of one result, log10.")],
    out: Annotated[Path, typer.Option("--out", help="CSV or Parquet to write: one row per series.")],
    prior: Annotated[
        str, typer.Option("--prior", metavar="none|FILE", help="TOML with the keys of a [prior.x] of the protocol.")
    ] = "none",
    unit: Annotated[str, typer.Option("--unit", metavar="days|weeks", help="Unit of the column of times.")] = "days",
    as_json: Json = False,
) -> None:
    """Fits one line to each series of any long table of log10 values."""
    from cmvmon.workbench.line_fits import fit as run
    from cmvmon.workbench.line_table import Columns

    believed = None if prior == "none" else Path(prior)
    columns = Columns(series=series, time=time, value=value, state=state)
    done = run(table, out, columns=columns, sigma=sigma, prior=believed, unit=unit)
    if as_json:
        print(json.dumps(asdict(done), sort_keys=True))
        return
    statuses = ", ".join(f"{n} {status}" for status, n in done.statuses.items())
    apart = f"; {done.rows_without_series} rows name no series and were left out" if done.rows_without_series else ""
    print(f"{done.series} series from {done.rows} rows: {statuses}{apart}")


@app.command()
def simulate(
    patients: Annotated[int, typer.Option("--patients", min=1)],
    days: Annotated[int, typer.Option("--days", min=1)],
    seed: Annotated[int, typer.Option("--seed", min=0)],
    out: Annotated[Path, typer.Option("--out")],
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help=f"The kind of ward: {_SCENARIOS}.")
    ] = "ward",
    with_bedside: Annotated[
        bool, typer.Option("--bedside", help="Doses, kidney function, dates of birth, host status, genotypes too.")
    ] = False,
    site: SiteOption = HERE,
) -> None:
    """Writes a synthetic ward with known truth."""
    from cmvmon.workbench.simulation import simulate as run

    done = run(patients, days, seed, out=out, root=site, scenario=scenario, with_bedside=with_bedside)
    rows = ", ".join(f"{name} {n} rows" for name, n in done.rows.items())
    print(f"{done.patients} synthetic patients -> {out}: {rows}")
