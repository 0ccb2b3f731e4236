"""A feed's file says how patients' numbers are written: each is brought into one form before anything is keyed, or set apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.laboratory import read_laboratory
from cmvmon.feeds.part import Part
from cmvmon.feeds.patient_numbers import ELFPROEF, MOD10, NumberForm, fold_number
from cmvmon.feeds.table_file import read_table_file
from cmvmon.ingest import ingest
from tests.docs.laboratory_file_page import EXAMPLE
from tests.feeds.shipped import LABS
from tests.patients import HEADERS
from tests.sites import result

SEVEN = "[patient_ids]\ndigits = 7\npad_zeros = true\n"
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
HEAD = HEADERS["viral_load_results"]
SYNTHETIC = (LABS / "synthetic.toml").read_text("utf-8")


def results(*patients: str, stanza: str = SEVEN) -> Part:
    laboratory = read_laboratory(SYNTHETIC + stanza, name="synthetic")
    lines = [result(who, 0, 1000, accession=f"A{n}") for n, who in enumerate(patients)]
    return _taken_in("\n".join([HEAD, *lines]), "viral_load_results", laboratory=laboratory)


def courses(*patients: str, **declared: object) -> Part:
    lines = [f"{who},ganciclovir,treatment,,5,12,iv,2026-05-01T08:00:00Z," for who in patients]
    head = "patient_id,drug,indication,dose_mg,dose_mg_per_kg,interval_h,route,started_at,stopped_at"
    return _taken_in("\n".join([head, *lines]), "antiviral_courses", **declared)


def _taken_in(text: str, table: str, **declared: object) -> Part:
    (part,) = ingest(
        text.encode(), feed="synthetic", table=table, delivery_id="0" * 64, received_at=AT, landed_at=AT,
        **({"laboratory": None} | declared),  # type: ignore[arg-type]
    ).parts  # fmt: skip
    return part


def test_of_results_the_number_is_padded_and_one_that_does_not_fit_is_set_apart_with_what_to_do() -> None:
    part = results("12345", "0012345", "12 345", "12345678", "A12")
    assert part.accepted["patient_id"].to_list() == ["0012345"] * 3
    assert (
        part.quarantined.select("reason", "column", "patient_id").rows()
        == [("patient_number_form", "patient_id", None)] * 2
    )
    assert all("[patient_ids]" in remedy and "A12" not in remedy for remedy in part.quarantined["remedy"])
    assert results("12345", stanza="").accepted["patient_id"].to_list() == ["12345"]


def test_a_record_that_is_set_apart_for_something_else_names_its_patient_in_the_one_form() -> None:
    part = results("12345")
    broken = results("12345", stanza=SEVEN.replace("digits = 7", "digits = 8"))
    assert (part.accepted["patient_id"][0], broken.accepted["patient_id"][0]) == ("0012345", "00012345")
    laboratory = read_laboratory(SYNTHETIC + SEVEN, name="synthetic")
    line = result("12345", 0, "murky")
    murky = _taken_in(f"{HEAD}\n{line}", "viral_load_results", laboratory=laboratory)
    assert murky.quarantined["patient_id"].to_list() == ["0012345"]
    assert [named.read["patient_id"] for named in murky.named.values()] == ["0012345"]


def test_placeholders_and_shortened_numbers_are_told_as_what_they_are() -> None:
    part = results("0", "2.4E+10", "onbekend")
    assert part.quarantined["reason"].to_list() == [
        "placeholder_patient_id",
        "shortened_number",
        "placeholder_patient_id",
    ]


def test_courses_of_a_feed_follow_its_laboratory_file_unless_its_table_file_says_it_of_them() -> None:
    laboratory = read_laboratory(SYNTHETIC + SEVEN, name="synthetic")
    assert courses("12345", laboratory=laboratory).accepted["patient_id"].to_list() == ["0012345"]
    stanza = '[patient_ids]\nprefix = "zis-"\ncapitals = true\n'
    own = read_table_file(f'feed = "synthetic"\ndescription = "x"\n{stanza}', name="synthetic", drugs=frozenset())
    part = courses("ZIS-a12", "A12", laboratory=laboratory, table_file=own)
    assert part.accepted["patient_id"].to_list() == ["A12", "A12"]


def test_both_numbers_of_a_link_are_brought_into_the_form() -> None:
    laboratory = read_laboratory(SYNTHETIC + SEVEN, name="synthetic")
    head = "patient_id,merged_into,merged_at"
    lines = ["12,0000013,2026-05-01T08:00:00Z", "12,123456789,2026-05-01T08:00:00Z", "12,0000012,2026-05-01T08:00:00Z"]
    part = _taken_in("\n".join([head, *lines]), "patient_links", laboratory=laboratory)
    assert part.accepted.select("patient_id", "merged_into").rows() == [("0000012", "0000013")]
    assert part.quarantined.select("reason", "column").rows() == [
        ("patient_number_form", "merged_into"),
        ("merged_into_itself", "merged_into"),
    ]


@pytest.mark.parametrize(
    ("rule", "digits", "good", "wrong"),
    [
        (ELFPROEF, 9, "111222333", "111222334"),  # the example of the tax office's test numbers
        (MOD10, 0, "79927398713", "79927398710"),  # the example of ISO/IEC 7812's articles
        (MOD10, 16, "4539148803436467", "8273123273520569"),
    ],
)
def test_a_check_digit_is_kept_by_a_published_example_and_broken_by_another(
    rule: str, digits: int, good: str, wrong: str
) -> None:
    form = NumberForm(digits=digits, check_digit=rule)
    assert (form.read(good), form.read(wrong), form.read("A")) == (good, None, None)


@pytest.mark.parametrize("rule", [ELFPROEF, MOD10])
def test_any_single_wrong_digit_breaks_the_check(rule: str) -> None:
    good = {ELFPROEF: "111222333", MOD10: "79927398713"}[rule]
    form = NumberForm(digits=len(good), check_digit=rule)
    others = [
        good[:at] + digit + good[at + 1 :] for at in range(len(good)) for digit in "0123456789" if digit != good[at]
    ]
    assert [other for other in others if form.read(other) is not None] == []


@given(
    st.text("0123456789aAzZ -.", max_size=12),
    st.sampled_from(["", "ZIS", "z-"]),
    st.sampled_from([(), ("-", ".")]),
    st.booleans(),
    st.sampled_from([0, 7]),
    st.booleans(),
)
def test_what_was_read_is_read_again_as_it_is_and_differs_in_nothing_but_what_was_declared(
    number: str, prefix: str, remove: tuple[str, ...], capitals: bool, digits: int, pad_zeros: bool
) -> None:
    form = NumberForm(prefix, remove, capitals, digits, pad_zeros and digits > 0)
    read = form.read(number)
    if read is None:
        return
    assert read.startswith(prefix) or form.read(read) == read
    if not prefix and not remove:
        assert fold_number(read) == fold_number(number)
    if digits:
        assert (len(read), read.isdigit()) == (digits, True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("digits = 9\n", "digits = 8\n"), "elfproef is of numbers of 9 digits"),
        (('prefix = "ZIS"', 'prefix = "12"'), "holds digits only"),
        (('remove = ["-", "."]', 'remove = ["-", "1"]'), "more than single marks"),
        (("digits = 9\n", ""), "stands without `digits`"),
        (("capitals = true", "capital = true"), "patient_ids.capital: is not a key"),
        (('check_digit = "elfproef"', 'check_digit = "mod97"'), "patient_ids.check_digit: is none of"),
    ],
)
def test_a_contradiction_in_the_stanza_is_told_with_its_key(change: tuple[str, str], says: str) -> None:
    assert change[0] in EXAMPLE
    with pytest.raises(ProtocolError, match="patient_ids") as error:
        read_laboratory(EXAMPLE.replace(*change), name="made_up")
    assert says in str(error.value)


@given(st.text("0123456789aAzZ -:", max_size=12), st.sampled_from(["", "ZIS"]), st.booleans())
def test_a_number_of_another_authority_bears_its_name_and_is_read_again_as_it_is(
    number: str, prefix: str, is_sites_own: bool
) -> None:
    bare, form = NumberForm(prefix), NumberForm(prefix, authority="LAB-B", is_sites_own=is_sites_own)
    if number.strip().startswith("LAB-B:"):
        return
    read, plain = form.read(number), bare.read(number)
    assert read == (plain if plain is None or is_sites_own else f"LAB-B:{plain}")
    assert prefix or read is None or form.read(read) == read


def test_courses_are_of_the_authority_that_the_laboratory_file_of_their_feed_names() -> None:
    laboratory = read_laboratory(SYNTHETIC + '[patient_ids]\nauthority = "LAB-B"\n', name="synthetic")
    stanza = "[patient_ids]\ndigits = 7\npad_zeros = true\n"
    own = read_table_file(f'feed = "synthetic"\ndescription = "x"\n{stanza}', name="synthetic", drugs=frozenset())
    for file in (None, own):
        read = courses("0000012", laboratory=laboratory, table_file=file).accepted["patient_id"].to_list()
        assert read == ["LAB-B:0000012"]


@pytest.mark.parametrize("name", ["LAB B", "LAB:B", "é"])
def test_an_authority_is_a_plain_name(name: str) -> None:
    with pytest.raises(ProtocolError, match="authority"):
        read_laboratory(f'{SYNTHETIC}[patient_ids]\nauthority = "{name}"\n', name="synthetic")
