"""The kinds that a stanza may hold, by made-up stanzas: what each gives, what it refuses, and how it is told."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib import resources

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol import Key, Protocol, RuleStanza, read_protocol
from cmvmon.protocol.bands import Banded, Bands
from cmvmon.protocol.by_drug_and_host import DrugHostTable
from cmvmon.protocol.faults import Place
from cmvmon.protocol.kinds import ATC, Duration, Flag, Kind, Listed, Number, Pairs, Text, span
from cmvmon.protocol.page import protocol_page
from cmvmon.protocol.stanza import key, read_stanza, stanza
from cmvmon.rules import needed_numbers

SHIPPED = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
MADE_UP: dict[str, tuple[Kind, str]] = {
    "least_n": (Number(at_least=0), "0"),
    "grace_h": (Duration(), "0"),
    "watch_days": (Duration(), "1.5"),
    "dose_by_clearance": (Banded(Number(at_least=0)), '{ "[50, inf)" = 5.0, "[0, 25)" = 0, "[25, 50)" = 2.5 }'),
    "word_by_clearance": (Banded(Text(words=("low", "high"))), '{ "[0, 70)" = "low", "[70, inf)" = "high" }'),
    "level": (
        DrugHostTable(Number(above=0), hosts=("transplant",)),
        "{ ganciclovir = { transplant = 5.0, otherwise = 2.5 }, foscarnet = { transplant = 60 } }",
    ),
    "interacting": (Listed(ATC), '["J01DH51", "J05"]'),
    "apart": (Pairs(), '[["ganciclovir", "imipenem"]]'),
    "is_asked": (Flag(), "false"),
}
RULES = {**needed_numbers(), "made_up": [Key(name, kind, f"made up: {name}") for name, (kind, _) in MADE_UP.items()]}


def text(**changed: str | None) -> str:
    """The shipped file with a made-up rule's stanza; None leaves a key out."""
    values = {name: value for name, (_, value) in MADE_UP.items()} | changed
    lines = [f"{name} = {value}" for name, value in values.items() if value is not None]
    head = ["[rules.made_up]", 'source = "made up"', 'strength = "assumption"', 'owner = "nobody"', "guide = []"]
    return "\n".join([SHIPPED, *head, *lines, ""])


def protocol(**changed: str | None) -> Protocol:
    return read_protocol(text(**changed), name="ours.toml", rules=RULES)


def made_up(**changed: str | None) -> RuleStanza:
    return protocol(**changed).rules["made_up"]


def test_zero_durations_lists_pairs_and_truths_are_read_as_declared() -> None:
    found = made_up()
    assert (found["least_n"], found["grace_h"]) == (0.0, 0.0)
    assert (found.span("grace_h"), found.span("watch_days")) == (timedelta(0), timedelta(hours=36))
    assert found.listed("interacting") == ("J01DH51", "J05")
    assert found.pairs("apart") == frozenset({frozenset({"ganciclovir", "imipenem"})})
    assert found.flag("is_asked") is False
    assert set(found.numbers) == {"least_n", "grace_h", "watch_days"}
    with pytest.raises(KeyError):
        found.bands("interacting")
    with pytest.raises(ValueError, match="durations end in _days or _h"):
        span("grace_weeks", 1.0)


def test_a_band_holds_its_lower_end_and_not_its_upper_one() -> None:
    bands = made_up().bands("dose_by_clearance")
    asked = pl.DataFrame({"x": [-1.0, 0.0, 24.999, 25.0, 49.0, 50.0, 1e9, float("nan"), None]})
    found = asked.select(label=bands.label_of(pl.col("x")), value=bands.value_of(pl.col("x")))
    assert found["label"].to_list() == [None, "[0, 25)", "[0, 25)", "[25, 50)", "[25, 50)", "[50, inf)", "[50, inf)", None, None]  # fmt: skip
    assert found["value"].to_list() == [None, 0.0, 0.0, 2.5, 2.5, 5.0, 5.0, None, None]
    words = made_up().bands("word_by_clearance")
    assert asked.head(2).select(words.value_of(pl.col("x"))).to_series().to_list() == [None, "low"]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=8, unique=True), st.floats(-10, 600), st.randoms())
def test_every_number_from_the_lowest_on_lies_in_exactly_one_band(cuts: list[int], asked: float, dice: object) -> None:
    edges = [0, *sorted(cuts)]
    names = [f"[{a}, {b})" for a, b in zip(edges, [*edges[1:], "inf"], strict=True)]
    written = {name: float(i) for i, name in enumerate(names)}
    dice.shuffle(keys := list(written))  # type: ignore[attr-defined]
    place = Place("ours.toml", "x", "y")
    bands = Banded().read({name: written[name] for name in keys}, place)
    assert isinstance(bands, Bands)
    assert place.faults == []
    inside = [band for band in bands.bands if band.lower <= asked < band.upper]
    assert len(inside) == (asked >= 0)
    one = pl.DataFrame({"x": [asked]}).select(bands.value_of(pl.col("x"))).item()
    assert one == (inside[0].value if inside else None)
    assert bands.band_of(asked) == (inside[0] if inside else None)


def test_a_table_by_drug_and_host_falls_back_to_otherwise_and_no_further() -> None:
    table = made_up().by_drug_and_host("level")
    asked = pl.DataFrame(
        [("ganciclovir", "transplant"), ("ganciclovir", "x"), ("ganciclovir", None), ("foscarnet", "transplant"),
         ("foscarnet", "x"), ("cidofovir", "transplant"), (None, "transplant")],
        schema={"drug": pl.String, "host": pl.String}, orient="row",
    )  # fmt: skip
    wanted = [5.0, 2.5, 2.5, 60.0, None, None, None]
    assert asked.select(table.value_of(pl.col("drug"), pl.col("host"))).to_series().to_list() == wanted
    assert [None if d is None else table.value(d, h) for d, h in asked.iter_rows()] == wanted


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("least_n", "-1", "least_n must be a number of at least 0; found -1"),
        ("least_n", "nan", "least_n must be a number of at least 0; found nan"),
        ("grace_h", '"a day"', 'grace_h must be a span of time: a number of at least 0; found "a day"'),
        ("grace_h", "inf", "grace_h must be a span of time"),
        ("dose_by_clearance", '{ "[0, 25)" = 1, "[30, inf)" = 2 }', "dose_by_clearance has a gap from 25 to 30; let the bands touch"),
        ("dose_by_clearance", '{ "[0, 30)" = 1, "[25, inf)" = 2 }', "has bands that overlap, or begin too low, at [25, inf); begin it at 30"),
        ("dose_by_clearance", '{ "[5, inf)" = 2 }', "has a gap from 0 to 5"),
        ("dose_by_clearance", '{ "[0, 90)" = 2 }', "ends at 90; let the last band end at inf"),
        ("dose_by_clearance", '{ "[0, 90]" = 2 }', "dose_by_clearance [0, 90] is no band; write '[50, 70)'"),
        ("dose_by_clearance", '{ "[9, 9)" = 2 }', "dose_by_clearance [9, 9) is no band"),
        ("dose_by_clearance", '{ "[0, inf)" = -2 }', "dose_by_clearance [0, inf) must be a number of at least 0; found -2"),
        ("dose_by_clearance", "3", "must be a table of half-open bands"),
        ("word_by_clearance", '{ "[0, inf)" = "middling" }', 'must be one of low, high; found "middling"'),
        ("level", "{ aspirin = { otherwise = 1 } }", "level.aspirin is no drug of [drugs]; add it there"),
        ("level", "{ foscarnet = { child = 1 } }", "level.foscarnet.child is no host; known are transplant, otherwise"),
        ("level", "{ foscarnet = { otherwise = 0 } }", "level.foscarnet.otherwise must be a number above 0; found 0"),
        ("level", "{ foscarnet = 3 }", "level.foscarnet must be a table by host; found 3"),
        ("level", "[]", "must be a table by drug of [drugs]"),
        ("interacting", '["J01DH51", "J01DH51"]', 'names one entry twice; found "J01DH51"'),
        ("interacting", '["imipenem"]', 'interacting entry 1 must be text such as J05AB06, an ATC code or the beginning of one; found "imipenem"'),
        ("interacting", "[]", "must be a list, each entry once"),
        ("apart", '[["a", "a"]]', "apart pair 1 must be two different entries"),
        ("apart", '[["a", "b"], ["b", "a"]]', "apart pair 2 stands there already"),
        ("apart", '["a"]', "apart pair 1 must be two different entries"),
        ("apart", "[]", "must be a list of pairs"),
        ("is_asked", '"no"', 'is_asked must be true or false, without quotes; found "no"'),
        ("is_asked", None, "is_asked is missing; add it"),
        ("strange", "1", "strange is not a key of this stanza; remove it or mend its name"),
    ],
)  # fmt: skip
def test_a_value_that_its_kind_does_not_take_is_refused_with_file_stanza_and_key(
    name: str, value: str | None, said: str
) -> None:
    with pytest.raises(ProtocolError, match=re.escape(said)) as refused:
        protocol(**{name: value})
    assert "ours.toml: [rules.made_up] " in str(refused.value)


def test_faults_of_all_kinds_are_told_at_once() -> None:
    with pytest.raises(ProtocolError) as refused:
        protocol(
            least_n="-1", dose_by_clearance='{ "[5, inf)" = 2 }', apart="[]", is_asked="3", level="{ x = { y = 1 } }"
        )
    told = [line for line in str(refused.value).splitlines() if "[rules.made_up]" in line]
    assert len(told) == 6  # the table has two


def test_a_number_that_a_rule_does_not_declare_to_take_zero_must_be_above_it() -> None:
    with pytest.raises(ProtocolError, match="least_n must be a number above 0; found 0"):
        read_protocol(text(), name="ours.toml", rules={**needed_numbers(), "made_up": frozenset(MADE_UP)})


def test_the_page_shows_a_made_up_stanza_with_unit_value_meaning_and_owner() -> None:
    lines = protocol_page(protocol(), RULES).split("## [rules.made_up]")[1].splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    assert set(rows) == set(MADE_UP)
    assert rows["grace_h"].startswith("| `grace_h` | 0.0 | hours | made up: grace_h | a span of time")
    assert rows["grace_h"].endswith("| made up | assumption | nobody |")
    assert "| [0, 25): 0.0; [25, 50): 2.5; [50, inf): 5.0 |" in rows["dose_by_clearance"]
    assert "| foscarnet, transplant: 60.0; ganciclovir, otherwise: 2.5; ganciclovir, transplant: 5.0 |" in rows["level"]
    assert "| ganciclovir with imipenem |" in rows["apart"]


@stanza
class MadeUp:
    """A stanza with a key that may be left out."""

    wait_h: float = key(Duration(), "how long")
    often: float = key(Number(above=0), "how often", default=2.0)


def test_a_key_with_a_default_may_be_left_out_and_every_other_may_not() -> None:
    place = Place("ours.toml", "made_up")
    assert read_stanza(MadeUp, {"wait_h": 3}, place) == MadeUp(wait_h=3.0)
    assert read_stanza(MadeUp, {"wait_h": 3, "often": 1}, place) == MadeUp(wait_h=3.0, often=1.0)
    assert place.faults == []
    assert read_stanza(MadeUp, {"often": 1}, place) is None
    assert [str(fault) for fault in place.faults] == ["ours.toml: [made_up] wait_h is missing; add it"]
