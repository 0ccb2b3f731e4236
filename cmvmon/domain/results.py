"""The tables that cmvmon computes: weekly decline, verdicts, alerts."""

from __future__ import annotations

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullUnless, Requires
from cmvmon.domain.constraints import Between, OneOf, Ordered
from cmvmon.domain.subjects import KINDS

_LOG10_PER_WEEK = "log10 IU/mL per week"
_FACTS_ONCE = "; of `cmvmon analyze` without those of its subject, which stand once in `facts_of_<kind>`"
_NOT_COMPUTED = "not defined for this row: see status and reason"


def _rate(name: str, description: str, null_means: str = _NOT_COMPUTED) -> Column:
    return Column(
        name, Kind.NUMBER, description, _LOG10_PER_WEEK, null_means, (Between(name, at_least=-1e6, at_most=1e6),)
    )


def _observed(name: str, description: str) -> Column:
    limits = (Between(name, at_least=-20.0, at_most=20.0),)
    return Column(name, Kind.NUMBER, description, "log10 IU/mL", "no pair in this week", limits)


def _probability(name: str, description: str) -> Column:
    return Column(name, Kind.NUMBER, description, "", _NOT_COMPUTED, (Between(name, at_least=0.0, at_most=1.0),))


def _series() -> tuple[Column, ...]:
    return (
        Column(
            "compartment",
            Kind.TEXT,
            "The compartment of the series.",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column("laboratory", Kind.TEXT, "The laboratory of the series."),
        Column("assay", Kind.TEXT, "The assay of the series."),
    )


def _moment(name: str, description: str, null_means: str = "") -> Column:
    return Column(name, Kind.MOMENT, description, "UTC", null_means)


_PATIENT = Column("patient_id", Kind.TEXT, "The patient.")
_PROTOCOL = Column("protocol_version", Kind.TEXT, "The signed clinical policy that gave every number.")

WEEKLY_DECLINE = RowType(
    name="weekly_decline",
    description="How fast one series falls in one treatment week, and since the anchor. Positive when the load falls.",
    key=("patient_id", "compartment", "laboratory", "assay", "anchor_at", "treatment_week"),
    columns=(
        _PATIENT,
        *_series(),
        _moment("anchor_at", "Start of the response clock."),
        Column(
            "treatment_week",
            Kind.INTEGER,
            "Seven-day block of elapsed time since the anchor, from 1.",
            "weeks",
            constraints=(Between("treatment_week", at_least=1),),
        ),
        _moment("week_start", "First instant of the week."),
        _moment("week_end", "First instant after the week."),
        Column(
            "n_results",
            Kind.INTEGER,
            "Results from the baseline to the end of the week or as_of.",
            constraints=(Between("n_results", at_least=0),),
        ),
        Column(
            "n_censored",
            Kind.INTEGER,
            "Of those, the ones without a quantified load.",
            constraints=(Between("n_censored", at_least=0),),
        ),
        _moment(
            "estimated_since",
            "From when the mean decline counts: the anchor, or the first result after a long gap.",
            "no result yet",
        ),
        Column(
            "first_result_id", Kind.TEXT, "The first result that the mean decline rests on.", null_means="no result yet"
        ),
        Column("last_result_id", Kind.TEXT, "The last one; all between them are used.", null_means="no result yet"),
        Column(
            "n_used",
            Kind.INTEGER,
            "Results from the first to the last of these.",
            constraints=(Between("n_used", at_least=0),),
        ),
        Column(
            "n_used_after_anchor",
            Kind.INTEGER,
            "Sample times of these after the anchor.",
            constraints=(Between("n_used_after_anchor", at_least=0),),
        ),
        _observed(
            "observed_from_log10",
            "Load, or reported limit, at the start of the observed pair: nearest to the week's start, else the last before it.",
        ),
        _observed(
            "observed_to_log10",
            "Load, or reported limit, at its end: nearest to the week's end, else the last in the week.",
        ),
        _rate(
            "observed_decline_low_log10_per_week",
            "Least decline that the two reported results allow.",
            "no pair, or no lower bound",
        ),
        _rate(
            "observed_decline_high_log10_per_week",
            "Largest decline that the two reported results allow.",
            "no pair, or no upper bound",
        ),
        _rate("decline_log10_per_week", "Estimated decline in this week."),
        _rate("decline_low_log10_per_week", "Lower end of its 95 % interval."),
        _rate("decline_high_log10_per_week", "Upper end of its 95 % interval."),
        _probability("probability_above_target", "Probability that this week's decline exceeds the protocol's target."),
        _rate("mean_decline_log10_per_week", "Estimated mean decline since the anchor."),
        _rate("mean_decline_low_log10_per_week", "Lower end of its 95 % interval."),
        _rate("mean_decline_high_log10_per_week", "Upper end of its 95 % interval."),
        _probability(
            "mean_probability_above_target", "Probability that the mean decline exceeds the protocol's target."
        ),
        _probability("probability_rebound", "Probability that the load is rising after a fall. Null in method `line`."),
        Column(
            "odds_non_responder",
            Kind.NUMBER,
            "Odds of a non-responder against a responder. Null in method `line`.",
            "",
            _NOT_COMPUTED,
            (Between("odds_non_responder", at_least=0.0),),
        ),
        Column(
            "call",
            Kind.TEXT,
            "The mean decline against the target.",
            null_means="no call: see status",
            constraints=(OneOf("call", words.CALL),),
        ),
        Column(
            "status",
            Kind.TEXT,
            "What the estimate rests on; the first that applies.",
            constraints=(OneOf("status", words.STATUS),),
        ),
        Column("reason", Kind.TEXT, "Codes that qualify the status, sorted, joined by `;`.", null_means="none"),
        Column("method", Kind.TEXT, "The estimator.", constraints=(OneOf("method", words.METHOD),)),
        Column("method_version", Kind.TEXT, "Version of the estimator."),
        _PROTOCOL,
    ),
    across=(
        Ordered("week_start", "week_end", "week_ends_before_it_starts", strict=True),
        Ordered("n_censored", "n_results", "more_censored_than_results"),
        Ordered("decline_low_log10_per_week", "decline_high_log10_per_week", "crossed_interval"),
        Ordered("mean_decline_low_log10_per_week", "mean_decline_high_log10_per_week", "crossed_interval"),
        Ordered("observed_decline_low_log10_per_week", "observed_decline_high_log10_per_week", "crossed_interval"),
    ),
)


def _count(name: str, description: str) -> Column:
    return Column(name, Kind.INTEGER, description, constraints=(Between(name, at_least=0),))


def _share(name: str, description: str, null_means: str) -> Column:
    return Column(name, Kind.NUMBER, description, "", null_means, (Between(name, at_least=0.0, at_most=1.0),))


def _rank(name: str, description: str, null_means: str) -> Column:
    return Column(name, Kind.NUMBER, description, "", null_means, (Between(name, at_least=-1.0, at_most=1.0),))


def _lag(name: str, description: str) -> Column:
    limits = (Between(name, at_least=-366.0, at_most=366.0),)
    return Column(name, Kind.NUMBER, description, "days", "it can't be told: see lag_reason", limits)


_NO_ORDER = "no two pairs are ordered on both sides"
_NO_CHANGE = "no change is clear on both sides"
_UNIT = "scope is unit"

CONCORDANCE = RowType(
    name="concordance",
    description="Whether blood follows another compartment, by pairs of samples: for one patient, or for the unit.",
    key=("scope", "patient_id", "compartment", "followed_compartment"),
    columns=(
        Column(
            "scope",
            Kind.TEXT,
            "One patient, or the unit: all patients, each compared with herself only.",
            constraints=(OneOf("scope", words.CONCORDANCE_SCOPE),),
        ),
        Column("patient_id", Kind.TEXT, "The patient.", null_means=_UNIT),
        Column(
            "compartment",
            Kind.TEXT,
            "The compartment that blood may follow.",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column(
            "followed_compartment",
            Kind.TEXT,
            "The blood compartment.",
            constraints=(OneOf("followed_compartment", compartments.BLOOD),),
        ),
        Column("laboratory", Kind.TEXT, "The laboratory of the compartment's series.", null_means=_UNIT),
        Column("assay", Kind.TEXT, "Its assay.", null_means=_UNIT),
        Column("followed_laboratory", Kind.TEXT, "The laboratory of the blood series.", null_means=_UNIT),
        Column("followed_assay", Kind.TEXT, "Its assay.", null_means=_UNIT),
        _count("n_patients", "Patients with at least one pair."),
        _count("n_pairs", "Pairs of samples taken together; each sample is used once."),
        _count("n_pairs_both_quantified", "Of those, the ones with a load on both sides."),
        _rank("rank_correlation", "Kendall's tau-b within patients; overlapping intervals are ties.", _NO_ORDER),
        _rank("rank_correlation_low", "Lower end of its 95 % interval.", _NO_ORDER),
        _rank("rank_correlation_high", "Upper end of its 95 % interval.", _NO_ORDER),
        _count("n_changes", "Changes from one pair to the next of the same patient."),
        _count("n_changes_clear", "Of those, the ones beyond noise on both sides; the others are undetermined."),
        _count("n_changes_agreeing", "Of the clear ones, those in one direction."),
        _count("n_patients_clear", "Patients with at least one clear change."),
        _share("direction_agreement", "Share of the clear changes in one direction.", _NO_CHANGE),
        _share("direction_agreement_low", "Lower end of its 95 % interval.", _NO_CHANGE),
        _share("direction_agreement_high", "Upper end of its 95 % interval.", _NO_CHANGE),
        _share("agreement_by_chance", "That share if the sides fell and rose independently, as often.", _NO_CHANGE),
        _count("n_changes_signed", "Changes beyond noise on one side at least, with a direction on both."),
        _share("signed_agreement", "Share of those in one direction, noise left aside.", "there is none"),
        _share("signed_agreement_low", "Lower end of its 95 % interval.", "there is none"),
        _lag("lag_days", "How far the compartment runs behind blood; negative when it runs ahead."),
        _lag("lag_low_days", "Lower end of its 95 % interval."),
        _lag("lag_high_days", "Upper end of its 95 % interval."),
        Column(
            "lag_reason",
            Kind.TEXT,
            "Why the lag can't be told.",
            null_means="it is told",
            constraints=(OneOf("lag_reason", words.LAG_REASON),),
        ),
        Column("answer", Kind.TEXT, "What that comes to.", constraints=(OneOf("answer", words.CONCORDANCE_ANSWER),)),
        _PROTOCOL,
    ),
    across=(
        Requires("patient_id", "scope", ("patient",)),
        NullUnless("patient_id", "scope", ("patient",)),
        Ordered("n_pairs_both_quantified", "n_pairs", "more_quantified_than_pairs"),
        Ordered("n_changes_clear", "n_changes", "more_clear_than_changes"),
        Ordered("n_changes_agreeing", "n_changes_clear", "more_agreeing_than_clear"),
        Ordered("rank_correlation_low", "rank_correlation_high", "crossed_interval"),
        Ordered("direction_agreement_low", "direction_agreement_high", "crossed_interval"),
        Ordered("lag_low_days", "lag_high_days", "crossed_interval"),
    ),
)


def _subject(*, of_feed: str) -> tuple[Column, ...]:
    return (
        Column(
            "subject_kind",
            Kind.TEXT,
            "What kind of thing it is about.",
            constraints=(OneOf("subject_kind", tuple(KINDS)),),
        ),
        Column("patient_id", Kind.TEXT, "The patient.", null_means=of_feed),
        Column(
            "compartment",
            Kind.TEXT,
            "The compartment.",
            null_means="the subject has none, or it is not known",
            constraints=(OneOf("compartment", compartments.NAMES),),
        ),
        Column("subject", Kind.TEXT, "The subject: the columns of its kind's key, as JSON text with sorted keys."),
    )


VERDICTS = RowType(
    name="verdicts",
    description="What one rule says of one subject at one moment. `not_assessable` is an answer of its own.",
    key=("subject", "rule"),
    columns=(
        *_subject(of_feed="the subject is a feed"),
        Column("rule", Kind.TEXT, "The rule."),
        Column("verdict", Kind.TEXT, "What it says.", constraints=(OneOf("verdict", words.VERDICT),)),
        Column("reason", Kind.TEXT, "Why it could not be assessed, as a code.", null_means="it could be assessed"),
        Column(
            "tier",
            Kind.INTEGER,
            "1 = a named person must answer, 2 = on today's list, 3 = only inside the report.",
            null_means="no alert",
            constraints=(Between("tier", at_least=1, at_most=3),),
        ),
        Column("evidence", Kind.TEXT, f"The facts it rests on, as JSON text with sorted keys{_FACTS_ONCE}."),
        _moment("as_of", "The moment that is judged."),
        _PROTOCOL,
    ),
    across=(
        Requires("tier", "verdict", (words.ALERT,)),
        NullUnless("tier", "verdict", (words.ALERT,)),
        Requires("reason", "verdict", (words.NOT_ASSESSABLE,)),
        NullUnless("reason", "verdict", (words.NOT_ASSESSABLE,)),
    ),
)

ALERTS = RowType(
    name="alerts",
    description="One problem of one subject, from its first `alert` verdict to the first `clear` after it.",
    key=("alert_id",),
    columns=(
        Column("alert_id", Kind.TEXT, "Identity: rule, subject and the moment the episode opened, hashed."),
        Column("rule", Kind.TEXT, "The rule."),
        *_subject(of_feed="the alert is about a feed"),
        Column(
            "state",
            Kind.TEXT,
            "open, resolved by a `clear`, or closed: its subject is no longer judged, or a result under it changed.",
            constraints=(OneOf("state", words.ALERT_STATE),),
        ),
        Column(
            "standing",
            Kind.TEXT,
            "How it stands open: new, notified (somebody was told), seen, acknowledged, or snoozed until a moment.",
            null_means="it has ended",
            constraints=(OneOf("standing", words.ALERT_STANDING),),
        ),
        Column("tier", Kind.INTEGER, "1, 2 or 3, as above.", constraints=(Between("tier", at_least=1, at_most=3),)),
        _moment("opened_at", "as_of of the first `alert` verdict."),
        _moment("changed_at", "as_of of the last change."),
        Column(
            "cause",
            Kind.TEXT,
            "Why it was closed, reopened or taken over, why its words went back to earlier ones, or what befell a result under it, or "
            "the policy, before it was resolved, as a code.",
            null_means="open and neither just reopened, taken over nor gone back, or resolved with every result under it and the "
            "policy as they were",
            constraints=(OneOf("cause", words.ALERT_CAUSE),),
        ),
        Column(
            "answered_by", Kind.TEXT, "Who acknowledged or snoozed it.", null_means="nobody, or it was reopened since"
        ),
        Column("answered_at", Kind.MOMENT, "When.", "UTC", "as above"),
        Column("until", Kind.MOMENT, "When the snooze ends.", "UTC", "it is not snoozed"),
        Column(
            "tells", Kind.TEXT, "Whose answer its last change took the ground from.", null_means="it overtook nobody's"
        ),
        Column("evidence", Kind.TEXT, "The facts of the last `alert` verdict, as JSON text with sorted keys."),
        _PROTOCOL,
        Column("code_version", Kind.TEXT, "The version of cmvmon that judged."),
    ),
    across=(
        Requires("cause", "state", ("closed",)),
        Requires("standing", "state", ("open",)),
        NullUnless("standing", "state", ("open",)),
        Requires("until", "standing", (words.SNOOZED,)),
        Ordered("opened_at", "changed_at", "changed_before_opened"),
    ),
)
