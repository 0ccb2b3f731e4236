"""What a fit learns from: the tables in a folder, as `analyze` reads them, or what a site's store knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.kinetics.noise.in_use import default_sigma, laboratory_sigma
from cmvmon.protocol import Protocol
from cmvmon.shell.as_known import known
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import now
from cmvmon.shell.work.opening import open_site
from cmvmon.workbench.folder_tables import find_table, read_whole, zone_called


@dataclass(frozen=True)
class Evidence:
    """Results and courses known at `as_of`.

    Attributes:
        results: current usable results collected by `as_of`, with `is_conflicting` and the `sigma_log10` now in use: the
            laboratory's, else the protocol's, else null. Row order is not defined.
        courses: null when such a table was never delivered.
        set_apart: rows of the folder that broke a promise and are not used; 0 for a site, whose quarantine keeps them.
    """

    results: pl.DataFrame
    courses: pl.DataFrame | None
    as_of: datetime
    protocol: Protocol
    set_apart: int


def evidence(source: Path | None, *, root: Path, as_of: datetime | None = None, zone: str | None = None) -> Evidence:
    """What the folder `source` holds, or the store of the site at `root` when it is None.

    `as_of` defaults to the latest collection of a usable row of the folder, and to now for a site. `zone` = of times without an
    offset in the folder; without it, as the site states.

    Raises:
        SiteError: no such folder, site or usable row. DeliveryError, ProtocolError: a file that can't be used.
    """
    return _of_site(root, as_of or now()) if source is None else _of_folder(source, root, as_of, zone)


def _of_folder(source: Path, root: Path, as_of: datetime | None, zone: str | None) -> Evidence:
    if not source.is_dir():
        raise SiteError(
            f"{source.name} is no folder; name the folder that holds {VIRAL_LOAD_RESULTS.name}.parquet or .csv"
        )
    protocol = Site(root).protocol()
    tables = (VIRAL_LOAD_RESULTS, ANTIVIRAL_COURSES, ASSAYS)
    paths = {row_type.name: find_table(source, row_type) for row_type in tables}
    if paths[VIRAL_LOAD_RESULTS.name] is None:
        name = VIRAL_LOAD_RESULTS.name
        raise SiteError(f"{source.name} holds neither {name}.parquet nor {name}.csv")
    local = zone_called(zone) or Site(root).settings().delivered_zone
    read = {row_type.name: read_whole(path, row_type, local) for row_type in tables if (path := paths[row_type.name])}
    results = read[VIRAL_LOAD_RESULTS.name][0]
    courses, assays = (read[t.name][0] if t.name in read else None for t in (ANTIVIRAL_COURSES, ASSAYS))
    moment = as_of or current_results(results)["collected_at"].max()
    if not isinstance(moment, datetime):
        raise SiteError(f"no row of {VIRAL_LOAD_RESULTS.name} can be used, so there is nothing to learn from")
    return Evidence(
        results=_in_use(results, ASSAYS.empty() if assays is None else assays, protocol, moment),
        courses=courses,
        as_of=moment,
        protocol=protocol,
        set_apart=sum(broken.height for _, broken in read.values()),
    )


def _of_site(root: Path, as_of: datetime) -> Evidence:
    Site(root).require()
    with open_site(root) as opened:
        with opened.reading() as connection:
            was_known = known.known(connection, opened.site, as_of=as_of)
        return Evidence(
            _in_use(was_known[VIRAL_LOAD_RESULTS], was_known.assays, opened.protocol, as_of),
            was_known.if_delivered(ANTIVIRAL_COURSES),
            as_of,
            opened.protocol,
            0,
        )


def _in_use(versions: pl.DataFrame, assays: pl.DataFrame, protocol: Protocol, as_of: datetime) -> pl.DataFrame:
    sigma = pl.coalesce("sigma_log10", default_sigma(protocol))
    # Also equal and far apart ones of one minute: repeats are what noise is learnt from.
    current = current_results(versions.filter(pl.col("collected_at") <= as_of))
    return laboratory_sigma(current, assays).with_columns(sigma_log10=sigma)
