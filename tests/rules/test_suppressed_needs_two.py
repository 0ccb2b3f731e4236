"""One result says nothing about two: it neither makes the state `suppressed` nor ends it."""

from __future__ import annotations

import json

import pytest

from cmvmon.assess import assess
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients


def said(results: str) -> list[tuple[str, str | None]]:
    known = patients.known(results, courses="ganciclovir d0-", stays="d-3- none")
    verdicts = assess(known, protocol=Protocol.shipped(), as_of=patients.moment(20)).verdicts
    mine = verdicts.filter(rule="suppressed")
    told = [bool(json.loads(evidence)["says"]) for evidence in mine["evidence"]]
    return [
        ("state" if tells else verdict, reason)
        for tells, verdict, reason in zip(told, mine["verdict"], mine["reason"], strict=True)
    ]


@pytest.mark.parametrize("value", ["nd", "<35", "500", ">10000000"])
def test_one_result_is_not_assessable_whatever_it_is(value: str) -> None:
    assert said(f"plasma d7 {value}") == [("not_assessable", "fewer_than_two_results")]


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ("plasma d7 nd, d14 <35", "state"),
        ("plasma d7 <35, d14 500", "clear"),
        ("plasma d7 500, d14 nd", "clear"),
        ("plasma d0 500, d7 nd, d14 nd", "state"),
    ],
)
def test_the_second_result_decides(results: str, verdict: str) -> None:
    assert said(results) == [(verdict, None)]
