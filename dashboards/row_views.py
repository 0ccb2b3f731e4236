"""What a row of the ward page is made from beside its alerts: what runs, the results that it draws, the samples that are due; and what
a line about a feed is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmvmon.domain.moved_together import MovedTogether


@dataclass(frozen=True)
class RunningDrug:
    """A drug that runs: since when, and whether as prophylaxis."""

    drug: str
    since: datetime
    is_prophylaxis: bool = False


@dataclass(frozen=True)
class StoppedDrug:
    """A drug that stopped so lately that the rules still count it: when, and whether it was prophylaxis."""

    drug: str
    stopped_at: datetime
    is_prophylaxis: bool = False


@dataclass(frozen=True)
class UnlistedDrug:
    """A drug on record that runs and that the protocol does not list. `indication`: as the course has it; None = not known."""

    drug: str
    indication: str | None = None


@dataclass(frozen=True)
class DrugsNow:
    """Whether a patient is treated by the rules' clock, what runs and what stopped within that clock.

    Attributes:
        treatment: on, off or unknown.
        running: the drugs that run, treatment first. Empty says nothing where `treatment` is unknown.
        stopped: the drugs that don't, but did so lately that the rules still count them.
        unlisted: drugs on record that run and that the protocol does not list, by name and what they are given for.
        known_at: when the medication was last heard of, where its feeds are silent since; else None.
        was_delivered: whether the site ever delivered a table of drugs.
    """

    treatment: str = "unknown"
    running: tuple[RunningDrug, ...] = ()
    known_at: datetime | None = None
    was_delivered: bool = True
    stopped: tuple[StoppedDrug, ...] = ()
    unlisted: tuple[UnlistedDrug, ...] = ()


@dataclass(frozen=True)
class SampleDue:
    """A sample that is expected by the end of today, or was ordered and has no result.

    Attributes:
        due_at: when it is expected; None: it was ordered, at `ordered_at`.
        newest_collected_at: when the newest of its compartment was taken.
        collected_at: of an ordered sample, when it was taken; None: not yet, as far as is known.
    """

    patient_id: str
    compartment: str
    due_at: datetime | None = None
    newest_collected_at: datetime | None = None
    ordered_at: datetime | None = None
    collected_at: datetime | None = None


@dataclass(frozen=True)
class CoursePoint:
    """One result of the compartment that a ward row draws: `limit_iu_per_ml` as in `LatestResult`; `lloq_iu_per_ml` of its assay.

    `series`: its laboratory and assay, across which no line is drawn.
    """

    collected_at: datetime
    detection: str
    viral_load_iu_per_ml: float | None
    limit_iu_per_ml: float | None
    lloq_iu_per_ml: float | None
    series: tuple[str, str]


@dataclass(frozen=True)
class LatestResult:
    """The newest result of one compartment, as a ward row shows it.

    Attributes:
        limit_iu_per_ml: the LLOQ or ULOQ it was below or above.
        way, since: how its load came to be and since when (`cmvmon.dashboards.facts.Course`): falls, rises, within_noise or untold.
        is_watched: whether a rule watches this compartment's load.
    """

    compartment: str
    detection: str
    viral_load_iu_per_ml: float | None
    limit_iu_per_ml: float | None
    collected_at: datetime
    way: str = "untold"
    since: datetime | None = None
    is_watched: bool = True


@dataclass(frozen=True)
class NotAssessable:
    """One rule that could not be assessed. `compartment` None = the rule judges the patient. `subject`: as its verdict has it."""

    rule: str
    reason: str
    compartment: str | None
    subject: str | None = None


@dataclass(frozen=True)
class FeedState:
    """How one feed's table stands at `as_of`.

    Attributes:
        last_received_at: None = nothing was ever received.
        is_fresh: None = nothing is agreed on how often this table comes, or nothing was ever received.
        operations_code: the code of an open operations alert about it, else None.
        n_quarantined: delivered records of it that are set apart, not used.
        file_name: of the file that could not be read, where it is one.
        moved: what moved together, of a laboratory in doubt.
    """

    feed: str
    table_name: str
    last_received_at: datetime | None
    is_fresh: bool | None
    operations_code: str | None = None
    n_quarantined: int = 0
    file_name: str | None = None
    moved: MovedTogether | None = None
