"""Synthetic wards with known truth, clearly marked synthetic. Frames only: who writes files is not decided here."""

from cmvmon.simulate.assumptions import ASSUMPTIONS, Assumption, assumed
from cmvmon.simulate.scenarios import DEFAULT_SCENARIO, SCENARIOS, Scenario
from cmvmon.simulate.truth import true_declines
from cmvmon.simulate.ward import START, Ward, ward

__all__ = [
    "ASSUMPTIONS",
    "DEFAULT_SCENARIO",
    "SCENARIOS",
    "START",
    "Assumption",
    "Scenario",
    "Ward",
    "assumed",
    "true_declines",
    "ward",
]
