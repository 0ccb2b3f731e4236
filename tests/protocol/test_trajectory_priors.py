"""A priors file: what it must hold, every fault at once, and text that reads back as it was."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.compartments import NAMES
from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol import (
    TrajectoryLine,
    TrajectoryPriors,
    read_protocol,
    read_trajectory_priors,
    trajectory_priors_text,
)
from cmvmon.protocol.trajectory_priors import CHANGES, MOST_CHANGES, RESPONSES
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.random_series import random_lines

TEXT = """
version = "ours-1"
source = "made up for this test"
strength = "assumption"
owner = "nobody"

[learned]
series = 12
how = "made up"

[[plasma]]
name = "straight"
change = "none"
response = "responder"
weight = 0.75
mean = [4.0, 0.9]
covariance = [0.64, 0.1, 0.3]

[[plasma]]
name = "late"
change = "late"
response = "non_responder"
changes_at_weeks = [0.5, 2.5]
weight = 0.25
mean = [4.0, -0.2, 0.9, -0.3]
covariance = [0.64, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0, 0.2, 0.0, 0.1]
"""


def needed(lines: tuple[TrajectoryLine, ...]) -> tuple[TrajectoryLine, ...]:
    """The same with the lines that no priors file may lack: a responder's, and a non-responder's with a late change."""
    other, first = lines[1], replace(lines[0], response="responder")
    late = replace(other, name="late", change="late", response="non_responder", changes_at_weeks=(2.5,))
    late = replace(late, mean=(4.0, 0.5, -0.3), covariance=(0.6, 0.0, 0.0, 0.2, 0.0, 0.1))
    return (first, late, *lines[2:])


def read(text: str) -> TrajectoryPriors:
    return read_trajectory_priors(text, name="ours.toml")


def test_weights_that_rounding_moved_are_scaled_to_one_and_a_straight_line_never_changes() -> None:
    straight, late = read(
        TEXT.replace("weight = 0.75", "weight = 0.753").replace("weight = 0.25", "weight = 0.251")
    ).lines["plasma"]
    assert (straight.weight, late.weight) == (0.75, 0.25)
    assert straight.is_straight
    assert straight.changes_at_weeks == ()
    assert late.changes_at_weeks == (0.5, 2.5)
    assert not late.is_straight
    assert read(TEXT).learned == {"series": 12, "how": "made up"}


@pytest.mark.parametrize(
    ("what", "before", "after", "said"),
    [
        ("not TOML", 'version = "', "version = ", "not valid TOML"),
        ("no version", 'version = "ours-1"', "", "version is missing or empty; add it"),
        ("an empty source", 'source = "made up for this test"', 'source = " "', "source is missing or empty"),
        ("no strength", 'strength = "assumption"', "", "strength is missing or empty"),
        ("an owner that is a number", 'owner = "nobody"', "owner = 3", "owner is missing or empty"),
        ("learned is no table", "[learned]\nseries = 12\nhow =", "learned =", "[learned] must be a table"),
        ("an unknown key", 'version = "', 'patients = 3\nversion = "', "patients is not a key of this file"),
        ("no name", 'name = "late"\n', "", "[[plasma]] number 2: name is missing; add it"),
        ("two of one name", 'name = "late"', 'name = "straight"', "[[plasma]] two lines have one name"),
        ("another change", 'change = "late"', 'change = "soon"', "number 2: change must be one of none, early, late"),
        ("another response", 'response = "non_responder"', 'response = "none"', "response must be one of responder, slow, non_responder"),
        ("a straight line that changes", "weight = 0.75", "weight = 0.75\nchanges_at_weeks = [1]", "number 1: changes_at_weeks is not a key of a line"),
        ("a late line that never does", "changes_at_weeks = [0.5, 2.5]", "", "changes_at_weeks is missing"),
        ("no change in the list", "[0.5, 2.5]", "[]", "changes_at_weeks must be one or two rising numbers above 0"),
        ("changes that go back", "[0.5, 2.5]", "[2.5, 0.5]", "changes_at_weeks must be one or two rising"),
        ("a change at the anchor", "[0.5, 2.5]", "[0.0, 2.5]", "changes_at_weeks must be one or two rising"),
        ("three changes", "[0.5, 2.5]", "[0.5, 2.5, 3.0]", "changes_at_weeks must be one or two rising"),
        ("a change that is text", "[0.5, 2.5]", '["0.5", 2.5]', "changes_at_weeks must be one or two rising"),
        ("a change that never comes", "[0.5, 2.5]", "[0.5, inf]", "changes_at_weeks must be one or two rising"),
        ("a mean too short", "mean = [4.0, -0.2, 0.9, -0.3]", "mean = [4.0, -0.2]", "number 2: mean must be 4 finite numbers"),
        ("a mean that is no number", "mean = [4.0, 0.9]", "mean = [4.0, nan]", "number 1: mean must be 2 finite numbers"),
        ("a truth for a number", "mean = [4.0, 0.9]", "mean = [4.0, true]", "mean must be 2 finite numbers"),
        ("a mean that is no list", "mean = [4.0, 0.9]", "mean = 4.0", "mean must be 2 finite numbers"),
        ("a covariance too short", "[0.64, 0.1, 0.3]", "[0.64, 0.1]", "number 1: covariance must be the upper triangle"),
        ("a negative variance", "[0.64, 0.1, 0.3]", "[-0.64, 0.1, 0.3]", "covariance must be the upper triangle"),
        ("a correlation of one", "[0.64, 0.1, 0.3]", "[0.64, 0.8, 1.0]", "a matrix of full rank"),
        ("a weight of 0", "weight = 0.75", "weight = 0", "number 1: weight must be a number above 0"),
        ("a negative weight", "weight = 0.25", "weight = -1", "number 2: weight must be a number above 0"),
        ("an infinite weight", "weight = 0.25", "weight = inf", "number 2: weight must be a number above 0"),
        ("an unknown key of a line", "weight = 0.25", "weight = 0.25\nhurry = 2", "number 2: hurry is not a key of a line; remove it"),
        ("no straight line", 'change = "none"', 'change = "early"\nchanges_at_weeks = [1]', "mean must be 3 finite numbers"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_and_the_place_is_named(what: str, before: str, after: str, said: str) -> None:
    assert before in TEXT, what
    with pytest.raises(ProtocolError, match=re.escape(said)) as refused:
        read(TEXT.replace(before, after, 1))
    assert "priors/ours.toml" in str(refused.value)


def test_every_fault_is_reported_at_once() -> None:
    broken = (
        TEXT.replace("weight = 0.75", "weight = 0")
        .replace('"non_responder"', '"later"')
        .replace('owner = "nobody"', "")
    )
    with pytest.raises(ProtocolError) as refused:
        read(broken)
    for said in ("owner is missing", "number 1: weight", "number 2: response"):
        assert said in str(refused.value)


def test_a_file_without_lines_or_without_a_straight_one_is_refused() -> None:
    with pytest.raises(ProtocolError, match="no lines"):
        read(TEXT[: TEXT.index("[[plasma]]")])
    second = TEXT.index("[[plasma]]", TEXT.index("[[plasma]]") + 1)
    with pytest.raises(ProtocolError, match="has no straight line"):
        read(TEXT[: TEXT.index("[[plasma]]")] + TEXT[second:])


@pytest.mark.parametrize(
    ("what", "before", "after", "said"),
    [
        (
            "weights that add up to 2",
            "weight = 0.75",
            "weight = 1.75",
            "the weights add up to 2; they must add up to 1",
        ),
        ("no late line", 'change = "late"', 'change = "early"', "no line with change = 'late'"),
        ("no responder", 'response = "responder"', 'response = "slow"', "no line with response = 'responder'"),
        (
            "no non-responder",
            'response = "non_responder"',
            'response = "slow"',
            "no line with response = 'non_responder'",
        ),
    ],
)
def test_priors_that_would_silence_an_alarm_or_shift_it_are_refused(
    what: str, before: str, after: str, said: str
) -> None:
    with pytest.raises(ProtocolError, match=re.escape(said)):
        read(TEXT.replace(before, after))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_is_written_reads_back_within_six_digits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    learned: dict[str, str | int | float] = {"series": 3, "share": 0.25, "said": 'a "quoted" \\ word'}
    priors = TrajectoryPriors(
        "v-1", 'a "source"', "assumption", "x", learned, {n: needed(random_lines(rng)) for n in ("plasma", "bal")}
    )
    again = read(trajectory_priors_text(priors))
    assert replace(again, lines={}) == replace(priors, lines={})
    for name, lines in priors.lines.items():
        for one, other in zip(lines, again.lines[name], strict=True):
            assert (one.name, one.change, one.response) == (other.name, other.change, other.response)
            for field in ("changes_at_weeks", "mean", "covariance"):
                assert getattr(other, field) == pytest.approx(getattr(one, field), rel=6e-6, abs=1e-12), field
            assert other.weight == pytest.approx(one.weight, rel=2e-5)


def test_the_shipped_priors_are_a_bank_of_every_kind_for_each_compartment() -> None:
    """Labelled as learned from the simulator; weights add up to one; loads and declines that a person could have."""
    protocol = Protocol.shipped()
    priors = protocol.trajectory_priors
    assert priors is not None
    assert priors.version == protocol.trajectory_priors_name
    assert protocol.version_with_priors == protocol.version
    assert "simulate" in priors.source
    assert "not from patients" in priors.source
    assert priors.strength == "assumption"
    for name in NAMES:
        lines = protocol.trajectory_lines_of(name)
        assert math.fsum(line.weight for line in lines) == pytest.approx(1.0, abs=1e-12)
        assert {line.change for line in lines} == set(CHANGES)
        assert {line.response for line in lines} == set(RESPONSES)
        assert all(len(line.changes_at_weeks) <= MOST_CHANGES for line in lines)
        assert all(2.0 < line.mean[0] < 7.0 and all(-3.0 < d < 3.0 for d in line.mean[1:]) for line in lines)
        assert 0.0 < protocol.alarm_of(name).probability_rebound < 1.0
    assert protocol.trajectory_lines_of("bal") is not protocol.trajectory_lines_of("plasma")
    assert protocol.trajectory_lines_of("serum") is protocol.trajectory_lines_of("plasma")


def test_the_protocol_names_priors_that_must_be_there_and_be_what_they_say() -> None:
    folder = resources.files("cmvmon.protocol")
    text = folder.joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
    named = Protocol.shipped().trajectory_priors_name
    good = folder.joinpath("priors", f"{named}.toml").read_text(encoding="utf-8")

    def of(priors: dict[str, str]) -> None:
        read_protocol(text, name="ours.toml", priors=priors)

    of({named: good, "another": TEXT})
    with pytest.raises(ProtocolError, match=f"names '{named}'; known are another, third"):
        of({"third": TEXT, "another": TEXT})
    with pytest.raises(ProtocolError, match="known are none"):
        of({})
    with pytest.raises(ProtocolError, match="says that its version is 'ours-1'"):
        of({named: TEXT})
    with pytest.raises(ProtocolError, match=r"has no lines for bal; add \[\[bal\]\] tables"):
        of({named: TEXT.replace("ours-1", named)})


def test_priors_other_than_the_protocols_show_in_the_version_beside_every_number() -> None:
    protocol = Protocol.shipped()
    other = replace(protocol, trajectory_priors=read(TEXT))
    assert other.version_with_priors == f"{protocol.version}+ours-1"
    unread = replace(protocol, trajectory_priors=None)
    assert unread.version_with_priors == protocol.version
    with pytest.raises(ProtocolError, match="which were not read"):
        unread.trajectory_lines_of("plasma")
