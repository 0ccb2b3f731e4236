"""The tables of quality as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from benchmarks.quality_alarms import Delays
from benchmarks.quality_families import NEXT_STEPS, Row
from benchmarks.quality_own import MOST_DELAY, Group, Own, shortfalls
from benchmarks.quality_scores import Figure, Scored, in_doubt, is_out

NAMES: Mapping[str, str] = {
    "last_two": "last two results",
    "baseline": "baseline against latest, below LLOQ counts as met",
    "least_squares": "least squares, half the LLOQ",
    "tobit": "censored line, no prior",
    "line": "`line`: censored line with prior",
    "bank": "**`bank`**",
    "ceiling": "ceiling",
}
ALARMS = ("bank, P(rebound)", "bank, odds")  # the methods of the shipped rules
HEAD = (
    "method",
    "no answer",
    "AUC",
    "share of the ceiling's gain, %",
    "excess wrong calls, %",
    "Brier",
    "above the ceiling's",
    "coverage, mean",
    "coverage, week",
    "width",
    "P >= 0.9: share; right",
    "P <= 0.1: share; right",
    "reached",
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def short_text(found: Own, rows: Sequence[Row]) -> str:
    """What the tables come to, in four lines."""
    days = [(group, shortfalls(group, group.of("bank"))) for group in found.groups]
    whole = [(group, short) for group, short in days if not group.which]
    parts = [(group, short) for group, short in days if group.which]
    alarms = [(name, one) for name, one in found.delays if one.method in ALARMS]
    reached = [row for row in rows if not row.shortfalls()]
    close = [row for row in rows if row.shortfalls() and all(short.endswith("?") for short in row.shortfalls())]
    return "\n".join(
        [
            (
                f"- Table A: the bank reaches every target in {sum(not short for _, short in whole)} of {len(whole)} "
                f"compartment-days{_named(whole)}; of the strata of day 21 in {sum(not short for _, short in parts)} of "
                f"{len(parts)}{_named(parts)}."
            ),
            "- Its mean delays, as multiples of the ceiling's: "
            + ", ".join(f"{one.cause} {name} {one.ratio.text(3)}" for name, one in alarms)
            + ".",
            (
                f"- Table B: {len(reached)} of {len(rows)} rows reach every target, {len(close)} miss one by no more "
                "than twice its error; the others are named below the table."
            ),
            f"- Rows that could be judged and have no estimate: {sum(found.nulls.values()) + sum(r.nulls for r in rows)}.",
        ]
    )


def _named(groups: Sequence[tuple[Group, list[str]]]) -> str:
    missed = [f"{group.name}: {', '.join(short)}" for group, short in groups if short]
    return f" (not: {'; '.join(missed)})" if missed else ""


def own_text(found: Own) -> str:
    """Table A: one table for each compartment and day."""
    parts = []
    for group in found.groups:
        n = group.scores[0].n
        rows = [_method_row(group, one) for one in group.scores]
        parts.append(
            f"#### {group.name}: {n} series, {100 * group.events:.0f} % truly fall faster than the target\n\n"
            + table(HEAD, rows)
        )
    return "\n\n".join(parts)


def _method_row(group: Group, one: Scored) -> list[str]:
    short = shortfalls(group, one) if one.method == "bank" else []
    reached = ("yes" if not short else "no: " + ", ".join(short)) if one.method == "bank" else ""
    is_best = one.method == "ceiling"
    return [
        NAMES[one.method],
        str(one.unanswered),
        one.auc.text(),
        "100" if is_best else one.share.text(1, 100.0),
        "0" if is_best else one.excess.text(0, 100.0),
        one.brier.text(4),
        "0" if is_best else one.brier_above.text(4),
        one.coverage.text(),
        one.coverage_week.text(),
        _number(one.width, 2),
        _sure(one.sure_above, one.right_above),
        _sure(one.sure_below, one.right_below),
        reached,
    ]


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _sure(share: float, right: Figure) -> str:
    return f"{share:.2f}; {right.text()}" if math.isfinite(share) else "-"


def changed_too_text(found: Own) -> str:
    """The bank with the series whose drug was changed by the day, beside those without them."""
    alone = {group.name: group.of("bank") for group in found.groups}
    rows = [
        [
            group.name,
            f"{alone[group.name].n}; {group.scores[0].n}",
            *(
                f"{getattr(alone[group.name], name).text()}; {getattr(group.scores[0], name).text()}"
                for name in ("auc", "coverage", "coverage_week", "right_above", "right_below")
            ),
        ]
        for group in found.changed_too
        if group.name in alone
    ]
    return table(
        ["bank: without; with them", "n", "AUC", "coverage, mean", "week", "P >= 0.9 right", "P <= 0.1 right"], rows
    )


def delays_text(found: Sequence[tuple[str, Delays]]) -> str:
    """How soon each method tells."""
    rows = [
        [
            f"{one.cause}, {compartment}",
            one.method,
            f"{one.without_cause}; {one.with_cause}",
            one.false_alarms.text(),
            one.found.text(),
            _number(one.mean_delay, 1),
            _number(one.median_delay, 1),
            "1" if one.method == "ceiling" else one.ratio.text(3),
            _is_soon(one),
        ]
        for compartment, one in found
    ]
    head = [
        "cause",
        "method",
        "series without; with the cause",
        "false alarms",
        "told at all",
        "mean delay, days",
        "median",
        "times the ceiling's",
        "reached",
    ]
    return table(head, rows)


def _is_soon(one: Delays) -> str:
    if one.method not in ALARMS:
        return ""
    return "no" + in_doubt(one.ratio, 0.0, MOST_DELAY) if is_out(one.ratio, 0.0, MOST_DELAY) else "yes"


def families_text(rows: Sequence[Row]) -> str:
    """Table B: one line per stress and compartment; cells hold day 7 / 14 / 21."""
    head = [
        "series judged",
        "priors",
        "compartment",
        "n",
        "coverage, mean",
        "to the day itself",
        "coverage, week",
        "P >= 0.9: share",
        "right",
        "P <= 0.1: share",
        "right",
        "AUC",
        "RMSE",
        "reached",
    ]
    return table(head, [_family_row(row) for row in rows])


def _family_row(row: Row) -> list[str]:
    short = row.shortfalls()
    return [
        row.stress.name,
        row.stress.priors,
        row.compartment,
        " / ".join(str(day.n) for day in row.days),
        *(_days([day.coverage for day in row.days], 3), _days(row.whole, 3)),
        _days([day.coverage_week for day in row.days], 3),
        " / ".join(_number(day.sure_above, 2) for day in row.days),
        _days([day.right_above for day in row.days], 2),
        " / ".join(_number(day.sure_below, 2) for day in row.days),
        _days([day.right_below for day in row.days], 2),
        _days([day.auc for day in row.days], 3),
        _days([day.rmse for day in row.days], 2),
        "yes" if not short else "no: " + ", ".join(short),
    ]


def _days(figures: Sequence[Figure], digits: int) -> str:
    return " / ".join(_number(figure.value, digits) for figure in figures)


def next_steps_text(rows: Sequence[Row]) -> str:
    """What would mend each stress that falls short beyond the Monte Carlo error, one sentence each."""
    lines, doubted = [], []
    for name, grouped in groupby(rows, key=lambda row: row.stress.name):
        of_one = list(grouped)
        firm = [(row, [short for short in row.shortfalls() if not short.endswith("?")]) for row in of_one]
        said = [f"{row.stress.priors}, {row.compartment}: {', '.join(short)}" for row, short in firm if short]
        if said:
            lines.append(f"- `{name}` ({'; '.join(said)}): {NEXT_STEPS.get(name, 'no next step is known')}")
        elif any(row.shortfalls() for row in of_one):
            doubted.append(f"`{name}`")
    if doubted:
        lines.append(f"- Only within twice the Monte Carlo error: {', '.join(doubted)}.")
    return "\n".join(lines) if lines else "Every row reaches the targets."
