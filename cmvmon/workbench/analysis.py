"""The stateless form: tables in a folder -> weekly decline and verdicts in another. No site, no store, no pages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.delivered import LEADING
from cmvmon.domain.errors import SiteError
from cmvmon.domain.results import CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ASSAYS
from cmvmon.kinetics.concordance.unit import part_of, unit_rows
from cmvmon.protocol import Protocol
from cmvmon.shell.folder.protocol_files import utf8_text
from cmvmon.shell.folder.site import Site
from cmvmon.workbench.ahead import ahead
from cmvmon.workbench.batch import (
    COMPUTED_NAMES,
    OF_PATIENTS,
    OPTIONAL,
    Batch,
    How,
    Judged,
    batch_of,
    has_both,
    judge,
    patients_named,
)
from cmvmon.workbench.behind import Behind
from cmvmon.workbench.folder_tables import (
    Typed,
    find_table,
    n_rows,
    read_batches,
    read_whole,
    refuse_links,
    sample_of,
    zone_called,
)
from cmvmon.workbench.ordered_parquet import OrderedParquet
from cmvmon.workbench.out_folder import room_for
from cmvmon.workbench.partitions import Partitions, bounds_of
from cmvmon.workbench.quarantined import SET_APART, write_quarantined

ROWS_PER_PARTITION = 75_000  # results; what assessing two ranges of so many at once needs is about 1.1 GiB
_WAITING = 3  # tables that are held until they are written
AT_ONCE = 2  # ranges; each on a core of its own where there are two
ROWS_PER_BATCH = 200_000
SAY_ZONE = "Say with --zone (Europe/Amsterdam, UTC) in which zone times without an offset are"


@dataclass(frozen=True)
class Analysed:
    """What an analysis wrote. `quarantined` counts the broken rows of each table."""

    as_of: datetime
    patients: int
    weekly_rows: int
    verdicts: Mapping[str, int]
    quarantined: Mapping[str, int]


def analyze(
    source: Path,
    out: Path,
    *,
    root: Path,
    as_of: datetime | None = None,
    partitions: int | None = None,
    method: str | None = None,
    priors: Path | None = None,
    ask_next: bool = False,
    replace: bool = False,
    zone: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Analysed:
    """Reads the tables in `source`, assesses them, writes weekly_decline, verdicts and concordance (.parquet) to `out`.

    Rows that break a promise go to `out`/quarantined.parquet with their reason, and the rest goes on. `as_of` defaults
    to the latest collection of a usable row. The protocol is that of the site at `root`, else the package's.
    `method` = how the decline is estimated; without it, as the site's settings say. `priors` = a file of priors to use
    instead of the protocol's: the protocol_version of every row then names it too. `ask_next` writes next_sample too: when
    one more sample would settle an open call, which takes far longer than all the rest.

    Patients are taken in ranges, one after the other, so that memory holds one range at a time: at least `partitions`
    of them, and as many as the number of results asks for. The bytes written do not depend on it. `progress` is told of it.

    A time without an offset is local to `zone`, or without it to the zone that the site states; where nobody states one, its row is
    broken (`time_without_zone`), never taken for UTC.

    `out` holds the tables of one run, all of them: where one of a former run stands, nothing is read; with `replace` the new
    folder takes the place of that one when it is whole.

    Raises SiteError or DeliveryError when a table is missing, doubled or unreadable, or stands in `out` already. Then nothing is
    written.
    """
    if not source.is_dir():
        raise SiteError(f"{source.name} is no folder; name the folder that holds {LEADING.name}.parquet or .csv")
    if partitions is not None and partitions < 1:
        raise SiteError(f"--partitions is {partitions}; give 1 or more")
    protocol, how = policy_of(root, method=method, priors=priors)
    local = zone_called(zone) or Site(root).settings().delivered_zone
    refuse_links(source)
    results = find_table(source, LEADING.rows)
    if results is None:
        name = LEADING.name
        raise SiteError(f"{source.name} holds neither {name}.parquet nor {name}.csv")
    optional = {row_type.name: find_table(source, row_type) for row_type in OPTIONAL}
    with room_for(out, replace=replace) as room:
        read = _read_all(results, optional, room.work, partitions, local)
        moment = as_of or read.partitions.latest_usable()
        if moment is None:
            raise no_moment(dict(read.broken[LEADING.name]["reason"].value_counts().iter_rows()))
        return _assess_all(read, How(protocol, moment, how, ask_next), room.tables, progress)


def no_moment(broken: Mapping[str, int]) -> SiteError:
    """What is said where no result can be used and no moment is given. `broken`: rows of results set apart, by reason."""
    told = ", ".join(f"{n} {reason}" for reason, n in sorted(broken.items()))
    because = f" (set apart: {told})" if told else ""
    zone = f". {SAY_ZONE}" if "time_without_zone" in broken else ""
    return SiteError(
        f"no row can be used{because}, so there is no moment to judge, and nothing was written; with --as-of each row is "
        f"written to {SET_APART}{zone}"
    )


@dataclass(frozen=True)
class _Read:
    """What was read: rows by range of patients, those that stand for all of them, and the broken rows of each table."""

    partitions: Partitions
    present: frozenset[str]
    assays: pl.DataFrame
    broken: dict[str, pl.DataFrame]

    @cached_property
    def unreadable(self) -> dict[str, frozenset[str]]:
        """By table, the patients whom broken rows name."""
        return {name: patients_named(rows) for name, rows in self.broken.items()}

    def batch(self, place: int, *, results_only: bool = False) -> Batch:
        """The patients of one range."""
        tables = {LEADING.name: self.partitions.results(place)}
        if not results_only:
            tables |= {t.name: self.partitions.rows(t, place) for t in OF_PATIENTS[1:] if t.name in self.present}
        return batch_of(tables, self.assays, self.unreadable, partial(self.partitions.own, place=place))

    @cached_property
    def compared(self) -> frozenset[int]:
        """The ranges where a patient has both blood and another compartment."""
        texts = (
            self.partitions.texts(LEADING.rows, at, "patient_id", "compartment") for at in range(len(self.partitions))
        )
        return frozenset(at for at, sampled in enumerate(texts) if has_both(sampled))


def policy_of(root: Path, *, method: str | None, priors: Path | None) -> tuple[Protocol, str]:
    """The protocol and the method of an analysis, as `analyze` takes them. Raises SiteError, ProtocolUnusable."""
    how = method or Site(root).settings().method
    if how not in words.METHOD:
        raise SiteError(f"--method is {how!r}; choose one of {', '.join(words.METHOD)}")
    protocol = Site(root).protocol()
    return (protocol if priors is None else protocol.with_priors(_fitted_priors(priors), name=priors.name)), how


def _fitted_priors(path: Path) -> str:
    if not path.is_file():
        raise SiteError(f"{path.name} is no file; name one that `cmvmon priors fit` wrote")
    return utf8_text(path)


def _read_all(
    results: Path, optional: Mapping[str, Path | None], folder: Path, partitions: int | None, zone: ZoneInfo | None
) -> _Read:
    count = _ranges(n_rows(results), partitions)
    patients = sample_of(results, "patient_id") if count > 1 else None
    first: list[Typed] = []
    if count > 1 and patients is None:  # a CSV is in memory anyway
        first = [read_whole(results, LEADING.rows, zone)]
        patients = first[0][0]["patient_id"]
    kept = Partitions(folder, () if patients is None else bounds_of(patients, count))
    del patients
    broken: list[pl.DataFrame] = []
    at_once = None if count == 1 else ROWS_PER_BATCH
    for usable, unusable in first or read_batches(results, LEADING.rows, zone, rows=at_once):
        kept.add(usable, LEADING.rows)
        broken.append(unusable)
    apart = {LEADING.name: pl.concat(broken, rechunk=True)}
    assays = ASSAYS.empty()
    for row_type in OPTIONAL:
        path = optional[row_type.name]
        if path is None:
            continue
        usable, apart[row_type.name] = read_whole(path, row_type, zone)
        if row_type is ASSAYS:
            assays = usable
        else:
            kept.add(usable, row_type)
    return _Read(kept, frozenset(name for name, path in optional.items() if path is not None), assays, apart)


def _ranges(rows: int, at_least: int | None) -> int:
    """How many ranges of patients: one, or so many that none is left over while the others are worked on side by side."""
    needed = math.ceil(rows / ROWS_PER_PARTITION)
    return max(at_least or 1, needed if needed < 2 else math.ceil(needed / AT_ONCE) * AT_ONCE)


def _assess_all(read: _Read, how: How, folder: Path, progress: Callable[[int, int], None]) -> Analysed:
    """Assesses one range of patients after the other and writes what was computed into that folder."""
    broken: dict[str, list[pl.DataFrame]] = {row_type.name: [] for row_type in how.computed}
    crowded: list[pl.DataFrame] = []
    counts: Counter[str] = Counter()
    with ExitStack() as files:
        written = {
            t.name: files.enter_context(OrderedParquet(folder / f"{t.name}.parquet", t.schema, key=t.key))
            for t in how.computed
        }
        unit = _unit_concordance(read, how)
        writer = files.enter_context(Behind(at_most=_WAITING))

        def judged(place: int) -> tuple[pl.DataFrame, Judged]:
            batch = read.batch(place)
            return batch.crowded, judge(batch, how, unit=unit, is_compared=place in read.compared)

        n = len(read.partitions)
        progress(0, n)
        for done, (too_many_of, found) in enumerate(ahead(judged, n, at_once=AT_ONCE), 1):
            progress(done, n)
            crowded.append(too_many_of)
            for row_type in how.computed:
                kept = found.kept.pop(row_type.name)
                broken[row_type.name].append(found.broken[row_type.name])
                writer.do(written[row_type.name].append, kept)
                if row_type is WEEKLY_DECLINE:
                    counts["weeks"] += kept.height
                elif row_type is VERDICTS:
                    counts["patients"] += kept["patient_id"].n_unique()
                    counts.update({f"verdict {word}": n for word, n in kept["verdict"].value_counts().iter_rows()})
                del kept  # what is written is held no longer: the next range needs the room
        # The unit comes after the patients, whatever the ranges.
        writer.do(written[CONCORDANCE.name].append, found.unit.select(*CONCORDANCE.schema))
    apart = read.broken | {name: pl.concat(parts, rechunk=True) for name, parts in broken.items()}
    too_many = pl.concat(crowded)
    write_quarantined(folder, [*apart.items(), (LEADING.name, too_many)], computed=COMPUTED_NAMES)
    return Analysed(
        as_of=how.moment,
        patients=counts["patients"],
        weekly_rows=counts["weeks"],
        verdicts={word: counts[f"verdict {word}"] for word in words.VERDICT},
        quarantined={name: frame.height + (name == LEADING.name) * too_many.height for name, frame in apart.items()},
    )


def _unit_concordance(read: _Read, how: How) -> pl.DataFrame | None:
    """Whether blood follows in the unit: what patients of all ranges say together. None = one range, which is the unit."""
    places = range(len(read.partitions))
    if len(places) == 1:
        return None
    parts = (
        part_of(read.batch(place, results_only=True).results_in_use(how), protocol=how.protocol, as_of=how.moment)
        for place in places
        if place in read.compared
    )
    return unit_rows([part for part in parts if part is not None], protocol=how.protocol)
