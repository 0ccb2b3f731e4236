"""A contract is taken at its word: what is unknown, doubled, or of the wrong kind is an error that says where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cmvmon.data_contracts import strict
from cmvmon.domain.errors import ContractBroken


def refused(ask: Callable[[], Any]) -> str:
    with pytest.raises(ContractBroken) as found:
        ask()
    return str(found.value)


def test_a_key_that_stands_twice_is_named_with_the_line_of_its_mapping() -> None:
    said = refused(lambda: strict.document("name: a\nparts:\n  one: 1\n  two: 2\n  one: 3\n"))
    assert said == "line 3 of the contract: one stands there twice; keep one"
    assert refused(lambda: strict.document("a: 1\na: 2\n")).startswith("line 1 of the contract: a stands there twice")


@pytest.mark.parametrize("text", ["- a\n- b\n", "only a word\n", "1: a\nb: c\n", ""])
def test_what_is_no_mapping_from_words_is_refused(text: str) -> None:
    assert "it must be a mapping" in refused(lambda: strict.document(text))


def test_what_is_no_yaml_is_refused_and_what_is_a_mapping_is_read() -> None:
    assert "is not YAML" in refused(lambda: strict.document("a: [1, 2\n"))
    assert strict.document("a: 1\nb: [x]\n") == {"a": 1, "b": ["x"]}


@pytest.mark.parametrize("value", [{}, {"a": 1}])
def test_a_mapping_is_handed_back(value: dict[str, Any]) -> None:
    assert strict.mapping(value, "here") is value


@pytest.mark.parametrize("value", [None, "a", ("a",), {"a": 1}])
def test_what_is_no_list_is_refused(value: object) -> None:
    assert refused(lambda: strict.sequence(value, "here")).startswith(
        "here: can't map what stands there: it must be a list"
    )


def test_a_key_that_is_not_allowed_is_named() -> None:
    strict.only({"a": 1}, ("a", "b"), "here")
    assert refused(lambda: strict.only({"a": 1, "z": 2, "y": 3}, ("a",), "here")).startswith(
        "here: can't map the key 'y', 'z'"
    )


def test_a_key_must_hold_what_is_expected() -> None:
    strict.must_be({"kind": "table"}, "kind", "table", "here")
    for given in ({"kind": "view"}, {}):
        assert "it must be 'table'" in refused(lambda given=given: strict.must_be(given, "kind", "table", "here"))


@pytest.mark.parametrize("value", [None, "", 3, ["a"]])
def test_a_text_is_no_empty_one_and_nothing_else(value: object) -> None:
    assert "it must be text" in refused(lambda: strict.text({"name": value}, "name", "here"))
    assert strict.text({"name": "a"}, "name", "here") == "a"


@pytest.mark.parametrize("value", [[], ["a", 1], [None]])
def test_a_list_of_words_holds_words_and_at_least_one(value: object) -> None:
    assert "it must be a list of words" in refused(lambda: strict.words({"of": value}, "of", "here"))
    assert strict.words({"of": ["a", "b"]}, "of", "here") == ("a", "b")


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_a_count_is_a_whole_number_of_0_or_more(value: object) -> None:
    assert "it must be a whole number" in refused(lambda: strict.count({"n": value}, "n", "here"))


def test_a_count_may_be_0() -> None:
    assert [strict.count({"n": n}, "n", "here") for n in (0, 1, 48)] == [0, 1, 48]
