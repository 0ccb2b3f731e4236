"""Makes the site of one case, runs its nights, and reads back what a person would find in it afterwards."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.run.checks.checkup import checkup
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.rows.schema import ALERT_EVENTS, DELIVERIES
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests.sites import lain_still

FEED = "alfa"
TABLE_OF = {
    "results": "viral_load_results",
    "courses": "antiviral_courses",
    "stays": "icu_stays",
    "links": "patient_links",
}


@dataclass(frozen=True)
class Edit:
    """One change of a delivered file before its night: every `replace` becomes `by`; without `replace`, a new file."""

    file: str
    by: str
    replace: str | None = None


@dataclass(frozen=True)
class State:
    """What stands in a site after its last night.

    Attributes:
        lists: rows by name: `results` (current ones, preliminary too), open `alerts`, `verdicts`, `weekly_decline`,
            open `quarantine`, `deliveries`. Moments are UTC.
        columns: the columns of each list, also of one without rows.
        pages: the words of the English pages, tags taken out: `ward`, the page of each patient by patient id; and `doctor`,
            what that command says.
    """

    lists: Mapping[str, list[dict[str, Any]]]
    columns: Mapping[str, frozenset[str]]
    pages: Mapping[str, str]


def after_last_night(case: Path, root: Path, edits: Iterable[Edit] = (), table_file: str = "") -> State:
    """The state of a new site at `root` after every night of the case in the folder `case`.

    `table_file`: the text of the feed's table file; empty = it has none.
    """
    (root / "labs").mkdir(parents=True)
    if table_file:
        (root / "tables").mkdir()
        (root / "tables" / f"{FEED}.toml").write_text(table_file, encoding="utf-8")
    _copy(case / "alfa.toml", root / "labs" / "alfa.toml", edits)
    nights = [datetime.fromisoformat(line) for line in (case / "nights.txt").read_text(encoding="utf-8").split()]
    for number, as_of in enumerate(nights, start=1):
        for path in sorted(case.glob(f"n{number}_*.csv")):
            table = TABLE_OF[path.stem.removeprefix(f"n{number}_")]
            _copy(path, root / "drop" / FEED / table / path.name, edits)
            lain_still(root / "drop" / FEED / table / path.name)
        for edit in edits:
            if edit.replace is None and edit.file.startswith(f"n{number}_"):
                _add(edit, root / "drop" / FEED / TABLE_OF[Path(edit.file).stem.removeprefix(f"n{number}_")])
        nightly(root, as_of=as_of)
    return _read(root, nights[-1])


def _add(edit: Edit, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / edit.file).write_text(edit.by, encoding="utf-8")
    lain_still(folder / edit.file)


def _copy(source: Path, target: Path, edits: Iterable[Edit]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mine = [(edit.replace, edit.by) for edit in edits if edit.file == source.name and edit.replace is not None]
    if not mine:
        shutil.copyfile(source, target)
        return
    text = source.read_text(encoding="utf-8")
    for replaced, by in mine:
        if replaced not in text:
            raise ValueError(f"{source.name} of the case does not hold {replaced!r}")
        text = text.replace(replaced, by)
    target.write_text(text, encoding="utf-8")


def _read(root: Path, as_of: datetime) -> State:
    with open_site(root) as opened:
        assessment = assessed(opened, as_of=as_of)
        with opened.reading() as connection:
            alerts = alert_store.alerts(connection, states={"open"})
            quarantine = open_quarantine(connection)
            deliveries = connection.execute(sa.select(DELIVERIES)).mappings().all()
    frames = {
        "results": assessment.shown,
        "verdicts": assessment.verdicts,
        "weekly_decline": assessment.weekly_decline,
        "quarantine": quarantine,
    }
    lists = {name: frame.to_dicts() for name, frame in frames.items()}
    columns = {name: frozenset(frame.columns) for name, frame in frames.items()}
    patients = sorted(assessment.patients)
    doctor = " ".join(finding.words for finding in checkup(root, example=lambda: ()))
    return State(
        lists | {"alerts": alerts, "deliveries": [dict(row) for row in deliveries]},
        columns | {"alerts": frozenset(ALERT_EVENTS.c.keys()), "deliveries": frozenset(DELIVERIES.c.keys())},
        _pages(root / "pages", patients) | {"doctor": doctor},
    )


def _pages(folder: Path, patients: Iterable[str]) -> dict[str, str]:
    """The ward page, and of each patient the page whose heading names it."""
    spoken = {path: _words(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.en.html"))}
    ward = folder / "ward.en.html"
    found = {"ward": spoken.pop(ward)} if ward in spoken else {}
    for patient in patients:
        named = [text for text in spoken.values() if re.search(rf"(?<!\w){re.escape(patient)}(?!\w)", text)]
        if len(named) == 1:
            found[patient] = named[0]
    return found


def _words(page: str) -> str:
    shown = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return re.sub(
        r"\s+",
        " ",
        html.unescape(re.sub(r"<[^>]+>", lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ", shown)),
    ).strip()
