"""Every status of a result after every other, in every order of arrival, held against the table of the decision (0073).

The stories are all of one, two and three messages out of six classes of OBX-11, 258 of them, each about a result of its own. One site is
one order of arrival: its first delivery holds the message of each story that comes first, and so on. N goes to quarantine by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.feeds.hl7_texts import file_of, message, order
from tests.shell.test_hl7_statuses import CASES, HELD, of_numbers, taken_in

# What is known of a result, and what is known after the next message by report time. Written by hand, and the same in the decision.
TABLE = """\
| known, then → | P | F | C, A | D, W, X | U, no value | N |
|---|---|---|---|---|---|---|
| nothing | preliminary | final | corrected | withdrawn | nothing | nothing |
| preliminary | preliminary | final | corrected | withdrawn | **the same value, final** | the same |
| final | the same | final | corrected | withdrawn | the same | the same |
| corrected | the same | final | corrected | withdrawn | the same | the same |
| withdrawn | the same | final | the same: **it waits for a person** | withdrawn | the same | the same |
"""
WAITS = """\
| what waits | until |
|---|---|
| U, where nothing is known | P, F, C or W of its result is known, reported before it or after |
| N, and what can't be read | F, C or W of its result is known that was reported after it |
| C after W | F, C or W of its result is known that was reported after it, or a person releases it |
"""
DECISION = Path(__file__).parents[2] / "docs" / "decisions" / "0073-corrections-and-when-they-were-sent.md"
CLASSES = "PFCWUN"
VALUES = {"P": 700, "F": 800, "C": 900, "N": 600}  # W and U say none
Story = tuple[str, ...]
PAIRS: list[Story] = [*itertools.product(CLASSES), *itertools.product(CLASSES, repeat=2)]
TRIPLES: list[Story] = list(itertools.product(CLASSES, repeat=3))


def cells() -> dict[tuple[str, str], str]:
    """What stands in the table, by what is known and the class of the message."""
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in TABLE.splitlines()]
    return {(known, name): cell for known, *said in rows[2:] for name, cell in zip("PFCWUN", said, strict=True)}


def at_the_end(story: Story) -> tuple[str, list[str]]:
    """By the tables: what is known after these messages, in the order of their report, and why some of them wait."""
    known, value, table, waits = "nothing", "", cells(), list[str]()
    for number, name in enumerate(story):
        cell = table[known, name]
        if name in "FCW":
            waits = []
        if name == "N":
            waits.append("unknown_status")
        if "waits for a person" in cell:
            waits.append(HELD)
        if cell == "the same value, final":
            known = "final"
        elif not cell.startswith("the same"):
            known, value = cell, f" {VALUES[name] + number}" if name in "PFC" else ""
    if not set(story) & set("PFCW"):
        waits += ["withdraws_unknown_record"] * story.count("U")
    return known + value, sorted(waits)


def told(story: Story, number: int, *, by_number: bool) -> list[str]:
    """The message of that place in the story, reported that many hours after the collection."""
    name, of = story[number], "".join(story)
    said = f"{VALUES[name] + number}" if name in VALUES else ""
    segments = order(
        said, number=f"X{of}", status=name, collected="20260302080000", reported=f"20260302{10 + number}00"
    )
    if name == "W" and by_number:
        return message(segments[0], "OBX|1||||||||||W", patient="", control=f"{of}{number}")
    return message(*segments, patient=f"SYNTH-{of}", control=f"{of}{number}")


def ends(root: Path) -> tuple[Mapping[str, str], Mapping[str, list[str]]]:
    """By story what holds of its result, and why its records wait."""
    return of_numbers(root, f"X[{CLASSES}]+")


def differing(root: Path, stories: Sequence[Story]) -> list[str]:
    """The stories that ended otherwise than by the tables."""
    held, waits = ends(root)
    found = {story: (held.get("X" + "".join(story), "nothing"), waits["X" + "".join(story)]) for story in stories}
    return [f"{''.join(s)}: {end}, not {at_the_end(s)}" for s, end in found.items() if end != at_the_end(s)]


@pytest.mark.parametrize("by_number", [False, True], ids=["whole withdrawals", "withdrawals by number alone"])
@pytest.mark.parametrize("arrival", [(0,), *itertools.permutations(range(2)), *itertools.permutations(range(3))])
def test_after_every_status_every_other_ends_by_the_table_in_this_order_of_arrival(
    arrival: tuple[int, ...], by_number: bool, tmp_path: Path
) -> None:
    stories = [story for story in (*PAIRS, *TRIPLES) if len(story) == len(arrival)]
    if by_number:  # it takes effect where something else of its result is known
        stories = [story for story in stories if "W" in story and set(story) & set("PFC")]
    for place, number in enumerate(arrival):
        if stories:
            messages = [told(story, number, by_number=by_number) for story in stories]
            taken_in(tmp_path, file_of(*messages), number=place)
    assert differing(tmp_path, stories) == []


@pytest.mark.parametrize("is_backwards", [False, True], ids=["as said", "backwards"])
def test_and_so_it_does_where_all_messages_stand_in_one_file(is_backwards: bool, tmp_path: Path) -> None:
    places = (2, 1, 0) if is_backwards else (0, 1, 2)
    messages = [told(story, number, by_number=False) for number in places for story in TRIPLES]
    taken_in(tmp_path, file_of(*messages), number=0)
    assert differing(tmp_path, TRIPLES) == []


def test_two_calls_without_a_report_time_are_two_where_they_were_sent_apart(tmp_path: Path) -> None:
    """The first of them calls the first preliminary value final, whichever of the two comes first."""

    def said(status: str, value: str, reported: str, sent: str) -> list[str]:
        one = order(value, number="XPU", status=status, collected="20260302080000", reported=reported)
        return message(*one, sent=f"20260302{sent}00+0100", control=sent)

    told_so = [
        said("P", "700", "202603021000", "1000"),
        said("U", "", "", "1030"),
        said("P", "750", "202603021100", "1100"),
        said("U", "", "", "1130"),
    ]
    for way, some in enumerate(itertools.permutations(told_so)):
        if way % 3 == 0:  # eight of the twenty-four
            for number, one in enumerate(some):
                taken_in(tmp_path / str(way), file_of(one), number=number)
            assert ends(tmp_path / str(way)) == ({"XPU": "final 700"}, {}), way


def test_the_tables_are_those_of_the_decision_and_every_class_has_a_case_of_its_own() -> None:
    text = DECISION.read_text("utf-8")
    assert TABLE in text
    assert WAITS in text
    assert len({*PAIRS, *TRIPLES}) == 6 + 6**2 + 6**3
    alone = {said[0][0] for said, _, _ in CASES.values() if len(said) == 1}
    assert alone >= {*"FVBCAPSRIODWXUNQ", ""}
