"""A series: the results that may be compared with one another, and how a decline is signed.

A series is patient + compartment + laboratory + assay (+ unit, which is constant: stored results are IU/mL). No slope,
comparison or conversion crosses a series unless the function's name says so.
"""

from __future__ import annotations

SERIES_KEY: tuple[str, ...] = ("patient_id", "compartment", "laboratory", "assay")
