"""A protocol is known by its label and the hash of its text, and by those of its priors."""

from __future__ import annotations

from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest

from cmvmon.domain.errors import ProtocolError, SiteError
from cmvmon.shell.folder.protocol_files import Protocol

FOLDER = resources.files("cmvmon.protocol")
TEXT = FOLDER.joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
PRIORS = FOLDER.joinpath("priors", "simulated-1.toml").read_text(encoding="utf-8")

SIGNATURE = ("owner_signed_by", "signed_at")


def test_a_protocol_that_was_signed_is_the_same_policy_and_says_who_signed_it() -> None:
    shipped = Protocol.shipped()
    assert not shipped.is_signed
    by_name = TEXT.replace('owner_signed_by = ""', 'owner_signed_by = "A. Made-Up"')
    assert by_name != TEXT
    assert not Protocol.read(by_name).is_signed, "not without a date"
    for date in ("2026-11-22", '"22 November 2026"'):
        signed = Protocol.read(by_name.replace('signed_at = ""', f"signed_at = {date}"))
        assert signed.is_signed
        assert (signed.sha256, signed.identity) == (shipped.sha256, shipped.identity)
    bare = "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(SIGNATURE))
    assert not Protocol.read(bare).is_signed
    assert Protocol.read(bare).sha256 == shipped.sha256
    with pytest.raises(ProtocolError, match="signed_at"):
        Protocol.read(by_name.replace('signed_at = ""', "signed_at = 22"))


def test_two_files_of_one_label_are_not_the_same_protocol() -> None:
    shipped, other = Protocol.shipped(), Protocol.read(TEXT.replace("met_probability = 0.9 ", "met_probability = 0.8 "))
    assert shipped.version == other.version
    unsigned = "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(SIGNATURE))
    assert shipped.text_sha256 == sha256(unsigned.encode()).hexdigest()
    assert other.text_sha256 != shipped.text_sha256
    assert other.identity != shipped.identity
    priors = sha256(PRIORS.encode()).hexdigest()
    assert shipped.identity == f"icu_cmv_2024.12@{shipped.text_sha256[:12]}+simulated-1@{priors[:12]}"
    assert shipped.version_with_priors == "icu_cmv_2024.12"


def test_other_priors_are_named_with_their_hash() -> None:
    ours = PRIORS.replace('"simulated-1"', '"ours-1"')
    with_ours = Protocol.shipped().with_priors(ours, name="ours.toml")
    assert with_ours.priors_sha256 == sha256(ours.encode()).hexdigest()
    assert with_ours.identity.endswith(f"+ours-1@{with_ours.priors_sha256[:12]}")
    assert with_ours.version_with_priors == "icu_cmv_2024.12+ours-1"
    with pytest.raises(SiteError, match="the priors in use, and holds other numbers"):
        Protocol.shipped().with_priors(PRIORS.replace("mean = [3.9", "mean = [3.8", 1), name="mine.toml")


def test_a_protocol_is_read_from_a_path_or_a_text_and_held_against_every_rule(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert Protocol.read(path) == Protocol.read(str(path)) == Protocol.read(TEXT) == Protocol.shipped()
    path.write_text(TEXT.replace("[rules.suppressed]", "[rules.supressed]"), encoding="utf-8")
    with pytest.raises(
        ProtocolError, match=r"ours.toml: \[rules.suppressed\] is missing; the rule suppressed needs it"
    ):
        Protocol.read(path)
    with pytest.raises(SiteError, match=r"none\.toml is no file"):
        Protocol.read(tmp_path / "none.toml")


def test_priors_beside_the_file_are_found_and_may_not_take_the_name_of_the_packages(tmp_path: Path) -> None:
    (tmp_path / "priors").mkdir()
    ours = tmp_path / "priors" / "ours-1.toml"
    ours.write_text(PRIORS.replace('"simulated-1"', '"ours-1"'), encoding="utf-8")
    path = tmp_path / "ours.toml"
    path.write_text(TEXT.replace('name = "simulated-1"', 'name = "ours-1"'), encoding="utf-8")
    assert Protocol.read(path).identity.count("ours-1@") == 1
    ours.rename(tmp_path / "priors" / "simulated-1.toml")
    with pytest.raises(ProtocolError, match="has the name of the package's priors and other numbers"):
        Protocol.read(path)
