"""How each compartment responds, in words: the decline with its interval, and whether the load rises again."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain.series import SERIES_KEY
from cmvmon.text import Language
from cmvmon.text.next_sample import next_sample_sentence
from cmvmon.text.values import slope_sentence
from dashboards import facts
from dashboards.facts import Point, Row
from dashboards.views import PatientView

# Where these stand, the estimate is mostly what was assumed beforehand, or speaks of a load that no longer can be read: the
# sentence says so, and the number is left to the table.
_NO_RATE = ("invalid_input", "new_segment", "prior_only", "all_censored", "suppressed", "baseline_near_lloq")
_NO_REBOUND = ("invalid_input", "new_segment", "prior_only", "all_censored", "suppressed")
_NO_FAULTS = ("baseline_early", "baseline_late", "provisional", "too_close")
_BANK = "bank"  # the method that computes a chance of a new rise
_REBOUND = "rebound"  # the rule
_WEEK = timedelta(days=7)


def response_rows(shown: list[Point], view: PatientView, language: Language) -> list[Row]:
    """One row for each compartment: its name, and sentences on its decline, on a new rise, on an open call (or none)."""
    rows = []
    for row, n_series in facts.latest_weeks(view.weekly_decline, shown, view.affected):
        name = language.word("compartment", row["compartment"])
        if n_series > 1:
            name = language.say("response.series", compartment=name, laboratory=row["laboratory"], assay=row["assay"])
        last_used = facts.collected_at(row["last_result_id"], shown)
        rows.append(
            {
                "compartment": name[0].upper() + name[1:],
                "decline": _decline(row, view, language),
                "rebound": _rebound(row, last_used, view, language),
                "next_sample": _next_sample(row, view, language),
            }
        )
    return rows


def _decline(row: Row, view: PatientView, language: Language) -> str:
    mean, low, high = (row[f"mean_decline{end}_log10_per_week"] for end in ("", "_low", "_high"))
    said = [] if row["status"] == "ok" else [language.word("status", row["status"])]
    if row["status"] in _NO_RATE or mean is None or low is None or high is None:
        if row["status"] == "invalid_input" and row["reason"]:  # what is wrong with the data, not what else holds
            faults = [code for code in row["reason"].split(";") if code not in _NO_FAULTS]
            said.append(language.words("reason", ";".join(faults)))
        return language.say(
            "response.no_rate", why=", ".join(filter(None, said)) or language.say("decline.no_estimate")
        )
    since = language.date(row["estimated_since"], view.time_zone)
    slope = slope_sentence(mean, low, high, row["n_used"], language)
    return (
        language.say("response.rate_but", slope=slope, since=since, remark=said[0])
        if said
        else language.say("response.rate", slope=slope, since=since)
    )


def _rebound(row: Row, last_used: datetime | None, view: PatientView, language: Language) -> str:
    """P(the load rises after a late change), against the alarm; where no line of the bank could yet tell, that."""
    alerted = view.open_alerts.filter((pl.col("rule") == _REBOUND) & (pl.col("compartment") == row["compartment"]))
    if not alerted.is_empty():  # it may rest on the results themselves, whatever the bank makes of them
        return language.say("rebound.alerted")
    protocol = view.protocol
    if row["method"] != _BANK:
        return language.say("rebound.not_computed")
    found = row["probability_rebound"]
    if found is None or row["status"] in _NO_REBOUND:
        return language.say("rebound.not_assessable", why=language.word("status", row["status"]))
    if row["estimated_since"] != row["anchor_at"]:  # a long gap: the estimate began anew
        return language.say("rebound.after_gap")
    late = [
        line.changes_at_weeks[-1] for line in protocol.trajectory_lines_of(row["compartment"]) if line.change == "late"
    ]
    if late and last_used and last_used <= row["anchor_at"] + min(late) * _WEEK:
        return language.say("rebound.too_early", days=language.count("days", round(7 * min(late))))
    alarm = protocol.alarm_of(row["compartment"]).probability_rebound
    said = {"percent": language.percent(found), "alarm": language.percent(alarm)}
    if said["percent"] == said["alarm"] and found < alarm:
        said = {name: f"{language.number(100 * p, 2)}%" for name, p in (("percent", found), ("alarm", alarm))}
    if found >= alarm:
        return language.say("rebound.possible", **said)
    if row["mean_decline_log10_per_week"] is not None and row["mean_decline_log10_per_week"] < 0:
        return language.say("rebound.no_fall")  # "unlikely" beside a rise would read as a contradiction
    # The protocol's own cut point for "hardly": below it a call of the decline is negative too.
    is_unlikely = found <= protocol.decline.not_met_probability
    return language.say("rebound.unlikely", **said) if is_unlikely else language.say("rebound.below", **said)


def _next_sample(row: Row, view: PatientView, language: Language) -> str:
    """When one more sample would settle the series' open call; empty where nothing is open."""
    mine = view.next_sample.filter(pl.all_horizontal(pl.col(key) == row[key] for key in (*SERIES_KEY, "anchor_at")))
    return "".join(
        next_sample_sentence(found, language, protocol=view.protocol, time_zone=view.time_zone)
        for found in mine.iter_rows(named=True)
    )
