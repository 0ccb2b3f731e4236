"""Messages and resources that others have published, through the real store, twice: by message each record is counted, nothing is new
the second time, and none of them becomes a result of CMV, which none of them holds.

What is expected is counted by splitting the text at its line ends, past our reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.calls import here
from tests.feeds import fhir_texts, hl7_texts
from tests.feeds.hl7_texts import observations_by_message, plain_messages
from tests.feeds.shipped import LABS
from tests.sites import day

HL7, FHIR = "example_hl7", "example_fhir"


def site(root: Path) -> Path:
    """A site that reads each message whatever it is sent for, and sets apart each test that is not listed: nothing is ignored."""
    (root / "labs").mkdir(parents=True)
    for feed, old, new in (
        (HL7, 'ignored = ["ADT", "ORM"]', 'processing = ["P", "T", "D"]\nend_may_lack = true'),
        (FHIR, 'ignored = ["Encounter", ', 'ignored = ["NutritionOrder", '),
    ):
        text = (LABS / f"{feed}.toml").read_text("utf-8")
        assert old in text
        assert 'unlisted = "ignored"' in text
        text = text.replace(old, new).replace('unlisted = "ignored"', 'unlisted = "set_apart"')
        (root / "labs" / f"{feed}.toml").write_text(f"max_quarantined_share = 1.0\n{text}", "utf-8")
    return root


def taken_in(root: Path, files: dict[str, bytes], feed: str, *, at: float) -> dict[str, tuple[Counted, ...]]:
    """By name the counts of each of these files, one after the other in one store."""
    found = {}
    with open_site(root) as opened:
        for n, (name, data) in enumerate(files.items()):
            path = root.parent / f"{at:g}-{n}{'.fhir.json' if feed == FHIR else '.hl7'}"
            path.write_bytes(data)
            found[name] = take_in_file(opened, path, feed=feed, received_at=day(at))
            path.unlink()
    return found


def conserved(counted: tuple[Counted, ...]) -> int:
    """How many records were received, each of them counted once."""
    for one in counted:
        assert one.received == one.accepted + one.quarantined + one.duplicates + one.ignored, one
        assert one.refused or one.quarantined == sum(one.reasons.values()), one
    return sum(one.received for one in counted)


def no_result(root: Path) -> bool:
    return sites.rows(root, "SELECT count(*) FROM viral_load_results") == [(0,)]


def messages_by_id() -> Iterator[tuple[str, bytes, int]]:
    """Each public message with its own id (MSH-10), and how many records it holds."""
    for path in hl7_texts.FILES:
        for n, (control, lines) in enumerate(plain_messages(path.read_bytes())):
            yield f"{path.name[:2]}-{n}-{control}.hl7", b"\r".join(lines) + b"\r", observations_by_message(lines)


@hl7_texts.needs_public_messages
def test_each_public_message_is_conserved_by_its_id_and_is_nothing_new_the_second_time(tmp_path: Path) -> None:
    root = site(tmp_path / "site")
    told = list(messages_by_id())
    assert len(told) == 76
    files = {name: data for name, data, _ in told}
    first = taken_in(root, files, HL7, at=1)
    kept = sites.rows(root, "SELECT count(*) FROM quarantined_records")
    for name, _, expected in told:
        assert conserved(first[name]) == expected, name
        assert not any(one.accepted or one.ignored or one.was_known or one.refused for one in first[name]), name
    second = taken_in(root, files, HL7, at=2)
    for name, _, expected in told:
        assert [one.was_known for one in second[name]] == [True] * len(second[name])
        assert sum(one.duplicates for one in second[name]) == conserved(second[name]) == expected, name
    assert sites.rows(root, "SELECT count(*) FROM quarantined_records") == kept
    assert no_result(root)


@hl7_texts.needs_public_messages
def test_each_public_file_as_it_came_is_conserved_by_the_command_and_is_nothing_new_the_second_time(
    tmp_path: Path,
) -> None:
    root = site(tmp_path / "site")
    files = [tmp_path / f"{path.stem}.hl7" for path in hl7_texts.FILES]
    for path, public in zip(files, hl7_texts.FILES, strict=True):
        path.write_bytes(public.read_bytes())
    expected = {
        path.name: sum(observations_by_message(lines) for _, lines in plain_messages(path.read_bytes()))
        for path in files
    }
    first = here("ingest", *files, "--feed", HL7, site=root)
    counted = dict.fromkeys(expected, 0)
    for name, received, accepted, apart, ignored in re.findall(
        r"^(\S+\.hl7)\b.*received (\d+) = accepted (\d+) \+ quarantined (\d+) \+ duplicates 0 \+ ignored (\d+)", first.stdout, re.M
    ):  # fmt: skip
        assert (int(accepted), int(apart), int(ignored)) == (0, int(received), 0)
        counted[name] += int(received)
    assert counted == expected
    kept = sites.rows(root, "SELECT count(*) FROM quarantined_records")
    assert kept == [(sum(expected.values()),)]
    second = here("ingest", *files, "--feed", HL7, site=root)
    known = dict.fromkeys(expected, 0)
    for name, n in re.findall(
        r"^(\S+\.hl7)\b.*: already known, nothing changed \((\d+) records\)", second.stdout, re.M
    ):
        known[name] += int(n)
    assert known == expected
    assert sites.rows(root, "SELECT count(*) FROM quarantined_records") == kept
    assert no_result(root)


@fhir_texts.needs_public_resources
def test_each_public_file_of_resources_is_conserved_and_is_nothing_new_the_second_time(tmp_path: Path) -> None:
    """Eight are XML, which is refused in words; one is a load in copies, of a patient who is not in it."""
    root = site(tmp_path / "site")
    files = {f"{path.stem}.fhir.json": path.read_bytes() for path in fhir_texts.FILES}
    first = taken_in(root, files, FHIR, at=1)
    kept = sites.rows(root, "SELECT reason, count(*) FROM quarantined_records GROUP BY 1 ORDER BY 1")
    for name, data in files.items():
        assert conserved(first[name]) == sum(one.quarantined for one in first[name]) == 1
        assert [one.refused for one in first[name]] == ["fhir_xml" if data.lstrip().startswith(b"<") else None]
    for name, counted in taken_in(root, files, FHIR, at=2).items():
        assert [one.was_known for one in counted] == [True]
        assert [one.refused for one in counted] == [one.refused for one in first[name]]
        assert all(one.accepted == one.quarantined == 0 for one in counted)
    assert sites.rows(root, "SELECT reason, count(*) FROM quarantined_records GROUP BY 1 ORDER BY 1") == kept
    assert kept == [("delivery_refused", 8), ("unresolved_reference", 1)]
    assert no_result(root)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_what_is_expected_is_counted_without_our_reader(n: int) -> None:
    lines = [b"MSH|^~\\&|||||||ORU^R01|1|P|2.5", b"PID|1", b"OBR|1", *([b"OBX|1"] * n), b"OBR|2"]
    assert observations_by_message(lines) == max(n, 1) + 1
    assert observations_by_message([b"MSH|^~\\&|||||||ADT^A01|1|P|2.5", b"PID|1", b"OBX|1", b"OBX|2"]) == 1
