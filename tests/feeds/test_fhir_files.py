"""What a file of resources must be to be read at all, and where a text stands in a resource."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.feeds.fhir import entries
from cmvmon.feeds.fhir.addresses import Said, address_of, at, choices, together
from cmvmon.feeds.fhir.json_text import Members, NotJson, look_at, parsed
from cmvmon.feeds.fhir.references import Index
from cmvmon.feeds.formats import FORMATS, format_of
from cmvmon.feeds.json_numbers import Number
from tests.feeds.fhir_texts import (
    Json,
    as_bytes,
    as_lines,
    bundle,
    observation,
    patient,
    read,
    refused,
    results,
    specimen,
    told,
)

GOOD = told(observation())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (GOOD, None),
        (b"\xef\xbb\xbf" + GOOD, None),  # a mark of UTF-8 changes nothing
        (GOOD.decode().encode("utf-16"), "wrong_encoding"),
        (GOOD.decode().encode("utf-16-le"), "nul_bytes"),
        (GOOD.decode().encode("utf-32"), "wrong_encoding"),
        (GOOD.replace(b"SYNTH", b"M\xfcller"), "wrong_encoding"),
        (GOOD + b"\0", "nul_bytes"),
        (b"", "empty_file"),
        (b" \r\n", "empty_file"),
        (b'<Bundle xmlns="http://hl7.org/fhir"/>', "fhir_xml"),
        (b'\n<?xml version="1.0"?><Observation/>', "fhir_xml"),
        (GOOD[:-1], "cut_off"),
        (GOOD[: GOOD.index(b"SYNTH") + 2], "cut_off"),
        (GOOD + GOOD, "malformed_json"),
        (GOOD.replace(b",", b",,", 1), "malformed_json"),
        (GOOD.replace(b"12000", b"012000"), "malformed_json"),
        (GOOD.replace(b"12000", b"+12000"), "malformed_json"),
        (GOOD.replace(b"SYNTH", b"SY\nTH"), "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"a":' * 100_000, "malformed_json"),
        (b"[" * 100_000 + b"]" * 99_999, "malformed_json"),
        (b"[" * 100_000 + b"]" * 100_001, "malformed_json"),
        (b"[" * 100_000 + b"]" * 50_000 + b"}" + b"]" * 49_999, "malformed_json"),
        (b"[" * 100_000 + b"]" * 100_000, "no_fhir_resource"),
        (GOOD[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bundle_type"),  # around its entries
        (GOOD[:-2] + b', {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json"),
        (b"{}", "no_fhir_resource"),
        (b"[]", "no_fhir_resource"),
        (b"12", "no_fhir_resource"),
        (b'{"resourceType": 7}', "no_fhir_resource"),
        (as_bytes(bundle(observation(), kind="history")), "bundle_type"),
        (as_bytes(bundle(observation(), kind="batch-response")), "bundle_type"),
        (as_bytes({"resourceType": "Bundle", "type": 7}), "bundle_type"),
        (as_bytes({"resourceType": "Bundle", "entry": []}), "bundle_type"),
        (as_bytes({"resourceType": "Bundle", "type": "batch", "entry": {}}), "bundle_type"),
        (as_bytes(bundle(observation(), implicitRules="urn:x")), "bundle_type"),
        (GOOD[:-1] + b', "type": "history"}', "bundle_type"),
        (GOOD[:-1] + b', "total": NaN}', "bundle_type"),
        (as_bytes(bundle(kind="searchset")), None),
        (as_bytes({"resourceType": "Bundle", "type": "searchset"}), None),
    ],
)  # fmt: skip
def test_a_file_is_whole_and_is_fhir_or_is_refused_in_words(data: bytes, code: str | None) -> None:
    found = refused(data)
    assert (found and found[0]) == code
    assert found is None or "SYNTH" not in found[1]


def test_where_a_file_is_broken_is_said_and_nothing_of_it() -> None:
    found = refused(GOOD.replace(b'{"reference": "Patient/p1"', b'{\n"reference" "Patient/p1"'))
    assert found is not None
    assert "line 2, column 13" in found[1]
    history = refused(as_bytes(bundle(kind="history")))
    assert history is not None
    assert "of type history" in history[1]
    odd = refused(as_bytes(bundle(kind="CANARY, 1950")))
    assert odd is not None
    assert "CANARY" not in odd[1]


def test_a_file_over_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_BYTES", len(GOOD) - 1)
    for form in ("fhir", "fhir_lines"):
        found = refused(GOOD, form)
        assert found is not None
        assert found[0] == "too_large"


@given(cut=st.integers(0, len(GOOD) - 1))
def test_a_file_that_was_cut_anywhere_is_refused(cut: int) -> None:
    found = refused(GOOD[:cut])
    assert found is not None
    assert found[0] in ("cut_off", "empty_file")


@given(cut=st.integers(0, len(as_lines(patient(), specimen(), observation()))))
def test_of_lines_that_were_cut_anywhere_no_row_is_another_than_that_of_the_whole(cut: int) -> None:
    whole = as_lines(patient(), specimen(), observation())
    for part in read(whole[:cut], form="fhir_lines").parts:
        assert part.table != "viral_load_results" or part.accepted.height <= (cut >= len(whole) - 1)


def test_a_bundle_of_each_type_that_holds_what_is_now_is_read() -> None:
    for kind in sorted(entries.READ):
        assert results(told(observation(), kind=kind)).accepted.height == 1
    empty = read(as_bytes(bundle(kind="searchset")))
    assert (empty.received, [part.table for part in empty.parts]) == (0, ["delivery"])


def test_the_ending_of_a_file_says_its_format_and_our_own_lines_are_never_taken_for_resources() -> None:
    assert {name: format_of(f"X{form.ending.upper()}") for name, form in FORMATS.items()} == {
        name: name for name in FORMATS
    }
    assert [format_of(name) for name in ("a.json", "a.fhir", "a.fhir.json.gz", "fhir.ndjson")] == [
        None,
        None,
        None,
        "ndjson",
    ]
    (ours,) = read(as_lines(patient(), observation()), form="ndjson").parts
    assert ours.refused is not None
    assert ours.refused.code == "cut_off"


# --- JSON


@pytest.mark.parametrize(
    ("text", "line", "is_cut"),
    [('{"a": 1', 1, True), ('{"a": "b', 1, True), ("", 1, True), ('{"a":\n\n 01}', 3, False), ("[1, }", 1, False), ("{} {}", 1, False)],
)  # fmt: skip
def test_a_text_that_is_no_json_says_where(text: str, line: int, is_cut: bool) -> None:
    with pytest.raises(NotJson) as caught:
        parsed(text)
    assert (caught.value.line, caught.value.is_cut, caught.value.is_deep) == (line, is_cut, False)


@pytest.mark.parametrize(
    ("text", "fault"),
    [('{"a": [{"b": 1}]}', None), ('{"a": 1, "a": 1}', "repeated_member"), ('[[{"a": 1, "a": 2}]]', "repeated_member"), ("[NaN]", "no_json_number"),
     ("-Infinity", "no_json_number"), ('{"a\\u0000": 1}', "damaged_text"), ('["\\udc00"]', "damaged_text"), ('["é\\u0000"]', "damaged_text"), ('["é"]', None),
     ("[" * 60 + "]" * 60, None), ("[" * 61 + "]" * 61, "too_deep"), ('{"a": [NaN], "b": {"c": 1, "c": 2}}', "no_json_number"), ("null", None),
     ('[NaN, "\\ud800"]', "damaged_text"), ('["\\ud800", NaN]', "damaged_text")],
)  # fmt: skip
def test_what_is_wrong_within_a_value_is_a_fault_of_it(text: str, fault: str | None) -> None:
    assert look_at(parsed(text)).fault == fault


def test_of_a_text_that_is_too_deep_all_else_is_read_to_the_letter() -> None:
    text = '{"a": [1.50, "[{\\"]"], "b": [' + "[1, " * 20_000 + "[]" + "]" * 20_000 + ', [2]], "c": {"d": "\\\\"}}'
    found = parsed(text)
    assert (found["a"], found["b"][1], found["c"]) == (["1.50", '[{"]'], ["2"], {"d": "\\"})
    assert look_at(found).fault == "too_deep"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_keeps_its_precision(number: object) -> None:
    assert parsed(f"[{number:f}]") == [Number(f"{number:f}")]


def test_modifiers_are_found_wherever_they_stand() -> None:
    text = (
        '{"a": [{"modifierExtension": [{"url": "urn:1"}, {}, 3]}], "implicitRules": "urn:2", "modifierExtension": []}'
    )
    assert look_at(parsed(text)).modifiers == ["implicitRules", "urn:1", "?", "?"]


# --- addresses

ONE = parsed(
    json.dumps(
        {
            "status": "final",
            "active": True,
            "empty": "",
            "nothing": None,
            "count": 3,
            "code": {
                "coding": [{"system": "a", "code": "1"}, {"system": "b", "code": "2", "x": {"y": ["z"]}}],
                "text": "T",
            },
            "name": [{"given": ["A", "B"]}, {"given": ["A"]}],
            "effectivePeriod": {"start": "2026-05-03T08:00:00Z"},
            "valueString": "v",
            "valueQuantity": {"value": 1.50},
            "codeable": "no choice",
        }
    ).replace("1.5}", "1.50}")
)


@pytest.mark.parametrize(
    ("address", "texts", "has_parts"),
    [
        ("Thing.status", ("final",), False),
        ("Thing.active", ("true",), False),
        ("Thing.empty", (), False),
        ("Thing.nothing", (), False),
        ("Thing.absent.deeper", (), False),
        ("Thing.status.deeper", (), False),
        ("Thing.count", ("3",), False),
        ("Thing.code", (), True),
        ("Thing.code.coding", (), True),
        ("Thing.code.text", ("T",), False),
        ("Thing.code.coding.code", ("1", "2"), False),
        ("Thing.code.coding[2].code", ("2",), False),
        ("Thing.code.coding[9].code", (), False),
        ("Thing.code.coding[system=b].code", ("2",), False),
        ("Thing.code.coding[x.y=z].code", ("2",), False),
        ("Thing.code.coding[system=c].code", (), False),
        ("Thing.code[1].text", ("T",), False),
        ("Thing.status[system=a]", (), False),
        ("Thing.name.given", ("A", "B"), False),
        ("Thing.name[2].given", ("A",), False),
        ("Thing.name[1].given[2]", ("B",), False),
        ("Thing.effective", ("2026-05-03T08:00:00Z",), False),
        ("Thing.valueQuantity.value", ("1.50",), False),
        ("Thing.value", ("v",), True),
    ],
)
def test_a_text_is_found_by_its_address(address: str, texts: tuple[str, ...], has_parts: bool) -> None:
    found = address_of(address)
    assert found is not None
    assert at(ONE, found.steps) == Said(texts, has_parts)


@pytest.mark.parametrize(
    "text", ["", "Observation", "observation.status", "Observation.", ".status", "Observation.Status", "Observation.code[0].text", "Observation.code[].text",
             "Observation.code[system].text", "Observation.code[a=b", "Observation.code[a=b]c", "Observation status", "OBX-3.1", "Observation.code[a=[b]].text"],
)  # fmt: skip
def test_what_is_no_address_is_told(text: str) -> None:
    assert address_of(text) is None


def test_a_choice_of_types_is_one_of_those_that_fhir_has() -> None:
    assert choices(ONE, "code") == ["code"]
    assert choices(ONE, "value") == ["valueString", "valueQuantity"]
    assert choices(Members(codeX=1), "code") == []
    assert together([Said(("a",)), Said(("a", "b"), True)]) == Said(("a", "b"), True)


# --- references


def test_an_index_knows_what_is_contained_and_what_refers_to_nothing() -> None:
    held: Json = {
        "resourceType": "Observation",
        "id": "o",
        "contained": [{"resourceType": "Patient", "id": "in"}],
        "subject": {"reference": "#"},
    }
    (one,) = entries.read_json(as_bytes(held))
    index = Index([one])
    assert [inner.id for inner in index.contained(one)] == ["in"]
    assert index.meant(one, "subject").resources == (one,)
    (inner,) = index.contained(one)
    assert index.contained(inner) == []
    assert index.meant(inner, "subject") == ((), False)
