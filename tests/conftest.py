"""What every test run needs: no telemetry, and Prefect's files nowhere but in a temporary folder."""

from __future__ import annotations

import os
import tempfile

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
