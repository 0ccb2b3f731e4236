"""Sites and deliveries for tests: real folders, real files, real databases. Every patient in them is made up."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.identity import content_hash, record_key
from cmvmon.shell.folder.site import Site
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.work.opening import open_site
from tests import patients
from tests.patients import Course, Stay

ANCHOR = patients.DAY_0
day, text = patients.moment, patients.iso


def result(
    patient: str, number: float, value: object, *, specimen: str = "bal", status: str = "F", **other: str
) -> str:
    """One line of the synthetic laboratory. `accession`, `reported` and `unit` may be given."""
    return patients.result_line(patient, number, value, specimen=specimen, status=status, **other)


def laboratories(root: Path, *names: str, authority: str = "ZIS") -> None:
    """Laboratories that write as the synthetic one does, and the site itself, all with the numbers of one authority."""
    packaged = resources.files("cmvmon.feeds").joinpath("labs", "synthetic.toml").read_text(encoding="utf-8")
    (root / "labs").mkdir(parents=True, exist_ok=True)
    for name in names:
        own = packaged.replace('laboratory = "synthetic"', f'laboratory = "{name}"')
        (root / "labs" / f"{name}.toml").write_text(f'{own}[patient_ids]\nauthority = "{authority}"\n', "utf-8")
    settings = root / "settings.toml"
    said = settings.read_text("utf-8") if settings.exists() else ""
    settings.write_text(f'patient_number_authority = "{authority}"\n{said}', "utf-8")


def falling(patient: str, per_week: float, days: Iterable[float] = (0, 7, 14, 21), *, start: float = 6.0) -> list[str]:
    """A BAL series that falls from 10^start by so many log10 per week; below 200 it is printed `<200`."""
    loads = [(d, 10 ** (start - per_week * d / 7)) for d in days]
    return [result(patient, d, f"{load:.0f}" if load >= 200 else "<200") for d, load in loads]


def course(
    patient: str,
    *,
    start: float = 0,
    stop: float | None = None,
    drug: str = "ganciclovir",
    intent: str = "treatment",
    reason: str | None = None,
) -> str:
    return patients.course_line(patient, Course(drug, intent, day(start), None if stop is None else day(stop), reason))


def link(old: str, new: str, *, at: float, end: float | None = None) -> str:
    """One line of patient_links."""
    return f"{old},{new},{text(day(at))},{'' if end is None else text(day(end))},admission office"


def stay(
    patient: str, *, affected: str = "bal", ward: str = "SYNTHETIC-ICU", bed: str = "S-01", end: float | None = None
) -> str:
    given = Stay(0, day(-5), None if end is None else day(end), affected)
    return patients.stay_line(patient, given, ward=ward, bed=bed)


def admit(root: Path, patient: str, *, name: str = "one.csv", **told: str) -> None:
    """Writes the deliveries of one patient told in the language of tests/patients.py: `results`, `courses`, `stays`."""
    for table, lines in patients.lines(patient, **told).items():
        if lines:
            drop(root, table, lines, name=name)


def drop(root: Path, table: str, lines: Iterable[str], *, feed: str = "synthetic", name: str = "one.csv") -> Path:
    """Writes a delivery into the site's drop folder."""
    path = root / "drop" / feed / table / name
    path.parent.mkdir(parents=True, exist_ok=True)
    elsewhere = root / ".being-written"  # a watch never sees it young
    elsewhere.write_text(_file(table, lines), encoding="utf-8")
    lain_still(elsewhere)
    elsewhere.replace(path)
    return path


def lain_still(path: Path) -> None:
    """Makes a file look as if nobody had written to it for an hour: no night waits for it."""
    an_hour_ago = path.stat().st_mtime - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))


def land(root: Path, table: str, lines: Iterable[str], *, at: datetime, feed: str = "synthetic") -> str:
    """The id of a delivery that came live: its bytes are durable, and nobody has judged them.

    Whoever lands it opens the site first: a site without a database into which something has landed has lost it.
    """
    with open_site(root) as opened:
        return unjudged.land(
            opened, opened.site.landing, _file(table, lines).encode(), feed=feed, table=table, form="csv", file_name="new.csv", landed_at=at,
            is_history=False,
        ).delivery_id  # fmt: skip


def _file(table: str, lines: Iterable[str]) -> str:
    """Without the column of reasons, as feeds of before send courses, unless a line has one."""
    header, lines = patients.HEADERS[table], [*lines]
    if table == "antiviral_courses" and any(line.count(",") > header.count(",") for line in lines):
        lines = [line if line.count(",") > header.count(",") else f"{line}," for line in lines]
        header += ",stop_reason"
    return "\n".join([header, *lines]) + "\n"


def ward_of_three(root: Path) -> None:
    """One patient who falls 0.3 log10 per week, one who falls 2, one with a single result; all treated, BAL stated."""
    names = ("SYNTHETIC-SLOW", "SYNTHETIC-FAST", "SYNTHETIC-ONE")
    single = result("SYNTHETIC-ONE", 0, 1000000)
    drop(root, "viral_load_results", [*falling(names[0], 0.3), *falling(names[1], 2), single])
    drop(root, "antiviral_courses", [course(p) for p in names])
    drop(root, "icu_stays", [stay(p, bed=f"S-0{i}") for i, p in enumerate(names)])


def database(root: Path) -> sa.Engine:
    """The site's database, past our own code: no trigger is off, no schema is checked."""
    return sa.create_engine(Site(root).database)


def page_of(root: Path, patient: str, code: str = "en") -> str:
    """The page of that patient in that language, as it was written but for the marks that keep a date or number on one line."""
    pages = [path.read_text(encoding="utf-8") for path in (root / "pages").glob(f"*.{code}.html")]
    (mine,) = (page for page in pages if f'<dd id="patient">{patient}</dd>' in page)
    return unmarked(mine)


def unmarked(page: str) -> str:
    """A page without the marks that keep a date, a number with its unit, or a patient's number on one line."""
    return re.sub(r'<span class="(?:w|id)">([^<]*)</span>', r"\1", page)


def rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    """What the store holds, past our own code; moments as ISO 8601 text."""
    engine = database(root)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(query).fetchall()
    finally:
        engine.dispose()
    return [tuple(_plain(value) for value in row) for row in found]


def write(root: Path, *statements: str) -> None:
    """Writes into the store past our own code. Raises what the database raises."""
    engine = database(root)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def give_its_hash(root: Path, table: str) -> None:
    """Makes the broken row 99 one that was stored so: a night would else find a damaged cell before any contract is asked."""
    rows = BY_NAME[table].rows
    with open_site(root) as opened, opened.reading() as connection:
        found = connection.execute(sa.select(VERSIONS[table]).where(VERSIONS[table].c.version_number == 99))
        row = dict(found.mappings().one())
    with sqlite3.connect(root / "cmvmon.sqlite") as connection:
        connection.execute(f"DROP TRIGGER no_update_of_{table}")
        hashes = (record_key(row, rows), content_hash(row, rows))
        connection.execute(f"UPDATE {table} SET record_key = ?, content = ? WHERE version_number = 99", hashes)


def everything(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, for comparing two states of a store, or two stores; not when files arrived, which the disk says."""
    engine = database(root)
    names = [name for name in sa.inspect(engine).get_table_names() if name != "arrivals"]
    engine.dispose()
    return {name: sorted((_alike(row) for row in rows(root, f"SELECT * FROM {name}")), key=repr) for name in names}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def _alike(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """SQLite has no truth values."""
    return tuple(int(value) if isinstance(value, bool) else value for value in row)


def page_bytes(root: Path) -> dict[str, bytes]:
    """Every page by name; not the record of what they were made from."""
    return {path.name: path.read_bytes() for path in sorted((root / "pages").glob("[!.]*"))}


def nights_of(table: str) -> list[tuple[float, list[str]]]:
    """The lines of a table over nights below its head: the day of each, and its other cells."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()[1:]]
    return [(float(night), cells) for night, *cells in lines]
