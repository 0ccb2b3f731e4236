"""How one compartment responds, in words: which remark holds is decided here, by the protocol; a page only places it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cmvmon.protocol import Protocol
from cmvmon.text.beside import written_line
from cmvmon.text.language import Language
from cmvmon.text.values import slope_sentence

# Where these stand, the estimate is mostly what was assumed beforehand, or speaks of a load that no longer can be read: the
# sentence says so, and the number is left to the table.
_BOUNDED = ("baseline_near_lloq", "baseline_above_uloq")  # the results bound the fall from below only
_NO_RATE = ("invalid_input", "new_segment", "prior_only", "all_censored", "suppressed", *_BOUNDED)
_NO_REBOUND = ("invalid_input", "new_segment", "prior_only", "all_censored", "suppressed")
_NO_FAULTS = ("baseline_early", "baseline_late", "provisional", "too_close")
_BANK = "bank"  # the method that computes a chance of a new rise
_WEEK = timedelta(days=7)


def decline_sentence(row: Mapping[str, Any], language: Language, *, time_zone: str, protocol: Protocol) -> str:
    """The mean decline with its interval and since when, or why there is none. Of one `weekly_decline` row."""
    mean, low, high = (row[f"mean_decline{end}_log10_per_week"] for end in ("", "_low", "_high"))
    remarks = [] if row["status"] == "ok" else [language.word("status", row["status"])]
    if not states_rate(row) or mean is None or low is None or high is None:
        if row["status"] == "invalid_input" and row["reason"]:  # what is wrong with the data, not what else holds
            faults = [code for code in row["reason"].split(";") if code not in _NO_FAULTS]
            remarks.append(language.words("reason", ";".join(faults)))
        why = ", ".join(filter(None, remarks)) or language.say("decline.no_estimate")
        return language.say("response.no_rate", why=why)
    since = language.date(row["estimated_since"], time_zone)
    slope = slope_sentence(
        *(mean, low, high, row["n_used"], language),
        interval=protocol.decline.interval_probability,
        beside=(protocol.decline.target_log10_per_week,),
    )
    return (
        language.say("response.rate_but", slope=slope, since=since, remark=remarks[0])
        if remarks
        else language.say("response.rate", slope=slope, since=since)
    )


def states_rate(row: Mapping[str, Any]) -> bool:
    """Whether `decline_sentence` states a rate of that `weekly_decline` row."""
    return row["status"] not in _NO_RATE and all(
        row[f"mean_decline{end}_log10_per_week"] is not None for end in ("", "_low", "_high")
    )


def rebound_remark(row: Mapping[str, Any], *, last_used: datetime | None, is_alerted: bool, protocol: Protocol) -> str:
    """What holds of a new rise, as the code of its sentence `rebound.<code>`. Of one `weekly_decline` row.

    `possible` from the alarm of the compartment on. Below it `no_fall` where no fall is estimated, beside which
    "unlikely" would read as a contradiction; `unlikely` up to the protocol's own cut point for "hardly", at which a call
    of the decline is negative too; else `below`. The other codes say why nothing can be told. An open alert comes first:
    it may rest on the results themselves, whatever the bank makes of them.

    Args:
        last_used: when the last result that the row rests on was collected; null when that is not known.
        is_alerted: whether the rule `rebound` has an open alert about the compartment.
    """
    found = row["probability_rebound"]
    if is_alerted:
        return "alerted"
    if row["method"] != _BANK:
        return "not_computed"
    if found is None or row["status"] in _NO_REBOUND:
        return "not_assessable"
    if row["estimated_since"] != row["anchor_at"]:  # a long gap: the estimate began anew
        return "after_gap"
    earliest = _earliest_late_change(row["compartment"], protocol)
    if earliest is not None and last_used and last_used <= row["anchor_at"] + earliest * _WEEK:
        return "too_early"
    if found >= protocol.alarm_of(row["compartment"]).probability_rebound:
        return "possible"
    if row["mean_decline_log10_per_week"] is not None and row["mean_decline_log10_per_week"] < 0:
        return "no_fall"
    return "unlikely" if found <= protocol.decline.not_met_probability else "below"


def rebound_sentence(
    row: Mapping[str, Any], language: Language, *, last_used: datetime | None, is_alerted: bool, protocol: Protocol
) -> str:
    """The chance that the load rises after a late change, against the alarm, or why none is told. Arguments as `rebound_remark`."""
    remark = rebound_remark(row, last_used=last_used, is_alerted=is_alerted, protocol=protocol)
    if remark == "not_assessable":
        return language.say("rebound.not_assessable", why=language.word("status", row["status"]))
    if remark == "too_early":
        weeks = _earliest_late_change(row["compartment"], protocol) or 0.0
        return language.say("rebound.too_early", days=language.count("days", round(7 * weeks)))
    if remark in ("possible", "unlikely", "below"):
        alarm = protocol.alarm_of(row["compartment"]).probability_rebound
        return language.say(f"rebound.{remark}", **_chance_and_alarm(row["probability_rebound"], alarm, language))
    return language.say(f"rebound.{remark}")


def _earliest_late_change(compartment: str, protocol: Protocol) -> float | None:
    """Weeks after the anchor at which the first line of the bank can rise again; null where none does."""
    lines = protocol.trajectory_lines_of(compartment)
    return min((line.changes_at_weeks[-1] for line in lines if line.change == "late"), default=None)


def _chance_and_alarm(found: float, alarm: float, language: Language) -> dict[str, str]:
    """Both in per cent, with decimals where they would look the same though one lies beside the other."""
    line = written_line(alarm, 2, (found,))
    return {"percent": language.percent(found, beside=(line,)), "alarm": language.percent(line, beside=(line,))}
