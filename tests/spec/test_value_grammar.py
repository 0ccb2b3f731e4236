"""What is made of every string that laboratories were seen to print, under named grammars.

A table reads: value as delivered | unit column | grammar | what is made of it. The grammars are those of the shipped
laboratory files (us, fr, nl) and three that differ from `us` in one thing: `undeclared` declares no decimal and no
thousands mark, `undetected_below` prints "not detected" as <N, `copies` sends copies. `with_its_method` lists a whole sentence beside the phrases.
"""

from __future__ import annotations

import pytest

from cmvmon.feeds.value_grammar import PHRASE_MEANINGS, parse_value
from tests.feeds.grammars import grammar, shown
from tests.feeds.shipped import csv_bytes, deliver


def cases(table: str) -> list[tuple[str, ...]]:
    rows = [tuple(cell.strip() for cell in line.split(" | ")) for line in table.strip().splitlines()]
    return [(a, b, name, want) for a, b, names, want in rows for name in names.split()]


SEEN = cases("""
Undetected                                | IU/mL | us               | not_detected
Not Detected                              | IU/mL | us               | not_detected
not  detected                             | -     | us               | not_detected
Negative                                  | IU/mL | us               | not_detected
No CMV DNA detected                       | -     | us               | not_detected
Target Not Detected                       | -     | us               | not_detected
<35 IU/mL (<1.54 log IU/mL)               | -     | us               | below_lloq limit 35 iu_per_ml
<35 IU/mL (<1.54 log IU/mL)               | -     | undeclared       | rejected: ambiguous_number
<35 IU/mL                                 | -     | undeclared       | below_lloq limit 35 iu_per_ml
<35 IU/mL (<1.54 log IU/mL)               | -     | undetected_below | not_detected limit 35 iu_per_ml
<35.4 IU/mL (<1.54 log IU/mL)             | -     | us               | rejected: contradicting_values
>10,000,000 IU/mL (>7.00 log IU/mL)       | -     | us               | above_uloq limit 10000000 iu_per_ml
<35 IU/mL, Not Detected                   | -     | us               | not_detected limit 35 iu_per_ml
<1.54 Log IU/mL, Not Detected             | -     | us               | not_detected limit 1.54 log10_iu_per_ml
Not Quantified                            | -     | us fr            | below_lloq
POS <200 IUM                              | -     | us               | below_lloq limit 200 iu_per_ml
POS <200 IUM                              | -     | undetected_below | below_lloq limit 200 iu_per_ml
Less than 200 IU/mL or 2.3 log IU/mL      | -     | us               | below_lloq limit 200 iu_per_ml
Less than 200 IU/mL or 2.4 log IU/mL      | -     | us               | rejected: contradicting_values
<2.6 log copies/mL (<390 copies/mL)       | -     | copies           | not_detected limit 390 copies_per_ml
<2.6 log copies/mL (<390 copies/mL)       | -     | us               | rejected: unknown_unit
Indetectable <300 copies / ml             | -     | fr               | not_detected limit 300 copies_per_ml
Détecté                                   | -     | fr               | rejected: qualitative_result
Détecté                                   | -     | us               | rejected: unknown_text
1,0                                       | log10copy/mL | fr        | quantified = 1 log10_copies_per_ml
1,0                                       | log IU/mL    | us        | rejected: malformed_number
1,0                                       | log IU/mL    | undeclared | rejected: ambiguous_number
3,52                                      | log10copy/mL | fr        | quantified = 3.52 log10_copies_per_ml
500                                       | IUM          | us        | quantified = 500 iu_per_ml
500                                       | Copies / ml  | fr        | quantified = 500 copies_per_ml
^999                                      | Copies / ml  | fr        | rejected: empty_comparator
^999                                      | IU/mL        | us        | rejected: empty_comparator
Indetectable                              | Copies / ml  | fr        | not_detected
<1000 copies/ml                           | -            | fr        | not_detected limit 1000 copies_per_ml
LOD <150                                  | copies/ml    | fr        | rejected: unknown_text
Not detected. Method: real-time PCR       | IU/mL        | us        | rejected: unknown_text
Not detected. Method: real-time PCR       | IU/mL        | with_its_method | not_detected
Not detected. Method: real-time PCR, range 35-10,000,000 IU/mL | - | us with_its_method | rejected: unknown_text
CMV DNA not detected. Performed by PCR. Detection Range: 600 - 100,000 copies/ml. | - | us fr copies | rejected: unknown_text
""")

FAULTS = cases("""
<137                     | IE/ml     | nl            | below_lloq limit 137 iu_per_ml
< 137                    | IE/ml     | nl            | below_lloq limit 137 iu_per_ml
&lt;137                  | IE/ml     | nl            | below_lloq limit 137 iu_per_ml
<^137                    | IE/ml     | nl            | below_lloq limit 137 iu_per_ml
> 10.000.000             | IE/ml     | nl            | above_uloq limit 10000000 iu_per_ml
> 10.000.000             | IU/mL     | us            | rejected: malformed_number
>10,000,000              | IU/mL     | us            | above_uloq limit 10000000 iu_per_ml
>10,000,000              | IE/ml     | nl            | rejected: malformed_number
>1E7                     | IE/ml     | nl            | above_uloq limit 10000000 iu_per_ml
&gt;1e7                  | IU/mL     | us undeclared | above_uloq limit 10000000 iu_per_ml
greater than 10,000,000  | IU/mL     | us            | above_uloq limit 10000000 iu_per_ml
1.000                    | IE/ml     | nl            | quantified = 1000 iu_per_ml
1.000                    | IU/mL     | us            | quantified = 1 iu_per_ml
1.000                    | IU/mL     | undeclared    | rejected: ambiguous_number
1,000                    | IE/ml     | nl            | quantified = 1 iu_per_ml
1,000                    | IU/mL     | us            | quantified = 1000 iu_per_ml
1,000                    | IU/mL     | undeclared    | rejected: ambiguous_number
1.000                    | UI/ml     | fr            | rejected: ambiguous_number
1 000                    | UI/ml     | fr            | quantified = 1000 iu_per_ml
1 000                    | IU/mL     | us            | rejected: ambiguous_number
3,52                     | log IE/ml | nl            | quantified = 3.52 log10_iu_per_ml
niet aantoonbaar         | -         | nl            | not_detected
neg                      | IE/ml     | nl            | not_detected
neg                      | IU/mL     | us            | rejected: unknown_text
not detected             | IE/ml     | nl            | rejected: unknown_text
n.a.                     | IE/ml     | nl            | rejected: unknown_text
NTB                      | IE/ml     | nl            | rejected: unknown_text
n.t.b.                   | IE/ml     | nl            | rejected: invalid_result
aantoonbaar <137         | IE/ml     | nl            | below_lloq limit 137 iu_per_ml
aantoonbaar              | IE/ml     | nl            | rejected: qualitative_result
pos, niet kwantificeerbaar | IE/ml   | nl            | below_lloq
5000                     | kopieën/ml | nl           | quantified = 5000 copies_per_ml
3.7 IU/ml                | -         | us            | quantified = 3.7 iu_per_ml
5000                     | log IE/ml | nl            | quantified = 5000 log10_iu_per_ml
5000 log                 | -         | nl            | rejected: unknown_unit
500                      | -         | nl us         | rejected: missing_unit
500                      | -         | unit_in_contract | quantified = 500 iu_per_ml
500                      | IE/L      | nl            | rejected: unknown_unit
500                      | kIE/ml    | us            | rejected: unknown_unit
5                        | kIE/ml    | nl            | quantified = 5 iu_per_ml x 1000
5                        | 10^3 IU/mL | us           | rejected: unknown_unit
10^3 IU/mL               | -         | us            | quantified = 1000 iu_per_ml
5                        | copies/10^6 cells | us    | rejected: unknown_unit
0                        | IU/mL     | us undeclared | rejected: not_positive
0,0                      | IE/ml     | nl            | rejected: not_positive
-5                       | IU/mL     | us            | rejected: not_positive
<-5                      | IU/mL     | us            | rejected: not_positive
-0                       | IU/mL     | us            | rejected: not_positive
0                        | log IU/mL | us            | rejected: not_positive
nan                      | IU/mL     | us            | rejected: not_finite
NaN                      | IE/ml     | nl            | rejected: not_finite
inf                      | IU/mL     | us            | rejected: not_finite
-inf                     | IU/mL     | us            | rejected: not_finite
1e400                    | IU/mL     | us undeclared | rejected: not_finite
1e15                     | IU/mL     | us            | quantified = 1e+15 iu_per_ml
ca. 500                  | IE/ml     | nl            | rejected: unknown_text
5.000 (herhaald)         | IE/ml     | nl            | rejected: unknown_text
1_000                    | IU/mL     | us nl undeclared | rejected: malformed_number
１３７                    | IE/ml     | nl            | rejected: non_ascii_digit
<１３７                   | IE/ml     | nl            | rejected: non_ascii_digit
١٣٧                      | IU/mL     | us            | rejected: non_ascii_digit
""")

STRICT = cases("""
<=35                     | IU/mL     | us | rejected: unsupported_comparator
≤35                      | IU/mL     | us | rejected: unsupported_comparator
~500                     | IU/mL     | us | rejected: unsupported_comparator
=^500                    | IU/mL     | us | rejected: unsupported_comparator
+500                     | IU/mL     | us | rejected: malformed_number
12,34                    | IU/mL     | us | rejected: malformed_number
1,0000                   | IU/mL     | us | rejected: malformed_number
0,500                    | IU/mL     | us | rejected: malformed_number
500.                     | IU/mL     | us | rejected: malformed_number
500 IU/mL                | log IU/mL | us | rejected: contradicting_units
500 IU/mL                | IUM       | us | quantified = 500 iu_per_ml
500 IU/mL (3.7 log IU/mL)  | -       | us | rejected: contradicting_values
5,012 IU/mL (3.70 log IU/mL) | IU/mL | us | quantified = 5012 iu_per_ml
<35 IU/mL (1.54 log IU/mL) | -       | us | rejected: contradicting_values
<35 IU/mL (<1.54)        | -         | us | rejected: second_number_without_unit
<35 IU/mL (<1.54         | -         | us | rejected: unknown_text
<200 IU/mL (<390 copies/mL) | -      | copies | rejected: uncomparable_values
500 IU/mL, Not Detected  | -         | us | rejected: contradicting_values
>1e7 IU/mL, Not Detected | -         | us | rejected: contradicting_values
Detected 500 IU/mL       | -         | us | quantified = 500 iu_per_ml
Positive <35 IU/mL, Not Detected | - | us | rejected: contradicting_values
Invalid <35              | IU/mL     | us | rejected: invalid_result
600 - 100,000            | IU/mL     | us | rejected: unknown_text
500 600                  | IU/mL     | us | rejected: ambiguous_number
<                        | IU/mL     | us | rejected: unknown_text
""")


@pytest.mark.parametrize(("text", "unit", "name", "want"), SEEN)
def test_a_string_that_a_laboratory_was_seen_to_print_has_its_outcome(
    text: str, unit: str, name: str, want: str
) -> None:
    assert shown(parse_value(text, "" if unit == "-" else unit, grammar=grammar(name))) == want


@pytest.mark.parametrize(("text", "unit", "name", "want"), FAULTS)
def test_a_string_of_the_fault_catalogue_has_its_outcome(text: str, unit: str, name: str, want: str) -> None:
    assert shown(parse_value(text, "" if unit == "-" else unit, grammar=grammar(name))) == want


@pytest.mark.parametrize(("text", "unit", "name", "want"), STRICT)
def test_what_could_be_read_in_two_ways_is_not_read(text: str, unit: str, name: str, want: str) -> None:
    assert shown(parse_value(text, "" if unit == "-" else unit, grammar=grammar(name))) == want


def test_an_empty_value_is_missing_and_a_unit_is_needed_for_a_number_only() -> None:
    assert shown(parse_value("  ", "IU/mL", grammar=grammar("us"))) == "rejected: missing_value"
    assert shown(parse_value("Undetected", None, grammar=grammar("us"))) == "not_detected"
    assert shown(parse_value("Undetected", "furlongs", grammar=grammar("us"))) == "rejected: unknown_unit"


def test_a_text_of_endless_length_is_refused_at_once() -> None:
    assert shown(parse_value("or " * 40_000 + "(", "IU/mL", grammar=grammar("us"))) == "rejected: unknown_text"


# What becomes of a record: value | unit | specimen | collected | result in IU/mL, or the reason. Laboratory example_nl:
# plasma has LLOQ 137 and, from 2025-01-01, 34.5; BAL is reported in copies, with 0.5 IU each from 2025-03-01 on.
RECORDS = [
    tuple(cell.strip() for cell in line.split(" | "))
    for line in """
5.000            | IE/ml      | EDTA-plasma | 03-02-2026 08:15 | quantified 5000 within 34.5 to 1e+07
3,5              | log IE/ml  | plasma      | 03-02-2026 08:15 | quantified 3162.28 within 34.5 to 1e+07
5                | kIE/ml     | plasma      | 03-02-2026 08:15 | quantified 5000 within 34.5 to 1e+07
niet aantoonbaar |            | plasma      | 03-02-2026 08:15 | not_detected within 34.5 to 1e+07
<137             | IE/ml      | plasma      | 03-02-2026 08:15 | below_lloq within 137 to 1e+07
<34,5            | IE/ml      | plasma      | 03-02-2026 08:15 | below_lloq within 34.5 to 1e+07
> 10.000.000     | IE/ml      | plasma      | 03-02-2026 08:15 | above_uloq within 34.5 to 1e+07
100              | IE/ml      | plasma      | 03-02-2026 08:15 | quantified 100 within 34.5 to 1e+07
100              | IE/ml      | plasma      | 31-12-2024 23:59 | below_own_limit
3,7              | IE/ml      | plasma      | 03-02-2026 08:15 | below_own_limit
20.000.000       | IE/ml      | plasma      | 03-02-2026 08:15 | above_own_limit
5000             | log IE/ml  | plasma      | 03-02-2026 08:15 | implausible_viral_load_iu_per_ml
1e15             | IE/ml      | plasma      | 03-02-2026 08:15 | implausible_viral_load_iu_per_ml
<1e13            | IE/ml      | plasma      | 03-02-2026 08:15 | implausible_lloq_iu_per_ml
<2e7             | IE/ml      | plasma      | 03-02-2026 08:15 | crossed_limits
10.000           | kopieën/ml | BAL         | 01-03-2025 00:00 | quantified 5000 within 250 to 1e+08
10.000           | kopieën/ml | BAL         | 28-02-2025 23:59 | no_copies_factor
<1.000           | kopieën/ml | BAL         | 01-03-2025 00:00 | below_lloq within 500 to 1e+08
10.000           | kopieën/ml | plasma      | 03-02-2026 08:15 | no_copies_factor
10.000           |            | plasma      | 03-02-2026 08:15 | missing_unit
""".strip().splitlines()
]  # fmt: skip


@pytest.mark.parametrize(("value", "unit", "specimen", "collected", "want"), RECORDS)
def test_a_delivered_value_becomes_iu_per_ml_with_the_limits_that_held(
    value: str, unit: str, specimen: str, collected: str, want: str
) -> None:
    row = {
        "patient_id": "SYNTH-1", "accession_number": "A1", "test": "CMVK", "specimen": specimen, "value": value,
        "unit": unit, "collected_at": collected, "result_status": "definitief",
        "assay": "PCR-B" if specimen == "BAL" else "PCR-A",
    }  # fmt: skip
    intake = deliver(csv_bytes("example_nl", [row]), "example_nl")
    if intake.quarantined.height:
        assert intake.quarantined["reason"].to_list() == [want]
        return
    result = intake.accepted.row(0, named=True)
    load = result["viral_load_iu_per_ml"]
    number = "" if load is None else f" {load:g}"
    limits = f"{result['lloq_iu_per_ml']:g} to {result['uloq_iu_per_ml']:g}"
    assert f"{result['detection']}{number} within {limits}" == want
    assert result["delivered_value"] == value


def test_every_meaning_of_a_phrase_is_used_by_a_shipped_laboratory() -> None:
    used = {meaning for name in ("us", "fr", "nl") for meaning in grammar(name).phrases.values()}
    assert used == set(PHRASE_MEANINGS)
