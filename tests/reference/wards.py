"""The reference wards: synthetic sites whose verdict counts and pages are held to what they were at 72db1a8.

They stand for "nothing clinical changed" while the house is rearranged. A change that is meant to change a page or a
verdict writes the digest again (`python -m tests.reference.wards`) in a commit that says what changed and why.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from cmvmon.run.nightly.night import nightly
from cmvmon.simulate import START, Ward, ward
from cmvmon.workbench.simulation import SYNTHETIC, delivered_texts, synthetic_laboratory

DIGEST = Path(__file__).parent / "digest.json"
NIGHTS = (11.0, 19.0, 19.4, 33.3)  # days


@dataclass(frozen=True)
class Reference:
    """One synthetic ward, and how its decline is estimated."""

    scenario: str
    patients: int
    seed: int
    method: str = "bank"
    days: int = 33

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.patients}-{self.seed}-{self.method}"


REFERENCES = (
    Reference("ward", 8, 21),
    Reference("everything", 8, 12),
    Reference("resistance_emerging", 6, 13),
    Reference("assay_change", 5, 14),
    Reference("compartments_do_not_follow", 6, 15, "line"),
)


def digest(reference: Reference) -> list[dict[str, object]]:
    """Of each night: the counts of verdicts and of changed alerts, and the SHA-256 of every page."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "settings.toml").write_text("demo = true\nfile_settles_s = 0\n", encoding="utf-8")
        # Page names are opaque and must be the same each time.
        (root / "page.key").write_text("0" * 64, encoding="utf-8")
        made = ward(reference.patients, reference.days, reference.seed, reference.scenario)
        return [_night(root, reference, made, day) for day in NIGHTS]


def _drop(root: Path, made: Ward, day: float) -> None:
    """An export of that night: the courses and stays, and every result that had been reported."""
    reported = pl.coalesce("reported_at", "collected_at") <= START + timedelta(days=day)
    known = replace(made, viral_load_results=made.viral_load_results.filter(reported))
    for table, text in delivered_texts(known, synthetic_laboratory(root)).items():
        path = root / "drop" / SYNTHETIC / table / f"{day:g}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _night(root: Path, reference: Reference, made: Ward, day: float) -> dict[str, object]:
    _drop(root, made, day)
    night = nightly(root, as_of=START + timedelta(days=day), method=reference.method)
    found, changes = night.assessed, night.assessed.changes
    return {
        "day": day,
        "verdicts": {"alert": found.alert, "clear": found.clear, "not_assessable": found.not_assessable},
        "alerts": {"opened": changes.opened, "resolved": changes.resolved, "closed": changes.closed},
        "pages": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((root / "pages").glob("*.html"))
        },
    }


if __name__ == "__main__":
    found = {reference.name: digest(reference) for reference in REFERENCES}
    DIGEST.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
