"""Whether so many patients of a laboratory moved one way at once that it is a question to the laboratory, and not to forty wards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

import polars as pl

from cmvmon.domain.columns import Kind
from cmvmon.domain.moved_together import WAYS, MovedTogether
from cmvmon.protocol import Protocol

_OF = ("laboratory", "assay")
_DIGITS = 9
_NEVER = -(2**62)  # before every moment, as a number
_Confirmed = Mapping[tuple[str, str, str], datetime]
_NOBODY: _Confirmed = {}
_BACK = {"patient_id": pl.String(), **dict.fromkeys(("back_at", "was_known_at", "corrected_at"), Kind.MOMENT.dtype)}


def moved_together(
    steps: pl.DataFrame,
    before: pl.DataFrame | None = None,
    *,
    protocol: Protocol,
    confirmed: _Confirmed = _NOBODY,
) -> tuple[MovedTogether, ...]:
    """Every laboratory and assay whose results moved together, by way, in order.

    From a moment on, of all patients of whom it is known, at least the protocol's share moved that way, and at least its number of
    patients. Of several such moments the one after which most moved beyond that share, of equal ones the last.

    Whose own result was corrected, and moved still, is none of those in doubt: the laboratory looked at it again.
    Who moved as first told, and does not as corrected, is no sign that the laboratory is right. Where so many patients as the protocol
    says were corrected back since that moment, the others are asked about without them. Where these alone are too few, and enough
    together with them, those are asked about that stand uncorrected, and whose last sample lies between the first and the last of
    those that were corrected back. Of these and those corrected back so many must have been known before the first correction came: a
    doubt that never was does not begin by corrections.

    Args:
        steps: `cmvmon.kinetics.moved.steps.steps` of every patient of the unit.
        before: the same of whom a result was corrected or withdrawn, as if none had been; None = there is none.
        confirmed: by laboratory, assay and way, when the laboratory confirmed such results (UTC): those of samples until then are
            not asked about.
    """
    return tuple(sorted(_found(steps, before, protocol, confirmed)))


def standing(steps: pl.DataFrame, moved: MovedTogether) -> pl.DataFrame:
    """The rows of `steps` that are in doubt by what moved together."""
    at, uncorrected = pl.col(f"{moved.way}_at"), ~pl.col(f"{moved.way}_is_corrected")
    of_these = (pl.col("laboratory") == moved.laboratory) & (pl.col("assay") == moved.assay) & (at >= moved.since)
    of_these &= uncorrected  # whose own result was corrected, and is a rise or a fall still: she rose, or fell
    if moved.until is not None:
        of_these &= pl.col("newest_at") <= moved.until
    if moved.corrected_at is not None:
        of_these &= pl.col(f"{moved.way}_known_at") < moved.corrected_at
    return steps.filter(of_these)


def _found(
    steps: pl.DataFrame, before: pl.DataFrame | None, protocol: Protocol, confirmed: _Confirmed
) -> Iterator[MovedTogether]:
    for (laboratory, assay), of_assay in steps.group_by(_OF):
        for way in WAYS:
            of = str(laboratory), str(assay), way
            patients = _patients(of_assay, way).join(_back(before, of), on="patient_id", how="full", coalesce=True)
            told = (
                replace(one, n_waiting=waiting)
                for one in _begins(patients, of, protocol, confirmed.get(of))
                if (waiting := standing(of_assay, one)["patient_id"].n_unique())
            )
            yield from islice(told, 1)


def _patients(steps: pl.DataFrame, way: str) -> pl.DataFrame:
    """Each patient of whom it is known, with `newest_at`, `moved_at`, null where no series moved, or one did not that was sampled
    since, `stands_at`: the same of the results that nobody corrected, and `known_at`: when the first of these came."""
    at, newest = pl.col(f"{way}_at"), pl.col("newest_at")
    known = steps.filter(f"{way}_is_known").with_columns(moved_at=at.max().over("patient_id"))
    stayed = (at.is_null() & (newest >= pl.col("moved_at"))).fill_null(False).any()
    uncorrected = at.is_not_null() & ~pl.col(f"{way}_is_corrected")
    return known.group_by("patient_id").agg(
        newest.max(),
        moved_at=pl.when(~stayed).then(pl.col("moved_at").first()),
        stands_at=pl.when(~stayed).then(at.filter(uncorrected).max()),
        known_at=pl.col(f"{way}_known_at").filter(uncorrected).min(),
    )


def _back(before: pl.DataFrame | None, of: tuple[str, str, str]) -> pl.DataFrame:
    """Each patient who had moved before a result of hers was changed, with `back_at`: at which sample, `was_known_at`: when that
    result came, and `corrected_at`: when the first change after it did."""
    if before is None:
        return pl.DataFrame(schema=_BACK)
    laboratory, assay, way = of
    theirs = before.filter(pl.col("laboratory") == laboratory, pl.col("assay") == assay)
    changed = theirs.group_by("patient_id").agg(corrected_at=pl.col(f"{way}_corrected_at").min())
    moved = _patients(theirs, way).drop_nulls("moved_at").join(changed, on="patient_id")
    return moved.select("patient_id", back_at="moved_at", was_known_at="known_at", corrected_at="corrected_at")


def _begins(
    patients: pl.DataFrame, of: tuple[str, str, str], protocol: Protocol, answered: datetime | None
) -> Iterator[MovedTogether]:
    """Every moment from which on so many moved, the one first that is told: where those that stand are enough by themselves, then the
    most beyond the share, then the last."""
    policy = protocol.moved_together
    least, share = policy.least_patients, policy.least_share_moved
    told = patients.with_columns(back_at=pl.when(pl.col("moved_at").is_null()).then("back_at"))
    starts = pl.concat([told["stands_at"], told["back_at"]]).drop_nulls().unique().sort()
    starts = starts if answered is None else starts.filter(starts > answered)
    stands_at, back_at, newest_at, known_at, was_known_at, corrected_at = (
        told[name].to_physical().fill_null(_NEVER).to_numpy()
        for name in ("stands_at", "back_at", "newest_at", "known_at", "was_known_at", "corrected_at")
    )
    found: list[tuple[bool, float, MovedTogether]] = []
    for since, at in zip(starts, starts.to_physical(), strict=True):
        is_back = (back_at >= at) & ((back_at >= at).sum() >= policy.least_corrected)
        stands = stands_at >= at
        n_stand, n_back = int(stands.sum()), int(is_back.sum())
        n_patients = int(((newest_at >= at) | is_back).sum())
        is_enough = n_stand >= least and round(n_stand - share * (n_patients - n_back), _DIGITS) >= 0
        beyond = round(n_stand + n_back - share * n_patients, _DIGITS)
        first = min((came for came in corrected_at[is_back] if came != _NEVER), default=_NEVER)
        n_before = int((stands & (known_at < first)).sum() + (is_back & (was_known_at < first)).sum())
        begins_back = bool((is_back & (back_at == at)).any())
        counts = n_stand + n_back, n_patients, policy.within_days
        if is_enough:
            found.append((is_enough, beyond, MovedTogether(*of, since, *counts, n_back=n_back)))
        elif begins_back and n_before >= least and beyond >= 0:
            until, came = told["back_at"].drop_nulls().sort()[-1], told.filter(corrected_at == first)["corrected_at"][0]
            found.append((is_enough, beyond, MovedTogether(*of, since, *counts, until, came, n_back)))
    return (one for _, _, one in sorted(found, key=lambda one: (one[0], one[1], one[2].since), reverse=True))
