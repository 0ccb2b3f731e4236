"""The commands of analysts: tables in, tables out, and the simulator."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cmvmon.cli.face import HERE, Json, SiteOption, app, moment_of


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
    site: SiteOption = HERE,
) -> None:
    """Tables in, weekly decline and verdicts out: no site, no store."""
    from cmvmon.run.analysis import analyze as run

    done = run(source, out, root=site, as_of=None if as_of is None else moment_of(as_of))
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
    site: SiteOption = HERE,
) -> None:
    """Writes a synthetic ward with known truth."""
    from cmvmon.run.simulation import simulate as run

    done = run(patients, days, seed, out=out, root=site)
    rows = ", ".join(f"{name} {n} rows" for name, n in done.rows.items())
    print(f"{done.patients} synthetic patients -> {out}: {rows}")
