"""Why an alert ends that is not said again: what befell its results, or why its subject is no longer judged. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import polars as pl

from cmvmon.domain import compartments, replaced, words
from cmvmon.domain.columns import Kind
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.subjects import subject_key

_RESTED = {
    "name": Kind.TEXT.dtype,
    "patient_id": Kind.TEXT.dtype,
    "result_id": Kind.TEXT.dtype,
    "since": Kind.MOMENT.dtype,
}


def what_became_of(
    alerts: Collection[Mapping[str, Any]], *, versions: pl.DataFrame, in_use: pl.DataFrame
) -> dict[str, str]:
    """Of each of these alerts whose words rest on a result that changed since: what befell it, as a code, by alert id.

    Which results those are stands in its evidence. Since: `said_at`, when its words were said.

    Args:
        versions: every version of `viral_load_results` known now.
        in_use: the results that are judged now, with `is_conflicting`.
    """
    rested = [
        (alert["alert_id"], alert["patient_id"], result_id, alert["said_at"])
        for alert in alerts
        for result_id in json.loads(alert["evidence"]).get("result_ids") or ()
    ]
    if not rested:
        return {}
    frame = pl.DataFrame(rested, schema=_RESTED, orient="row")
    return dict(replaced.what_became_of(frame, versions=versions, in_use=in_use).select("name", "cause").rows())


def on_moved_results(
    *, moved: pl.DataFrame, in_use: pl.DataFrame, but: Collection[str]
) -> Callable[[Mapping[str, Any]], bool]:
    """Says of an alert, or of one of its events, whether its words rest on a result which moved with its laboratory's.

    Args:
        moved: by series, `moved_since`, of those whose latest results moved.
        in_use: the results that are judged now.
        but: the rules that alert in doubt too: their words stand.
    """
    if moved.is_empty():
        return lambda _: False
    doubted = in_use.join(moved, on=SERIES_KEY).filter(pl.col("collected_at") >= pl.col("moved_since"))
    result_ids = frozenset(doubted["result_id"])

    def is_on_them(alert: Mapping[str, Any]) -> bool:
        rested = json.loads(alert["evidence"]).get("result_ids") or ()
        return alert["rule"] not in but and not result_ids.isdisjoint(rested)

    return is_on_them


def why_no_longer_judged(
    alert: Mapping[str, Any],
    series: pl.DataFrame,
    treatment: pl.DataFrame,
    *,
    by_rule: str = words.NOT_HERE,
    ends_with_treatment: bool = True,
) -> str:
    """Why the subject of an open alert is no longer judged, as a code.

    Args:
        series, treatment: the facts `watched_series` and `treatment`, of every patient who was judged.
        by_rule: what its rule says of a subject to which it no longer applies, where neither explains it.
        ends_with_treatment: whether treatment may be why.
    """
    key = subject_key(str(alert["subject"]))
    if "mutation" in key:
        return "no_report"  # it was withdrawn, or corrected to another change
    mine = series.filter(pl.col("patient_id") == alert["patient_id"])
    if mine.is_empty():
        return "no_longer_known"
    is_replaced = False  # by a newer series
    if "compartment" in key:  # only then do results have a say: what is of a patient or a drug needs none
        same = mine.filter(pl.col("compartment") == alert["compartment"]) if alert["compartment"] else mine
        has_series = same["has_series"].any()
        if not has_series and not _has_other_blood(mine, alert):
            return "no_series"  # its results were withdrawn, or corrected away to another patient
        is_replaced = not has_series or ("assay" in key and _own(same, key).is_empty())
    if ends_with_treatment:
        state = treatment.filter(pl.col("patient_id") == alert["patient_id"])["treatment"][0]
        was = json.loads(alert["evidence"]).get("treatment")
        if (was, state) == (words.TREATMENT_ON, words.TREATMENT_OFF):
            return words.COURSE_OVER
        if (was, state) == (words.TREATMENT_OFF, words.TREATMENT_ON):
            return "treatment_began"
    return words.NEWER_SERIES if is_replaced else by_rule


def _has_other_blood(series: pl.DataFrame, alert: Mapping[str, Any]) -> bool:
    """Whether it speaks of blood, and blood of another matrix is judged in the place of its old results."""
    blood = series.filter("has_series", pl.col("compartment").is_in(compartments.BLOOD))
    return alert["compartment"] in compartments.BLOOD and not blood.is_empty()


def _own(series: pl.DataFrame, key: Mapping[str, Any]) -> pl.DataFrame:
    """The series of that subject, where it still is one that is judged."""
    return series.filter("has_series", pl.col("laboratory") == key["laboratory"], pl.col("assay") == key["assay"])
