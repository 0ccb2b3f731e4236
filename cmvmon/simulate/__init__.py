"""Synthetic wards with known truth, clearly marked synthetic. Frames only: who writes files is not decided here."""

from cmvmon.simulate.assumptions import ASSUMPTIONS, Assumption, assumed
from cmvmon.simulate.ward import START, Ward, ward

__all__ = ["ASSUMPTIONS", "START", "Assumption", "Ward", "assumed", "ward"]
