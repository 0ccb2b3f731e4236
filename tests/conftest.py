"""What every test run needs: no telemetry, Prefect's files in a temporary folder, and the kind of every test by measurement."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports Prefect or Great Expectations, which read them once.
os.environ.update(
    {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": tempfile.mkdtemp(prefix="cmvmon-prefect-"),
        "GX_ANALYTICS_ENABLED": "false",
    }
)
os.environ.pop("CMVMON_SITE", None)

# No example is failed for its time: the machine may be busy.
settings.register_profile("cmvmon", deadline=None)
settings.load_profile("cmvmon")

TESTS = Path(__file__).parent
# Folders and files whose tests are left out of `make unit`, decided with `pytest --durations`: docs/decisions/0017-suite.md.
KINDS = {
    "prefect": ("flows",),
    "browser": ("pages/test_in_a_browser.py", "pages/test_fitted_course.py"),
    "slow": (
        "benchmarks",
        "cli",
        "contracts/test_agreement.py",
        "contracts/test_gate.py",
        "contracts/test_mapper.py",
        "contracts/test_whole_table.py",
        "docs/test_examples.py",
        "docs/test_house.py",
        "docs/test_readme.py",
        "examples",
        "kinetics/test_bank.py",
        "kinetics/test_bank_grid.py",
        "kinetics/test_bank_learning.py",
        "kinetics/test_bank_weeks.py",
        "kinetics/test_concordance.py",
        "kinetics/test_next_sample.py",
        "kinetics/test_noise_estimates.py",
        "kinetics/test_posterior.py",
        "kinetics/test_weekly_properties.py",
        "pages/test_next_sample.py",
        "reference",
        "run",
        "shell/test_intake_store.py",
        "simulate",
        "workbench",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
        for kind, places in KINDS.items():
            if any(place == named or place.startswith(f"{named}/") for named in places):
                item.add_marker(kind)
