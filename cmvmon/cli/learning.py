"""The commands that learn from results: what they write is a proposal in a file, and changes nothing by itself."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cmvmon.cli import printing
from cmvmon.cli.face import HERE, Json, SiteOption, Zone, app, moment_of

Source = Annotated[
    Path | None, typer.Argument(metavar="[IN]", help="Folder as `analyze` reads it; without it, the site's store.")
]
KnownAt = Annotated[
    str | None, typer.Option("--as-of", help="ISO 8601; without it, the latest usable collection, or now for a site.")
]
noise_app = typer.Typer(help="How much one result scatters.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(noise_app, name="noise")

priors_app = typer.Typer(help="What trajectories of load look like.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(priors_app, name="priors")


@noise_app.callback()
def noise() -> None:
    """How much one result scatters: what your own results say of it."""


@noise_app.command("fit")
def noise_fit(
    out: Annotated[Path, typer.Option("--out", help="File for the TOML fragment; never applied by itself.")],
    source: Source = None,
    as_of: KnownAt = None,
    zone: Zone = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Estimates each assay's scatter from repeats and residuals, and writes a fragment for a laboratory file."""
    from cmvmon.workbench.noise_fit import CAVEATS, fit_noise

    moment = None if as_of is None else moment_of(as_of, site, zone)
    fitted = fit_noise(source, out, root=site, as_of=moment, zone=zone)
    if as_json:
        print(json.dumps(asdict(fitted) | {"as_of": fitted.as_of.isoformat()}, sort_keys=True, indent=2))
        return
    shown = (
        "laboratory",
        "assay",
        "compartment",
        "source",
        "level",
        "status",
        "n",
        "sigma_log10",
        "low_log10",
        "high_log10",
    )
    beside = ("resistant_sigma_log10", "resistant_low_log10", "resistant_high_log10", "in_use_log10", "holds_in_use")
    print(f"as of {fitted.as_of.isoformat()}: {fitted.n_results} results; rows set apart: {fitted.set_apart}")
    print(printing.table(fitted.estimates, (*shown, *beside), "no result can be used"))
    for sentence in CAVEATS:
        print(sentence)
    print(f"written: {out}. Nothing was applied; read it, and copy what you accept into the laboratory file")


@priors_app.callback()
def priors() -> None:
    """What trajectories of load look like: what your own results say of it."""


@priors_app.command("fit")
def priors_fit(
    out: Annotated[Path, typer.Option("--out", help="The priors file; its name is its version.")],
    source: Source = None,
    as_of: KnownAt = None,
    zone: Zone = None,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Learns the bank's priors from results and writes a versioned file that a protocol can name."""
    from cmvmon.workbench.priors_fit import fit_priors

    moment = None if as_of is None else moment_of(as_of, site, zone)
    fitted = fit_priors(source, out, root=site, as_of=moment, zone=zone)
    if as_json:
        print(json.dumps(asdict(fitted) | {"as_of": fitted.as_of.isoformat()}, sort_keys=True, indent=2))
        return
    counts = ", ".join(f"{key} {n}" for key, n in fitted.n_series.items())
    print(
        f"as of {fitted.as_of.isoformat()}: series {counts}; held to {fitted.started_from} as if that were "
        f"{fitted.shrink_series:g} series; rows set apart: {fitted.set_apart}"
    )
    print(printing.table(fitted.changes, tuple(fitted.changes[0]), "no lines"))
    for key, gain in fitted.log_likelihood_gain.items():
        print(f"{key}: log likelihood per series {gain:+.4f}")
    print(f"written: {out}, version {fitted.version}. Nothing was applied: a protocol must name it")


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option("--out", help="File for the [alarm.*] stanzas; never applied by itself.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the series that set the thresholds.")],
    rate: Annotated[float, typer.Option("--rate", help="False alarms per series, of each kind.")] = 0.05,
    days: Annotated[int, typer.Option("--days", min=7, help="Watched from the anchor.")] = 42,
    patients: Annotated[
        int, typer.Option("--patients", min=100, help="Synthetic patients in each of both sets.")
    ] = 20_000,
    as_json: Json = False,
    site: SiteOption = HERE,
) -> None:
    """Sets the alarms of the bank to a rate of false alarms, on synthetic series; judges them on others."""
    from cmvmon.workbench.calibration import calibrate as run

    done = run(out, rate=rate, days=days, seed=seed, patients=patients, root=site)
    if as_json:
        print(json.dumps(asdict(done), sort_keys=True, indent=2))
        return
    print(printing.table(done.judged, tuple(done.judged[0]), "nothing judged"))
    print(f"written: {out}. Nothing was applied: copy the stanzas into a protocol, and have it signed")
