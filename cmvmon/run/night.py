"""One night: take in the drop folder, assess everyone, publish. Plain functions; Prefect calls the same three steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.assess import Assessment
from cmvmon.run.assessing import Counts, assess_site, assessed
from cmvmon.run.intake import TakenIn, take_in_drop
from cmvmon.run.publish import Published, halting, publish
from cmvmon.shell.lock import only_run
from cmvmon.shell.session import open_site, recordable
from cmvmon.shell.site import Site


@dataclass(frozen=True)
class Night:
    """What each step of a night came to: counts only, no patient data."""

    as_of: datetime
    taken_in: TakenIn
    assessed: Counts
    published: Published


def nightly(root: Path, *, as_of: datetime, method: str | None = None) -> Night:
    """One whole night on the site at `root`, everything that comes in stamped received at `as_of`.

    `method` = how the decline is estimated; without it, as the site's settings say.

    Raises AlreadyRunning when another run holds the site, ContractBroken when a table breaks its contract.
    """
    with held(root):
        taken_in = take_in_step(root, as_of=as_of)
        assessment, counts = _assess(root, as_of=as_of, method=method)
        published = publish_step(root, as_of=as_of, assessment=assessment)
    return Night(as_of, taken_in, counts, published)


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Holds the site, so that one night runs at a time, under Prefect or not. Raises AlreadyRunning."""
    with only_run(Site(root).prepare().lock):
        yield


def take_in_step(root: Path, *, as_of: datetime) -> TakenIn:
    """First step: the drop folder into the store."""
    with open_site(root, looks_for_damage=True) as opened:
        return take_in_drop(opened, received_at=recordable(as_of))


def assess_step(root: Path, *, as_of: datetime, method: str | None = None) -> Counts:
    """Second step: every rule on every patient, the alerts brought up to date."""
    return _assess(root, as_of=as_of, method=method)[1]


def publish_step(root: Path, *, as_of: datetime, assessment: Assessment | None = None) -> Published:
    """Third step: the pages. Without an assessment at hand it is computed again, from the same store."""
    with open_site(root) as opened:
        return publish(opened, assessment or assessed(opened, as_of=as_of), as_of=as_of)


def _assess(root: Path, *, as_of: datetime, method: str | None = None) -> tuple[Assessment, Counts]:
    with open_site(root, method=method) as opened, halting(opened, as_of=as_of):
        return assess_site(opened, as_of=recordable(as_of))
