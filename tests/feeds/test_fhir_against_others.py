"""Our reading beside fhir.resources, member by member; and what we write, as it validates it. Where it is no judge, it is said.

It has no R4 of its own: R4B has the same members for what is read here.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.operationoutcome import OperationOutcome
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import cmvmon
from cmvmon.feeds.fhir.addresses import address_of, at
from cmvmon.feeds.fhir.entries import read_json
from cmvmon.feeds.fhir.outcome import operation_outcome
from cmvmon.feeds.fhir.posted import REFUSALS, not_judged, refused
from cmvmon.feeds.fhir.values import value_of
from tests.feeds.fhir_texts import (
    FILES,
    as_bytes,
    bundle,
    needs_public_resources,
    observation,
    quantity,
    read,
    report,
    results,
    told,
)

EXAMPLE = Path(cmvmon.__path__[0]) / "examples" / "fhir" / "results.fhir.json"

# Of http://hl7.org/fhir/ValueSet/issue-type (R4), those that say why a request is not taken; fhir.resources takes any word.
TYPES_OF_ISSUES = {
    "structure", "required", "too-long", "not-found", "not-supported", "login", "forbidden", "transient", "timeout", "no-store",
    "informational",
}  # fmt: skip


def texts(value: Any, path: str) -> tuple[str, ...]:
    """What the judge holds at the end of a path."""
    found = [value]
    for name in path.split("."):
        held = [getattr(one, name) for one in found]
        found = [inner for one in held for inner in (one if isinstance(one, list) else [one]) if inner is not None]
    return tuple(dict.fromkeys(str(one) for one in found))


PATHS = ("status", "code.coding.code", "code.coding.system", "identifier.value", "subject.reference", "specimen.reference",
         "method.coding.code", "meta.versionId", "component.code.coding.code", "valueQuantity.unit", "valueQuantity.comparator",
         "interpretation.coding.code", "valueString")  # fmt: skip


def test_the_judge_finds_the_same_texts_in_every_observation_of_the_example() -> None:
    entries, n = read_json(EXAMPLE.read_bytes()), 0
    for ours, theirs in zip(entries, Bundle.model_validate_json(EXAMPLE.read_bytes()).entry, strict=True):
        assert ours.kind == theirs.resource.get_resource_type()
        for path in PATHS if ours.kind == "Observation" else ("id",):
            address = address_of(f"{ours.kind}.{path}")
            assert address is not None
            assert at(ours.members, address.steps).texts == texts(theirs.resource, path)
            n += 1
    assert n > 80


def test_the_made_up_resources_of_the_tests_are_fhir() -> None:
    low = observation("F2", id="o2", **quantity(137, comparator="<"))
    panel = observation(
        id="p",
        valueQuantity=None,
        component=[{"code": low["code"]} | quantity()],
        hasMember=[{"reference": "Observation/o1"}],
    )
    whole = Bundle.model_validate_json(told(observation(), low, panel, report("o1", "o2", "p")))
    assert len(whole.entry) == 6


@needs_public_resources
def test_the_judge_and_we_read_the_same_number_in_a_published_load() -> None:
    data = next(path for path in FILES if path.suffix == ".json").read_bytes()
    theirs = Observation.model_validate_json(data)
    (ours,) = read_json(data)
    assert (
        value_of(ours.members, units_read=("unit", "code"), decimal=".") == str(theirs.valueQuantity.value) == "6000000"
    )


@given(st.decimals(min_value="0.01", max_value=10**9, places=4), st.sampled_from(["", "<", ">", "<=", ">="]))
def test_the_judge_and_we_read_the_same_quantity(number: Decimal, comparator: str) -> None:
    text = as_bytes(observation(**quantity(0, **({"comparator": comparator} if comparator else {})))).decode()
    text = text.replace('"value": 0,', f'"value": {number:f},')
    theirs = Observation.model_validate_json(text).valueQuantity
    (ours,) = read_json(text.encode())
    said = value_of(ours.members, units_read=("unit", "code"), decimal=".")
    assert (said.rstrip("0123456789.-"), Decimal(said.lstrip("<>="))) == (theirs.comparator or "", theirs.value)


def test_what_is_answered_is_fhir() -> None:
    good, bad = observation(), observation("F2", id="o2", subject={"reference": "Patient/none"})
    for data in (told(good, bad), told(good), as_bytes(bundle(good, kind="history"))):
        parts = read(data).parts
        assert OperationOutcome.model_validate(operation_outcome(parts)).issue


def test_what_is_answered_where_nothing_was_judged_is_fhir() -> None:
    for answer in (not_judged(), *map(refused, REFUSALS)):
        (issue,) = OperationOutcome.model_validate_json(answer.body).issue
        assert issue.code in TYPES_OF_ISSUES


def test_the_judge_is_none_of_what_a_status_means_and_of_json_itself() -> None:
    """It takes a status that does not exist, and the last of two members; we set both apart."""
    assert Observation.model_validate(observation(status="zzz")).status == "zzz"
    assert not results(told(observation(status="zzz"))).accepted.height
    twice = json.dumps(observation()).replace('"status": "final"', '"status": "entered-in-error", "status": "final"')
    assert Observation.model_validate_json(twice).status == "final"
    assert read(twice.encode()).parts[0].quarantined["reason"].to_list() == ["repeated_member"]


def test_the_judge_refuses_a_resource_for_a_member_that_nobody_reads() -> None:
    later = observation(triggeredBy=[{"type": "reflex"}])  # of R5
    with pytest.raises(ValidationError):
        Observation.model_validate(later)
    assert results(told(later)).accepted.height == 1
