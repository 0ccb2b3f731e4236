"""What differs between two protocols is named, with stanza, key, both values, source and owner; nothing else is."""

from __future__ import annotations

from importlib import resources

import pytest

from cmvmon.domain.errors import ProtocolError
from cmvmon.protocol.differences import differences
from cmvmon.shell.folder.protocol_files import Protocol

TEXT = resources.files("cmvmon.protocol").joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")

CHANGES = [
    # a line of the file             in its place                    stanza                  key                     new value
    ("met_probability = 0.9 ", "met_probability = 0.8 ", "decline", "met_probability", "0.8"),
    ("overdue_after_days = 9.0", "overdue_after_days = 12.0", "rules.no_follow_up", "overdue_after_days", "12"),
    ("local_line_iu_per_ml = 10000.0\nwithin_days = 7.0", "local_line_iu_per_ml = 10000.25\nwithin_days = 7.0", "rules.bal_at_local_line", "local_line_iu_per_ml", "10000.25"),
    ('maribavir = { group = "maribavir", use = "treatment" }', 'maribavir = { group = "maribavir", use = "not_treatment" }', "drugs", "maribavir", "group maribavir, not_treatment"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "stanza", "key", "value"), CHANGES, ids=[change[3] for change in CHANGES])
def test_a_changed_number_is_named_and_no_other(old: str, new: str, stanza: str, key: str, value: str) -> None:
    assert TEXT.count(old) == 1
    (found,) = differences(Protocol.shipped(), Protocol.read(TEXT.replace(old, new)))
    assert (found.stanza, found.key) == (stanza, key)
    assert found.old is not None
    assert found.new is not None
    assert found.new.value == value
    assert found.new.owner in ("clinical lead", "hospital pharmacist")
    assert found.old.value != value
    (back,) = differences(Protocol.read(TEXT.replace(old, new)), Protocol.shipped())
    assert (back.old, back.new) == (found.new, found.old)


def test_a_changed_source_is_named_for_a_signature_covers_it() -> None:
    other = TEXT.replace('source = "weekly follow-up', 'source = "another study; weekly follow-up')
    (found,) = differences(Protocol.shipped(), Protocol.read(other))
    assert (found.stanza, found.key) == ("rules.no_follow_up", "source")


def test_another_label_alone_is_no_difference() -> None:
    other = Protocol.read(TEXT.replace('version = "icu_cmv_2024.12"', 'version = "mine"'))
    assert other.version == "mine"
    assert differences(Protocol.shipped(), other) == ()


def test_a_key_that_only_one_of_them_has_is_not_there_in_the_other() -> None:
    start = TEXT.index("[sigma_log10.near_lloq]")
    without = TEXT[:start] + TEXT[TEXT.index("\n[", start + 1) + 1 :]
    found = differences(Protocol.shipped(), Protocol.read(without))
    assert {one.stanza for one in found} == {"sigma_log10.near_lloq"}
    assert all(one.new is None and one.old is not None for one in found)


def test_other_lines_of_priors_are_told_apart_by_their_file() -> None:
    priors = resources.files("cmvmon.protocol").joinpath("priors", "simulated-1.toml").read_text(encoding="utf-8")
    other = Protocol.shipped().with_priors(priors.replace('"simulated-1"', '"ours-1"'), name="ours.toml")
    assert [(one.stanza, one.key) for one in differences(Protocol.shipped(), other)] == [
        ("priors", "ours-1"),
        ("priors", "simulated-1"),
    ]


def test_of_a_table_of_doses_the_row_that_changed_is_named_in_words() -> None:
    old = 'induction = ["5 mg/kg q12h"]'
    assert old in TEXT
    found = differences(Protocol.shipped(), Protocol.read(TEXT.replace(old, 'induction = ["4 mg/kg q12h"]', 1)))
    (one,) = found
    assert (one.stanza, one.key.startswith("rows [")) == ("doses.ganciclovir", True)
    assert one.old is not None
    assert one.new is not None
    assert "5 mg/kg q12h" in one.old.value
    assert "4 mg/kg q12h" in one.new.value
    assert "Row(" not in one.new.value


@pytest.mark.parametrize("label", ['""', '"  "'])
def test_a_protocol_without_a_label_is_refused(label: str) -> None:
    with pytest.raises(ProtocolError, match="version"):
        Protocol.read(TEXT.replace('version = "icu_cmv_2024.12"', f"version = {label}"))
