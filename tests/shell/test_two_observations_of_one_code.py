"""Two observations of one code in one order, which OBX-4 tells apart (faults.md, row 61)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests.feeds.hl7_texts import file_of, message, order
from tests.feeds.shipped import LABS
from tests.sites import day


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A laboratory whose number is the order's, and whose observations within it have a number of their own in OBX-4."""
    text = (LABS / "example_hl7.toml").read_text("utf-8")
    text = text.replace(
        'format = "hl7"\n', 'format = "hl7"\naccession_stands_for = "order"\nkey_columns = ["tube_number"]\n'
    )
    text = text.replace("[columns]", '[columns]\ntube_number = "OBX-4"', 1)
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "example_hl7.toml").write_text(text, "utf-8")
    return tmp_path


def two(*said: tuple[str, str], status: str = "F", reported: str = "202605031000", control: str = "S1") -> list[str]:
    """One order with an observation for each (OBX-4, OBX-5)."""
    head, observation, specimen = order("VALUE", status=status, reported=reported)
    observations = [
        observation.replace("||VALUE|", f"|{part}|{value}|").replace("OBX|1|", f"OBX|{number}|")
        for number, (part, value) in enumerate(said, 1)
    ]
    return message(head, *observations, specimen, control=control)


def taken_in(root: Path, *messages: list[str], number: int = 0) -> Counted:
    path = root / "drop" / "example_hl7" / f"{number}.hl7"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_of(*messages))
    with open_site(root) as opened:
        (counted,) = take_in_file(opened, path, feed="example_hl7", received_at=day(70 + number))
    assert counted.received == counted.accepted + counted.quarantined + counted.duplicates + counted.ignored
    return counted


def used(root: Path) -> list[tuple[float | None, bool]]:
    """The loads of what holds, and whether they contradict each other."""
    with open_site(root) as opened, opened.reading() as connection:
        frame = current_results(known.known(connection, opened.site, as_of=day(90))[VIRAL_LOAD_RESULTS])
    return sorted(frame.select("viral_load_iu_per_ml", "is_conflicting").rows(), key=repr)


def waits(root: Path) -> list[str]:
    with open_site(root) as opened, opened.reading() as connection:
        return sorted(open_quarantine(connection)["reason"].to_list())


def test_observations_with_numbers_of_their_own_are_two_results_and_a_correction_changes_its_own(site: Path) -> None:
    assert taken_in(site, two(("1", "12000"), ("2", "500"))).accepted == 2
    assert used(site) == [(12000.0, False), (500.0, False)]
    taken_in(site, two(("2", "700"), status="C", reported="202605031200", control="S2"), number=1)
    assert used(site) == [(12000.0, False), (700.0, False)]
    taken_in(site, two(("1", ""), status="D", reported="202605031300", control="S3"), number=2)
    assert used(site) == [(700.0, False)]


def test_two_values_under_one_number_of_an_observation_are_both_kept_and_neither_is_used(site: Path) -> None:
    counted = taken_in(site, two(("1", "12000"), ("1", "500")))
    assert counted.reasons == {"conflicting_values": 2}
    assert waits(site) == ["conflicting_values"] * 2
    assert all(clashes for _, clashes in used(site))


def test_an_observation_without_the_number_that_tells_it_apart_is_set_apart_and_the_other_is_used(site: Path) -> None:
    counted = taken_in(site, two(("1", "12000"), ("", "500")))
    assert (counted.accepted, counted.reasons) == (1, {"missing_tube_number": 1})
    assert used(site) == [(12000.0, False)]


def test_where_the_file_names_no_such_number_neither_of_two_values_is_used(tmp_path: Path) -> None:
    counted = taken_in(tmp_path, two(("1", "12000"), ("2", "500")))
    assert (counted.accepted, counted.reasons) == (0, {"conflicting_values": 2})
    assert all(clashes for _, clashes in used(tmp_path))
