"""Every statement of the ward's guide points to a rule, a number, a column or a page, or is said not to be built yet."""

from __future__ import annotations

import re

import pytest

from cmvmon.shell.folder.protocol_files import Protocol
from tests.docs.guide_page import (
    APPLIED_BY,
    IN_PART,
    NOT_BUILT,
    STATEMENTS,
    Applies,
    applied,
    guide_page,
    rules_of,
    stanzas_of,
)

PROTOCOL = Protocol.shipped()


def test_the_guide_has_twenty_statements() -> None:
    assert list(STATEMENTS) == [f"G{number}" for number in range(1, 21)]
    assert set(APPLIED_BY) | set(NOT_BUILT) | set(IN_PART) <= set(STATEMENTS)
    assert not set(IN_PART) & set(NOT_BUILT)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_is_applied_by_something_or_named_as_not_built(statement: str) -> None:
    assert bool(applied(statement, PROTOCOL)) != (statement in NOT_BUILT), (
        f"{statement}: give what applies it in the protocol (`guide`) or in APPLIED_BY, or say in NOT_BUILT what is missing; not both"
    )


@pytest.mark.parametrize("one", [one for found in APPLIED_BY.values() for one in found], ids=str)
def test_what_is_said_to_apply_a_statement_exists(one: Applies) -> None:
    assert one.exists()


def test_what_does_not_exist_is_noticed() -> None:
    assert not Applies("host_status", "shoe_size").exists()
    assert not Applies("no_such_table", "condition").exists()
    assert not Applies(page="docs/method.md", words="no such words at all").exists()


def test_the_protocol_names_no_statement_that_the_guide_does_not_have() -> None:
    named = {guide for stanza in PROTOCOL.rules.values() for guide in stanza.provenance.guide}
    assert named <= set(STATEMENTS)
    assert rules_of("G15", PROTOCOL) == ("genotype_not_on_record", "resistance_found")
    assert "drugs" in stanzas_of("G14", PROTOCOL)


def test_the_page_has_a_row_for_each_statement_and_orders_nothing() -> None:
    rows = [line for line in guide_page().splitlines() if line.startswith("| G")]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(STATEMENTS)
    assert not re.search(r"\b(must|should|stop|switch)\b", " ".join(STATEMENTS.values()))
