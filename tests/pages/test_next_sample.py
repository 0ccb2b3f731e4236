"""What a page says of an open call: a day with its probability, or that none reaches it; never more than a fact. Made up."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from cmvmon.domain.next_sample import NEXT_SAMPLE
from tests.pages.made_up import AS_OF, day
from tests.pages.made_up_fitted import FALLING, view
from tests.pages.test_fitted_trajectory import said

ORDERS = ("moet", "neem", "dient", "advies", "must", "should", "take ", "advise", "recommend")


def shown(code: str, **row: Any) -> str:
    """The sentences of plasma on the page, with this row of `next_sample`."""
    asked = {
        "patient_id": "SYNTHETIC-0001",
        "compartment": "plasma",
        "laboratory": "synthetic",
        "assay": "SYN-PCR",
        "anchor_at": day(0),
        "as_of": AS_OF,
        "next_sample_at": day(25),
        "probability_decisive": 0.84,
        "call_if_not_detected": "met",
        "protocol_version": "synthetic_2026",
    } | row
    table = NEXT_SAMPLE.conform(pl.DataFrame([asked], schema=NEXT_SAMPLE.schema))
    (sentence,) = said(view(*FALLING, affected=("plasma",), next_sample=table), code)
    return sentence


@pytest.mark.parametrize(
    ("row", "nl", "en"),
    [
        (
            {},
            (
                "Eén monster erbij, op 26-11-2026, zou dat met 84% kans duidelijk maken. "
                "Als CMV daarin niet aantoonbaar is: daling boven 1,0 log10 per week."
            ),
            (
                "One more sample, on 26 Nov 2026, would decide it with 84% probability. "
                "If CMV is not detected in it: decline above 1.0 log10 per week."
            ),
        ),
        (
            {"next_sample_at": None, "probability_decisive": 0.416, "call_if_not_detected": None},
            (
                "Geen enkel monster binnen 21 dagen zou dat met de gevraagde 80% kans duidelijk maken; op de beste dag is de kans 42%. "
                "Als CMV daarin niet aantoonbaar is: geen oordeel."
            ),
            (
                "No single sample within 21 days would decide it with the 80% probability that is asked; the best day reaches 42%. "
                "If CMV is not detected in it: no call."
            ),
        ),
    ],
)
def test_the_day_its_probability_and_what_not_detected_would_mean(row: dict[str, Any], nl: str, en: str) -> None:
    assert shown("nl", **row).endswith(f"Nog niet duidelijk of de daling boven 1,0 log10 per week is. {nl}")
    assert shown("en", **row).endswith(f"Not yet decided whether the decline is above 1.0 log10 per week. {en}")
    for code in ("nl", "en"):
        assert not any(order in shown(code, **row).lower() for order in ORDERS)


def test_of_another_series_or_anchor_nothing_is_said() -> None:
    assert "Nog niet duidelijk" not in shown("nl", assay="ANOTHER")
    assert "Nog niet duidelijk" not in shown("nl", anchor_at=day(-20))
