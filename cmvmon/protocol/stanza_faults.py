"""What is impossible in a stanza whose numbers must fit together, in words: one sentence for each fault."""

from __future__ import annotations

from cmvmon.protocol.policy import Alarm, Concordance, NextSample


def concordance_faults(stanza: Concordance) -> list[str]:
    """Faults of [concordance]."""
    faults = []
    shares = ("follows_agreement", "change_probability", "interval_probability")
    for key in (*shares, "pair_within_h", "stale_after_days", "longest_lag_days"):
        if not 0 < getattr(stanza, key) < float("inf"):
            faults.append(f"[concordance] {key} must be a number above 0")
    for key in ("patient_min_pairs", "unit_min_pairs", "unit_min_patients"):
        if not 2 <= getattr(stanza, key) < float("inf"):
            faults.append(f"[concordance] {key} must be at least 2")
    if stanza.unit_min_pairs < 2 * stanza.unit_min_patients:
        faults.append("[concordance] unit_min_pairs must be at least twice unit_min_patients")
    for key in (*shares, "within_patient_correlation", "least_agreement_beyond_chance"):
        if not 0 <= getattr(stanza, key) < 1:
            faults.append(f"[concordance] {key} must be below 1, and not below 0")
    return faults


def next_sample_faults(stanza: NextSample) -> list[str]:
    """Faults of [next_sample]."""
    faults = []
    if not (stanza.candidate_days.is_integer() and 1 <= stanza.candidate_days <= 366):
        faults.append("[next_sample] candidate_days must be a whole number from 1 to 366")
    if not 0 < stanza.probability <= 1:
        faults.append("[next_sample] probability must be above 0 and at most 1")
    return faults


def alarm_faults(name: str, stanza: Alarm) -> list[str]:
    """Faults of [alarm.<name>]."""
    faults = []
    if not 0.01 <= stanza.odds_non_responder < float("inf"):
        faults.append(f"[alarm.{name}] odds_non_responder must be a number of at least 0.01")
    if not 0.01 <= stanza.probability_rebound <= 1:
        faults.append(f"[alarm.{name}] probability_rebound must lie between 0.01 and 1, such as 0.11 for 11 %")
    return faults
