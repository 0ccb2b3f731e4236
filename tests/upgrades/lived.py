"""A site with data, lived by whichever cmvmon is first on the path: `python -P tests/upgrades/lived.py SITE BACKUPS [DATABASE]`.

So the sites of before were made (docs/operations.md, Upgrade; tests/upgrades/README.md): this file was run by an earlier cmvmon, and
what it left is kept. All patients are made up. It names modules by where they stand now, and by where they stood.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def module(*places: str) -> ModuleType:
    """The first of these that this cmvmon has."""
    for place in places[:-1]:
        try:
            return import_module(place)
        except ModuleNotFoundError:
            continue
    return import_module(places[-1])


def lived(root: Path, backups: Path, database: str | None = None) -> None:
    """Three nights: alerts of every state, what a person said of two, a rule that is off, a correction, a record that waits; a backup."""
    from tests import sites
    from tests.sites import course, day, drop, falling, result, stay

    nightly = module("cmvmon.run.nightly.night", "cmvmon.run.night").nightly
    answering = module("cmvmon.run.answers.answering", "cmvmon.run.answering")
    switching = module("cmvmon.run.answers.rule_switching", "cmvmon.run.rule_switching")
    queries: Any = module("cmvmon.run.asking.queries", "cmvmon.run.queries")
    back_up = module("cmvmon.run.backups.backing_up", "cmvmon.run.backing_up").back_up
    clock = module("cmvmon.shell.store.session", "cmvmon.shell.session")
    asking = [each for each in (clock, answering, switching) if hasattr(each, "now")]  # some once had it by name
    read = clock.now

    def clock_says(now: Any) -> None:  # words are said at the clock's moment; nights are told theirs
        for each in asking:
            each.now = now

    root.mkdir(parents=True, exist_ok=True)
    if database is not None:
        (root / "settings.toml").write_text(f'database = "{database}"\n', encoding="utf-8")
    sites.laboratories(root, "synthetic")
    sites.ward_of_three(root)
    # Further ones: who rises on treatment, who falls and then clears, and one line that can't be read.
    rising = [result("SYNTHETIC-RISING", 7 * n, 10 ** (3.2 + 0.6 * n), specimen="plasma") for n in range(4)]
    clearing = falling("SYNTHETIC-CLEARING", 0.2, (0, 7, 14, 21))
    drop(root, "viral_load_results", [*rising, *clearing, result("SYNTHETIC-OTHER", 3, "much")], name="more.csv")
    drop(root, "antiviral_courses", [course("SYNTHETIC-RISING"), course("SYNTHETIC-CLEARING")], name="more.csv")
    others = [stay(f"SYNTHETIC-{name}", bed=f"S-1{n}") for n, name in enumerate(("RISING", "CLEARING"))]
    drop(root, "icu_stays", others, name="more.csv")
    nightly(root, as_of=day(22))
    clock_says(lambda: day(22) + timedelta(hours=2))
    first, second = queries.listed_alerts(root, every=False, lang="en")[:2]
    answering.acknowledge(root, first["alert_id"], reason="dealt_with", note=None, actor="dr. A")
    answering.snooze(root, second["alert_id"], until=day(26), reason="awaiting", note=None, actor="dr. B")
    # The last load was wrong, and is corrected: what was said of that patient ends.
    corrected = result("SYNTHETIC-CLEARING", 21, "<200", status="C", reported=sites.text(day(22.5)))
    drop(root, "viral_load_results", [corrected], name="corrected.csv")
    clock_says(lambda: day(23) + timedelta(hours=1))
    nightly(root, as_of=day(23))
    switching.switch(root, "plasma_does_not_exclude", is_disabled=True, why="tried on this site", actor="dr. A")
    clock_says(read)
    nightly(root, as_of=day(24))
    back_up(root, backups)


if __name__ == "__main__":
    lived(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
