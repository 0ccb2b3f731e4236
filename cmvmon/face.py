"""What `import cmvmon` gives an analyst: tables in, verdicts and declines out, on polars or pandas frames.

A function that is given a pandas frame gives a pandas frame back. `assess` gives the polars frames of an Assessment,
whatever was read; each has `to_pandas()`. pandas itself is never imported here. The protocol is the package's example
unless another is given, and `as_of` the latest collection of a usable result.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.assess import Assessment
from cmvmon.assess import assess as _assess
from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import DELIVERED
from cmvmon.domain.errors import SiteError
from cmvmon.domain.known import Known, all_told, with_unclear
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.feeds.standard_table import typed_exchange
from cmvmon.kinetics import concordance as _concordance
from cmvmon.kinetics import treatment_courses
from cmvmon.kinetics import weekly_decline as _weekly_decline
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import DEFAULT_SCENARIO, Ward, ward
from cmvmon.workbench.folder_tables import Typed, find_table, read_whole, refuse_links, zone_called
from cmvmon.workbench.line_fits import lines_of_frame
from cmvmon.workbench.line_table import Columns
from cmvmon.workbench.written_verdicts import written_verdicts

__all__ = [
    "Assessment",
    "Protocol",
    "assess",
    "concordance",
    "fit_lines",
    "read",
    "read_verdicts",
    "simulate",
    "weekly_decline",
]

Frame = Any  # a polars or a pandas frame
_TABLES = {rows.name: rows for rows in (*(table.rows for table in DELIVERED if not table.says_who), ASSAYS)}


def read(source: str | Path | Mapping[str, Frame | str | Path], *, zone: str | None = None) -> Known:
    """The tables of a folder, or of files and frames by name of table, as an assessment reads them.

    Rows that break a promise are set apart, as `cmvmon analyze` does: a warning counts them by table and reason, and
    their patients count as "could not be read". A table that is not there was never delivered.

    Args:
        source: a folder with viral_load_results.(parquet|csv), and antiviral_courses, icu_stays and assays where there
            are any; or such files or frames by name of table (docs/tables.md).
        zone: of times without an offset, as Europe/Amsterdam; without it such a row is set apart (`time_without_zone`).

    Raises:
        SiteError: no folder, no results or no such zone. DeliveryError: a table that can't be read.

    >>> made = simulate(2, 28, seed=1)
    >>> known = read({"viral_load_results": made.viral_load_results, "antiviral_courses": made.antiviral_courses})
    >>> sorted(known.tables)
    ['antiviral_courses', 'viral_load_results']
    """
    given = dict(source) if isinstance(source, Mapping) else _found_in(Path(source))
    strange = sorted(set(given) - set(_TABLES))
    if strange:
        raise SiteError(f"{', '.join(strange)} is no table; known are {', '.join(_TABLES)}")
    if VIRAL_LOAD_RESULTS.name not in given:
        raise SiteError(f"there is no {VIRAL_LOAD_RESULTS.name}; give its file or frame")
    local = zone_called(zone)
    read_ones = {name: _typed(found, _TABLES[name], local) for name, found in given.items()}
    for name, (_, broken) in read_ones.items():
        _warn(name, broken)
    tables = all_told({name: usable for name, (usable, _) in read_ones.items() if name != ASSAYS.name})
    unread = {name: frozenset(_patients(broken)) for name, (_, broken) in read_ones.items()}
    assays = read_ones[ASSAYS.name][0] if ASSAYS.name in read_ones else ASSAYS.empty()
    return Known(tables, assays, with_unclear(unread, tables))


def assess(
    known: Known | Ward, *, protocol: Protocol | None = None, as_of: datetime | None = None, method: str = "bank"
) -> Assessment:
    """The weekly decline of every series, and what every rule says of every patient.

    Args:
        known: as `read` gives it, or a simulated ward.
        method: `bank` (change-point lines) or `line` (one straight line).

    Returns:
        An Assessment: weekly_decline, verdicts and concordance, as docs/tables.md has them, and more.

    Raises:
        SiteError: no usable result, so that there is no moment to judge.

    >>> found = assess(simulate(4, 42, seed=1), method="line")
    >>> sorted(found.verdicts["rule"].unique())  # doctest: +NORMALIZE_WHITESPACE
    ['bal_at_local_line', 'bal_negative', 'critical_result_unseen', 'data_unfit', 'drug_level', 'genotype_not_on_record',
     'guide_duration', 'guide_sampling_moment', 'interaction_note', 'no_follow_up', 'pending_at_discharge',
     'plasma_does_not_exclude', 'possible_lab_issue', 'rebound', 'recurrence', 'response', 'suppressed',
     'toxicity_monitoring', 'untreated_rise']
    """
    tables = _of_ward(known) if isinstance(known, Ward) else known
    moment = as_of or _latest(current_results(tables[VIRAL_LOAD_RESULTS]))
    return _assess(tables, protocol=protocol or Protocol.shipped(), as_of=moment, method=method)


def read_verdicts(out: str | Path, *, rule: str | None = None) -> pl.DataFrame:
    """The verdicts that `cmvmon analyze` wrote to a folder, each with everything that it rests on in `evidence`, as `assess` gives it.

    In the folder a fact stands once for its subject, in `facts_of_series` and its like; here it is put back into each verdict.

    Args:
        out: the folder.
        rule: only those of this rule; of many patients the evidence of all rules may be larger than memory.

    Raises:
        SiteError: the folder holds no tables of a run of this release, or there is no such rule.

    >>> from tempfile import TemporaryDirectory
    >>> from cmvmon.workbench.analysis import analyze
    >>> with TemporaryDirectory() as folder:
    ...     simulate(2, 28, seed=1).viral_load_results.write_parquet(f"{folder}/viral_load_results.parquet")
    ...     done = analyze(Path(folder), Path(folder, "out"), root=Path(folder))
    ...     found = read_verdicts(f"{folder}/out", rule="untreated_rise")
    >>> '"treatment":"unknown"' in found["evidence"][0]
    True
    """
    return written_verdicts(Path(out), rule=rule)


def weekly_decline(
    results: Frame,
    courses: Frame,
    *,
    protocol: Protocol | None = None,
    as_of: datetime | None = None,
    method: str = "bank",
    zone: str | None = None,
) -> Frame:
    """One row per series, anchor and treatment week (docs/tables.md), from rows of results and of courses.

    Of several versions of a result the current one counts. The noise is that of a column `sigma_log10`, else the protocol's.
    `zone`: of times without an offset, as in `read`.

    >>> made = simulate(3, 28, seed=1)
    >>> weeks = weekly_decline(made.viral_load_results, made.antiviral_courses, method="line")
    >>> weeks["treatment_week"].min()
    1
    """
    policy = protocol or Protocol.shipped()
    usable = _current(results, zone)
    moment = as_of or _latest(usable)
    clocks = treatment_courses(_rows(courses, ANTIVIRAL_COURSES, zone), protocol=policy, as_of=moment)
    return _like(results, _weekly_decline(usable, clocks, protocol=policy, as_of=moment, method=method))


def concordance(
    results: Frame, *, protocol: Protocol | None = None, as_of: datetime | None = None, zone: str | None = None
) -> Frame:
    """Whether blood follows each other compartment, by patient and for the unit (docs/tables.md). `zone`: as in `read`.

    >>> concordance(simulate(3, 28, seed=1).viral_load_results)["scope"].unique().sort().to_list()
    ['patient', 'unit']
    """
    usable = _current(results, zone)
    found = _concordance(usable, protocol=protocol or Protocol.shipped(), as_of=as_of or _latest(usable))
    return _like(results, found)


def fit_lines(
    table: Frame, *, series: str, time: str, value: str, state: str, sigma: float, unit: str = "days"
) -> Frame:
    """One straight line per series of any long table of log10 values, some of them limits, as `cmvmon fit` does.

    Args:
        series, time, value, state: names of columns. State: quantified, not_detected, below_lloq or above_uloq; or 0 and
            1 (1 = left-censored at the value).
        sigma: standard deviation of one result, log10.
        unit: of the times, `days` or `weeks`.

    Returns:
        series, n, n_censored, decline_log10_per_week (positive when the value falls), se, ci_low, ci_high, loglik, status.

    Raises:
        SiteError: a column, state, sigma or unit that can't be used.

    >>> given = pl.DataFrame({"who": ["a", "a", "a"], "day": [0, 7, 14], "log10": [5.0, 4.0, 3.0], "cens": [0, 0, 0]})
    >>> fitted = fit_lines(given, series="who", time="day", value="log10", state="cens", sigma=0.2)
    >>> fitted.select("series", pl.col("decline_log10_per_week").round(6), "status").row(0)
    ('a', 1.0, 'ok')
    """
    columns = Columns(series=series, time=time, value=value, state=state)
    return _like(table, lines_of_frame(_polars(table), columns=columns, sigma=sigma, unit=unit))


def simulate(patients: int, days: int, *, seed: int, scenario: str = DEFAULT_SCENARIO) -> Ward:
    """A synthetic ward with known truth: viral_load_results, antiviral_courses, icu_stays and truth. No patient is in it.

    Raises:
        CmvmonError: an argument out of its limits, or a scenario that does not exist (docs/simulator.md).

    >>> simulate(3, 28, seed=1).truth.height
    6
    """
    return ward(patients, days, seed, scenario)


def _found_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise SiteError(
            f"{folder.name} is no folder; name the folder that holds {VIRAL_LOAD_RESULTS.name}.parquet or .csv"
        )
    refuse_links(folder)
    return {name: path for name, rows in _TABLES.items() if (path := find_table(folder, rows)) is not None}


def _typed(found: Frame | str | Path, rows: RowType, zone: ZoneInfo | None) -> Typed:
    if isinstance(found, str | Path):
        return read_whole(Path(found), rows, zone)
    usable, broken = typed_exchange(_polars(found), rows, zone=zone)
    return rows.conform(usable), broken


def _rows(frame: Frame, rows: RowType, zone: str | None) -> pl.DataFrame:
    usable, broken = _typed(frame, rows, zone_called(zone))
    _warn(rows.name, broken)
    return usable


def _current(results: Frame, zone: str | None) -> pl.DataFrame:
    return current_results(_rows(results, VIRAL_LOAD_RESULTS, zone))


def _warn(table: str, broken: pl.DataFrame) -> None:
    """Says how many rows were set apart and why: counts and codes, never a cell."""
    if not broken.is_empty():
        counts = ", ".join(f"{n} {reason}" for reason, n in sorted(broken["reason"].value_counts().iter_rows()))
        zone = "; say with zone= in which zone its times are" if (broken["reason"] == "time_without_zone").any() else ""
        warnings.warn(f"{table}: rows set apart, which are not used: {counts}{zone}", stacklevel=3)


def _patients(broken: pl.DataFrame) -> Iterable[str]:
    return broken["patient_id"].drop_nulls().to_list() if "patient_id" in broken.columns else ()


def _of_ward(made: Ward) -> Known:
    return Known.of(
        {
            VIRAL_LOAD_RESULTS: made.viral_load_results,
            ANTIVIRAL_COURSES: made.antiviral_courses,
            ICU_STAYS: made.icu_stays,
        }
    )


def _latest(usable: pl.DataFrame) -> datetime:
    found = usable["collected_at"].max()
    if not isinstance(found, datetime):
        raise SiteError("no result can be used, so there is no moment to judge; give as_of")
    return found


def _polars(frame: Frame) -> pl.DataFrame:
    """The frame in polars. A pandas frame is told by its class's module: pandas is not imported."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if _is_pandas(frame):
        found = pl.from_pandas(frame)
        return found if isinstance(found, pl.DataFrame) else found.to_frame()
    raise TypeError(f"{type(frame).__name__} is no frame; give a polars or a pandas one")


def _is_pandas(frame: Frame) -> bool:
    return type(frame).__module__.partition(".")[0] == "pandas"


def _like(given: Frame, found: pl.DataFrame) -> Frame:
    return found.to_pandas() if _is_pandas(given) else found
