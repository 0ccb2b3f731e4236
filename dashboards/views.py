"""What a page is made from. `cmvmon.run` fills these; a page adds words, order and figures, and looks nothing up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from cmvmon.dashboards.beside_views import Alongside, Beside
from cmvmon.dashboards.happened import Lately, Undelivered
from cmvmon.dashboards.row_views import CoursePoint, DrugsNow, FeedState, LatestResult, NotAssessable, SampleDue
from cmvmon.dashboards.under_protocol import UnderProtocol
from cmvmon.domain.fitted import FITTED_TRAJECTORY
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.rested import Rested
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.domain.who_died import Death
from cmvmon.facts.drug_pairs import DRUG_PAIRS
from cmvmon.protocol import Protocol

# The caveats that a view may carry besides those that the page derives itself. Each has its sentence `caveat.<code>`.
_OF_FEEDS = ("results_never", "results_stale", "courses_stale", "stays_stale")
CAVEATS = ("death_lives_after", "death_in_bed", "own_quarantined", "quarantined", *_OF_FEEDS)
WORK = "assessment"  # the feed name of a `FeedState` about the work itself


@dataclass(frozen=True)
class Caveat:
    """One thing that the reader must know about the data.

    Attributes:
        code: one of `CAVEATS`.
        n: how many, where the sentence counts (records set apart).
        since: the moment that the sentence names (`results_stale` and the like).
    """

    code: str
    n: int | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class PatientView(UnderProtocol):
    """One patient at one moment.

    Attributes:
        patient_id, ward, bed: the identity strip; ward and bed are those of the latest stay, None = not known.
        born_on: of that strip too; None = not known. has_births: whether dates of birth are delivered; without, the strip has none.
        left_at: when the last stay ended; None = one is open, or none is known. died: None = not known to have died.
        as_of: the moment that is judged. Everything else was known then.
        time_zone: IANA zone in which moments are written.
        results: `viral_load_results` and `is_conflicting`; current versions, preliminary ones too (shown, not judged). With
            `fate`, `replaced_at` and `was_...` (cmvmon.domain.replaced.said_before): what was corrected, and rows of status
            withdrawn or moved that hold what was said before. With `sigma_log10`: the noise of each; without it, or null where
            it is not known, no fall and no rise is told.
        courses: `antiviral_courses` that had begun at `as_of`; None = such a table was never delivered.
        stays: `icu_stays` that had begun at `as_of`; None likewise.
        weekly_decline, verdicts: the patient's rows of those tables.
        open_alerts: the patient's `alerts` rows of state open.
        watched: the compartments whose load a rule watches.
        ended_alerts: those that were resolved or closed lately, the last first.
        fitted: the patient's rows of `fitted_trajectory`; none by the method `line`.
        next_sample: the patient's rows of that table; none by the method `line`.
        caveats: what the page can't derive from the tables above.
        affected: the compartments that the response is judged in; empty = none. affected_source: stated, inferred or followed.
        concordance: rows of that table, of the patient and of the unit; None = not asked.
        standing_in: blood compartments that are judged for others without a new result: (blood, the others joined by `;`).
        treatment: on, off or unknown.
        treatment_known_at: when the medication was last heard of, where its feeds are silent since; else None.
        protocol: its numbers and sources are quoted, never decided upon here.
        code_version: the version of cmvmon that judged.
        is_synthetic: the page then says so at its top.
        ward_href: the ward page, as seen from this page.
        hrefs: this page by language code, itself included, as seen from this page.
        stale_after_hours: from this age on the reader's own clock marks the page as old; None = never. A synthetic page
            is never marked: its `as_of` is made up.
        noted_pairs: the patient's rows of antiviral drugs beside others that are only noted (`cmvmon.facts.drug_pairs`).
        never_delivered: tables that never came and that rules need: what can't be assessed for want of them is folded.
        beside: values, other drugs, renal replacement and PCR for herpes that stand beside antiviral drugs.
        rested: by alert id, what rested on the result that the alert says was taken back.
        drugs: what runs.
        due: the samples that are expected, one of each load that a rule watches.
        alongside: what the lanes beneath the panels show: bands of doses, drug levels, kidney function.
    """

    patient_id: str
    ward: str | None
    bed: str | None
    as_of: datetime
    time_zone: str
    results: pl.DataFrame
    courses: pl.DataFrame | None
    stays: pl.DataFrame | None
    weekly_decline: pl.DataFrame
    verdicts: pl.DataFrame
    open_alerts: pl.DataFrame
    treatment: str
    protocol: Protocol
    code_version: str
    is_synthetic: bool
    ward_href: str
    born_on: date | None = None
    has_births: bool = False
    watched: frozenset[str] = frozenset()
    ended_alerts: Sequence[Mapping[str, Any]] = ()
    fitted: pl.DataFrame = field(default_factory=FITTED_TRAJECTORY.empty)
    next_sample: pl.DataFrame = field(default_factory=NEXT_SAMPLE.empty)
    caveats: tuple[Caveat, ...] = ()
    treatment_known_at: datetime | None = None
    left_at: datetime | None = None
    died: Death | None = None
    affected: tuple[str, ...] = ()
    affected_source: str | None = None
    concordance: pl.DataFrame | None = None
    standing_in: tuple[tuple[str, str], ...] = ()
    hrefs: Mapping[str, str] = field(default_factory=dict)
    stale_after_hours: int | None = None
    switched_off: tuple[SwitchedOff, ...] = ()
    waits: WaitingPolicy | None = None
    context: tuple[tuple[str, str, float | None], ...] = ()  # key, statement of the guide, number
    noted_pairs: pl.DataFrame = field(default_factory=DRUG_PAIRS.empty)
    never_delivered: tuple[NeverDelivered, ...] = ()
    beside: Beside = field(default_factory=Beside)
    alongside: Alongside = field(default_factory=Alongside)
    rested: Mapping[str, Rested] = field(default_factory=dict)
    drugs: DrugsNow = field(default_factory=DrugsNow)
    due: tuple[SampleDue, ...] = ()


@dataclass(frozen=True)
class NeverDelivered:
    """A table that the site never delivered.

    Attributes:
        reasons: with which a rule could not be assessed for want of it.
        rules: that judge nobody without it, and so give no reason.
    """

    table: str
    reasons: frozenset[str]
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class SwitchedOff:
    """A rule that the site has switched off: since when, by whom and why."""

    rule: str
    since: datetime
    actor: str
    why: str


@dataclass(frozen=True)
class MergedView:
    """A number that was merged into another.

    Attributes:
        merged_into: the number that the patient goes on under, at the end of a chain of merges.
        since: when this number was merged.
        href: the page of `merged_into`, as seen from this page; the others as in `PatientView`.
    """

    patient_id: str
    merged_into: str
    since: datetime
    as_of: datetime
    time_zone: str
    href: str
    ward_href: str
    hrefs: Mapping[str, str]
    protocol_version: str
    code_version: str
    is_synthetic: bool
    is_signed: bool
    switched_off: tuple[SwitchedOff, ...] = ()
    waits: WaitingPolicy | None = None


@dataclass(frozen=True)
class PatientNumbers:
    """What a reader must know of the patients' numbers.

    Attributes:
        n_without_result: patients on the list of whom no result is in use.
        alike: numbers that differ only in leading zeros, case or blanks, and are judged as several patients.
        unused: links that are not used: the number that was merged, the other one, and why (`link.<why>`).
        n_off_list: where no stays were ever delivered, patients with results of whom nothing came for `listed_for_days`.
    """

    n_without_result: int = 0
    alike: tuple[tuple[str, ...], ...] = ()
    unused: tuple[tuple[str, str, str], ...] = ()
    n_off_list: int = 0
    listed_for_days: int = 0


@dataclass(frozen=True)
class WardRow:
    """One patient on the ward page.

    Attributes:
        open_alerts: the patient's `alerts` rows of state open.
        latest: the newest result of each compartment; the first is of the one that is judged.
        course: the used results of that compartment that its drawing may show, by time of collection.
        drugs: what runs.
        left_at: when the last stay ended; None: there is an open one, or none is known. The ward is then the last one.
    """

    patient_id: str
    ward: str | None
    bed: str | None
    href: str
    open_alerts: Sequence[dict[str, Any]]
    latest: tuple[LatestResult, ...]
    not_assessable: tuple[NotAssessable, ...]
    course: tuple[CoursePoint, ...] = ()
    drugs: DrugsNow = field(default_factory=DrugsNow)
    left_at: datetime | None = None
    died: Death | None = None


@dataclass(frozen=True)
class WardView:
    """The ward at one moment.

    Attributes:
        feeds: every feed and table that the list rests on; its state is the page's first line.
        rows: one per patient who belongs on the list, in any order.
        hrefs: this page by language code, itself included.
        stale_after_hours: as in `PatientView`.
        lately: what happened since yesterday; None: it is not told, as where there is no list.
        is_signed: whether somebody signed the protocol; a page says so where nobody did.
        numbers, undelivered: what must be known of the patients' numbers, and of messages to people.
        n_never_taken_in: deliveries that have landed and of which nothing was taken in.
        never_delivered: tables that never came and that rules need: said once, not of each patient.
        samples: expected by the end of today, or ordered and without a result; None: not told, as where there is no list.
        bal_line_iu_per_ml: the local line of BAL; None: no line is drawn.
        gap_days: across which no line is drawn between two results.
        handed_to: who answers for patients who have left; "" = the site names nobody.
    """

    as_of: datetime
    time_zone: str
    feeds: tuple[FeedState, ...]
    rows: tuple[WardRow, ...]
    protocol_version: str
    code_version: str
    is_synthetic: bool
    hrefs: Mapping[str, str] = field(default_factory=dict)
    stale_after_hours: int | None = None
    lately: Lately | None = None
    is_signed: bool = False
    numbers: PatientNumbers = field(default_factory=PatientNumbers)
    undelivered: Undelivered = field(default_factory=Undelivered)
    n_never_taken_in: int = 0
    switched_off: tuple[SwitchedOff, ...] = ()
    waits: WaitingPolicy | None = None
    never_delivered: tuple[NeverDelivered, ...] = ()
    samples: tuple[SampleDue, ...] | None = None
    bal_line_iu_per_ml: float | None = None
    gap_days: float = 28.0
    handed_to: str = ""

    @property
    def n_patients(self) -> int:
        return len(self.rows)
