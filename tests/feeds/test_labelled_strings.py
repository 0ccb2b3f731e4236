"""Five thousand strings whose meaning was known before they were written: none is read as something else than it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import isclose

import pytest

from cmvmon.feeds.value_grammar import Reading, parse_value
from tests.feeds.grammars import grammar
from tests.feeds.labelled_strings import READ, REFUSE, SENDERS, Labelled, Maker, labelled_strings

Reader = Callable[[Labelled], tuple[str, float | None, str]]
N = 5_000
READ_NOT_YET = {  # of kinds that a person can read, those that the grammar refuses, all of them
    "a phrase with method and range",
    "a load with its method",
    "another sign for below",
    "a power set high",
}


def said(one: Labelled) -> tuple[str, float | None, str]:
    """What the grammar makes of a string: detection or REFUSE, number per mL, quantity."""
    found = parse_value(one.text, one.unit, grammar=grammar(one.sender))
    if not isinstance(found, Reading):
        return (REFUSE, None, "")
    number = found.value if found.limit is None else found.limit
    if number is None or found.unit is None:
        return (found.detection, None, "iu")
    return (found.detection, found.unit.linear(number), found.unit.quantity)


def by_its_first_number(one: Labelled) -> tuple[str, float | None, str]:
    """What a careless reader makes of it: the first number that stands in it, as a load in IU; a control, never ours."""
    found = re.search(r"\d+(?:[.,]\d+)?", one.text)
    return (REFUSE, None, "") if found is None else ("quantified", float(found[0].replace(",", ".")), "iu")


def is_wrong(one: Labelled, reader: Reader = said) -> bool:
    """Whether it is read as something that it does not say; a refusal is never wrong."""
    detection, linear, quantity = reader(one)
    if detection == REFUSE:
        return False
    is_same = linear is one.linear is None or (
        linear is not None and one.linear is not None and isclose(linear, one.linear, rel_tol=1e-9)
    )
    return not (detection == one.detection and is_same and quantity == one.quantity)


def test_of_five_thousand_labelled_strings_none_is_accepted_as_something_else_than_it_says() -> None:
    made = list(labelled_strings(N))
    assert len(made) == N
    assert [(one.sender, one.kind, one.text, one.unit, said(one)) for one in made if is_wrong(one)] == []


def test_what_a_person_could_read_and_is_refused_is_of_the_kinds_that_are_told() -> None:
    refused = Counter(one.kind for one in labelled_strings(N) if one.detection != REFUSE and said(one)[0] == REFUSE)
    assert set(refused) == READ_NOT_YET, refused


def test_the_labels_are_half_of_loads_and_half_of_none_and_few_strings_come_twice() -> None:
    made = list(labelled_strings(N))
    n_refuse = sum(one.detection == REFUSE for one in made)
    assert N * 0.4 < n_refuse < N * 0.6
    assert len({(one.sender, one.text, one.unit) for one in made}) > N * 0.7
    assert len({one.kind for one in made}) >= 24


@pytest.mark.parametrize("seed", range(1, 5))
def test_other_strings_of_the_same_kinds_are_not_misread_either(seed: int) -> None:
    assert [
        (one.sender, one.kind, one.text, one.unit, said(one)) for one in labelled_strings(N, seed=seed) if is_wrong(one)
    ] == []


def test_a_reader_that_takes_the_first_number_would_be_caught() -> None:
    """The control: such a reader is wrong in every kind that says no load by a number, and in others than plain numbers too."""
    made = list(labelled_strings(N))
    numbered = [one for one in made if one.detection == REFUSE and re.search(r"[0-9]", one.text)]
    assert len(numbered) > 1_000
    wrong = [one for one in made if is_wrong(one, by_its_first_number)]
    assert {one.kind for one in numbered} <= {one.kind for one in wrong}
    assert all(is_wrong(one, by_its_first_number) for one in numbered)
    assert {one.detection for one in wrong} >= {REFUSE, "below_lloq", "quantified"}
    assert {kind(Maker(SENDERS[0], 0)).detection for kind in READ} >= {"quantified"}
