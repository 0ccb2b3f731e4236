"""What a protocol file holds: each stanza declared once, with unit, kind, limits and meaning of every key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cmvmon.domain import compartments
from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import ANY_NUMBER, Kind, Number, Text
from cmvmon.protocol.stanza import Provenance, entries, inner, key, stanza

_ANY = ANY_NUMBER  # limits that today's files keep: see docs/decisions/0016-protocol-and-face.md
_POSITIVE = Number(above=0)
_BELOW_1 = Number(above=0, below=1)
_USES = ("treatment", "not_treatment")


@dataclass(frozen=True)
class Drug:
    """One drug: those of one `group` are one drug to the response clock."""

    group: str
    is_treatment: bool


@dataclass(frozen=True)
class DrugRow(Kind):
    """`{ group = "ganciclovir", use = "treatment" }`."""

    @property
    def says(self) -> str:
        return "{ group = ..., use = ... }, use one of treatment or not_treatment"

    def read(self, found: object, place: Place) -> Drug | None:
        if not isinstance(found, dict) or set(found) != {"group", "use"} or found["use"] not in _USES:
            place.refuse(f"must be {self.says}", found=found)
            return None
        return Drug(str(found["group"]), found["use"] == _USES[0])

    def show(self, value: Any) -> str:
        return f"group {value.group}, {_USES[not value.is_treatment]}"


@stanza
class Drugs:
    """The drugs that are known: `use` = treatment starts or continues a course; one `group` is one drug to the clock."""

    by_name: Mapping[str, Drug] = entries(DrugRow(), "one drug", names_are="drug")
    provenance: Provenance


@stanza
class ResponseClock:
    """Courses, anchors and baselines (rules.md section 1)."""

    same_course_gap_days: float = key(_ANY, "a longer gap begins a new course")
    interrupted_gap_h: float = key(_ANY, "a longer gap interrupts the weeks that it touches; up to it the clocks run")
    baseline_before_h: float = key(_ANY, "the baseline is the result nearest to the anchor, from this long before it")
    baseline_after_h: float = key(_ANY, "to this long after it")
    early_baseline_before_days: float = key(_ANY, "else one from here to `baseline_before_h`: `baseline_early`")
    late_baseline_after_days: float = key(_ANY, "else one until here: `baseline_late`")
    judged_from_days: float = key(_POSITIVE, "a fall is judged from a sample on this day or later")
    peak_within_days: float = key(_POSITIVE, "the first-week peak is the highest sample until then")
    whole_course_from_days: float = key(_POSITIVE, "from here on the whole course is judged too, whatever drugs it had")
    lately_from_days: float = key(_POSITIVE, "after this day a response is read over the last weeks")
    lately_days: float = key(_POSITIVE, "so long are these")
    provenance: Provenance


_HALF_A_WEEK_H = 84.0


@stanza
class Decline:
    """The target, the cut points of a call, and what the estimator assumes (kinetics.md sections 2 to 4)."""

    target_log10_per_week: float = key(_POSITIVE, "the decline that is asked for")
    met_probability: float = key(_ANY, "call `met` at or above")
    not_met_probability: float = key(_ANY, "call `not_met` at or below")
    interval_probability: float = key(_BELOW_1, "of the interval beside a decline")
    too_close_days: float = key(_ANY, "an observed pair closer than this is marked")
    week_end_within_h: float = key(_ANY, "a result this near to an end of a week stands for it")
    new_segment_gap_days: float = key(_ANY, "a longer gap between results begins a new segment")
    growth_before_anchor_log10_per_week: float = key(_ANY, "growth of the load before treatment")
    growth_before_anchor_sd_log10_per_week: float = key(_POSITIVE, "its standard deviation")
    window_intercept_mean_log10: float = key(_ANY, "prior of the load at the start of a week's window")
    window_intercept_sd_log10: float = key(_POSITIVE, "its standard deviation")
    provenance: Provenance

    def misfits(self) -> Iterator[str]:
        if not 0 <= self.not_met_probability < self.met_probability <= 1:
            yield "not_met_probability must be below met_probability, both from 0 to 1"
        if not 0 <= self.week_end_within_h < _HALF_A_WEEK_H:
            yield "week_end_within_h must be from 0 to less than half a week (84 h), else one end reaches the other"


@stanza
class NearLloq:
    """Noise of a result at and below the LLOQ, by compartment; from there it falls evenly to the compartment's own value,
    which it reaches `within_log10` above the LLOQ."""

    within_log10: float = key(_POSITIVE, "above the LLOQ, where the compartment's own value holds", unit="log10")
    sigma_log10: Mapping[str, float] = entries(
        _POSITIVE, "standard deviation", unit="log10", names=compartments.NAMES, names_are="compartment"
    )


@stanza
class Noise:
    """Noise of one result around the true load, where the laboratory's file gives none; a compartment without a value has none."""

    sigma_log10: Mapping[str, float] = entries(
        _POSITIVE, "standard deviation", unit="log10", names=compartments.NAMES, names_are="compartment"
    )
    near_lloq: NearLloq | None = inner(NearLloq, default=None)
    provenance: Provenance

    def misfits(self) -> Iterator[str]:
        for name in () if self.near_lloq is None else self.near_lloq.sigma_log10:
            if name not in self.sigma_log10:
                yield f"has no value for {name}, and [sigma_log10.near_lloq] has one; add it here"


@stanza
class SameMinute:
    """Results in blood of one collection minute under several numbers: how far apart two can't both be true."""

    impossible_apart_sd: float = key(_POSITIVE, "further apart than this, in standard deviations of their difference")
    provenance: Provenance


@stanza
class PriorChoice:
    """Which prior a compartment takes; one that is not listed takes its own where there is one, else `otherwise`."""

    otherwise: str = key(Text(), "the prior of a compartment that is not listed and has none of its name")
    by_compartment: Mapping[str, str] = entries(Text(), "its prior", names=compartments.NAMES, names_are="compartment")
    provenance: Provenance


@stanza
class LinePrior:
    """Joint normal prior of the load at the anchor (log10 IU/mL) and the decline (log10 per week)."""

    intercept_mean_log10: float = key(_ANY, "load at the anchor")
    intercept_sd_log10: float = key(_POSITIVE, "its standard deviation")
    decline_mean_log10_per_week: float = key(_ANY, "decline")
    decline_sd_log10_per_week: float = key(_POSITIVE, "its standard deviation")
    correlation: float = key(_ANY, "of the two")
    provenance: Provenance


@stanza
class Alarm:
    """At what probability the bank's alarm speaks; set to a rate of false alarms by `cmvmon calibrate`."""

    probability_rebound: float = key(Number(at_least=0.01, at_most=1), "at or above, after a sample: 0.11 for 11 %")
    provenance: Provenance


@stanza
class AffectedCompartments:
    """When the lung counts as affected because of a BAL load."""

    local_line_iu_per_ml: float = key(_ANY, "in BAL, at or above")
    inferred_from_days_before_anchor: float = key(_ANY, "a BAL sample counts from here", unit="days")
    inferred_to_days_after_anchor: float = key(_ANY, "to here", unit="days")
    provenance: Provenance


@stanza
class Watched:
    """Which series of a compartment are judged beside its newest one, and what a load without treatment is compared with."""

    series_within_days: float = key(_POSITIVE, "one whose latest result is at most so old")
    rise_from_days: float = key(_POSITIVE, "a rise is counted from a sample at least so long before")
    rise_to_days: float = key(_POSITIVE, "and at most so long")
    contradict_within_h: float = key(_POSITIVE, "two results this close together contradict each other")
    contradict_log10: float = key(_POSITIVE, "where they lie further apart than this")
    cleared_from_days: float = key(_POSITIVE, "results below the limit of quantification that span so long: cleared")
    held_log10: float = key(_POSITIVE, "a line that was reached is left by a load more than this below it")
    held_lower_airway_log10: float = key(_POSITIVE, "the same in the lower airways")
    held_within_days: float = key(_POSITIVE, "and holds so long after the last sample that reached it")
    provenance: Provenance


@stanza
class Concordance:
    """When blood is said to follow another compartment, for a patient and for the unit (guide G20)."""

    pair_within_h: float = key(_POSITIVE, "a sample of each, taken at most this long apart")
    patient_min_pairs: float = key(Number(at_least=2), "pairs that a patient must have")
    unit_min_pairs: float = key(Number(at_least=2), "pairs that the unit must have")
    unit_min_patients: float = key(Number(at_least=2), "patients that the unit must have")
    follows_agreement: float = key(_BELOW_1, "lower end of the interval of direction agreement, at or above: follows")
    least_agreement_beyond_chance: float = key(Number(at_least=0, below=1), "Cohen's kappa of the directions")
    change_probability: float = key(_BELOW_1, "a change counts when noise alone would stay below it so often")
    interval_probability: float = key(_BELOW_1, "of the interval beside an agreement")
    within_patient_correlation: float = key(Number(at_least=0, below=1), "least assumed between one patient's changes")
    longest_lag_days: float = key(_POSITIVE, "the longest delay that is looked for")
    stale_after_days: float = key(_POSITIVE, "an affected compartment not sampled for longer has no new result")
    provenance: Provenance

    def misfits(self) -> Iterator[str]:
        if self.unit_min_pairs < 2 * self.unit_min_patients:
            yield "unit_min_pairs must be at least twice unit_min_patients"


@stanza
class NextSample:
    """Which days after `as_of` are tried for one more sample, and how probably it must settle an open call."""

    candidate_days: float = key(Number(at_least=1, at_most=366, whole=True), "each day from 1 to this is tried")
    probability: float = key(Number(above=0, at_most=1), "of a call `met` or `not_met` on that day")
    provenance: Provenance


@stanza
class Answers:
    """When a person's answer to an alert ends by itself, and how long an alert can be set aside."""

    worse_rise_log10: float = key(_POSITIVE, "a load this far above the one that was answered ends the answer")
    worse_rise_lower_airway_log10: float = key(_POSITIVE, "the same in BAL, wash and aspirate")
    next_sample_days: float = key(_POSITIVE, "after the newest sample of its compartment the next one is expected")
    known_for_days: float = key(
        _POSITIVE, "an answer for a result counts for those of its compartment at most so far apart"
    )
    overdue_snooze_h: float = key(_POSITIVE, "a snooze while that sample is overdue lasts at most so long")
    provenance: Provenance


@stanza
class Notify:
    """When somebody else is told of an alert of tier 1 that nobody answers."""

    escalate_after_h: float = key(Number(above=0, at_most=168), "unacknowledged for so long since it was told")
    provenance: Provenance


@stanza
class Resistance:
    """Which table of resistance mutations is read, and from where on ganciclovir's classes begin; no other drug has any."""

    table: str = key(Text(), "a file of protocol/resistance, without its ending")
    table_sha256: str = key(Text(), "the SHA-256 of that file and of its overrides: another text is refused")
    low_from_fold: float = key(_POSITIVE, "from so many times as much ganciclovir on: low", unit="times as much drug")
    moderate_from_fold: float = key(_POSITIVE, "from here on: moderate", unit="times as much drug")
    high_from_fold: float = key(_POSITIVE, "from here on: high", unit="times as much drug")
    provenance: Provenance

    @property
    def borders(self) -> tuple[float, float, float]:
        """From which number on a change is low, moderate, high."""
        return self.low_from_fold, self.moderate_from_fold, self.high_from_fold

    def misfits(self) -> Iterator[str]:
        if not self.low_from_fold < self.moderate_from_fold < self.high_from_fold:
            yield "low_from_fold, moderate_from_fold and high_from_fold must rise"


@stanza
class NamedPriors:
    """Which priors the bank of change-point lines takes."""

    name: str = key(Text(), "a file of protocol/priors, without its ending")
    shrink_series: float = key(
        _POSITIVE, "how many series the priors in use weigh when a site learns its own", unit="series"
    )
    provenance: Provenance


@stanza
class Exposure:
    """How doses that were given are held against the tables of doses."""

    least_share: float = key(_BELOW_1, "of the band's daily dose; below it a day is low")
    most_share: float = key(Number(above=1), "of the band's daily dose; above it a day is high")
    adequate_days: float = key(_POSITIVE, "so many days of an adequate dose before a load may be called refractory")
    kidney_value_holds_days: float = key(_POSITIVE, "an older value sets no band")
    unsteady_after_replacement_h: float = key(_POSITIVE, "so long after renal replacement creatinine sets no band")
    creatinine_moved_umol_per_l: float = key(_POSITIVE, "nor where it moved by more", unit="umol/L")
    creatinine_moved_within_h: float = key(_POSITIVE, "in so long")
    adult_from_years: float = key(_POSITIVE, "doses of younger patients are not judged", unit="years")
    provenance: Provenance
