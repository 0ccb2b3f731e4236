"""What holds of every rule by its being one: a stricter threshold takes no alert away, and patients don't touch each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cmvmon.assess import Assessment, assess
from cmvmon.domain import words
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.facts import all_fact_tables
from cmvmon.facts.conditions import PROTOCOL, Comparison, Condition, Not
from cmvmon.rules import Rule, all_rules
from cmvmon.rules.evidence import read_back
from cmvmon.rules.judging import judged
from cmvmon.shell.folder.protocol_files import Protocol
from tests.rules.reading import cases
from tests.rules.reference_wards import REFERENCES, Reference, assessed_ward
from tests.rules.together import verdicts_of

WARDS = REFERENCES[4::23]
LOWER, HIGHER = "a lower number alerts on more", "a higher number alerts on more"
_MORE_WHEN = {">": LOWER, ">=": LOWER, "<": HIGHER, "<=": HIGHER}
_OTHER = {LOWER: HIGHER, HIGHER: LOWER}
STRICTER = {LOWER: (0.9, 0.5, 0.0), HIGHER: (1.1, 2.0, 10.0)}
# Numbers on both sides of which one ground or another stands: the sides on which no alert may be lost all the same, and why.
ON_BOTH_SIDES: dict[tuple[str, str], set[str]] = {
    ("guide_duration", "least_days"): set(),  # either treated for so long, or stopped before: neither side is stricter
    ("no_follow_up", "overdue_after_days"): {LOWER},  # blood that is not overdue is asked for too, beside what leads
    (
        "plasma_does_not_exclude",
        "concordance.stale_after_days",
    ): set(),  # how old blood, and the organ's own sample, may be
    ("response", "exposure.adequate_days"): {LOWER, HIGHER},  # parts refractory from the other grounds
    ("response", "refractory_rise_log10"): {LOWER, HIGHER},
    ("response", "refractory_one_load_iu_per_ml"): {LOWER, HIGHER},
    ("response", "response_clock.judged_from_days"): set(),  # of the clock, or else of the whole course
    ("response", "response_clock.lately_from_days"): set(),  # says over which weeks a fall is read
}


def _stricter(condition: Condition, *, denied: bool = False) -> Iterator[tuple[str, str]]:
    """Each number that the condition holds a fact against, with the side on which it holds of more."""
    if isinstance(condition, Comparison):
        on_the_left = {name for name in condition.left.columns if name.startswith(PROTOCOL)}
        on_the_right = {name for name in condition.right.columns if name.startswith(PROTOCOL)}
        if condition.operator in _MORE_WHEN:
            side = _MORE_WHEN[condition.operator]
            for names, more in ((on_the_right, side), (on_the_left, _OTHER[side])):
                yield from ((name, _OTHER[more] if denied else more) for name in names)
        return
    for part in condition.parts:
        yield from _stricter(part, denied=denied != isinstance(condition, Not))


def thresholds(rule: Rule) -> dict[str, set[str]]:
    """The numbers of a rule's grounds, each with the sides on which it alerts on more: of one that parts grounds, both."""
    found: dict[str, set[str]] = {}
    for ground in rule.fires.values():
        for name, side in _stricter(ground):
            found.setdefault(name, set()).add(side)
    return found


@pytest.fixture(scope="module")
def judged_wards() -> list[Assessment]:
    return [assessed_ward(ward) for ward in WARDS]


@pytest.fixture(scope="module")
def read_by(judged_wards: list[Assessment]) -> Callable[[str], pl.DataFrame]:
    """What a rule read, of every row of its case table and of every subject of the wards; read back once for all of its numbers."""
    return cache(partial(_read, judged_wards=judged_wards))


def _read(code: str, judged_wards: list[Assessment]) -> pl.DataFrame:
    everywhere = [verdicts_of(case) for case in cases(code)] + [ward.verdicts for ward in judged_wards]
    mine = pl.concat(frame.filter(pl.col("rule") == code) for frame in everywhere)
    return read_back(next(rule for rule in RULES if rule.code == code), mine, all_fact_tables())


RULES = all_rules()
OF_RULES = [
    pytest.param(rule, name, sides, id=f"{rule.code}-{name.removeprefix(PROTOCOL)}")
    for rule in RULES
    for name, sides in sorted(thresholds(rule).items())
]


@pytest.mark.parametrize(("rule", "name", "sides"), OF_RULES)
def test_a_stricter_threshold_never_turns_a_verdict_away_from_alert(
    rule: Rule, name: str, sides: set[str], read_by: Callable[[str], pl.DataFrame]
) -> None:
    if len(sides) > 1:
        sides = ON_BOTH_SIDES[rule.code, name.removeprefix(PROTOCOL)]
    read = read_by(rule.code)
    said = judged(rule, read)
    is_held = said["reason"].is_in(list(rule.unless)).fill_null(False)
    alerts, others = (
        read.filter(said["verdict"] == words.ALERT),
        read.filter((said["verdict"] != words.ALERT) & ~is_held),
    )
    assert alerts.height
    for factor in [f for side in sorted(sides) for f in STRICTER[side]]:
        stricter = judged(rule, alerts.with_columns(pl.col(name) * factor))
        fired = stricter.filter(
            ~pl.col("reason").is_in(list(rule.unless)).fill_null(False)
        )  # what holds a fire back stands apart
        assert fired["verdict"].unique().to_list() == [words.ALERT], f"{name} times {factor}"
    for factor in [f for side in sorted(sides) for f in STRICTER[_OTHER[side]]]:
        looser = judged(rule, others.with_columns(pl.col(name) * factor))
        assert words.ALERT not in looser["verdict"].to_list(), f"{name} times {factor}"


def test_the_numbers_with_a_ground_on_both_sides_are_these() -> None:
    found = {
        (rule.code, name.removeprefix(PROTOCOL))
        for rule in RULES
        for name, on in thresholds(rule).items()
        if len(on) > 1
    }
    assert found == set(ON_BOTH_SIDES)


def test_every_rule_that_reads_a_number_in_a_ground_is_tried() -> None:
    """So that the test above can't pass by finding nothing."""
    tried = {param.values[0].code for param in OF_RULES}
    assert len(OF_RULES) > 40
    assert {"response", "rebound", "recurrence", "untreated_rise", "exposure_low", "no_follow_up"} <= tried


@pytest.mark.parametrize("of", WARDS, ids=lambda ward: ward.name)
def test_for_a_fixed_answer_of_the_unit_a_patient_is_judged_as_alone(of: Reference) -> None:
    tables = {VIRAL_LOAD_RESULTS: of.results(), ANTIVIRAL_COURSES: of.antiviral_courses(), ICU_STAYS: of.icu_stays()}
    whole = assessed_ward(of)
    patients = whole.patients.sort()
    for mine in (patients.gather_every(2), patients[:1], patients[-3:]):
        is_mine = pl.col("patient_id").is_in(mine.implode())
        some = {table: None if rows is None else rows.filter(is_mine) for table, rows in tables.items()}
        alone = assess(
            Known.of(some, concordance=whole.concordance), protocol=Protocol.shipped(), as_of=of.as_of, method=of.method
        )
        assert_frame_equal(alone.verdicts, whole.verdicts.filter(is_mine))
