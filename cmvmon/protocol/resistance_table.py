"""The published table of resistance mutations: what it says of one change of one gene, by drug, to the letter.

Rule of this file: no cell is made into another one. A cell that is no number ("Resistant", "Polymorphism") stays text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

from cmvmon.domain import resistance
from cmvmon.domain.errors import ProtocolError

_VIRUS, _IN_USE = "HCMV", "A"
_OVERRIDES = ("gene", "aa_change", "drug", "says", "source")
_Key = tuple[str, str, str]  # gene, change, drug


@dataclass(frozen=True)
class Effect:
    """What is published of one change and one drug.

    Attributes:
        folds: how many times as much drug is needed, one of each row that gives a number, rising; 1 is no difference.
        texts: the cells that hold a word instead, as they stand there, each once, sorted.
        override: what stands in their place, with `override_source`; empty = nothing.
    """

    folds: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    override: str = ""
    override_source: str = ""

    def grade(self, borders: tuple[float, float, float]) -> str | None:
        """The class in which every one of its numbers lies; `conflicting` where they lie in several, None without any.

        Args:
            borders: from which number on it is low, moderate, high. They are those of ganciclovir.

        >>> Effect(folds=(5.5, 9.9)).grade((2, 5, 10)), Effect(folds=(1.9, 5.0)).grade((2, 5, 10))
        ('moderate', 'conflicting')
        """
        classes = {sum(fold >= border for border in borders) for fold in self.folds}
        if not classes:
            return None
        return resistance.CONFLICTING if len(classes) > 1 else resistance.GRADES[classes.pop()]


@dataclass(frozen=True)
class ResistanceTable:
    """Every effect that is published, under the table's name and version."""

    version: str
    n_rows: int
    effects: Mapping[_Key, Effect] = field(default_factory=dict)

    def of(self, gene: str, change: str, drug: str) -> Effect | None:
        """The effect of that change on that drug; None where nothing is published: unknown, and not "no effect"."""
        return self.effects.get((gene, change, drug))

    def knows(self, gene: str, change: str) -> bool:
        """Whether anything is published of that change, for any of the drugs."""
        return any((gene, change, drug) in self.effects for drug in resistance.DRUGS)


def read_resistance_table(text: str, overrides: str, *, version: str) -> ResistanceTable:
    """The table that a file in the form of HerpesDRG-DB holds.

    Args:
        text: tab-separated, with its header. Read are the rows of HCMV, of these those of status A, of these those of one
            gene alone; other viruses' rows are not even split.
        overrides: rows that stand in the place of what the table says: gene, aa_change, drug, says, source.

    Raises ProtocolError for a row that does not have the columns of the header, or an override of what is no drug or gene.
    """
    rows = [row for row in _rows(text, version) if row["status"] == _IN_USE and not row["co_gene"]]
    cells = defaultdict[_Key, list[str]](list)
    for row in rows:
        for drug in resistance.DRUGS:
            if cell := row[drug.capitalize()]:
                cells[(row["gene"], row["aa_change"], drug)].append(cell)
    found = {key: _effect(values) for key, values in cells.items()}
    for key, says, source in _override_rows(overrides, version):
        plain = found.get(key, Effect())
        found[key] = Effect(plain.folds, plain.texts, says, source)
    return ResistanceTable(version, len(rows), MappingProxyType(found))


def hash_of(text: str, overrides: str) -> str:
    """The SHA-256, in hexadecimal, by which a protocol names a table: of its text and of what stands in its place."""
    return sha256(f"{text}\0{overrides}".encode()).hexdigest()


def _rows(text: str, version: str) -> Iterator[dict[str, str]]:
    header, *lines = text.splitlines()
    names = header.split("\t")
    for number, line in enumerate(lines, start=2):
        if line.split("\t", 2)[1:2] != [_VIRUS]:
            continue
        cells = line.split("\t")
        if len(cells) != len(names):
            raise ProtocolError(
                f"protocol/resistance/{version}.tsv: line {number} has {len(cells)} cells and the header {len(names)}; "
                "take the file again as it was published"
            )
        yield dict(zip(names, cells, strict=True))


def _effect(cells: list[str]) -> Effect:
    numbers = [number for cell in cells if (number := _number(cell)) is not None]
    texts = {cell for cell in cells if _number(cell) is None}
    return Effect(tuple(sorted(numbers)), tuple(sorted(texts)))


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _override_rows(text: str, version: str) -> Iterator[tuple[_Key, str, str]]:
    for number, line in enumerate(text.splitlines()[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(_OVERRIDES) or cells[0] not in resistance.GENES or cells[2] not in resistance.DRUGS:
            raise ProtocolError(
                f"protocol/resistance/{version}.overrides.tsv: line {number} must hold {', '.join(_OVERRIDES)}, "
                "with a gene and a drug that are known; mend it"
            )
        yield (cells[0], cells[1], cells[2]), cells[3], cells[4]
