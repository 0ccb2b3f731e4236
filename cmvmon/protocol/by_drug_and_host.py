"""Numbers by drug and host: a table in a stanza, its row `otherwise`, and the look-up in polars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import ANY_NUMBER, Kind, Number

if TYPE_CHECKING:  # whoever only reads a protocol does not load the frame library
    import polars as pl

OTHERWISE = "otherwise"  # the host that stands for all that are not listed


@dataclass(frozen=True)
class ByDrugAndHost:
    """What the protocol says for a drug in a host; for a host that is not listed, what it says `otherwise`."""

    cells: Mapping[tuple[str, str], Any]

    def value(self, drug: str, host: str | None) -> Any:
        """The value; None for a drug that is not listed, or a host without its own value where none stands otherwise."""
        own = self.cells.get((drug, host)) if host is not None else None
        return self.cells.get((drug, OTHERWISE)) if own is None else own

    def value_of(self, drug: pl.Expr, host: pl.Expr) -> pl.Expr:
        """`value` of each row; null where there is none. A null host takes `otherwise`, a null drug nothing."""
        import polars as pl

        expression = pl.lit(None, dtype=pl.Float64)
        for (name, where), value in sorted(self.cells.items(), key=lambda cell: cell[0][1] != OTHERWISE):
            is_here = drug == name if where == OTHERWISE else (drug == name) & (host == where).fill_null(False)
            expression = pl.when(is_here).then(pl.lit(value, dtype=pl.Float64)).otherwise(expression)
        return expression


@dataclass(frozen=True)
class DrugHostTable(Kind):
    """`ganciclovir = { solid_organ_transplant = 5.0, otherwise = 2.5 }`: drugs of [drugs], hosts among `hosts`."""

    of: Number = ANY_NUMBER
    hosts: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        hosts = ", ".join((*self.hosts, OTHERWISE))
        return f"a table by drug of [drugs], each a table by host ({hosts}) of {self.of.says}"

    def read(self, found: object, place: Place) -> ByDrugAndHost | None:
        if not isinstance(found, dict) or not found:
            place.refuse(f"must be {self.says}", found=found)
            return None
        cells: dict[tuple[str, str], Any] = {}
        for drug, row in found.items():
            here = place.at(f"{place.key}.{drug}")
            if drug not in place.drugs:
                here.refuse("is no drug of [drugs]", remedy="add it there or mend its name")
            if not isinstance(row, dict) or not row:
                here.refuse("must be a table by host", found=row)
                continue
            for host, entry in row.items():
                there = here.at(f"{here.key}.{host}")
                if host not in (*self.hosts, OTHERWISE):
                    there.refuse(f"is no host; known are {', '.join((*self.hosts, OTHERWISE))}")
                cells[drug, host] = self.of.read(entry, there)
        return ByDrugAndHost(cells)

    def show(self, value: Any) -> str:
        return "; ".join(f"{drug}, {host}: {self.of.show(cell)}" for (drug, host), cell in sorted(value.cells.items()))
