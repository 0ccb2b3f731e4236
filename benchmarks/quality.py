"""How good the answers are: `python -m benchmarks quality [--write] [--quick] [--patients N --particles N --seed S]`.

Table A: every method on simulated series of the bank's own family, beside the best possible answer on the same series.
Table B: series that the bank was not made for. Both from the ward's tables by the shipped path: `current_results`,
`treatment_courses`, `weekly_decline` with the shipped protocol and priors. The seed is drawn anew unless one is given.
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.quality_families import FEW_SERIES, Row, Stress, judge_all, stresses
from benchmarks.quality_own import METHODS, Own, own
from benchmarks.quality_plot import Picture, drawn
from benchmarks.quality_scores import Figure
from benchmarks.quality_selection import regression_text, stopping_text
from benchmarks.quality_series import COMPARTMENTS, DAYS
from benchmarks.quality_text import (
    NAMES,
    changed_too_text,
    delays_text,
    families_text,
    next_steps_text,
    own_text,
    short_text,
)
from cmvmon.shell.folder.protocol_files import Protocol

DOCS = Path(__file__).resolve().parents[1] / "docs"
SIZES = {"patients": 3000, "particles": 60_000, "stressed": 2000, "training": 1500}
QUICK = {"patients": 120, "particles": 1500, "stressed": 120, "training": 60}
QUICK_STRESSES = (Stress("ward"), Stress("koloskoff"))


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables; with --write also into docs/quality.md, with two pictures. 1 where an eligible row is null."""
    options = _options(arguments)
    began = time.perf_counter()
    sizes = {name: getattr(options, name) for name in SIZES}
    found = own(options.patients, options.particles, options.seed, options.processes)
    chosen = QUICK_STRESSES if options.quick else stresses()
    rows = judge_all(
        chosen,
        patients=options.stressed,
        training=options.training,
        seed=options.seed + 1,
        processes=options.processes,
    )
    notes = [regression_text(options.stressed, options.seed + 2), stopping_text(options.stressed, options.seed + 2)]
    text = page(found, rows, notes, sizes, options.seed, time.perf_counter() - began)
    print(text)
    if options.write:
        (DOCS / "quality.md").write_text(text + "\n", encoding="utf-8")
        for name, picture in pictures(found).items():
            (DOCS / name).write_text(picture, encoding="utf-8")
    return int(any(found.nulls.values()) or any(row.nulls for row in rows))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks quality", description="How good the answers are.")
    for name in SIZES:
        parser.add_argument(f"--{name}", type=int, default=None)
    parser.add_argument("--seed", type=int, default=None, help="drawn anew unless given")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help="few series: to see that it works, not to judge by")
    parser.add_argument("--write", action="store_true", help="write docs/quality.md and its pictures")
    options = parser.parse_args(arguments)
    if options.write and options.quick:
        parser.error("--write with --quick: figures of few series are not to be published")
    for name, size in (QUICK if options.quick else SIZES).items():
        if getattr(options, name) is None:
            setattr(options, name, size)
    if options.seed is None:
        options.seed = 1_000_000 + secrets.randbelow(10**9)
    return options


def page(found: Own, rows: list[Row], notes: list[str], sizes: dict[str, int], seed: int, seconds: float) -> str:
    """The page of tables."""
    command = f"python -m benchmarks quality --seed {seed} " + " ".join(f"--{k} {v}" for k, v in sizes.items())
    nulls = ", ".join(f"`{name}` {n}" for name, n in found.nulls.items())
    parts = [
        "# How good the answers are",
        HEAD,
        run_text(command, seed, seconds),
        "## In short\n",
        short_text(found, rows),
        "## What is judged\n",
        WHAT,
        f"{found.judged} rows judged in all. Rows without an estimate: {nulls}.",
        "## Table A: the bank's own family, against the ceiling on the same series\n",
        own_text(found),
        f"{THIN}{'; '.join(found.thin)}.",
        "### Series whose drug was changed by the day\n",
        changed_too_text(found),
        "### Delay to tell a rebound or no response, at 5 % false alarms per patient in 42 days\n",
        DELAY,
        delays_text(found.delays),
        "![share of the ceiling's AUC gain](quality_auc.svg)\n\n![coverage of the 95 % interval](quality_coverage.svg)",
        "## Table B: series that the bank was not made for\n",
        FAMILIES.format(few=FEW_SERIES, training=sizes["training"]),
        families_text(rows),
        "### Where it falls short, and the next step\n",
        next_steps_text(rows),
        "## Selection\n",
        "\n\n".join(notes),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts)


def run_text(command: str, seed: int, seconds: float) -> str:
    """When, where and how the tables were made."""
    protocol = Protocol.shipped()
    priors = "none" if protocol.trajectory_priors is None else protocol.trajectory_priors.version
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({platform.machine()}), shared with other work; "
        f"{seconds / 60:.0f} minutes. Command:\n`{command} --write`\n\n"
        f"Protocol `{protocol.version}`, priors `{priors}`. Seeds: the priors were made from 20240217; the series of table A\n"
        f"from {seed}, drawn when the command ran; those of table B from {seed + 1}, their training series from another;\n"
        f"the last section from {seed + 2}. `±` is the Monte Carlo error: one standard error, by drawing the patients anew 200\n"
        "times, or binomial."
    )


HEAD = """Written by `python -m benchmarks quality --write`. Every series is synthetic: the tables say how near the methods come to
the best possible answer under the assumptions of `docs/simulator.md`, and nothing about patients."""
WHAT = """A row is judged when the series is on its first course and has a baseline, a result in the week that ends on the day, and
a result after the baseline. A result so soon after a day that it would stand for the end of a treatment week stands for
that day: every method has it, and so has the ceiling. Truth: the mean decline of the latent load from the anchor to the
day, above or not above 1 log10 per week; *week*: the decline of the seven days to it. Intervals are those of 95 %. A call
is wrong when P > 0.5 (without P: the decline > 1) and the truth disagree; *excess* is against the ceiling's wrong calls on
the same series.
Ward rules take the LLOQ (least squares: half of it) for a result below it. *No answer*: even in AUC, "not above" in calls.
*Reached*: coverage 93 to 96.5 % (mean and week), at least 98.5 % of the ceiling's AUC gain (BAL day 7: 97 %), Brier score
at most 0.004 above the ceiling's, P >= 0.9 and P <= 0.1 right in at least 90 %; `?`: the target lies within twice the
Monte Carlo error. `n` in a stratum of day 21 is small, and no target was set for strata: read them with their errors."""
THIN = """The ceiling is itself sampled: where few particles carry the weight, it is a little below the best possible and its own
intervals a little narrow. Effective number of particles in the 5 % of rows with the fewest: """
DELAY = """Looked at after every sample of the first 42 days of the first course, until the drug is changed; the same samples for
every method (for non-response: from the second sample time after the anchor, while the latest result is a load). Without
the cause: responders; for a rebound also slow responders, none stopped. Thresholds are set on one half of the patients
and judged on the other, and the reverse. A delay runs from the true start of the rise (non-response: the anchor) to the
first alarm then or later; without one, to the last sample looked at. Reach: at most 1.05 times the ceiling's mean delay."""
FAMILIES = """Truth: the mean decline until the latent load reaches the LLOQ (*week*: over that part of the week), at day 7 / 14 / 21;
*to the day itself* is coverage of the decline to the day, whatever the load does below the LLOQ. Priors: as shipped, or
learned as `cmvmon priors fit` does from other series of the same kind ({training} of each compartment; or {few}).
*Reached*: coverage, mean and week, at least 0.90 and P >= 0.9 right in at least 0.88 of the rows, each day. Errors: about
0.005 for a share of 0.95 of 2,000 rows, 0.01 of 500; `?` as above."""


def pictures(found: Own) -> dict[str, str]:
    """Two SVG files by name."""
    shown = [name for name in METHODS if name != "ceiling"]

    def panels(figure: str, without: tuple[str, ...] = ()) -> dict[str, dict[str, list[Figure]]]:
        return {
            compartment: {
                NAMES[method].strip("*").replace("`", ""): [
                    getattr(group.of(method), figure)
                    for group in found.groups
                    if group.compartment == compartment and not group.which
                ]
                for method in shown
                if method not in without
            }
            for compartment in COMPARTMENTS
        }

    gain = Picture(
        "Share of the best possible AUC gain, 'decline > 1 log10 per week'",
        DAYS,
        0.4,
        1.0,
        0.1,
        1,
        (0.985, 1.0),
        "reach",
    )
    held = Picture(
        "How often the 95 % interval of the mean decline holds the truth",
        DAYS,
        0.6,
        1.0,
        0.1,
        1,
        (0.93, 0.965),
        "reach",
    )
    return {
        "quality_auc.svg": drawn(gain, panels("share")),
        "quality_coverage.svg": drawn(held, panels("coverage", ("baseline",))),
    }


if __name__ == "__main__":
    sys.exit(main())
