"""The kinds of subject that a rule may judge, each with the columns that tell its subjects apart."""

from __future__ import annotations

from collections.abc import Mapping

from cmvmon.domain.series import SERIES_KEY

KINDS: Mapping[str, tuple[str, ...]] = {"patient": ("patient_id",), "series": SERIES_KEY}
