"""What the live demo's hospital sends: the same again, each kind, all marked, and one number a person until the merge."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from cmvmon.feeds.hl7.acknowledging import header_of
from cmvmon.simulate import START
from cmvmon.workbench import live_story
from cmvmon.workbench.live_story import Sending, story
from cmvmon.workbench.simulation import synthetic_laboratory


def told(root: Path, patients: int = 6, days: int = 14, seed: int = 2024) -> list[Sending]:
    return story(patients=patients, days=days, seed=seed, laboratory=synthetic_laboratory(root))


def test_the_same_demo_sends_the_same_bytes_in_the_order_of_their_moments(tmp_path: Path) -> None:
    one = told(tmp_path)
    assert one == told(tmp_path)
    assert [sending.at for sending in one] == sorted(sending.at for sending in one)
    assert max(sending.at for sending in one) <= START + timedelta(days=14)
    ids = [header_of(sending.message).control_id for sending in one if sending.message]  # type: ignore[union-attr]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("patients", "days"), [(2, 3), (3, 7), (6, 14), (9, 30)])
@pytest.mark.parametrize("seed", [2024, 1, 7])
def test_each_kind_that_the_demo_promises_comes_after_its_first_day_began(
    tmp_path: Path, patients: int, days: int, seed: int
) -> None:
    live = {sending.kind for sending in told(tmp_path, patients, days, seed) if sending.at > START}
    promised = set(live_story.KINDS) - {live_story.ADMISSION, live_story.DISCHARGE}
    if seed == 2024:  # the demo's own
        assert promised <= live
    else:
        assert {live_story.SAMPLE, live_story.RESULT, live_story.MERGE} <= live


def test_everything_that_is_sent_says_that_it_is_synthetic(tmp_path: Path) -> None:
    for sending in told(tmp_path):
        assert sending.patient.startswith("SYNTHETIC-")
        assert "SYNTHETIC-" in (sending.message.decode("ascii") if sending.message else sending.text)
        if sending.message:
            assert header_of(sending.message).field(4) == "SYNTHETIC"  # type: ignore[union-attr]


def test_whoever_is_merged_has_the_old_number_before_it_and_the_new_one_after(tmp_path: Path) -> None:
    sent = told(tmp_path)
    merge = next(sending for sending in sent if sending.kind == live_story.MERGE)
    old = f"{merge.patient}-UNKNOWN"
    of_both = [sending for sending in sent if re.match(rf"{merge.patient}\b", sending.patient) and sending is not merge]
    assert {sending.patient for sending in of_both if sending.at < merge.at} == {old}
    assert {sending.patient for sending in of_both if sending.at >= merge.at} == {merge.patient}
