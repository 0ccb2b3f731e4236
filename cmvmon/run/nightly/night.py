"""One night: take in the drop folder, assess everyone, publish. Plain functions; Prefect calls the same three steps.

Each step waits for the site, holds it for itself, and reads the clock when it has it: a delivery that comes in meanwhile
waits for one step at most, and neither makes the other fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.assess import Assessment
from cmvmon.run.asking.named_patient import last_judged
from cmvmon.run.deliveries.intake import TakenIn, take_in_drop
from cmvmon.run.judging.assessing import Counts, assess_site, assessed
from cmvmon.run.nightly.stopped import stands
from cmvmon.run.pages.publish import Published, halting, publish
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.as_known import unassessed
from cmvmon.shell.folder.drop_folder import look_through
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import open_store
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.work.clock import moment_to_record, note_clock
from cmvmon.shell.work.opening import OpenSite, held, open_site
from cmvmon.shell.work.policy_waits import note_policy


@dataclass(frozen=True)
class Night:
    """What each step of a night came to: counts only, no patient data."""

    taken_in: TakenIn
    assessed: Counts
    published: Published


def nightly(
    root: Path, *, as_of: datetime | None = None, method: str | None = None, clock_is_right: bool = False
) -> Night:
    """One whole night on the site at `root`, judged at `as_of` and everything that comes in stamped received then.

    Without `as_of`, each step's own moment, by a clock that is doubted where it jumps, unless somebody says
    `clock_is_right`. `method` = how the decline is estimated; without it, as the site's settings say.

    Raises SiteError for a moment that can't be written any more or not yet, ClockInDoubt (cmvmon.shell.work.clock),
    AlreadyRunning when other runs keep the site for too long, ContractBroken when a table breaks its contract.
    """
    with stands("what was taken in stands; nothing was assessed"):
        taken_in = take_in_step(root, as_of=as_of, clock_is_right=clock_is_right)
    return Night(taken_in, *assess_and_publish_step(root, as_of=as_of, method=method, clock_is_right=clock_is_right))


def take_in_step(root: Path, *, as_of: datetime | None = None, clock_is_right: bool = False) -> TakenIn:
    """First step: the drop folder into the store, which is looked over for damage."""
    site = Site(root)
    found = look_through(site.drop, settles_s=site.settings().file_settles_s)  # it waits: nobody else has to meanwhile
    with held(site), open_site(root, looks_for_damage=True) as opened:
        with halting(opened):
            at = moment_to_record(opened, as_of, clock_is_right=clock_is_right)
        with opened.writing() as connection:
            unjudged.list_anew(connection, site.landing)
        return take_in_drop(opened, received_at=at, found=found)


def assess_step(root: Path, *, as_of: datetime | None = None, method: str | None = None) -> Counts:
    """Second step: every rule on every patient, the alerts brought up to date."""
    return _assess(root, as_of=as_of, method=method)[1]


def assess_and_publish_step(
    root: Path, *, as_of: datetime | None = None, method: str | None = None, clock_is_right: bool = False
) -> tuple[Counts, Published]:
    """Second and third step, each holding the site for itself: what was assessed is what is published."""
    with stands("what was taken in stands; nothing of it was assessed"):
        just_made = _assess(root, as_of=as_of, method=method, clock_is_right=clock_is_right)
    with stands("what was taken in and assessed stands; `cmvmon report` writes the pages that are still of before"):
        published = publish_step(root, as_of=as_of, method=method, just_made=just_made)
    with held(Site(root)), open_store(Site(root).database) as store, store.writing() as connection:
        unassessed.done_by(connection, just_made[1].as_of)
    return just_made[1], published


def publish_step(
    root: Path,
    *,
    as_of: datetime | None = None,
    method: str | None = None,
    just_made: tuple[Assessment, Counts] | None = None,
) -> Published:
    """Third step: the pages of `as_of`; without it, of the last assessment, which may be a delivery's since then.

    What was just made is published where nothing was assessed after it; else it is computed again, from the same store.
    """
    with held(Site(root)), open_site(root, method=method) as opened:
        at = as_of or _last(opened)
        is_newest = just_made is not None and (as_of is not None or _is_last(opened, just_made[1].as_of))
        assessment = just_made[0] if just_made and is_newest else assessed(opened, as_of=at)
        return publish(opened, assessment, as_of=at)


def _assess(
    root: Path, *, as_of: datetime | None, method: str | None = None, clock_is_right: bool = False
) -> tuple[Assessment, Counts]:
    with held(Site(root)), open_site(root, method=method) as opened, halting(opened, as_of=as_of):
        at = moment_to_record(opened, as_of, clock_is_right=clock_is_right)
        note_clock(opened, at)
        note_policy(opened, at)
        return assess_site(opened, as_of=at)


def _last(opened: OpenSite) -> datetime:
    with opened.reading() as connection:
        return last_judged(connection)


def _is_last(opened: OpenSite, as_of: datetime) -> bool:
    """Whether the one assessment recorded at that moment is the last: none came at it or after it."""
    with opened.reading() as connection:
        return alert_store.n_assessments_since(connection, as_of) == 1
