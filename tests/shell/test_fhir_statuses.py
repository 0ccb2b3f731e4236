"""The status of a result in FHIR (Observation, DiagnosticReport) against what is known of it: what is used at last, in any order.

Each case is some Bundles about one result, a delivery each; what waits for one that has not come is judged again when it comes.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cmvmon.feeds.fhir.statuses import OF_REPORTS, OF_RESULTS
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.work.opening import open_site
from tests.feeds.fhir_texts import as_bytes, bundle, observation, patient, quantity, report, specimen
from tests.shell.test_hl7_statuses import HELD, at_last
from tests.sites import day

Said = tuple[str, str, int | None]
"""Status of the observation, of its report ("" = it has none), and its value (None = it has none)."""


def told(number: int, said: Said) -> bytes:
    """The Bundle of that number about result F1, reported that many hours after its collection."""
    status, of_report, value = said
    more = {} if value is None else quantity(value)
    one = observation(
        status=status, issued=f"2026-03-02T{10 + number:02}:00:00+01:00", **(more or {"valueQuantity": None})
    )
    taken = specimen("119361006", collected="2026-03-02T08:00:00+01:00", id="s2")
    one["specimen"] = {"reference": "Specimen/s2"}
    above = [report("o1", status=of_report)] if of_report else []
    return as_bytes(bundle(patient(), taken, one, *above))


F, P = ("final", "final", 800), ("preliminary", "preliminary", 700)
GONE = ("entered-in-error", "cancelled")
# Bundles in the order of their report -> what is used, and why records wait
CASES: dict[str, tuple[list[Said], str, list[str]]] = {
    **{f"{s} alone": ([(s, "", 800)], "final 800", []) for s in ("final",)},
    **{f"{s} alone": ([(s, "", 800)], "corrected 800", []) for s in ("amended", "corrected")},
    **{f"{s} alone": ([(s, "", 800)], "preliminary 800", []) for s in ("registered", "preliminary")},
    **{f"{s} alone": ([(s, "", 800)], "withdrawn", []) for s in GONE},
    **{f"{s or 'empty'} alone": ([(s, "", 800)], "nothing", [r]) for s, r in
       (("unknown", "unknown_status"), ("Final", "final"), ("maybe", "unknown_status"), ("", "missing_result_status")) if r != "final"},
    "preliminary, then final": ([P, F], "final 800", []),
    "preliminary, then preliminary": ([P, ("preliminary", "preliminary", 750)], "preliminary 750", []),
    "final, then preliminary": ([F, P], "final 800", []),
    "final, then final with another value": ([F, ("final", "final", 900)], "final 900", []),
    **{f"final, then {s}": ([F, (s, "final", 8000)], "corrected 8000", []) for s in ("amended", "corrected")},
    **{f"final, then {s} with its value": ([F, (s, "final", 800)], "withdrawn", []) for s in GONE},
    **{f"final, then {s} without a value": ([F, (s, "", None)], "withdrawn", []) for s in GONE},
    "final, then unknown": ([F, ("unknown", "final", 900)], "final 800", ["unknown_status"]),
    "final, then entered in error, then final again": ([F, ("entered-in-error", "", None), ("final", "final", 810)], "final 810", []),
    # faults.md row 59: a correction of what was withdrawn waits for a person; what is issued in its place does not
    **{f"final, then {s}, then {c}": ([F, (s, "", None), (c, "final", 900)], "withdrawn", [HELD]) for s, c in zip(GONE, ("amended", "corrected"), strict=True)},
    "cancelled with its value, then amended": ([("cancelled", "", 800), ("amended", "", 900)], "withdrawn", [HELD]),
    "final, then entered in error, then final of an amended report": ([F, ("entered-in-error", "", None), ("final", "amended", 900)], "withdrawn", [HELD]),
    "final, then corrected, then entered in error": ([F, ("corrected", "final", 900), ("entered-in-error", "", None)], "withdrawn", []),
    "corrected, then final": ([("corrected", "", 900), ("final", "", 810)], "final 810", []),
    "corrected, then preliminary": ([("corrected", "", 900), P], "corrected 900", []),
    "preliminary, then entered in error": ([P, ("entered-in-error", "", None)], "withdrawn", []),
    "preliminary, final, corrected": ([P, F, ("corrected", "corrected", 900)], "corrected 900", []),
    # the status of the report, where it says something else
    **{f"final of a report that is {s}": ([("final", s, 800)], "preliminary 800", []) for s in ("registered", "partial", "preliminary")},
    **{f"final of a report that is {s}": ([("final", s, 800)], "final 800", []) for s in ("final", "appended")},
    **{f"final, then final of a report that is {s}": ([F, ("final", s, 900)], "corrected 900", []) for s in ("amended", "corrected")},
    **{f"final, then final of a report that is {s}": ([F, ("final", s, 800)], "withdrawn", []) for s in GONE},
    "final of a report whose status is not known": ([("final", "unknown", 800)], "nothing", ["unknown_order_status"]),
}  # fmt: skip


def end(root: Path, said: list[Said], order: tuple[int, ...]) -> tuple[str, list[str]]:
    for place, number in enumerate(order):
        path = root / "drop" / "example_fhir" / f"{place}.fhir.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(told(number, said[number]))
        with open_site(root) as opened:
            take_in_file(opened, path, feed="example_fhir", received_at=day(2 + place / 10))
    return at_last(root)


def test_every_status_of_a_result_and_of_a_report_has_a_case() -> None:
    said = [one for each, _, _ in CASES.values() for one in each]
    assert {status for status, _, _ in said} >= set(OF_RESULTS)
    assert {status for _, status, _ in said} >= set(OF_REPORTS)


@pytest.mark.parametrize("case", CASES)
def test_a_status_takes_effect_on_what_is_known_in_whichever_order_the_bundles_come(case: str, tmp_path: Path) -> None:
    said, used, waits = CASES[case]
    for way, order in enumerate(itertools.permutations(range(len(said)))):
        assert end(tmp_path / str(way), said, order) == (used, waits), order
