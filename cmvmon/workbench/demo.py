"""The demo: one synthetic ward dropped into a site of its own. What follows is the ordinary night, and two answers.

The ward: simulated patients, with what is written at their bedside, and the hand-made ones of `demo_patients.toml`, so that
every rule alerts on somebody.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.episodes import Word
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import held, open_site
from cmvmon.simulate import START, ward
from cmvmon.workbench.demo_patients import demo_patients
from cmvmon.workbench.examples import actg315_decline
from cmvmon.workbench.simulation import SYNTHETIC, bedside_of, exchange_csv, synthetic_laboratory

PATIENTS, DAYS, SEED = 16, 42, 2024
AS_OF = START + timedelta(days=DAYS)
_UNKNOWN_UNIT = "rel. units"
_SETTINGS = "# A demo's site: everything in it is synthetic.\ndemo = true\nfile_settles_s = 0\n"


def prepare_demo(root: Path) -> datetime:
    """Drops the synthetic ward into the site at `root` and returns the moment that the demo judges.

    Raises SiteError when the site holds anything that is not a demo's: synthetic patients never join real ones.
    """
    site = Site(root)
    if site.root.exists() and any(site.root.iterdir()) and not site.settings().is_demo:
        raise SiteError("this site is not a demo's; run the demo on an empty one: cmvmon demo --site ./demo-site")
    site.prepare()
    if not site.settings().is_demo:
        write_atomically(site.root / "settings.toml", _SETTINGS.encode())
    laboratory = synthetic_laboratory(root)
    for table, frame in _tables(root).items():
        is_results = table is VIRAL_LOAD_RESULTS
        text = _delivery(frame, laboratory) if is_results else exchange_csv(frame, table)
        write_atomically(site.drop / SYNTHETIC / table.name / f"synthetic_{table.name}.csv", text.encode())
    return AS_OF


def answer_demo(root: Path) -> tuple[str, ...]:
    """Records what the demo's persons said of alerts, at the moment that it judges; the patients of those that are new.

    An alert that is not open, or was answered before, is left as it is: a second run of the demo changes nothing.
    """
    told = demo_patients(AS_OF, synthetic_laboratory(root)).answers
    answered = []
    with held(Site(root)), open_site(root) as opened, opened.writing() as connection:
        standing = {(a["patient_id"], a["rule"]): a for a in alert_store.alerts(connection, states={"open"})}
        for answer in told:
            alert = standing.get((answer.patient_id, answer.rule))
            if alert is None or alert["standing"] in (words.ACKNOWLEDGED, words.SNOOZED):
                continue
            word = Word(answer.said, AS_OF, actor=answer.by, reason=answer.reason, note=answer.note, until=answer.until)
            if alert_store.answer(connection, alert["alert_id"], word) is not None:
                answered.append(answer.patient_id)
    return tuple(answered)


def real_example() -> tuple[pl.DataFrame, list[str]]:
    """The ACTG315 series (HIV-1 RNA, real, public) through `fit_line`, and what stands out in the file."""
    series = resources.files("cmvmon").joinpath("examples", "actg315", "actg315_hiv_decay.csv")
    return actg315_decline(series.read_text(encoding="utf-8"))


def _delivery(results: pl.DataFrame, laboratory: Laboratory) -> str:
    """The laboratory's file, with the results of the demo that are set apart in a unit that nobody knows."""
    header, *rows = csv.reader(io.StringIO(write_delivery(results, laboratory)), delimiter=laboratory.separator)
    number, unit = (header.index(laboratory.columns[name]) for name in ("accession_number", "unit"))
    unreadable = demo_patients(AS_OF, laboratory).unreadable
    for row in rows:
        row[unit] = _UNKNOWN_UNIT if row[number] in unreadable else row[unit]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=laboratory.separator, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def _tables(root: Path) -> dict[RowType, pl.DataFrame]:
    """Each delivered table of the demo: of the simulated patients, then of the hand-made ones."""
    made = ward(PATIENTS, DAYS, SEED)
    simulated = {VIRAL_LOAD_RESULTS: made.viral_load_results, ICU_STAYS: made.icu_stays}
    simulated |= {ANTIVIRAL_COURSES: made.antiviral_courses}
    simulated |= bedside_of(made, days=DAYS, seed=SEED, root=root)
    by_hand = demo_patients(AS_OF, synthetic_laboratory(root)).rows
    tables = sorted({*simulated, *by_hand}, key=lambda table: table.name)
    return {
        table: pl.concat([of[table] for of in (simulated, by_hand) if table in of and not of[table].is_empty()])
        for table in tables
    }
