"""The status of a result in HL7 (OBX-11, and OBR-25 of its order) against what is known of it: what is used at last.

Each case is some messages about one result, a delivery each unless they stand in one list, and what is used after the last. The cases
share a site, each with a result and a patient of its own: a site is one way in which the messages come.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping
from math import factorial
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results, current_versions
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.as_known import known
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting.quarantine import open_quarantine
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.hl7_texts import file_of, message, order
from tests.sites import day

Said = tuple[str, str, str]
"""OBX-11, OBR-25 and OBX-5 of a message."""


def told(place: int, said: Said, **other: str) -> list[str]:
    """The message of that place about one result, reported that many hours after its collection. `number`: of the result, else F1."""
    status, of_order, value = said
    reported = f"20260302{10 + place:02d}00"
    of = other.get("number", "")
    return message(
        *order(value, status=status, of_order=of_order, collected="20260302080000", **{"reported": reported} | other),
        patient=f"SYNTH-{of or 1}",
        control=f"S{place}{of}",
    )


def taken_in(root: Path, data: bytes, *, number: int) -> tuple[Counted, ...]:
    path = root / "drop" / "example_hl7" / f"{number}.hl7"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with open_site(root) as opened:
        return take_in_file(opened, path, feed="example_hl7", received_at=day(2 + number / 10))


def at_last(root: Path) -> tuple[str, list[str]]:
    """What holds of the one result (status and load, withdrawn or nothing), and why records wait."""
    with open_site(root) as opened, opened.reading() as connection:
        frame = known.known(connection, opened.site, as_of=day(30))[VIRAL_LOAD_RESULTS]
        waits = open_quarantine(connection)["reason"].to_list()
    return held(frame), waits


def held(frame: pl.DataFrame) -> str:
    """What holds of the one result whose versions these are."""
    used = current_results(frame).select("result_status", "viral_load_iu_per_ml", "is_conflicting").rows()
    if not used:  # what is preliminary is stored and shown, and nothing rests on it
        (last,) = current_versions(frame).to_dicts() or [None]
        if last is None or last["result_status"] == "withdrawn":
            return "nothing" if last is None else "withdrawn"
        return "conflict preliminary" if last["is_conflicting"] else f"preliminary {last['viral_load_iu_per_ml']:g}"
    ((status, load, clash),) = used
    return f"conflict {status}" if clash else f"{status} {load:g}"


HELD = "corrects_withdrawn_result"
F, P = ("F", "F", "800"), ("P", "P", "700")
# Messages in the order of their report -> what is used, and why records wait
CASES: dict[str, tuple[list[Said], str, list[str]]] = {
    **{f"{s} alone": ([(s, "F", "800")], "final 800", []) for s in "FVB"},
    **{f"{s} alone": ([(s, "F", "800")], "corrected 800", []) for s in "CA"},
    **{f"{s} alone": ([(s, "F", "800")], "preliminary 800", []) for s in "PSRIO"},
    **{f"{s} alone, with its value": ([(s, "F", "800")], "withdrawn", []) for s in "DWX"},
    **{f"{s} alone, without one": ([(s, "F", "")], "withdrawn", []) for s in "DWX"},
    "U alone, repeated": ([("U", "F", "800")], "final 800", []),
    "U alone, not repeated": ([("U", "F", "")], "nothing", ["withdraws_unknown_record"]),
    **{f"{s or 'empty'} alone": ([(s, "F", "800")], "nothing", [r]) for s, r in (("N", "unknown_status"), ("Q", "unknown_status"), ("F text", "unknown_status"), ("", "missing_result_status"), ('""', "missing_result_status"))},
    "P, then F": ([P, F], "final 800", []),
    "P, then P": ([P, ("P", "P", "750")], "preliminary 750", []),
    "F, then P": ([F, P], "final 800", []),
    "F, then F with another value": ([F, ("F", "F", "900")], "final 900", []),
    "F, then the same F": ([F, F], "final 800", []),
    **{f"F, then {s}": ([F, (s, "F", "8000")], "corrected 8000", []) for s in "CA"},
    "F, then C, then C": ([F, ("C", "F", "900"), ("C", "C", "950")], "corrected 950", []),
    **{f"F, then {s} without a value": ([F, (s, "F", "")], "withdrawn", []) for s in "DWX"},
    **{f"F, then {s} with its value": ([F, (s, "F", "800")], "withdrawn", []) for s in "DWX"},
    "P, then X": ([P, ("X", "X", "")], "withdrawn", []),
    "P, then U without a value": ([P, ("U", "F", "")], "final 700", []),
    "P, then U with another value": ([P, ("U", "F", "720")], "final 720", []),
    "P, then P, then U": ([P, ("P", "P", "750"), ("U", "F", "")], "final 750", []),
    "P, then F, then U": ([P, F, ("U", "F", "")], "final 800", []),
    "P, then W, then U": ([P, ("W", "F", ""), ("U", "F", "")], "withdrawn", []),
    "P, then U, then P": ([P, ("U", "F", ""), ("P", "P", "750")], "final 700", []),
    "C, then U, then P": ([("C", "F", "900"), ("U", "F", ""), P], "corrected 900", []),
    "N, then F": ([("N", "F", "900"), F], "final 800", []),
    "N, then P": ([("N", "F", "900"), P], "preliminary 700", ["unknown_status"]),
    "F that can't be read, then P": ([("F", "F", "murky"), P], "preliminary 700", ["unknown_text"]),
    "F, then U without a value": ([F, ("U", "F", "")], "final 800", []),
    "F, then W, then U": ([F, ("W", "F", ""), ("U", "F", "")], "withdrawn", []),
    "F, then D, then F again": ([F, ("D", "F", ""), ("F", "F", "810")], "final 810", []),
    # faults.md row 59: a correction of what was withdrawn waits for a person; what comes in its place does not
    **{f"F, then {s}, then {c}": ([F, (s, "F", ""), (c, "F", "900")], "withdrawn", [HELD]) for s in "DWX" for c in "CA"},
    **{f"{s}, then C": ([(s, "F", "800"), ("C", "F", "900")], "withdrawn", [HELD]) for s in "DWX"},
    "P, then W": ([P, ("W", "F", "")], "withdrawn", []),
    "P, then W, then C": ([P, ("W", "F", ""), ("C", "F", "900")], "withdrawn", [HELD]),
    "F, then W, then C, then C": ([F, ("W", "F", ""), ("C", "F", "900"), ("C", "F", "950")], "withdrawn", [HELD]),
    "F, then W, then C, then W": ([F, ("W", "F", ""), ("C", "F", "900"), ("W", "F", "")], "withdrawn", []),
    "F, then W, then F of a corrected order": ([F, ("W", "F", ""), ("F", "C", "900")], "withdrawn", [HELD]),
    "F, then W, then F, then C": ([F, ("W", "F", ""), ("F", "F", "810"), ("C", "F", "900")], "corrected 900", []),
    "F, then W, then P": ([F, ("W", "F", ""), P], "withdrawn", []),
    "F, then C, then W": ([F, ("C", "F", "900"), ("W", "F", "")], "withdrawn", []),
    "C, then F": ([("C", "F", "900"), ("F", "F", "810")], "final 810", []),
    "C, then P": ([("C", "F", "900"), P], "corrected 900", []),
    "C, then U without a value": ([("C", "F", "900"), ("U", "F", "")], "corrected 900", []),
    "F, then N": ([F, ("N", "F", "900")], "final 800", ["unknown_status"]),
    "F, then empty": ([F, ("", "F", "900")], "final 800", ["missing_result_status"]),
    # the status of the order, where it says something else
    "F of an order that is preliminary": ([("F", "P", "800")], "preliminary 800", []),
    "F of an order of which results are missing": ([("F", "A", "800")], "final 800", []),
    "F of an order without a status": ([("F", "", "800")], "final 800", []),
    "F, then F of a corrected order": ([F, ("F", "C", "900")], "corrected 900", []),
    "F, then C of a preliminary order": ([F, ("C", "P", "900")], "corrected 900", []),
    "F, then F of a cancelled order": ([F, ("F", "X", "800")], "withdrawn", []),
    "F, then nothing of a cancelled order": ([F, ("", "X", "")], "withdrawn", []),
    "P of a final order": ([("P", "F", "800")], "preliminary 800", []),
    "F of an order whose status is not known": ([("F", "Y", "800")], "nothing", ["unknown_order_status"]),
    "F, then D of an order whose status is not known": ([F, ("D", "Y", "800")], "withdrawn", []),
    "F, then X without a value of an order whose status is not known": ([F, ("X", "Y", "")], "withdrawn", []),
    "F, then an unknown status of a cancelled order": ([F, ("Q", "X", "800")], "withdrawn", []),
}  # fmt: skip


NUMBERS = {case: f"R{place:03}" for place, case in enumerate(CASES)}
WAYS = factorial(max(len(said) for said, _, _ in CASES.values()))


def of_case(case: str) -> list[list[str]]:
    """Its messages, about a result and a patient of its own."""
    return [told(number, one, number=NUMBERS[case]) for number, one in enumerate(CASES[case][0])]


def of_numbers(root: Path, number: str) -> tuple[Mapping[str, str], Mapping[str, list[str]]]:
    """By number of its result, which looks so (`number`), what holds of it, and why its records wait."""
    with open_site(root) as opened, opened.reading() as connection:
        frame = known.known(connection, opened.site, as_of=day(30))[VIRAL_LOAD_RESULTS]
        waiting = open_quarantine(connection)
    waits = defaultdict[str, list[str]](list)
    for text, reason in waiting.select("delivered_text", "reason").sort("reason").iter_rows():
        (of,) = set(re.findall(rf"\b{number}\b", text))
        waits[of].append(reason)
    parts = frame.partition_by("accession_number", as_dict=True)
    return {str(of): held(part) for (of,), part in parts.items()}, waits


def differing(root: Path) -> dict[str, tuple[str, list[str]]]:
    """The cases that ended otherwise than is written there, and how."""
    loads, waits = of_numbers(root, r"R\d{3}")
    found = {case: (loads.get(number, "nothing"), waits[number]) for case, number in NUMBERS.items()}
    return {case: found[case] for case, (_, *ends) in CASES.items() if found[case] != tuple(ends)}


@pytest.mark.parametrize("way", range(WAYS))
def test_a_status_takes_effect_on_what_is_known_in_whatever_order_messages_come(way: int, tmp_path: Path) -> None:
    """The first way is the order of their report. A case of fewer messages has fewer ways, and takes them in turn."""
    come = [[*itertools.permutations(of_case(case))] for case in CASES]
    some = [ways[way % len(ways)] for ways in come]
    for number, at_once in enumerate(itertools.zip_longest(*some)):
        taken_in(tmp_path, file_of(*(one for one in at_once if one is not None)), number=number)
    assert differing(tmp_path) == {}


@pytest.mark.parametrize("is_backwards", [False, True], ids=["as said", "backwards"])
def test_it_does_not_matter_whether_they_stand_in_one_file(is_backwards: bool, tmp_path: Path) -> None:
    messages = [one for case in CASES for one in of_case(case)]
    taken_in(tmp_path, file_of(*(messages[::-1] if is_backwards else messages)), number=0)
    assert differing(tmp_path) == {}


def test_one_case_alone_ends_as_it_does_among_the_others(tmp_path: Path) -> None:
    for case in ("F, then W, then C, then W", "F, then N", "P, then U without a value"):
        for number, one in enumerate(of_case(case)):
            taken_in(tmp_path / NUMBERS[case], file_of(one), number=number)
        assert at_last(tmp_path / NUMBERS[case]) == CASES[case][1:]


def test_a_withdrawal_needs_its_number_alone(tmp_path: Path) -> None:
    taken_in(tmp_path, file_of(told(0, F)), number=0)
    bare = ["MSH|^~\\&|||||||ORU^R01|9|P|2.5", "OBR|1||F1|CMVPAN^CMV^L", "OBX|1||||||||||W"]
    taken_in(tmp_path, file_of(bare), number=1)
    assert at_last(tmp_path) == ("withdrawn", [])


def test_a_laboratory_may_mean_something_else_by_a_letter(tmp_path: Path) -> None:
    from tests.feeds.shipped import LABS

    text = (LABS / "example_hl7.toml").read_text("utf-8")
    own = text.replace("# [status.delivered] only", '[status.delivered]\n"X" = "preliminary"\n"E" = "final"\n#')
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "example_hl7.toml").write_text(own, "utf-8")
    taken_in(tmp_path, file_of(told(0, ("X", "F", "700")), told(1, ("E", "F", "800"))), number=0)
    assert at_last(tmp_path) == ("final 800", [])


def test_two_final_values_at_one_report_time_are_both_kept_and_neither_is_used(tmp_path: Path) -> None:
    for number, value in enumerate(("800", "900")):
        taken_in(tmp_path, file_of(told(number, ("F", "F", value), reported="202603021000")), number=number)
    used, waits = at_last(tmp_path)
    assert (used.startswith("conflict"), set(waits)) == (True, {"conflicting_values"})


def test_a_result_that_is_sent_again_under_another_control_id_is_a_duplicate(tmp_path: Path) -> None:
    first, again = (told(0, F), ["MSH|^~\\&|||||20260302120000||ORU^R01|other|P|2.5", *told(0, F)[1:]])
    taken_in(tmp_path, file_of(first), number=0)
    (counted,) = taken_in(tmp_path, file_of(again), number=1)
    assert (counted.received, counted.duplicates, counted.accepted) == (1, 1, 0)


def test_a_panel_in_two_scales_is_one_result(tmp_path: Path) -> None:
    *head, obr, obx, spm = told(0, ("F", "F", "12000"))
    log = obx.replace("CMVQ^", "CMVQLOG^").replace("12000", "4.08").replace("[IU]/mL", "{Log_IU}/mL")
    (counted,) = taken_in(tmp_path, file_of([*head, obr, obx, log, spm]), number=0)
    assert (counted.accepted, counted.duplicates) == (1, 1)


def test_everything_that_was_received_is_counted_once(tmp_path: Path) -> None:
    data = file_of(
        *(told(number, said) for said, _, _ in CASES.values() for number, said in enumerate(said)),
        message(*order(test="GLU^Glucose^L", order_test="GLU", collected="20260302080000")),
        message(kind="ADT^A01"),
        message(kind="MDM^T02"),
    )
    for number in (0, 1):
        for one in taken_in(tmp_path, data, number=number):
            assert one.received == one.accepted + one.quarantined + one.duplicates + one.ignored


def test_a_site_on_which_an_earlier_program_stored_u_as_a_copy_of_its_preliminary_value_goes_on(tmp_path: Path) -> None:
    """The copy is the final result that it says it is: nights go on, U sent again says nothing else, and a withdrawal takes it back."""
    taken_in(tmp_path, file_of(told(0, P)), number=0)
    stored = {
        "version_number": "99",
        "record_number": "99",
        "result_status": "'final'",
        "reported_at": "'2026-03-02T10:00:00.000000Z'",
    }
    names = [column.name for column in VERSIONS["viral_load_results"].columns]
    copied = ", ".join(stored.get(name, name) for name in names)
    sites.write(tmp_path, f"INSERT INTO viral_load_results SELECT {copied} FROM viral_load_results")
    sites.give_its_hash(tmp_path, "viral_load_results")
    nightly(tmp_path, as_of=day(3))
    assert at_last(tmp_path) == ("final 700", [])
    again = [told(1, ("U", "F", ""))[0].replace("S1", "other"), *told(1, ("U", "F", ""))[1:]]
    for number, message_, used in (
        (20, again, "final 700"),
        (21, told(2, ("C", "F", "900")), "corrected 900"),
        (22, told(3, ("W", "F", "")), "withdrawn"),
    ):
        taken_in(tmp_path, file_of(message_), number=number)
        assert at_last(tmp_path) == (used, [])
    nightly(tmp_path, as_of=day(6))
