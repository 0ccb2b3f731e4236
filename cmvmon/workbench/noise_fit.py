"""`cmvmon noise fit`: the noise that results show, beside the noise in use, as a fragment for a laboratory file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.compartments import BLOOD
from cmvmon.domain.errors import SiteError
from cmvmon.kinetics.noise.estimates import (
    ABOVE,
    EVERY_LEVEL,
    FEWEST_DEGREES_OF_FREEDOM,
    METHOD_VERSION,
    NEAR_LLOQ,
    NEAR_LLOQ_WITHIN_LOG10,
    REPEATS,
    RESIDUALS,
    SOURCES,
    noise_estimates,
)
from cmvmon.shell.basis.files import read_bytes, write_atomically
from cmvmon.workbench.study_data import Evidence, evidence

Row = Mapping[str, Any]
_MARK = "# cmvmon noise fit"
_GROUP = ("laboratory", "assay", "compartment")
CAVEATS = (
    "repeats = two or more results of one sample. They leave out what taking another sample would add (in BAL: the dilution).",
    "residuals = the middle of three consecutive results against the line of its neighbours.",
    "Residuals hold biological change and sampling (BAL dilution) too: an upper bound for the assay's own noise.",
    "resistant = by the median, which a few real changes or mixed-up samples hardly move; for residuals it is the one to read.",
    "Only quantified results are used: near the LLOQ the true noise is larger than it looks here.",
)
_LEVEL_WORDS = {
    EVERY_LEVEL: "all levels",
    NEAR_LLOQ: "below half a log above the LLOQ",
    ABOVE: "from half a log above the LLOQ",
}


@dataclass(frozen=True)
class Fitted:
    """What a fit found: the estimates (one mapping per row of `noise_estimates`), and what they rest on."""

    as_of: datetime
    protocol_version: str
    n_results: int
    set_apart: int
    knows_courses: bool
    estimates: tuple[Row, ...]


def fit_noise(
    source: Path | None, out: Path, *, root: Path, as_of: datetime | None = None, zone: str | None = None
) -> Fitted:
    """Estimates the noise of every assay from a folder or a site, and writes the fragment to `out`. Changes nothing else.

    `zone`: of times without an offset in the folder; without it, as the site states.

    Raises:
        SiteError: nothing to read, or `out` is a folder or a file that `noise fit` did not write.
    """
    if out.is_dir():
        raise SiteError(f"{out.name} is a folder; name a file with --out")
    if out.exists() and not read_bytes(out).startswith(_MARK.encode()):
        raise SiteError(f"{out.name} exists and was not written by `cmvmon noise fit`; name another file with --out")
    found = evidence(source, root=root, as_of=as_of, zone=zone)
    fitted = _fitted(found)
    write_atomically(out, fragment(fitted).encode())
    return fitted


def _fitted(found: Evidence) -> Fitted:
    return Fitted(
        as_of=found.as_of,
        protocol_version=found.protocol.version,
        n_results=found.results.height,
        set_apart=found.set_apart,
        knows_courses=found.courses is not None,
        estimates=tuple(noise_estimates(found.results, found.courses).to_dicts()),
    )


def fragment(fitted: Fitted) -> str:
    """The TOML text: per laboratory, assay and compartment the estimates as comments and the proposed `sigma_log10`."""
    turns = "left out" if fitted.knows_courses else "NOT left out, since no courses were given"
    lines = [
        f"{_MARK} ({METHOD_VERSION}): a proposal. Nothing reads this file. Whoever owns the laboratory file reads it, and copies",
        "# a sigma_log10 into the [[assays]] row of that assay and compartment; the limits in that row stay as they are.",
        f"# Made from {fitted.n_results} results, known at {fitted.as_of.isoformat()}; rows set apart: {fitted.set_apart}.",
        f"# The noise in use is the laboratory's, else that of protocol {fitted.protocol_version}.",
        f"# Residuals over the start or stop of a course: {turns}.",
        *(f"# {sentence}" for sentence in CAVEATS),
    ]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in fitted.estimates:
        groups.setdefault(tuple(row[name] for name in _GROUP), []).append(row)
    for (laboratory, assay, compartment), rows in groups.items():
        lines += [
            "",
            f"# laboratory {json.dumps(laboratory, ensure_ascii=False)}",
            "[[assays]]",
            f"name = {json.dumps(assay, ensure_ascii=False)}",
            f"compartments = [{json.dumps(compartment)}]",
            *(f"# {_in_words(row)}" for row in rows if row["level"] == EVERY_LEVEL or row["status"] == "ok"),
            *_proposed(rows, compartment),
        ]
    return "\n".join(lines) + "\n"


def _in_words(row: Row) -> str:
    where = f"{row['source']}, {_LEVEL_WORDS[row['level']]}"
    if row["status"] != "ok":
        return (
            f"{where}: too few (n = {row['n']}; {row['degrees_of_freedom']:.0f} degrees of freedom, "
            f"at least {FEWEST_DEGREES_OF_FREEDOM:.0f} are needed)"
        )
    span = "" if row["span_days"] is None else f", spans of at most {row['span_days']:.0f} days"
    used = row["in_use_log10"]
    in_use = (
        "no noise is in use"
        if used is None
        else f"in use {used:.3f}, {'within' if row['holds_in_use'] else 'OUTSIDE'} the interval"
    )
    return (
        f"{where}: {_with_interval(row, '')}; resistant {_with_interval(row, 'resistant_')}; n = {row['n']} from "
        f"{row['n_patients']} patients, {row['degrees_of_freedom']:.0f} degrees of freedom{span}; {in_use}"
    )


def _with_interval(row: Row, kind: str) -> str:
    sigma, low, high = (row[f"{kind}{name}"] for name in ("sigma_log10", "low_log10", "high_log10"))
    return f"{sigma:.3f} (95 % {low:.3f} to {high:.3f})"


def _proposed(rows: Sequence[Row], compartment: str) -> list[str]:
    """The line to copy. Blood: repeats before residuals. Elsewhere a new sample scatters by itself: residuals first."""
    usable = {(row["source"], row["level"]): row for row in rows if row["status"] == "ok"}
    order = SOURCES if compartment in BLOOD else tuple(reversed(SOURCES))
    source = next((name for name in order if (name, EVERY_LEVEL) in usable), None)
    if source is None:
        return ["# Nothing is proposed: too few in both."]
    why = {REPEATS: "repeats: leaves out sampling", RESIDUALS: "residuals, resistant: holds change and sampling too"}
    near, above = usable.get((source, NEAR_LLOQ)), usable.get((source, ABOVE))
    every = usable[source, EVERY_LEVEL]
    lloq = every["lloq_iu_per_ml"]
    if near is None or above is None or lloq is None:
        return [f"sigma_log10 = {_number(every)}  # from {why[source]}"]
    edge = lloq * 10**NEAR_LLOQ_WITHIN_LOG10
    return [
        f"sigma_log10 = [  # from {why[source]}",
        f"    {{ level_iu_per_ml = {lloq:.6g}, sigma_log10 = {_number(near)} }},",
        f"    {{ level_iu_per_ml = {edge:.6g}, sigma_log10 = {_number(above)} }},",
        "]",
    ]


def _number(row: Row) -> str:
    return f"{row['resistant_sigma_log10' if row['source'] == RESIDUALS else 'sigma_log10']:.3f}"
