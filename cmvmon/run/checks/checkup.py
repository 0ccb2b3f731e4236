"""What `cmvmon doctor` looks at: this installation and one site. Counts and codes only.

It names a patient in one case: numbers that should be looked at, because they may be one patient's.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cmvmon import __version__
from cmvmon.domain.delivered import BY_LABORATORY, DELIVERED, LEADING, NAMES
from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.extras import MODULES, extra_of, how, needs, not_there
from cmvmon.domain.versions import usable_rows
from cmvmon.run.checks.listener_checkup import of_listener
from cmvmon.run.checks.nights_checkup import of_nights
from cmvmon.run.checks.policy_checkup import of_policy
from cmvmon.run.checks.telling_checkup import of_notify, of_out
from cmvmon.run.health import freshness
from cmvmon.run.health.backup_checkup import of_backup
from cmvmon.run.ward import patient_numbers, ward_list
from cmvmon.shell import dialects
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.work_facts import laboratories_in_doubt
from cmvmon.shell.as_known import known, numbers_in_store
from cmvmon.shell.folder.drop_folder import look_through
from cmvmon.shell.folder.making_site import refuse_lost_database
from cmvmon.shell.folder.site import PAGE_KEY, Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.taken_in.never_taken_in import of_each_kind
from cmvmon.shell.versions.links import links
from cmvmon.shell.work import content_hashes
from cmvmon.text import language
from cmvmon.text.moved_together import moved_in_words

# Pairs that resolve and import but do not run together: docs/decisions/0004-pins.md.
_PINNED = {"fastapi": (0, 151), "sqlalchemy": (2, 1), "prefect": (3, 9)}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `ok`, `note` (worth knowing), `broken` (mend it) or `not told` (it can't be told)."""

    what: str
    state: str
    words: str


def checkup(
    root: Path,
    *,
    example: Callable[[], Iterable[str]],
    board: Callable[[], Iterable[tuple[str, str]]] = tuple,
) -> list[Finding]:
    """Every finding. Nothing is changed: a site that does not exist is not made.

    `example` runs the shipped real series and gives what stands out in it; `board` gives state and words of the site's board.
    """
    site = Site(root)
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("installation", _installation),
        ("settings", lambda: _settings(site)),
        ("rights", lambda: _rights(site)),
        ("protocol", lambda: (Finding("protocol", *said) for said in of_policy(site))),
        ("laboratory files", lambda: _laboratories(site)),
        ("table files", lambda: _table_files(site)),
        ("listener", lambda: _listener(site)),
        ("database", lambda: _database(site)),
        ("nights", lambda: (Finding("nights", *said) for said in of_nights(root))),
        ("backup", lambda: (Finding("backup", *said) for said in of_backup(site))),
        ("notify", lambda: (Finding("notify", *said) for said in of_notify(site))),
        ("out", lambda: (Finding("out", *said) for said in of_out(site))),
        ("board", lambda: (Finding("board", *said) for said in board())),
        ("contracts", lambda: _contracts(site)),
        ("example", lambda: _example(example)),
    )
    findings: list[Finding] = []
    for what, check in checks:
        try:
            findings += check()
        except CmvmonError as error:
            findings.append(Finding(what, "broken", str(error)))
        except ModuleNotFoundError as error:
            extra = extra_of(error.name or "")
            if extra is None:
                raise
            findings.append(Finding(what, "not told", needs("this check", extra)))
    return findings


def _installation() -> Iterator[Finding]:
    yield Finding("cmvmon", "ok", f"{__version__} on Python {sys.version.split()[0]}")
    yield _extras()
    for name, below in _PINNED.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # with its extra
        numbers = tuple(int(part) for part in found.split(".")[:2])
        state, words = (
            ("ok", found)
            if numbers < below
            else ("broken", f"{found} does not run with Prefect; run `make clean test`")
        )
        yield Finding(name, state, words)
    browser = shutil.which("chromium")
    words = "found" if browser else "not found: the browser tests are skipped (Debian's package `chromium`)"
    yield Finding("chromium", "ok" if browser else "note", words)


def _extras() -> Finding:
    """Which extras are installed; of one that is there in part, what it lacks."""
    missing = {extra: names for extra in MODULES if (names := not_there(extra))}
    words = f"installed: {', '.join(extra for extra in MODULES if extra not in missing) or 'none'}"
    if not missing:
        return Finding("extras", "ok", words)
    said = [
        extra if len(names) == len(MODULES[extra]) else f"{extra} (lacks {', '.join(names)})"
        for extra, names in missing.items()
    ]
    return Finding("extras", "note", f"{words}; not installed: {', '.join(said)}; {how(*missing)}")


def _settings(site: Site) -> Iterator[Finding]:
    settings = site.settings()
    yield Finding("settings", "ok", f"time zone {settings.time_zone}, language {settings.language}")


def _rights(site: Site) -> Iterator[Finding]:
    """Whether users beyond the site's own and its group can come at what it holds."""
    if not site.root.is_dir():
        return
    held = (site.landing, site.pages, site.drop, site.file, site.root / PAGE_KEY)
    is_closed = not site.root.stat().st_mode & 0o007
    open_to_all = [path.name for path in held if path.exists() and path.stat().st_mode & 0o007 and not is_closed]
    words = f"every user of this machine may come at {', '.join(open_to_all)}: `chmod -R o= {site.root}`"
    closed = "nobody beside this user and its group reads the site"
    yield Finding("rights", "note" if open_to_all else "ok", words if open_to_all else closed)


def _laboratories(site: Site) -> Iterator[Finding]:
    names = [laboratory.laboratory for laboratory in site.laboratories()]
    yield Finding("laboratory files", "ok", ", ".join(names))
    for dropped in {item.feed for item in look_through(site.drop).files if item.table in BY_LABORATORY} - set(names):
        yield Finding(
            "drop folder", "broken", f"drop/{dropped} has no laboratory file; add labs/{dropped}.toml to the site"
        )


def _table_files(site: Site) -> Iterator[Finding]:
    for file in site.table_files():
        named = ", ".join(name for name in NAMES if name in file.tables)
        yield Finding("table files", "ok", f"{file.feed}: {named}")


def _listener(site: Site) -> Iterator[Finding]:
    names = {laboratory.laboratory for laboratory in site.laboratories()}
    told = {file.feed for file in site.table_files() if file.tables}
    yield from (Finding("listener", state, words) for state, words in of_listener(site.root, names | told))


def _database(site: Site) -> Iterator[Finding]:
    url = site.database
    if not database.exists(url):
        refuse_lost_database(site)
        yield Finding("database", "not told", "this site has none yet; `cmvmon nightly` makes it")
        return
    with open_store(url) as store:
        database.check(store.engine)
        n_rows = content_hashes.check(store)
        dialect = dialects.of(url)
        what = (
            f"{dialect.called(url)}: whole, {n_rows} rows as they were stored, schema {database.SCHEMA_VERSION}, "
            f"{dialect.durability()}"
        )
        yield Finding("database", "ok", what)
        with store.reading() as connection:
            feeds = freshness.feed_tables(connection, site, as_of=now())
            standing = alert_store.alerts(connection, states={"open"})
            last = alert_store.last_as_of(connection)
            about_numbers = [*_numbers(connection), *_authorities(connection, site)]
            never = of_each_kind(connection, as_of=now())
    words = (
        f"{never.in_words}; `cmvmon quarantine list` has each of them in one line or several (by feed and table), and says why; "
        "each night tries again"
    )
    yield Finding("deliveries", "note" if never.n else "ok", words if never.n else "whatever has landed was taken in")
    for item in feeds:
        is_missed = item.is_fresh is False or item.last_received_at is None
        state = "broken" if item.refused else "note" if item.n_quarantined or is_missed else "ok"
        words = (
            f"newest delivery refused ({item.refused})"
            if item.refused
            else f"records in quarantine: {item.n_quarantined}"
        )
        if item.n_withdrawn:
            by = "by the newest snapshot" if item.is_snapshot else "by the newest delivery"
            words += f"; {item.n_withdrawn} known before withdrawn {by}"
        if item.last_received_at is not None and item.is_fresh is False:
            words += f"; silent: last delivery {item.last_received_at.isoformat()}, longer ago than is expected"
        elif item.last_received_at is None and not item.refused:
            words += "; nothing was ever received"
        yield Finding(f"feed {item.feed}/{item.table}", state, words)
    for one in laboratories_in_doubt(standing):
        said = moved_in_words(one, language("en"), site.settings().time_zone)
        yield Finding(f"laboratory {one.laboratory}", "note", said)
    yield Finding(
        "assessments",
        "ok" if last else "not told",
        f"last as of {last.isoformat()}; {len(standing)} alerts open" if last else "none yet",
    )
    yield from about_numbers


def _numbers(connection: sa.Connection) -> Iterator[Finding]:
    """Merged numbers, those that differ only in how they are written, and who is in bed without any result."""
    at = now()
    one = links(connection, as_of=at)
    every = numbers_in_store.every_number(connection, as_of=at)
    yield Finding("patient numbers", "ok", f"{len(one.into)} merged into another, {len(every)} known")
    for group in patient_numbers.alike(connection, every, as_of=at):
        yield Finding(
            "patient numbers",
            "note",
            f"{' and '.join(group)} differ only in leading zeros, case or blanks and are judged as several patients: declare "
            "[patient_ids] for the feed that alters them, or deliver a link (`cmvmon merge OLD NEW --at T`). Where they are "
            "several patients, deliver the link with an end at its start",
        )
    for old, new, why in patient_numbers.unused(one):
        yield Finding(
            "patient numbers", "note", f"{old} merged into {new} is not used: {language('en').word('link', why)}"
        )
    in_bed = ward_list.candidates(connection, as_of=at)
    results = known.known_table(connection, LEADING, as_of=at, patients=in_bed)
    sampled = set() if results is None else set(usable_rows(LEADING, results)["patient_id"])
    if in_bed - sampled:
        words = f"of {len(in_bed)} patients who may be on the ward, {len(in_bed - sampled)} have no result in use"
        yield Finding("patient numbers", "note", words)


def _authorities(connection: sa.Connection, site: Site) -> Iterator[Finding]:
    """Numbers that two laboratories send and that count as one patient's, though nobody stated that one authority gives both."""
    stated = site.state_an_authority()
    of_number: dict[str, set[str]] = {}
    for number, laboratory in numbers_in_store.at_several_laboratories(connection, as_of=now()):
        of_number.setdefault(number, set()).add(laboratory)
    unstated = [names for names in of_number.values() if not names <= stated]
    if unstated:
        names = " and ".join(sorted(set().union(*unstated)))
        yield Finding(
            "patient numbers",
            "note",
            f"{len(unstated)} numbers have results of several laboratories ({names}) and count as one patient's each: state in each "
            "laboratory file who gives its numbers (`authority` in [patient_ids])",
        )


def _contracts(site: Site) -> Iterator[Finding]:
    """Every delivered table as it is known now, judged by Great Expectations."""
    if not database.exists(site.database):
        return
    from cmvmon.data_contracts.gate import gate  # slow to load, and only this asks for it

    at = now()
    with open_store(site.database) as store, store.reading() as connection:
        tables = [(table, known.known_table(connection, table, as_of=at)) for table in DELIVERED]
    for table, rows in tables:
        if rows is None:
            yield Finding(f"contract {table.name}", "not told", "never delivered")
            continue
        report = gate(table.name, usable_rows(table, rows).select(*table.rows.schema), as_of=at)
        said = [f"{b.name} ({b.sentence}): {b.n_rows} rows" for b in (*report.broken, *report.warnings)]
        state = "broken" if not report.passed else "note" if said else "ok"
        yield Finding(f"contract {table.name}", state, "; ".join(said) or f"every promise kept, {rows.height} rows")


def _example(notices: Callable[[], Iterable[str]]) -> Iterator[Finding]:
    for notice in notices():
        yield Finding("example actg315", "note", notice)
