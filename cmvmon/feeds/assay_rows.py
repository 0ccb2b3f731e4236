"""What a laboratory's file says of its assays: limits, noise and factor by assay, compartment and date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from cmvmon.domain import compartments
from cmvmon.feeds.toml_reading import StrictTable
from cmvmon.feeds.value_grammar import fold

HIT_RATE_95 = "hit_rate_95"
_WIDEST_SIGMA = 3.0  # as the table `assays` allows


@dataclass(frozen=True)
class SigmaLevel:
    """Standard deviation (log10) of one result around the true load, at a level; None = at every level."""

    level_iu_per_ml: float | None
    sigma_log10: float


@dataclass(frozen=True)
class AssayRow:
    """One assay in some compartments, from a date on. Limits in IU/mL; None = not known.

    Attributes:
        valid_from, valid_until: the first and the last day of collection for which the row holds; None = no end.
        lod_iu_per_ml: only where the file says that it is the load found in 95 % of tests; any other meaning is
            dropped, since two meanings in one column could not be compared.
        iu_per_copy: IU in one copy, for assays that report copies; never assumed.
        sigma_log10: the noise of one result, by level; between two levels it is read off the line in log10, beyond them
            it is that of the nearest. Empty = the protocol's default.
    """

    name: str
    delivered: tuple[str, ...]
    compartments: tuple[str, ...]
    valid_from: date | None = None
    valid_until: date | None = None
    lod_iu_per_ml: float | None = None
    lloq_iu_per_ml: float | None = None
    uloq_iu_per_ml: float | None = None
    sigma_log10: tuple[SigmaLevel, ...] = ()
    iu_per_copy: float | None = None

    def holds(self, compartment: str, on: date) -> bool:
        """Whether the row is about samples of that compartment that were collected on that day."""
        is_in_time = (self.valid_from or date.min) <= on <= (self.valid_until or date.max)
        return is_in_time and compartment in self.compartments


@dataclass(frozen=True)
class AssayTable:
    """All assay rows of one laboratory, with the two questions that a feed asks of them."""

    rows: tuple[AssayRow, ...]
    names_by_delivered: Mapping[str, str]  # folded delivered text -> assay name

    def names(self, compartment: str, on: date) -> tuple[str, ...]:
        """The assays that are described for this compartment at this date, sorted."""
        return tuple(sorted({row.name for row in self.rows if row.holds(compartment, on)}))

    def row(self, name: str, compartment: str, on: date) -> AssayRow | None:
        """The row that holds at the date: the one with the latest `valid_from` that is not after it."""
        fitting = [row for row in self.rows if row.name == name and row.holds(compartment, on)]
        return max(fitting, key=lambda r: r.valid_from or date.min, default=None)


def read_assays(tables: Sequence[StrictTable], *, is_delivered: bool) -> AssayTable:
    """The assay table of a laboratory file; every fault goes to the tables' list of faults.

    `is_delivered`: each result names its assay. Where none does, one assay at most may hold for a compartment and a day.
    """
    rows: list[AssayRow] = []
    names: dict[str, str] = {}
    seen: set[tuple[str, str, date | None]] = set()
    for table in tables:
        row = _read_row(table)
        for text in row.delivered:
            if names.setdefault(fold(text), row.name) != row.name:
                table.fault("delivered", f"{text!r} also stands under another assay; a text names one assay")
        for compartment in row.compartments:
            if (row.name, compartment, row.valid_from) in seen:
                table.fault("valid_from", f"a second row of this assay for {compartment} from the same date; keep one")
            seen.add((row.name, compartment, row.valid_from))
        rows.append(row)
    found = AssayTable(tuple(rows), names)
    if not is_delivered:
        for table, row in zip(tables, rows, strict=True):
            for other in _others(row, found):
                table.fault("valid_until", other)
    return found


def _others(row: AssayRow, table: AssayTable) -> list[str]:
    """What has to be said where another assay holds for a compartment of the row on the row's first day."""
    said = []
    for compartment in row.compartments:
        others = [name for name in table.names(compartment, row.valid_from or date.min) if name != row.name]
        if others:
            said.append(
                f"{', '.join(others)} holds for {compartment} on the same days, and no column names the assay; end one of "
                "them with valid_until, or declare columns.assay"
            )
    return said


def _read_row(table: StrictTable) -> AssayRow:
    name = table.text("name") or ""
    places = table.texts("compartments", required=True)
    unknown = [place for place in places if place not in compartments.NAMES]
    if unknown:
        table.fault("compartments", f"{', '.join(unknown)} unknown; use names from {', '.join(compartments.NAMES)}")
    lod, meaning = table.number("lod_iu_per_ml"), table.text("lod_meaning", required=False)
    if lod is not None and meaning is None:
        table.fault("lod_meaning", f'is missing; give "{HIT_RATE_95}", or in words what this limit of detection means')
    valid_from, valid_until = table.day("valid_from"), table.day("valid_until")
    if valid_from is not None and valid_until is not None and valid_until < valid_from:
        table.fault("valid_until", "lies before valid_from; correct the dates")
    row = AssayRow(
        name=name,
        delivered=table.texts("delivered") or ((name,) if name else ()),
        compartments=places,
        valid_from=valid_from,
        valid_until=valid_until,
        lod_iu_per_ml=lod if meaning == HIT_RATE_95 else None,
        lloq_iu_per_ml=table.number("lloq_iu_per_ml"),
        uloq_iu_per_ml=table.number("uloq_iu_per_ml"),
        sigma_log10=_sigma(table),
        iu_per_copy=table.number("iu_per_copy", at_most=1e6),
    )
    if row.lloq_iu_per_ml is not None and row.uloq_iu_per_ml is not None and row.lloq_iu_per_ml >= row.uloq_iu_per_ml:
        table.fault("lloq_iu_per_ml", "is not below uloq_iu_per_ml; correct the limits")
    table.finish()
    return row


def _sigma(table: StrictTable) -> tuple[SigmaLevel, ...]:
    """`sigma_log10 = 0.13`, or a list of `{ level_iu_per_ml = 35, sigma_log10 = 0.22 }` in rising order."""
    if not isinstance(table.data.get("sigma_log10"), list):
        flat = table.number("sigma_log10", at_most=_WIDEST_SIGMA)
        return () if flat is None else (SigmaLevel(None, flat),)
    found: list[SigmaLevel] = []
    for entry in table.tables("sigma_log10"):
        level = entry.number("level_iu_per_ml", required=True)
        sigma = entry.number("sigma_log10", required=True, at_most=_WIDEST_SIGMA)
        entry.finish()
        if level is not None and sigma is not None:
            found.append(SigmaLevel(level, sigma))
    levels = [item.level_iu_per_ml or 0.0 for item in found]
    if not table.data["sigma_log10"]:
        table.fault("sigma_log10", "is an empty list; give a number, or at least one level")
    elif any(lower >= upper for lower, upper in pairwise(levels)):
        table.fault("sigma_log10", "has levels that do not rise; give each level once, the lowest first")
    return tuple(found)
