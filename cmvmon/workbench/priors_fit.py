"""`cmvmon priors fit`: a site's own priors for the bank, learned from its results, beside those in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.compartments import NAMES
from cmvmon.domain.errors import SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.kinetics import treatment_courses
from cmvmon.kinetics.trajectory.learning import Learned, learn_lines
from cmvmon.kinetics.trajectory.series import TrajectorySeries, trajectory_series
from cmvmon.protocol import Protocol, TrajectoryLine, TrajectoryPriors, trajectory_priors_text
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.site import Site
from cmvmon.workbench.study_data import evidence

_MARK = "# cmvmon priors fit"
_VERSION = re.compile(r"[a-z0-9][a-z0-9_.-]*")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class FittedPriors:
    """What a fit came to: `changes` has one mapping per line, its numbers before and after."""

    as_of: datetime
    version: str
    started_from: str
    shrink_series: float
    n_series: Mapping[str, int]
    log_likelihood_gain: Mapping[str, float]
    set_apart: int
    changes: tuple[Row, ...]


def fit_priors(
    source: Path | None, out: Path, *, root: Path, as_of: datetime | None = None, zone: str | None = None
) -> FittedPriors:
    """Learns the bank's lines from a folder or a site, and writes the priors file `out`. Changes nothing else.

    The version is the file's name. Learning starts from the priors in use, and is held to them as if they were the
    protocol's `shrink_series` series: a site with few stays near them.

    `zone`: of times without an offset in the folder; without it, as the site states.

    Raises:
        SiteError: nothing to read, or `out` is a folder, ill named, or exists already.
    """
    version = out.stem
    if out.is_dir() or out.suffix != ".toml" or not _VERSION.fullmatch(version):
        raise SiteError(f"{out.name} can't be a priors file; name one such as --out our-icu-2026-1.toml")
    if out.exists():
        raise SiteError(f"{out.name} exists, and its name is its version; name another file with --out")
    if version in Site(root).priors_names():
        raise SiteError(f"{version} is the name of priors that exist already; name another file with --out")
    found = evidence(source, root=root, as_of=as_of, zone=zone)
    courses = ANTIVIRAL_COURSES.empty() if found.courses is None else found.courses
    clocks = treatment_courses(courses, protocol=found.protocol, as_of=found.as_of)
    series = trajectory_series(found.results, clocks, protocol=found.protocol, as_of=found.as_of)
    learned = {key: _learn(series, key, found.protocol) for key in found.protocol.priors}
    before = found.protocol.trajectory_priors
    started_from = found.protocol.trajectory_priors_name if before is None else before.version
    fitted = FittedPriors(
        as_of=found.as_of,
        version=version,
        started_from=started_from,
        shrink_series=found.protocol.trajectory_priors_shrink_series,
        n_series={key: one.n_series for key, one in learned.items()},
        log_likelihood_gain={key: _gain(one) for key, one in learned.items()},
        set_apart=found.set_apart,
        changes=tuple(
            _change(key, old, new)
            for key, one in learned.items()
            for old, new in zip(_lines(found.protocol, key), one.lines, strict=True)
        ),
    )
    write_atomically(out, _text(fitted, learned).encode())
    return fitted


def _lines(protocol: Protocol, key: str) -> tuple[TrajectoryLine, ...]:
    return protocol.trajectory_lines_of(next(name for name in NAMES if protocol.prior_name_of(name) == key))


def _learn(series: TrajectorySeries, key: str, protocol: Protocol) -> Learned:
    taken = frozenset(name for name in NAMES if protocol.prior_name_of(name) == key)
    return learn_lines(
        series.of_compartments(taken),
        start=_lines(protocol, key),
        shrink_series=protocol.trajectory_priors_shrink_series,
        growth_log10_per_week=protocol.decline.growth_before_anchor_log10_per_week,
        growth_sd_log10_per_week=protocol.decline.growth_before_anchor_sd_log10_per_week,
    )


def _gain(learned: Learned) -> float:
    """Log likelihood per series, after less before."""
    return learned.log_likelihood[-1] - learned.log_likelihood[0] if learned.log_likelihood else 0.0


def _change(key: str, old: TrajectoryLine, new: TrajectoryLine) -> Row:
    return {
        "prior": key,
        "line": old.name,
        "weight_before": round(old.weight, 3),
        "weight_after": round(new.weight, 3),
        "load_before": round(old.mean[0], 2),
        "load_after": round(new.mean[0], 2),
        "declines_before": " ".join(f"{d:.2f}" for d in old.mean[1:]),
        "declines_after": " ".join(f"{d:.2f}" for d in new.mean[1:]),
    }


def _text(fitted: FittedPriors, learned: Mapping[str, Learned]) -> str:
    counts = ", ".join(f"{key} {n} series" for key, n in fitted.n_series.items())
    head = (
        f"{_MARK}: a proposal, in use once a signed protocol names it.\n"
        f"# From {counts}, known at {fitted.as_of.isoformat()}; held to {fitted.started_from} as if that were "
        f"{fitted.shrink_series:g} series.\n"
        "# To use it: put it into SITE/protocol/priors/, name it in the protocol's [trajectory_priors], run `cmvmon calibrate`,\n"
        "# and have the protocol signed. To try it: cmvmon analyze --priors FILE.\n"
    )
    priors = TrajectoryPriors(
        version=fitted.version,
        source="learned from the site's own results by `cmvmon priors fit`",
        strength="site data, not signed",
        owner="clinical lead",
        learned={
            "as_of": fitted.as_of.isoformat(),
            "started_from": fitted.started_from,
            "shrink_series": fitted.shrink_series,
            **{f"{key}_series": n for key, n in fitted.n_series.items()},
            **{f"{key}_results": one.n_results for key, one in learned.items()},
        },
        lines={key: one.lines for key, one in learned.items()},
    )
    return head + trajectory_priors_text(priors)
