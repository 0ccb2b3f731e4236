"""The real series that are foretold: ACTG 315, and episodes of oral CMV in infants. Units, limits and anchors stand here."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.censored_series import Series

ROOT = Path(__file__).resolve().parents[1]
SHARED = next((f for p in ROOT.parents if (f := p / "shared" / "data").is_dir()), ROOT.parent / "shared" / "data")
FIT_WEEKS = 2.0
HIV_LIMIT = 2.0  # 100 copies/mL: a value at it or below is censored
APART_DAYS = 56.0  # episodes of one infant begin at least so far apart, and are read so far
PEAK_LOG10 = 4.0


def actg315() -> list[Series]:
    """HIV RNA (copies/mL) from the start of treatment; at or below 100 copies/mL the value is left-censored there."""
    text = (ROOT / "cmvmon/examples/actg315/actg315_hiv_decay.csv").read_text("utf-8")
    rows = [(row["Patid"], float(row["Day"]), float(row["log10.RNA."])) for row in csv.DictReader(text.splitlines())]
    return [
        _series(name, [(day, y) for n, day, y in rows if n == name], HIV_LIMIT) for name in sorted({r[0] for r in rows})
    ]


def uganda(path: Path, *, anchor: str) -> list[Series]:
    """Oral CMV (copies) of untreated infants: episodes, each from its anchor to the infant's next one.

    `first_positive`: a positive sample after two that were not detected, or the first positive one after a negative.
    `peak`: a sample of 4 log10 or more, higher than the one before it, and followed by a lower one within the fit: what
    makes it a peak is thus known when the next result is foretold. Episodes of one infant are at least eight weeks apart.
    """
    by_infant: dict[str, list[tuple[float, float]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Virus"] == "ORL_CMV" and row["count"] not in ("", "NA"):
                by_infant.setdefault(row["PatientID2"], []).append((float(row["days"]), float(row["count"])))
    limit = min(y for rows in by_infant.values() for _, y in rows if y > 0)
    found = []
    for name, rows in sorted(by_infant.items()):
        rows.sort()
        last = -math.inf
        for i in range(1, len(rows)):
            day, _ = rows[i]
            if day - last < APART_DAYS or not _begins(rows, i, anchor):
                continue
            last = day
            episode = [(d - day, z) for d, z in rows[i:] if d - day <= APART_DAYS]
            found.append(_series(name, episode, limit))
    return found


def _begins(rows: Sequence[tuple[float, float]], i: int, anchor: str) -> bool:
    before, y = rows[i - 1][1], rows[i][1]
    if anchor == "first_positive":
        return y > 0 and before == 0 and (i < 2 or rows[i - 2][1] == 0)
    within = i + 1 < len(rows) and rows[i + 1][0] - rows[i][0] <= 7 * FIT_WEEKS
    return y >= PEAK_LOG10 and y > before and within and rows[i + 1][1] < y


def _series(name: str, rows: Sequence[tuple[float, float]], limit: float) -> Series:
    ordered = sorted(rows)
    t = np.array([day / 7.0 for day, _ in ordered])
    y = np.array([value for _, value in ordered])
    censored = y <= limit if limit == HIV_LIMIT else y < limit
    return Series(name, t, np.where(censored, -np.inf, y), np.where(censored, limit, y))
