"""Verdict counts and page bytes of the reference wards are what they were before the house was rearranged."""

from __future__ import annotations

import json

import pytest

from tests.reference.wards import DIGEST, REFERENCES, Reference, digest


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: reference.name)
def test_counts_and_pages_of_a_reference_ward_are_as_committed(reference: Reference) -> None:
    committed = json.loads(DIGEST.read_text(encoding="utf-8"))[reference.name]
    assert digest(reference) == committed


def test_the_reference_wards_hold_every_verdict_and_every_change_of_an_alert() -> None:
    nights = [night for ward in json.loads(DIGEST.read_text(encoding="utf-8")).values() for night in ward]
    for verdict in ("alert", "clear", "not_assessable"):
        assert sum(night["verdicts"][verdict] for night in nights) > 20
    for change in ("opened", "resolved", "closed"):
        assert sum(night["alerts"][change] for night in nights) > 0
