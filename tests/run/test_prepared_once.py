"""What an assessment works out is carried: pages are written from it, and nothing of it is worked out again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import pytest

from cmvmon.domain.versions import current_versions
from cmvmon.kinetics import concordance, treatment_courses, weekly_decline
from cmvmon.kinetics.noise.in_use import laboratory_sigma
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.pages.publish import publish
from cmvmon.shell.as_known import lately
from cmvmon.shell.work.opening import open_site
from tests.sites import day, ward_of_three

WORKED_OUT = (current_versions, laboratory_sigma, treatment_courses, weekly_decline, concordance)
pytestmark = pytest.mark.slow


def calls(work: Callable[[], object]) -> dict[str, int]:
    """How often each step of the mathematics began while `work` ran."""
    steps: dict[CodeType, str] = {step.__code__: step.__name__ for step in WORKED_OUT}
    counted: Counter[str] = Counter(dict.fromkeys(steps.values(), 0))

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in steps:
            counted[steps[frame.f_code]] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return dict(counted)


def test_publishing_works_out_no_clock_and_no_decline_again(tmp_path: Path) -> None:
    ward_of_three(tmp_path)
    with open_site(tmp_path) as opened:
        take_in_drop(opened, received_at=day(22))
        found = assessed(opened, as_of=day(22))
        assert not found.facts.prepared.clocks.is_empty()
        lately._none_rewritten()  # that nothing was rewritten lately is told once in a process
        again = calls(lambda: publish(opened, found, as_of=day(22)))
        assert again == {step.__name__: 0 for step in WORKED_OUT}
        assert any(opened.site.pages.glob("*.nl.html"))
        assert calls(lambda: assessed(opened, as_of=day(22)))["treatment_courses"] == 1
