"""A simulated year of a 30-bed unit, judged as alerts fire.

`python -m benchmarks unit_year [--seed S ...] [--days N] [--keep FOLDER] [--write]`

Made-up patients come and go for a year (`benchmarks/unit_year_patients.py`, where each assumption stands), and each morning the
shipped protocol judges whoever is there (`benchmarks/unit_year_mornings.py`). Seeds and parameters were fixed and written before any
threshold was looked at. `--write` writes `unit_year.md`, and `unit_year.json`, from which docs/rules.md says what each rule adds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    unit_year_bedside,
    unit_year_context,
    unit_year_laboratory,
    unit_year_mornings,
    unit_year_patients,
)
from benchmarks.quality_text import table
from benchmarks.unit_year_figures import median, per_ward_week, rate, share
from benchmarks.unit_year_judged import (
    WITHIN_DAYS,
    Found,
    Judged,
    adds,
    false_alarms,
    found,
)
from benchmarks.unit_year_missed import KIND, missed_text, of_a_load, sampled_weekly, told_of_patient
from benchmarks.unit_year_mornings import judged
from benchmarks.unit_year_patients import ASSUMED, BEDS, DAYS, SHARES, year
from benchmarks.unit_year_text import ALONE, EVENTS, FALSE, HEAD, LOW, strength_text, why_not
from cmvmon.kinetics.numerics.proportion import exact_interval
from cmvmon.protocol import Protocol
from cmvmon.run.replay.replay_ledger import Told
from cmvmon.run.replay.replay_report import REPEAT_DAYS, opened_in, repeats
from cmvmon.shell.folder import protocol_files

PAGE, DATA = Path(__file__).with_name("unit_year.md"), Path(__file__).with_name("unit_year.json")
# Six years, so that rare courses come more than once or twice. The last three were drawn when nothing was changed any more.
SEEDS = (20270101, 20280101, 20290101, 20300101, 20310101, 20320101)
MOST_REPEATS, MOST_TIER_1, LEAST_TOLD = 0.02, 1.0, 0.95  # the targets


def main(arguments: list[str] | None = None) -> int:
    """Prints the page; with --write also into the files. 0, also where a target is missed: it is named."""
    options = _options(arguments)
    began, protocol = time.perf_counter(), protocol_files.Protocol.shipped()
    keep: Path | None = options.keep
    years = [
        judged(
            year(seed),
            protocol,
            days=options.days,
            progress=_tell,
            keep=None if keep is None else keep / f"year-{seed}",
        )
        for seed in options.seed
    ]
    seconds = None if keep else time.perf_counter() - began
    text = page(years, options.seed, options.days, protocol, seconds)
    print(text)
    if options.write:
        PAGE.write_text(text + "\n", encoding="utf-8")
        DATA.write_text(data(years, options.seed, options.days, protocol) + "\n", encoding="utf-8")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks unit_year", description="A simulated year of a unit.")
    parser.add_argument("--seed", type=int, nargs="+", default=list(SEEDS), help="one for each year")
    parser.add_argument("--days", type=int, default=DAYS, help="of each year")
    parser.add_argument("--keep", type=Path, help="a folder: what was said so far is kept there, and gone on from")
    parser.add_argument("--write", action="store_true", help="also write unit_year.md and unit_year.json")
    options = parser.parse_args(arguments)
    if min(options.seed) < 0 or len(set(options.seed)) < len(options.seed):
        parser.error("--seed: different numbers, 0 or more")
    if not 28 <= options.days <= DAYS:
        parser.error(f"--days: 28 to {DAYS}")
    return options


def _tell(done: int, of: int) -> None:
    if done % 50 == 0:
        print(f"mornings: {done} of {of}", file=sys.stderr)


def page(
    years: Collection[Judged], seeds: Collection[int], days: int, protocol: Protocol, seconds: float | None
) -> str:
    """The page of tables. `seconds`: how long it took; None: its mornings were kept, and judged by several runs."""
    short = _shortfalls(years, days)
    took = "its mornings were kept, and judged by several runs" if seconds is None else f"{seconds:.0f} s"
    command = f"python -m benchmarks unit_year --seed {' '.join(map(str, seeds))} --days {days} --write"
    shares = ", ".join(f"{name} {share:g}" for name, share in SHARES.items())
    parts = [
        "# A simulated year of a 30-bed unit",
        HEAD,
        (
            f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({platform.machine()}), shared with other work; {took}. "
            f"Command:\n`{command}`\n\nProtocol `{protocol.version_with_priors}` ({protocol.identity}). {len(years)} years of {days} "
            f"days, {BEDS} beds, seeds {', '.join(map(str, seeds))}."
        ),
        "## Targets",
        table(("what", "found", "target", ""), _targets(years, days)),
        "Shortfalls: " + ("; ".join(short) if short else "none") + ".",
        "## True events: told, and how late",
        EVENTS,
        _events_text(found(years, days=days)),
        LOW,
        strength_text([each.year for each in years], days),
        missed_text(years, days),
        "## False alarms",
        FALSE,
        _false_text(years),
        "## Alerts of each rule",
        ALONE,
        _rules_text(years, days),
        *(
            f"`{rule}`: {why}."
            for rule, why in why_not([one.year for one in years]).items()
            if rule not in adds(years, days=days)
        ),
        "## The unit",
        f"{len(years)} x {days} days: {_unit_text(years)}",
        f"{ASSUMED}\n\n{(unit_year_patients.__doc__ or '').partition(ASSUMED)[2].strip()}\n- Shares of the courses: {shares}.",
        *(
            f"{module.ASSUMED}\n\n{(module.__doc__ or '').partition(module.ASSUMED)[2].strip()}"
            for module in (unit_year_bedside, unit_year_context, unit_year_laboratory, unit_year_mornings)
        ),
    ]
    return "\n\n".join(parts)


def data(years: Collection[Judged], seeds: Collection[int], days: int, protocol: Protocol) -> str:
    """What docs/rules.md reads: of each rule, how often it fired and what it said alone; as JSON."""
    weeks = len(years) * days / 7.0
    rules = {
        rule: {
            "alerts_per_ward_week": round(one.alerts / weeks, 3),
            "listed_per_ward_week": round(one.listed / weeks, 3),
            "patient_weeks": one.patient_weeks,
            "alone": one.alone,
        }
        for rule, one in adds(years, days=days).items()
    }
    about = {"beds": BEDS, "days": days, "seeds": list(seeds), "protocol": protocol.version_with_priors, "rules": rules}
    about["why_not"] = {rule: why for rule, why in why_not([one.year for one in years]).items() if rule not in rules}
    return json.dumps(about, indent=2, sort_keys=True)


def _targets(years: Collection[Judged], days: int) -> list[list[str]]:
    opened = [one for each in years for one in opened_in(each.told)]
    again = [one for each in years for one in repeats(each.told, REPEAT_DAYS)]
    first = Counter(one.patient_id for one in opened if one.tier == 1)
    ward_weeks, most = len(years) * days / 7.0, f"<= {100 * MOST_REPEATS:g} %"
    rows = []
    for what, is_meant in (
        (f"repeats: the same rule and subject within {REPEAT_DAYS} days of its end", lambda _: True),
        ("the same of tier 1 and 2: what a person is shown again", lambda one: one.listed_at is not None),
    ):
        n, of = sum(map(is_meant, again)), sum(map(is_meant, opened))
        rows.append([what, share(n, of), most, _said(n <= MOST_REPEATS * of)])
    rows += [
        [
            "tier 1 alerts per week of the ward",
            per_ward_week(first, years, ward_weeks),
            f"<= {MOST_TIER_1:g}",
            _said(first.total() <= MOST_TIER_1 * ward_weeks),
        ]
    ]
    for one in found(years, days=days):
        if one.kind == KIND:
            told = f"non-responders told by day {WITHIN_DAYS[KIND]:g} of treatment, {one.compartment}"
            high = f"of these, whose load truly stood at 1,000 IU/mL or above, {one.compartment}"
            weekly = f"of these, with a result in each of the three weeks, {one.compartment}"
            counts = (
                (told, one.in_time, one.lasted),
                (high, *of_a_load(years, days, one.compartment)),
                (weekly, *sampled_weekly(years, days, one.compartment)),
            )
            least = f">= {100 * LEAST_TOLD:g} %"
            rows += [[what, share(n, of), least, _said_of(n, of)] for what, n, of in counts]
    n, of = told_of_patient(years, days)
    patients = f"patients of these who were told of by day {WITHIN_DAYS[KIND]:g}, by an alert about either compartment"
    return [*rows, [patients, share(n, of), f">= {100 * LEAST_TOLD:g} %", _said_of(n, of)]]


def _said(is_reached: bool) -> str:
    return "reached" if is_reached else "**short**"


def _said_of(n: int, of: int) -> str:
    """`short?`: it is missed, and the interval holds the target."""
    if not of or n / of >= LEAST_TOLD:
        return "reached"
    return "**short?**" if exact_interval(n, of, 0.95)[1] >= LEAST_TOLD else "**short**"


def _shortfalls(years: Collection[Judged], days: int) -> list[str]:
    rows = [
        f"{what} ({value}; target {target})" for what, value, target, said in _targets(years, days) if said != "reached"
    ]
    again = Counter(one.rule for each in years for one in repeats(each.told, REPEAT_DAYS))
    if again and rows:
        rows.append("repeats by rule: " + ", ".join(f"`{rule}` {n}" for rule, n in again.most_common()))
    return rows


def _events_text(rows: Collection[Found]) -> str:
    head = (
        "event",
        "compartment",
        "events",
        "told, %",
        "median delay, days",
        "told in time, %",
        "of those that lasted",
    )
    return table(
        head,
        [
            [
                one.kind,
                one.compartment,
                str(one.events),
                share(len(one.delays), one.events),
                median(one.delays),
                share(one.in_time, one.lasted),
                f"{WITHIN_DAYS[one.kind]:g} days: {one.lasted}",
            ]
            for one in rows
        ],
    )


def _false_text(years: Collection[Judged]) -> str:
    """By what the load truly does: alerts, and how many per week that such a patient was there."""
    false = [one for each in years for one in false_alarms(each)]
    course = {row["patient_id"]: row["course"] for each in years for row in each.year.patients.iter_rows(named=True)}
    weeks = {name: days / 7.0 for each in years for name, days in each.patient_days.items()}
    rows = [_false_row("all", false, weeks)]
    for name in sorted(set(course.values())):
        mine = [one for one in false if course[one.patient_id] == name]
        rows.append(_false_row(name, mine, {who: span for who, span in weeks.items() if course[who] == name}))
    return table(("true course", "patient-weeks", "false alarms", "per patient-week", "by rule"), rows)


def _false_row(name: str, false: Collection[Told], weeks: dict[str, float]) -> list[str]:
    by_rule = Counter(one.rule for one in false)
    counts = Counter(one.patient_id for one in false)
    return [
        name,
        f"{sum(weeks.values()):.0f}",
        str(len(false)),
        rate(counts, weeks),
        ", ".join(f"`{rule}` {n}" for rule, n in by_rule.most_common()) or "-",
    ]


def _rules_text(years: Collection[Judged], days: int) -> str:
    weeks = len(years) * days / 7.0
    head = ("rule", "alerts", "per ward-week", "of tier 1 or 2", "patient-weeks with one", "alone, %", "repeats")
    again = Counter(one.rule for each in years for one in repeats(each.told, REPEAT_DAYS))
    return table(
        head,
        [
            [
                f"`{rule}`",
                str(one.alerts),
                f"{one.alerts / weeks:.2f}",
                str(one.listed),
                str(one.patient_weeks),
                share(one.alone, one.patient_weeks),
                str(again[rule]),
            ]
            for rule, one in adds(years, days=days).items()
        ],
    )


def _unit_text(years: Collection[Judged]) -> str:
    courses = Counter(
        row["course"]
        for each in years
        for row in each.year.patients.iter_rows(named=True)
        if row["patient_id"] in each.patient_days
    )
    patient_days = sum(sum(each.patient_days.values()) for each in years)
    shown = ", ".join(f"{name} {n}" for name, n in courses.most_common())
    return (
        f"{courses.total()} patients, {patient_days / 7.0:.0f} patient-weeks. By what their load truly does: {shown}."
    )


if __name__ == "__main__":
    sys.exit(main())
