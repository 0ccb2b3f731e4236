"""The resistance table says what was published: every cell as it was delivered, and every published summary of it."""

from __future__ import annotations

import statistics
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from cmvmon.domain import resistance
from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol import read_protocol
from cmvmon.protocol.resistance_table import Effect, hash_of, read_resistance_table
from cmvmon.shell.folder.protocol_files import Protocol, packaged_resistance_tables

NAME = "herpesdrg-fee40ad"
FILE = resources.files("cmvmon.protocol").joinpath("resistance", f"{NAME}.tsv").read_text(encoding="utf-8")
TABLE = Protocol.shipped().resistance_table
BORDERS = Protocol.shipped().resistance.borders
HEADER = FILE.splitlines()[0]
PUBLISHED = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in Path(__file__).with_name("published_resistance.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| UL")
]
DRUGS = ("ganciclovir", "maribavir", "cidofovir", "foscarnet", "letermovir")


def effect(gene: str, change: str, drug: str) -> Effect:
    assert TABLE is not None
    found = TABLE.of(gene, change, drug)
    assert found is not None, (gene, change, drug)
    return found


def row(**cells: str) -> str:
    given = {"virus": "HCMV", "gene": "UL97", "aa_change": "A594V", "status": "A"} | cells
    return "\t".join(given.get(name, "") for name in HEADER.split("\t"))


def rounded_as(number: str, found: float) -> bool:
    """`found`, written with the decimals of `number`: half away from zero, either way where floats sit on the half."""
    decimals = len(number.partition(".")[2])
    return abs(found - float(number)) <= 0.5 * float(f"1e-{decimals}") + 1e-9


@pytest.mark.parametrize("line", PUBLISHED, ids=lambda line: f"{line[0]} {line[1]}")
def test_every_row_of_the_published_tables_is_read_back(line: list[str]) -> None:
    gene, change, *cells = line
    for drug, cell in zip(DRUGS, cells, strict=True):
        if cell == "-":
            continue
        middle, _, rest = cell.partition(" (")
        span, _, rows = rest.rstrip(")").partition("; ")
        folds = effect(gene, change, drug).folds
        assert rounded_as(middle, statistics.median(folds)), (drug, folds)
        if span:
            low, high = span.split("-")
            assert rounded_as(low, folds[0])
            assert rounded_as(high, folds[-1])
        if rows:
            assert len(folds) == int(rows)


def test_every_delivered_cell_of_a_row_in_use_is_in_the_table_as_it_stands() -> None:
    """Read anew, cell by cell, by other code than the reader's."""
    names = HEADER.split("\t")
    wanted, n_rows = Counter[tuple[str, str, str, str]](), 0
    for line in FILE.splitlines()[1:]:
        cells = dict(zip(names, line.split("\t"), strict=True))
        assert cells["virus"] == "HCMV"
        if cells["status"] != "A" or cells["co_gene"] != "":
            continue
        n_rows += 1
        for drug in resistance.DRUGS:
            if cells[drug.title()]:
                wanted[cells["gene"], cells["aa_change"], drug, cells[drug.title()]] += 1
    assert TABLE is not None
    assert (TABLE.n_rows, n_rows) == (559, 559)
    assert {key[:3] for key in wanted} == set(TABLE.effects)
    for key, found in TABLE.effects.items():
        delivered = [cell for cell, n in {k[3]: n for k, n in wanted.items() if k[:3] == key}.items() for _ in range(n)]
        words = {cell for cell in delivered if cell in ("Resistant", "Polymorphism")}
        assert found.texts == tuple(sorted(words))
        assert found.folds == tuple(sorted(float(cell) for cell in delivered if cell not in words))


def test_how_many_rows_are_left_by_each_filter() -> None:
    cells = [dict(zip(HEADER.split("\t"), line.split("\t"), strict=True)) for line in FILE.splitlines()[1:]]
    active = [c for c in cells if c["status"] == "A"]
    assert (len(cells), len(active), sum(not c["co_gene"] for c in active)) == (779, 620, 559)
    genes = {"UL54": 280, "UL97": 190, "UL56": 106, "UL27": 21, "UL89": 14, "UL51": 9}  # clinical.md section 5.1
    assert Counter(c["gene"] for c in active) == genes


def test_about_half_of_the_listed_changes_of_ul97_are_no_resistance_to_ganciclovir() -> None:
    """clinical.md section 5.2: of 90 with data 43 below 2-fold, 20 up to 5, 17 up to 10, 10 from there on, by the median."""
    assert TABLE is not None
    found = Counter[str | None]()
    for (gene, _, drug), what in TABLE.effects.items():
        if (gene, drug) == ("UL97", "ganciclovir") and what.folds:
            found[Effect(folds=(statistics.median(what.folds),)).grade(BORDERS)] += 1
    assert found == {"below_low": 43, "low": 20, "moderate": 17, "high": 10}


@pytest.mark.parametrize(
    ("folds", "grade"),
    [
        ((1.99,), "below_low"),
        ((2.0,), "low"),
        ((4.99,), "low"),
        ((5.0,), "moderate"),
        ((9.99,), "moderate"),
        ((10.0,), "high"),
        ((2.0, 4.9), "low"),
        ((4.9, 5.0), "conflicting"),
        ((1.7, 15.5), "conflicting"),
        ((), None),
    ],
)
def test_a_class_is_that_of_every_row_and_a_range_that_crosses_a_border_is_conflicting(
    folds: tuple[float, ...], grade: str | None
) -> None:
    assert Effect(folds=folds).grade(BORDERS) == grade


def test_canonical_changes_as_the_table_has_them() -> None:
    assert effect("UL97", "M460V", "ganciclovir").grade(BORDERS) == "conflicting"
    assert effect("UL97", "C592G", "ganciclovir").grade(BORDERS) == "low"
    assert effect("UL97", "D605E", "ganciclovir").grade(BORDERS) == "below_low"
    assert effect("UL97", "A594G", "ganciclovir").grade(BORDERS) == "high"


def test_c480f_and_maribavir_is_overridden_and_what_the_table_says_is_kept() -> None:
    found = effect("UL97", "C480F", "maribavir")
    assert (found.override, found.folds) == ("highest level", (10.0,))
    assert found.override_source.startswith("Santos Bravo 2021")
    assert TABLE is not None
    assert [key for key, what in TABLE.effects.items() if what.override] == [("UL97", "C480F", "maribavir")]


def test_what_is_not_listed_is_unknown() -> None:
    assert TABLE is not None
    assert not TABLE.knows("UL97", "A1V")
    assert TABLE.of("UL97", "A594V", "letermovir") is None
    assert TABLE.knows("UL97", "A594V")


def test_other_viruses_are_left_out_before_a_row_is_split() -> None:
    """As one row of the published file has a cell too many: of another virus it is nobody's fault."""
    ragged = row(virus="HSV1", gene="UL30") + "\tone more"
    read = read_resistance_table("\n".join([HEADER, ragged, row(Ganciclovir="8")]), "", version="made-up")
    assert (read.n_rows, list(read.effects)) == (1, [("UL97", "A594V", "ganciclovir")])
    with pytest.raises(ProtocolError, match=r"made-up.tsv: line 2 has 31 cells"):
        read_resistance_table("\n".join([HEADER, row() + "\tone more"]), "", version="made-up")


def test_a_row_that_was_withdrawn_and_one_of_two_genes_are_not_read() -> None:
    text = "\n".join([HEADER, row(status="O", Ganciclovir="9"), row(co_gene="UL54", Ganciclovir="20")])
    assert read_resistance_table(text, "", version="made-up").effects == {}


def test_a_cell_that_is_no_number_stays_text() -> None:
    text = "\n".join([HEADER, row(Ganciclovir="8"), row(Ganciclovir="Resistant"), row(Ganciclovir=">10")])
    found = read_resistance_table(text, "", version="made-up").of("UL97", "A594V", "ganciclovir")
    assert found == Effect(folds=(8.0,), texts=(">10", "Resistant"))


@pytest.mark.parametrize("line", ["UL97\tC480F\tmaribavir\thigh", "UL99\tA1V\tmaribavir\thigh\tsomebody"])
def test_an_override_without_its_source_or_of_no_gene_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError, match=r"made-up.overrides.tsv: line 2 must hold gene, aa_change"):
        read_resistance_table(HEADER, f"header\n{line}\n", version="made-up")


def test_a_protocol_takes_the_table_that_it_was_signed_with_and_no_other() -> None:
    text = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
    texts = packaged_resistance_tables()
    assert hash_of(texts[NAME], texts[f"{NAME}.overrides"]) == Protocol.shipped().resistance.table_sha256
    changed = {**texts, f"{NAME}.overrides": "gene\n"}
    with pytest.raises(ProtocolError, match="another table_sha256"):
        read_protocol(text, name="ours.toml", resistance=changed)
    with pytest.raises(ProtocolError, match="known are none"):
        read_protocol(text, name="ours.toml", resistance={})


def test_borders_that_do_not_rise_are_refused() -> None:
    text = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
    with pytest.raises(ProtocolError, match="must rise"):
        read_protocol(text.replace("moderate_from_fold = 5.0", "moderate_from_fold = 10.0"), name="ours.toml")


def test_the_table_stands_beside_its_licence_and_origin() -> None:
    folder = resources.files("cmvmon.protocol").joinpath("resistance")
    assert "MIT License" in folder.joinpath("LICENSE").read_text(encoding="utf-8")
    origin = folder.joinpath("ORIGIN.md").read_text(encoding="utf-8")
    assert all(word in origin for word in ("fee40ad", "MIT", "10.1186/s12859-024-05885-5", "Oscar J Charles"))
