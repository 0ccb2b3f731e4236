"""The priors of the line method, computed from the simulator's truth: `python -m benchmarks.line_prior [--check]`.

Per compartment the joint moments, over all simulated patients, of (true log10 load at the anchor, true mean decline
from the anchor to day 21), whatever was sampled and whatever became of the drug: no patient is left out. Days 7 and 14
are printed beside them. They are an assumption of this project: they say what `cmvmon.simulate` assumes, not what
patients on an ICU do.
"""

from __future__ import annotations

import argparse
import sys

import polars as pl

from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import ward

PATIENTS = 200_000
SEED = 20_240_216
HORIZON_DAYS = 21
DECIMALS = 3
COMPARTMENTS = ("plasma", "bal")
PROTOCOL = "icu_cmv_2024.toml"


def moments(truth: pl.DataFrame, *, day: int = HORIZON_DAYS) -> dict[str, dict[str, float]]:
    """Mean, SD and correlation per compartment, under the names of the protocol's [prior.*] stanzas."""
    load, decline = pl.col("load_at_anchor_log10"), pl.col(f"mean_decline_day_{day}_log10_per_week")
    rows = truth.group_by("compartment").agg(
        intercept_mean_log10=load.mean(),
        intercept_sd_log10=load.std(),
        decline_mean_log10_per_week=decline.mean(),
        decline_sd_log10_per_week=decline.std(),
        correlation=pl.corr(load, decline),
    )
    found = {str(row.pop("compartment")): row for row in rows.to_dicts()}
    return {name: {key: round(value, DECIMALS) + 0.0 for key, value in found[name].items()} for name in COMPARTMENTS}


def stanzas(priors: dict[str, dict[str, float]]) -> str:
    """The numbers as TOML, to be pasted into the protocol file."""
    return "\n".join(
        "\n".join([f"[prior.{name}]", *(f"{key} = {value}" for key, value in numbers.items()), ""])
        for name, numbers in priors.items()
    )


def differences(priors: dict[str, dict[str, float]], protocol: Protocol) -> list[str]:
    """A sentence for each number of the protocol that is not the computed one."""
    return [
        f"[prior.{name}] {key} is {getattr(protocol.priors[name], key)}, computed {value}"
        for name, numbers in priors.items()
        for key, value in numbers.items()
        if abs(getattr(protocol.priors[name], key) - value) > 0.5 * 10**-DECIMALS
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.line_prior", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--check", action="store_true", help=f"compare with {PROTOCOL}; exit code 1 where they differ")
    options = parser.parse_args(arguments)
    truth = ward(PATIENTS, 1, SEED).truth  # the truth does not depend on the length of the watch
    priors = moments(truth)
    print(f"# {PATIENTS} synthetic patients, seed {SEED}, mean decline to day {HORIZON_DAYS}. Not from patients.")
    print(stanzas(priors))
    for day in (7, 14):
        for name, numbers in moments(truth, day=day).items():
            mean, sd = numbers["decline_mean_log10_per_week"], numbers["decline_sd_log10_per_week"]
            print(f"# to day {day}, {name}: decline {mean} sd {sd}, correlation {numbers['correlation']}")
    if not options.check:
        return 0
    faults = differences(priors, Protocol.shipped())
    print("\n".join(faults) if faults else f"\n{PROTOCOL} holds these numbers.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
