"""Every code that can be given has its sentence, and every sentence a code that can be given."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cmvmon.feeds
from cmvmon import ingest
from cmvmon.domain import conflicts, delivered
from cmvmon.domain.delivered import TWO_LABORATORIES, WITHDRAWS_UNKNOWN
from cmvmon.feeds.reasons import DELIVERY_REASONS, RECORD_REASONS, explain, promise_sentences, remedy
from cmvmon.run.deliveries import arrival_order
from cmvmon.shell.taken_in import arrivals, snapshots
from cmvmon.workbench import batch

SOURCES = [
    *sorted(Path(cmvmon.feeds.__file__).parent.rglob("*.py")),
    *(Path(module.__file__) for module in (ingest, conflicts, delivered, snapshots, arrivals, arrival_order, batch)),
]
CODE = r"^[a-z]+(_[a-z0-9]+)+$"


def _texts(source: Path) -> set[str]:
    """Every text constant of a module but its docstrings and the catalogue itself."""
    return {
        node.value
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    }


def _first_arguments(source: Path, *names: str) -> set[str]:
    """The texts given as first argument to calls of these names, each side of an `if` taken."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names and node.args:
            first = node.args[0]
            sides = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            found |= {side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)}
    return found


def test_every_code_in_a_rejection_or_refusal_has_its_sentence() -> None:
    for source in SOURCES:
        for code in _first_arguments(source, "Rejection", "refusal", "DeliveryError", "Unread", "Unclear", "Fault"):
            assert remedy(code), code


def test_every_sentence_belongs_to_a_code_that_is_given_somewhere() -> None:
    given = set().union(*(_texts(source) for source in SOURCES if not source.name.endswith("reasons.py"))) | set(
        promise_sentences()
    )
    composed = {"invalid_result", "qualitative_result", WITHDRAWS_UNKNOWN, TWO_LABORATORIES} | {
        f"missing_{field}" for field in ("patient_id", "accession_number", "tube_number", "specimen", "collected_at")
    }
    assert set(RECORD_REASONS) | set(DELIVERY_REASONS) == (set(RECORD_REASONS) | set(DELIVERY_REASONS)) & (
        given | composed
    )


@pytest.mark.parametrize("code", sorted(promise_sentences()))
def test_every_promise_about_a_delivered_row_can_be_explained(code: str) -> None:
    assert explain(code, feed="synthetic", column="value", line=3).startswith("synthetic, line 3, column `value`: ")


@pytest.mark.parametrize("code", sorted({*RECORD_REASONS, *DELIVERY_REASONS}))
def test_a_sentence_says_what_was_found_and_what_to_do(code: str) -> None:
    found, _, to_do = remedy(code).partition(". ")
    assert found
    assert to_do.endswith(".")


def test_an_unknown_code_is_an_error_and_not_an_empty_sentence() -> None:
    with pytest.raises(KeyError):
        remedy("no_such_code")


def test_the_words_to_map_are_those_of_the_table_that_the_record_is_of() -> None:
    of_movements = remedy("unknown_unit", table="patient_movements")
    assert "icu, elsewhere" in of_movements
    assert not any(other in of_movements for other in ("kidney_function", "drug_levels", "laboratory_values"))
    assert "mL/min" in remedy("unknown_unit", table="kidney_function")
    assert "patient_movements" in remedy("unknown_unit"), "where no table is known each is named"
