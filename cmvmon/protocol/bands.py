"""Half-open bands such as `[50, 70)`: read from a stanza without gap or overlap, and looked up in polars."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import ANY_NUMBER, Kind

if TYPE_CHECKING:  # whoever only reads a protocol does not load the frame library
    import polars as pl

_NUMBER = r"-?(?:\d+(?:\.\d*)?|inf)"
_BAND = re.compile(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")


@dataclass(frozen=True)
class Band:
    """One band, from `lower` (which belongs to it) to `upper` (which does not), and what the protocol says of it."""

    lower: float
    upper: float
    value: Any

    @property
    def label(self) -> str:
        return f"[{self.lower:g}, {self.upper:g})"


@dataclass(frozen=True)
class Bands:
    """Bands that touch, in rising order."""

    bands: tuple[Band, ...]

    def band_of(self, number: float) -> Band | None:
        """The band that holds the number; None below the first, from the end of the last on, or for NaN."""
        return next((band for band in self.bands if band.lower <= number < band.upper), None)

    def label_of(self, number: pl.Expr) -> pl.Expr:
        """The label of the band that holds each number, such as `[50, 70)`; null where `band_of` has none, or for null."""
        return self._lookup(number, [band.label for band in self.bands])

    def value_of(self, number: pl.Expr) -> pl.Expr:
        """What the protocol says of the band that holds each number; null as in `label_of`."""
        return self._lookup(number, [band.value for band in self.bands])

    def _lookup(self, number: pl.Expr, found: list[Any]) -> pl.Expr:
        import polars as pl

        dtype = pl.String() if isinstance(found[0], str) else pl.Float64()
        expression = pl.lit(None, dtype=dtype)
        for band, value in zip(reversed(self.bands), reversed(found), strict=True):
            inside = ~number.is_nan() & (number >= band.lower) & (number < band.upper)
            expression = pl.when(inside).then(pl.lit(value, dtype=dtype)).otherwise(expression)
        return expression


@dataclass(frozen=True)
class Banded(Kind):
    """A table whose keys are half-open bands that cover `lowest` to `highest`: no gap, no overlap.

    `"[0, 50)" = 2.5` and `"[50, inf)" = 5.0`, each value of the kind `of`.
    """

    of: Kind = ANY_NUMBER
    lowest: float = 0.0
    highest: float = math.inf

    @property
    def says(self) -> str:
        return (
            f"a table of half-open bands such as '[50, 70)' that cover {self.lowest:g} to {self.highest:g} "
            f"without gap or overlap, each {self.of.says}"
        )

    def read(self, found: object, place: Place) -> Bands | None:
        if not isinstance(found, dict) or not found:
            place.refuse(f"must be {self.says}", found=found)
            return None
        before = len(place.faults)
        bands = []
        for name, entry in found.items():
            here = place.at(f"{place.key} {name}")
            ends = _BAND.fullmatch(name.strip())
            if ends is None or not float(ends[1]) < float(ends[2]):
                here.refuse("is no band", remedy="write '[50, 70)': from 50, up to but not with 70")
                continue
            bands.append(Band(float(ends[1]), float(ends[2]), self.of.read(entry, here)))
        bands.sort(key=lambda band: (band.lower, band.upper))
        if len(place.faults) == before:
            self._must_cover(bands, place)
        return Bands(tuple(bands)) if len(place.faults) == before else None

    def _must_cover(self, bands: list[Band], place: Place) -> None:
        reached = self.lowest
        for band in bands:
            if band.lower > reached:
                place.refuse(f"has a gap from {reached:g} to {band.lower:g}", remedy="let the bands touch")
            elif band.lower < reached:
                place.refuse(
                    f"has bands that overlap, or begin too low, at {band.label}", remedy=f"begin it at {reached:g}"
                )
            reached = max(reached, band.upper)
        if reached != self.highest:
            place.refuse(f"ends at {reached:g}", remedy=f"let the last band end at {self.highest:g}")

    def show(self, value: Any) -> str:
        return "; ".join(f"{band.label}: {self.of.show(band.value)}" for band in value.bands)
