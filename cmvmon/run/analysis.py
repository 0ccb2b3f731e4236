"""The stateless form: tables in a folder -> weekly decline and verdicts in another. No site, no store, no pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from cmvmon.assess import Tables, assess
from cmvmon.domain import words
from cmvmon.domain.columns import RowType, split_by_promises
from cmvmon.domain.errors import DeliveryError, SiteError
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.feeds.reasons import remedy
from cmvmon.feeds.standard_table import read_table, typed_exchange
from cmvmon.shell.files import read_bytes
from cmvmon.shell.site import Site

_OPTIONAL = (ANTIVIRAL_COURSES, ICU_STAYS, ASSAYS)
_COMPUTED = (WEEKLY_DECLINE.name, VERDICTS.name)


@dataclass(frozen=True)
class Analysed:
    """What an analysis wrote. `quarantined` counts the broken rows of each table."""

    as_of: datetime
    patients: int
    weekly_rows: int
    verdicts: Mapping[str, int]
    quarantined: Mapping[str, int]


def analyze(source: Path, out: Path, *, root: Path, as_of: datetime | None = None) -> Analysed:
    """Reads the tables in `source`, assesses them, writes weekly_decline.parquet and verdicts.parquet to `out`.

    Rows that break a promise go to `out`/quarantined.parquet with their reason, and the rest goes on. `as_of` defaults
    to the latest collection of a usable row. The protocol is that of the site at `root`, else the package's.

    Raises SiteError or DeliveryError when a table is missing, doubled or unreadable.
    """
    if not source.is_dir():
        raise SiteError(
            f"{source.name} is no folder; name the folder that holds {VIRAL_LOAD_RESULTS.name}.parquet or .csv"
        )
    if out.exists() and not out.is_dir():
        raise SiteError(f"{out.name} is a file; name a folder with --out")
    protocol = Site(root).protocol()
    results, *broken = _read(source, VIRAL_LOAD_RESULTS) or _missing(source)
    optional = {row_type.name: _read(source, row_type) for row_type in _OPTIONAL}
    frames = {name: None if found is None else found[0] for name, found in optional.items()}
    quarantined = {VIRAL_LOAD_RESULTS.name: broken[0]} | {
        name: found[1] for name, found in optional.items() if found is not None
    }
    out.mkdir(parents=True, exist_ok=True)
    _write_quarantined(out, quarantined)  # before anything can stop the rest: what was set apart is told in any case
    moment = as_of or _latest(results)
    assays = frames[ASSAYS.name]
    assessment = assess(
        Tables(
            results,
            _without_repeats(frames[ANTIVIRAL_COURSES.name]),
            _without_repeats(frames[ICU_STAYS.name]),
            ASSAYS.empty() if assays is None else assays,
            _patients_of(quarantined.get(ANTIVIRAL_COURSES.name)),
        ),
        protocol=protocol,
        as_of=moment,
    )
    weekly, broken_weeks = split_by_promises(assessment.weekly_decline, WEEKLY_DECLINE)
    judged, broken_verdicts = split_by_promises(assessment.verdicts, VERDICTS)
    quarantined |= {WEEKLY_DECLINE.name: broken_weeks, VERDICTS.name: broken_verdicts}
    weekly.write_parquet(out / "weekly_decline.parquet")
    judged.write_parquet(out / "verdicts.parquet")
    _write_quarantined(out, quarantined)
    verdicts = dict(judged["verdict"].value_counts().iter_rows())
    return Analysed(
        as_of=moment,
        patients=judged["patient_id"].n_unique(),
        weekly_rows=weekly.height,
        verdicts={word: int(verdicts.get(word, 0)) for word in words.VERDICT},
        quarantined={name: frame.height for name, frame in quarantined.items()},
    )


def _read(source: Path, row_type: RowType) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Typed rows and broken rows of one table; None when the folder has no such file."""
    parquet, csv = (source / f"{row_type.name}.{ending}" for ending in ("parquet", "csv"))
    if parquet.exists() and csv.exists():
        raise SiteError(f"{source.name} holds both {parquet.name} and {csv.name}; leave the one that counts")
    try:
        if csv.exists():
            rows, broken = read_table(read_bytes(csv), row_type)
            return row_type.conform(rows), broken
        if parquet.exists():
            return typed_exchange(_parquet(parquet), row_type)
    except DeliveryError as error:
        raise DeliveryError(error.code, f"{row_type.name}: {error}") from error
    return None


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SiteError(f"{path.name} is not a Parquet file that can be read; write it again") from error


def _missing(source: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    raise SiteError(f"{source.name} holds neither {VIRAL_LOAD_RESULTS.name}.parquet nor {VIRAL_LOAD_RESULTS.name}.csv")


def _latest(results: pl.DataFrame) -> datetime:
    usable = current_results(results)
    latest = usable["collected_at"].max()
    if not isinstance(latest, datetime):
        raise SiteError("no row can be used, so there is no moment to judge; see quarantined.parquet, or give --as-of")
    return latest


def _without_repeats(frame: pl.DataFrame | None) -> pl.DataFrame | None:
    """The rows, each once: an exchange has no versions, so the same row twice says nothing new."""
    return None if frame is None else frame.unique(maintain_order=True)


def _patients_of(broken: pl.DataFrame | None) -> frozenset[str]:
    """The patients whom broken course rows name."""
    return frozenset() if broken is None else frozenset(str(p) for p in broken["patient_id"].drop_nulls())


def _write_quarantined(out: Path, quarantined: Mapping[str, pl.DataFrame]) -> None:
    """Every broken row: its table, place (line of a CSV, else null), reason, column, remedy, and itself as JSON text."""
    marks = ("record_number", "line", "reason", "column")
    parts = [
        frame.select(
            pl.lit(name).alias("table_name"),
            (pl.col("line") if "line" in frame.columns else pl.lit(None)).cast(pl.Int64).alias("line"),
            "reason",
            "column",
            pl.lit(None, pl.String).alias("remedy")
            if name in _COMPUTED
            else pl.col("reason").replace_strict({r: remedy(r) for r in frame["reason"].unique()}).alias("remedy"),
            pl.struct(pl.exclude(marks)).struct.json_encode().alias("delivered_text"),
        )
        for name, frame in quarantined.items()
        if not frame.is_empty()
    ]
    columns = ("table_name", "line", "reason", "column", "remedy", "delivered_text")
    empty = pl.DataFrame(schema={name: pl.Int64 if name == "line" else pl.String for name in columns})
    pl.concat([empty, *parts]).write_parquet(out / "quarantined.parquet")
