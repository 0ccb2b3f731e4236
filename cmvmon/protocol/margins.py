"""The margins by which an alert at a line is held, against what alerts: a margin as wide as a rise would make one of a fall."""

from __future__ import annotations

from collections.abc import Iterator

from cmvmon.protocol.faults import Fault
from cmvmon.protocol.levels import TREATMENT
from cmvmon.protocol.protocol import Protocol

_BELOW = (("held_log10", "rise_log10"), ("held_lower_airway_log10", "lower_airway_rise_log10"))


def wide_margins(protocol: Protocol, file: str) -> Iterator[Fault]:
    """Every margin that is too wide for a number of another stanza, with both (docs/decisions/0087).

    A margin in log10 is smaller than every rise that alerts: else the lowest load of a rise may come after the one that reached it.
    A load holds no longer than a rise is believed of an old result. A trough in the middle of its target ends an alert on either side.
    """
    watched, share = protocol.watched, protocol.level_timing.held_share
    rising = {code: rule.numbers for code, rule in protocol.rules.items() if "rise_log10" in rule.numbers}
    for code, numbers in rising.items():
        for margin, rise in _BELOW:
            held = getattr(watched, margin)
            if held >= numbers.get(rise, float("inf")):
                says = f"must be smaller than [rules.{code}] {rise} ({numbers[rise]:g}), else a falling load is called a rise"
                yield Fault(file, "watched", margin, says, str(held), "lower it")
        longest = numbers.get("within_days", float("inf"))
        if watched.held_within_days > longest:
            says = f"must be at most [rules.{code}] within_days ({longest:g}), after which a result says nothing of now"
            yield Fault(file, "watched", "held_within_days", says, str(watched.held_within_days), "lower it")
    for drug, table in protocol.levels.items():
        judged = [row for row in table.rows if row.purpose == TREATMENT]
        for least, most in sorted({(row.trough_from_mg_per_l, row.trough_to_mg_per_l) for row in judged}):
            if least * (1 + share) > most / (1 + share):
                target = f"[levels.{drug}] from {least:g} to {most:g} mg/L"
                says = f"is too much for the target of {target}: no trough inside it ends an alert on either side"
                yield Fault(file, "level_timing", "held_share", says, str(share), "lower it")
